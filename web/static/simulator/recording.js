/** A recording as the player asks it: typed arrays, and answers by binary search. */

const CHUNK = 128;

/** States of a block at a node, in the order in which they replace each other. */
export const PROPOSED = 0;
export const NOTARIZED = 1;
export const FINAL = 2;
export const SKIPPED = 3;

/** Return how many of the sorted `times` are at most `at`. */
export function countUntil(times, at) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return absolute times of a column of distances. */
function sums(distances) {
  const found = new Float64Array(distances.length);
  let sum = 0;
  for (let i = 0; i < distances.length; i++) found[i] = sum += distances[i];
  return found;
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/** One run. Times are µs of the world. */
export class Recording {
  /** @param {object} doc The document, as `simulator/recording.py` writes it. */
  constructor(doc) {
    this.doc = doc;
    this.nodes = doc.nodes;
    this.end = doc.end;
    this.blocks = doc.blocks.map(([slot, height, proposer, hash, at, batches, size]) => ({
      slot, height, proposer, hash, at, batches, size,
    }));
    this.voters = this.nodes.flatMap((node, i) => (node.votes && !node.name.includes("~") ? [i] : []));
    this.readMessages(doc.messages);
    this.readSteps(doc.steps);
    this.readPower();
    const tally = doc.tally;
    this.tally = { ...tally, at: sums(tally.at) };
  }

  readMessages(rows) {
    const flown = rows.took.filter((took) => took >= 0);
    /** How long a message takes that nothing befalls; lost ones are shown for as long. */
    this.usualTook = Math.max(200, median(flown));
    this.at = sums(rows.at);
    this.count = this.at.length;
    this.from = Uint8Array.from(rows.from);
    this.to = Uint8Array.from(rows.to);
    this.kind = Uint8Array.from(rows.kind);
    this.about = Int32Array.from(rows.about);
    this.isLost = Uint8Array.from(rows.took, (took) => (took < 0 ? 1 : 0));
    this.took = Float64Array.from(rows.took, (took) => (took < 0 ? this.usualTook : Math.max(1, took)));
    this.chunkEnds = new Float64Array(Math.ceil(this.count / CHUNK));
    for (let i = 0; i < this.count; i++) {
      const chunk = (i / CHUNK) | 0;
      this.chunkEnds[chunk] = Math.max(this.chunkEnds[chunk], this.at[i] + this.took[i]);
    }
  }

  readSteps(rows) {
    const at = sums(rows.at);
    const slots = rows.about.map((about) => (about < 0 ? -about : about ? this.blocks[about - 1].slot : 0));
    this.slotMax = Math.max(0, ...this.blocks.map((block) => block.slot), ...new Set(slots));
    /** The steps of each node in each slot: `cells[node][slot]` is a list of `[at, state, block]`. */
    this.cells = this.nodes.map(() => []);
    this.finals = this.nodes.map(() => ({ at: [], block: [] }));
    this.slotBegins = new Float64Array(this.slotMax + 1).fill(Infinity);
    this.slotBlocks = [];
    this.blocks.forEach((block, i) => (this.slotBlocks[block.slot] ??= []).push(i));
    this.firsts = [];
    const seen = new Set();
    for (let i = 0; i < at.length; i++) {
      const [node, state, about, slot] = [rows.node[i], rows.state[i], rows.about[i], slots[i]];
      if (!slot) continue;
      (this.cells[node][slot] ??= []).push([at[i], state, about - 1]);
      if (state === FINAL) {
        this.finals[node].at.push(at[i]);
        this.finals[node].block.push(about - 1);
      }
      if (at[i] < this.slotBegins[slot]) this.slotBegins[slot] = at[i];
      const key = `${state} ${about}`;
      if (!seen.has(key)) this.firsts.push({ at: at[i], node, state, about, slot });
      seen.add(key);
    }
    for (let slot = this.slotMax - 1; slot >= 0; slot--) {
      this.slotBegins[slot] = Math.min(this.slotBegins[slot], this.slotBegins[slot + 1]);
    }
    const finalTimes = this.firsts.filter((step) => step.state === FINAL).map((step) => step.at);
    this.finalTimes = Float64Array.from(finalTimes);
    const gaps = finalTimes.slice(1).map((time, i) => time - finalTimes[i]).filter((gap) => gap > 0);
    /** The usual time from one final block to the next. */
    this.blockInterval = median(gaps) || this.usualTook * 5;
  }

  readPower() {
    const changes = this.nodes.map(() => ({ at: [0], on: [false] }));
    for (const [at, node, event] of this.doc.events) {
      if (node < 0 || !["start", "crash", "halt"].includes(event)) continue;
      changes[node].at.push(at);
      changes[node].on.push(event === "start");
    }
    this.power = changes;
  }

  /** Return whether a node is on. */
  isOn(node, at) {
    const { at: times, on } = this.power[node];
    return on[Math.max(0, countUntil(times, at) - 1)];
  }

  /** Return the last final block of a node, or undefined. */
  tip(node, at) {
    const { at: times, block } = this.finals[node];
    return this.blocks[block[countUntil(times, at) - 1]];
  }

  /** Return when a node's last block became final. */
  tipTime(node, at) {
    const times = this.finals[node].at;
    return times[countUntil(times, at) - 1] ?? -Infinity;
  }

  /** Return the latest slot in which something was said. */
  slotAt(at) {
    return Math.max(0, countUntil(this.slotBegins, at) - 1);
  }

  /** Return who leads a slot: the voters take turns. */
  leader(slot) {
    return this.voters[slot % this.voters.length];
  }

  /** Return the blocks' states at a node in a slot, by block (-1 - slot: skipped). */
  cell(node, slot, at) {
    const found = new Map();
    for (const [time, state, block] of this.cells[node][slot] ?? []) {
      if (time > at) continue;
      const key = state === SKIPPED ? -1 : block;
      found.set(key, Math.max(found.get(key) ?? -1, state));
    }
    return found;
  }

  /** Call `visit(i)` for messages that are under way, newest first, at most `max`. */
  inFlight(at, max, visit) {
    let left = max;
    let i = countUntil(this.at, at) - 1;
    while (i >= 0 && left > 0) {
      const chunk = (i / CHUNK) | 0;
      const first = chunk * CHUNK;
      if (this.chunkEnds[chunk] > at) {
        for (; i >= first && left > 0; i--) {
          if (this.at[i] + this.took[i] <= at) continue;
          visit(i);
          left--;
        }
      }
      i = Math.min(i, first - 1);
    }
    return max - left;
  }

  /** Return when the next message leaves, or the end. */
  nextDeparture(at) {
    return this.at[countUntil(this.at, at)] ?? this.end;
  }

  /** Return the tally of records at a time. */
  records(at) {
    const i = countUntil(this.tally.at, at) - 1;
    if (i < 0) return { submitted: 0, applied: 0, refused: 0 };
    const { submitted, applied, refused } = this.tally;
    return { submitted: submitted[i], applied: applied[i], refused: refused[i] };
  }

  /** Return the faults that are on at a time, those that come and go only while they are there. */
  faultsAt(at) {
    return this.doc.faults.filter((fault) => {
      if (at < fault.begin || at >= fault.end) return false;
      const period = 1000 * (fault.period_ms ?? 0);
      return !period || Math.floor((at - fault.begin) / period) % 2 === 0;
    });
  }

  /** Return whether a fault is on the line from one node to another. */
  strikes(fault, from, to) {
    const [one, other] = [this.nodes[from].party, this.nodes[to].party];
    const out = (a, b) => {
      const here = !fault.who?.length || fault.who.includes(a);
      const there = fault.toward?.length
        ? fault.toward.includes(b)
        : !fault.who?.length || !fault.who.includes(b);
      return here && there && a !== b;
    };
    return out(one, other) || (!fault.one_way && out(other, one));
  }
}
