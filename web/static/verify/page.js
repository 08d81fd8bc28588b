/**
 * The page: files are dropped, chosen or pasted, checked here, and shown step by step.
 *
 * The one request it can make is for the node's founding document, when its button is pressed.
 */

import { FILE_BYTES_MAX, check, kindOf } from "./check.js";
import { hex } from "./bytes.js";
import { filled, harmless, sentence, wordsOf } from "./words.js";

const words = wordsOf(document.documentElement.lang);
const places = Object.fromEntries(
  [...document.querySelectorAll("[data-verify]")].map((each) => [each.dataset.verify, each]),
);

/** @type {{bytes: Uint8Array, name: string, kind: string|null, card?: Element}[]} */
let files = [];
/** @type {{trust: import("./trust.js").Trust, source: string}|null} */
let trusted = null;

/** Return an element with attributes and children; text is text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const badge = (state) => element("span", { class: `badge ${state}` }, words.states[state]);

/** Return a value whole, in a fixed width, with a button that copies it. */
function value(text) {
  const shown = element("code", { class: "whole", dir: "ltr" }, harmless(text));
  const label = words.said.copy;
  const copy = element("button", {
    class: "copy", type: "button", "data-copy": text, title: label, "aria-label": label,
  });
  return element("span", { class: "value" }, shown, ...(text.length < 16 ? [] : [copy]));
}

function facts(list) {
  const rows = list.flatMap(({ name, value: text }) => [
    element("dt", {}, words.facts[name] ?? name), element("dd", {}, value(text)),
  ]);
  return element("dl", { class: "facts" }, ...rows);
}

function failure(error) {
  const seen = [["code", error.code], ["expected", error.expected], ["came", error.came]]
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => ({ name, value: text }));
  return [element("p", { class: "banner bad" }, words.codes[error.code]), facts(seen)];
}

/** @param {import("./steps.js").Step} step */
function stepItem(step) {
  const [title, about] = words.steps[step.id];
  const item = element("li", { class: `step ${step.state}`, "data-step": step.id });
  if (step.state === "skipped") {
    item.append(element("p", {}, title, " ", badge(step.state)));
    return item;
  }
  const details = element("details", { open: "" },
    element("summary", {}, element("b", {}, title), " ", badge(step.state)),
    element("p", { class: "muted" }, about));
  if (step.facts.length) details.append(facts(step.facts));
  if (step.error) details.append(...failure(step.error));
  item.append(details);
  return item;
}

function heading(kind, name) {
  return element("h2", {}, words.kinds[kind], " ", element("bdi", { class: "muted" }, harmless(name)));
}

/** Return one file's result. */
function article({ bytes, name, kind }) {
  if (kind === null || kind === "log") {
    const said = words.said[kind ?? "unknown"];
    return element("article", { class: "card", "data-result": kind ?? "unknown" },
      heading(kind ?? "unknown", name), element("p", { class: "banner warn" }, said));
  }
  if (!trusted && kind !== "genesis" && kind !== "policy") {
    return element("article", { class: "card", "data-result": "untrusted" }, heading(kind, name),
      element("p", { class: "banner warn" }, words.codes["no-trust"]));
  }
  const result = check(kind, bytes, trusted?.trust);
  const tone = result.good ? "good" : "bad";
  const made = element("article", { class: "card", "data-result": tone }, heading(kind, name),
    element("p", { class: `banner ${tone}` }, harmless(sentence(result, trusted?.trust, words))));
  if (!result.good) {
    const failed = result.steps.find((step) => step.state === "bad");
    const where = failed ? [filled(words.said.at, { step: words.steps[failed.id][0] }), ". "] : [];
    made.append(element("p", {}, ...where, words.said.rely));
  }
  made.append(element("ol", { class: "steps" }, ...result.steps.map(stepItem)));
  return made;
}

function showTrust() {
  const { trust, source } = trusted;
  const parties = trust.members.map((own) => {
    const role = own.role ? ` (${own.role}) ` : " ";
    return element("li", {}, element("b", {}, own.name), role,
      element("bdi", {}, harmless(own.legal_name)), " ", value(hex(own.key)));
  });
  places.trusted.replaceChildren(
    element("p", { class: "muted" }, source),
    element("p", { class: "hash" }, value(trust.ledger)),
    element("p", {}, filled(words.said[trust.from], {
      name: trust.name, members: trust.members.length, voters: trust.voters.length,
      quorum: trust.quorum,
    })),
    element("ul", { class: "parties" }, ...parties),
  );
  places.trusted.hidden = false;
}

function show() {
  for (const file of files) file.card ??= article(file);
  places.results.replaceChildren(...files.map((file) => file.card));
  places.status.textContent = filled(words.said.checked, { count: files.length });
}

/** Take a file into the list; one that says whom to trust is taken for that, too. */
function take(bytes, name, source) {
  const kind = kindOf(bytes);
  files = [{ bytes, name, kind }, ...files.filter((each) => each.name !== name)];
  if (kind !== "genesis" && !(kind === "policy" && trusted?.trust.from !== "genesis")) return;
  const result = check(kind, bytes);
  if (!result.good) return;
  trusted = { trust: result.proved.trust, source };
  for (const file of files) file.card = undefined;
  showTrust();
}

async function takeFiles(list) {
  for (const file of list) {
    const bytes = new Uint8Array(await file.slice(0, FILE_BYTES_MAX + 1).arrayBuffer());
    take(bytes, file.name, filled(words.said.file, { name: file.name }));
  }
  show();
}

function listen() {
  places.files.addEventListener("change", async () => {
    await takeFiles(places.files.files);
    places.files.value = "";
  });
  places.paste.addEventListener("submit", (event) => {
    event.preventDefault();
    const area = places.paste.elements.text;
    take(new TextEncoder().encode(area.value), words.said.pasted, words.said.pasted);
    area.value = "";
    show();
  });
  places.fetch.addEventListener("click", fetchGenesis);
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      places.drop.classList.toggle("over", name === "dragover");
      if (name === "drop") takeFiles(event.dataTransfer.files);
    });
  }
}

async function fetchGenesis() {
  try {
    const answer = await fetch("/v1/genesis");
    if (!answer.ok) throw new Error(String(answer.status));
    take(new Uint8Array(await answer.arrayBuffer()), "genesis.json", words.said.here);
    show();
  } catch {
    places.status.textContent = words.said.fetchFailed;
  }
}

listen();
