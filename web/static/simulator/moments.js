/** Moments: everything that is told in words, sorted by time, and those among them to jump to. */

import { FINAL, NOTARIZED, PROPOSED, SKIPPED } from "./recording.js";

const LASTING = new Set(["partition", "network", "slow-disk", "disk-full", "clock"]);
const STEPS = { [NOTARIZED]: "notarized", [FINAL]: "final", [SKIPPED]: "skipped" };

/** How serious a moment is: its colour. */
export const TONES = {
  proposal: "accent", notarized: "accent", final: "good", firstFinal: "good", skipped: "warn",
  start: "good", restart: "good", crash: "bad", damage: "bad", halt: "bad", lie: "bad",
  evidence: "warn", fault: "warn", over: "good", heal: "good", violation: "bad",
};

function ofSteps(recording) {
  const found = [];
  let isFirst = true;
  for (const { at, node, state, about, slot } of recording.firsts) {
    if (state === PROPOSED) continue;
    const kind = state === FINAL && isFirst ? "firstFinal" : STEPS[state];
    if (state === FINAL) isFirst = false;
    found.push({ at, kind, node, slot, block: about - 1, isMark: kind === "firstFinal" });
  }
  recording.blocks.forEach((block, i) => {
    found.push({ at: block.at, kind: "proposal", node: block.proposer, slot: block.slot, block: i });
  });
  return found;
}

function ofEvents(recording) {
  const found = [];
  const told = new Set();
  for (const [at, node, event, detail] of recording.doc.events) {
    if (event === "fault" || event === "over") continue; // told by the plan's faults, with their ends
    const moment = { at, kind: event, node, detail };
    let once = "";
    if (event === "start") {
      moment.kind = detail.startsWith("life 1,") ? "start" : "restart";
      moment.isMark = at > 0;
    } else if (event === "evidence") {
      [moment.liar, moment.detail] = detail.split(" ");
      once = `evidence ${moment.liar}`;
    } else if (event === "lie") {
      once = `lie ${node} ${detail.split(" ")[0]}`;
    } else {
      moment.isMark = true;
    }
    if (once) moment.isMark = !told.has(once);
    told.add(once);
    found.push(moment);
  }
  return found;
}

function ofFaults(recording) {
  const found = [];
  for (const fault of recording.doc.faults) {
    found.push({ at: fault.begin, kind: "fault", node: -1, fault, isMark: true });
    const ends = fault.for_ms && LASTING.has(fault.kind) && fault.end !== recording.doc.heal;
    if (ends) found.push({ at: fault.end, kind: "over", node: -1, fault, isMark: true });
  }
  return found;
}

/** Return all moments of a run. `isMark` is true of those that the time line shows. */
export function momentsOf(recording) {
  const all = [...ofSteps(recording), ...ofEvents(recording), ...ofFaults(recording)];
  return all.sort((one, other) => one.at - other.at);
}
