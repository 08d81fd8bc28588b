/**
 * Checkpoints: the log's size and root at one block, cosigned by a quorum of the parties.
 *
 * Source: C2SP tlog-checkpoint v1. The same rules as ledger/log/checkpoint.py.
 */

import { Refusal, base64, decimal, hex, same, unbase64, unhex } from "./bytes.js";
import {
  COSIGNATURE, ED25519, noteKey, parseNote, refuseBadName, splitCosignature, verifyNoteKey,
} from "./note.js";

/**
 * @typedef {{origin: string, size: bigint, root: Uint8Array, height: bigint, slot: bigint,
 *   block: Uint8Array}} Checkpoint
 */

/** Return the checkpoint that a note's text spells. @param {string} text @returns {Checkpoint} */
export function parseCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length !== 5 || lines[4]) throw new Refusal("bad-checkpoint");
  const block = /^block ([0-9]+) ([0-9]+) ([0-9a-f]{64})$/.exec(lines[3]);
  if (block === null) throw new Refusal("bad-checkpoint", { came: lines[3] });
  const size = decimal(lines[1]);
  const root = unbase64(lines[2], 32);
  const [height, slot] = [decimal(block[1]), decimal(block[2])];
  refuseBadName(lines[0]);
  return { origin: lines[0], size, root, height, slot, block: unhex(block[3]) };
}

/** Return the text that everybody signs. @param {Checkpoint} own */
export const checkpointText = (own) =>
  `${own.origin}\n${own.size}\n${base64(own.root)}\n` +
  `block ${own.height} ${own.slot} ${hex(own.block)}\n`;

/** Return a served checkpoint, read and not verified. @param {string} text */
export function readCheckpoint(text) {
  const note = parseNote(text);
  return { note, checkpoint: parseCheckpoint(note.text) };
}

/**
 * Verify a served checkpoint: its log, every signature of a known key, the quorum.
 * @param {{note: import("./note.js").Note, checkpoint: Checkpoint}} read
 * @param {import("./trust.js").Trust} trust
 * @param {import("./steps.js").Steps} steps
 * @returns {string[]} the parties that cosigned, in the note's order
 */
export function verifyCheckpoint({ note, checkpoint }, trust, steps) {
  steps.run("origin", (tell) => {
    tell("origin", checkpoint.origin);
    if (checkpoint.origin !== trust.origin) {
      throw new Refusal("wrong-origin", { expected: trust.origin, came: checkpoint.origin });
    }
  });
  const signed = steps.run("signatures", (tell) => {
    tell("signed", note.text);
    return verifyKnown(note, keysOf(trust), tell);
  });
  return steps.run("quorum", (tell) => {
    const known = signed.filter((own) => own.type === COSIGNATURE);
    const prefix = `${trust.origin}/`;
    const names = known.map((own) => own.name.slice(prefix.length));
    const count = new Set(known.map((own) => hex(own.key))).size;
    tell("cosigners", names.join(", ") || "–");
    tell("quorum", `${trust.quorum} / ${trust.voters.length}`);
    if (count < trust.quorum) {
      throw new Refusal("no-quorum", { expected: `≥ ${trust.quorum}`, came: `${count}` });
    }
    return names;
  });
}

function keysOf(trust) {
  const nameOf = (key) => trust.members.find((own) => same(own.key, key))?.name ?? "–";
  const served = trust.logKeys.map((key) => ({
    ...noteKey(trust.origin, ED25519, key), party: nameOf(key),
  }));
  const voting = trust.members.filter(({ name }) => trust.voters.includes(name));
  const named = ({ name, key }) => ({
    ...noteKey(`${trust.origin}/${name}`, COSIGNATURE, key), party: name,
  });
  return [...served, ...voting.map(named)];
}

function verifyKnown(note, keys, tell) {
  const found = note.signatures.flatMap((line) => {
    const candidates = keys.filter((own) => own.name === line.name && own.id === line.id);
    if (!candidates.length) {
      tell("unknown-key", `${line.name} ${line.id}`);
      return [];
    }
    const own = signingKey(note.text, line, candidates, tell);
    return [own];
  });
  if (!found.some((own) => own.type === ED25519)) {
    throw new Refusal("unsigned-checkpoint", { expected: keys[0].name });
  }
  return found;
}

function signingKey(text, line, candidates, tell) {
  for (const own of candidates) {
    tell(own.type === ED25519 ? "served-by" : "cosigned-by", own.party);
    tell("key", hex(own.key));
    tell("signature", hex(line.signature));
    try {
      verifyNoteKey(own, text, line.signature);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      continue;
    }
    if (own.type === COSIGNATURE) tell("time", timeOf(splitCosignature(line.signature).seconds));
    return own;
  }
  throw new Refusal("bad-signature", { came: hex(line.signature) });
}

function timeOf(seconds) {
  const time = new Date(Number(seconds) * 1000);
  return Number.isNaN(time.getTime()) ? `${seconds} s` : time.toISOString().replace(".000", "");
}
