/** What stands around the picture: verdict, the command that repeats the run, the run as text. */

import { make } from "./colors.js";
import { TONES } from "./moments.js";

const ROWS_MAX = 400;

/** Return the verdict in one line, as a badge. */
export function badge(recording, words) {
  const { good, finding } = recording.doc.verdict;
  const { texts } = words;
  const { blocks: height, evidence, fork } = recording.doc.verdict;
  if (!finding && good && fork) return make("strong", "sim-badge warn", texts.forkedBy(words.list(Object.keys(evidence)) || texts.nobody));
  if (!finding) return make("strong", `sim-badge ${good ? "good" : "warn"}`, good ? texts.passed : texts.unexpected);
  return make("strong", "sim-badge bad", `${finding.invariant} ${texts.failed} · ${texts.block} ${height}`);
}

/** Return all checks with how they stand. */
export function checks(recording, words) {
  const list = make("ul", "sim-checks");
  for (const [name, standing, english, chinese] of recording.doc.verdict.checks) {
    const row = make("li", standing === "held" ? "good" : standing === "broken" ? "bad" : "muted");
    row.append(make("span", "sim-mark", standing === "held" ? "✓" : standing === "broken" ? "✗" : "–"));
    row.append(make("b", "", name), make("span", "", words.language === "zh" ? chinese : english));
    row.append(make("i", "", words.texts[standing] ?? standing));
    list.append(row);
  }
  const { finding } = recording.doc.verdict;
  if (finding) list.append(make("li", "sim-finding bad", `${words.clock(finding.at_ms * 1000)}: ${finding.text}`));
  return list;
}

/** Return what came of the run in figures. */
export function figures(recording, words) {
  const { verdict, left_out: leftOut } = recording.doc;
  const { texts } = words;
  const evidence = Object.keys(verdict.evidence);
  const said = [
    `${words.number(verdict.blocks)} ${texts.blocks}`,
    `${words.number(verdict.skipped)} ${texts.skippedSlots}`,
    `${words.number(verdict.crashes)} ${texts.crashes}`,
    `${words.number(verdict.lost)} ${texts.lost}`,
    `${texts.convicted}: ${words.list(evidence) || texts.nobody}`,
    verdict.fork ? texts.forked : verdict.settled ? texts.settled : texts.unsettled,
  ];
  const missing = Object.entries(leftOut).filter(([, count]) => count);
  if (missing.length) {
    const what = missing.map(([name, count]) => `${words.number(count)} ${texts[name]}`).join(texts.comma);
    said.push(`${texts.leftOut}: ${what}`);
  }
  const list = make("ul", "sim-figures");
  list.append(...said.map((text) => make("li", "", text)));
  return list;
}

/** Return the command that repeats the run, with a button that copies it. */
export function command(recording, words) {
  const { texts } = words;
  const box = make("div", "sim-command");
  const code = make("code", "", recording.doc.command);
  code.tabIndex = 0;
  const button = make("button", "sim-button", texts.copy);
  button.type = "button";
  button.addEventListener("click", async () => {
    await copy(recording.doc.command, code);
    button.textContent = texts.copied;
    setTimeout(() => (button.textContent = texts.copy), 2000);
  });
  box.append(code, button);
  return box;
}

/** Copy a text; where the clipboard is closed to the page, select it for the reader instead. */
async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(element);
    document.execCommand("copy");
  }
}

/** Return buttons that jump to the marked moments. */
export function marks(moments, words, seek) {
  const list = make("ol", "sim-marks");
  for (const moment of moments.slice(0, ROWS_MAX)) {
    const row = make("li");
    const button = make("button", `tone-${TONES[moment.kind]}`);
    button.type = "button";
    button.append(make("time", "", words.clock(moment.at)), make("span", "", words.sentence(moment)));
    button.addEventListener("click", () => seek(moment.at));
    row.append(button);
    list.append(row);
  }
  return list;
}

/** Return the blocks as a table: what the picture of the chains shows, in words. */
export function table(recording, words) {
  const { texts } = words;
  const found = make("table", "sim-table");
  const head = found.createTHead().insertRow();
  const names = recording.nodes.map((node) => `${texts.final}: ${words.party(node.name)}`);
  for (const name of [texts.block, texts.slot, texts.proposer, texts.at, ...names]) {
    const cell = make("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  const times = recording.finals.map(({ at, block }) => new Map(block.map((each, i) => [each, at[i]])));
  const body = found.createTBody();
  recording.blocks.forEach((block, i) => {
    const row = body.insertRow();
    const said = [block.height, block.slot, words.node(block.proposer), words.clock(block.at)];
    const finals = times.map((each) => (each.has(i) ? words.clock(each.get(i)) : "–"));
    for (const text of [...said, ...finals]) row.insertCell().textContent = text;
  });
  return found;
}
