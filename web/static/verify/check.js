/**
 * Checks of files: what a file is by its content, and whether it is true.
 *
 *     const { trust } = check("genesis", genesisBytes).proved;
 *     const result = check("receipt", receiptBytes, trust);
 *     result.good || result.error.code;
 */

import { Refusal, hex, textOf } from "./bytes.js";
import { readCheckpoint, verifyCheckpoint } from "./checkpoint.js";
import { verifyEvidence } from "./evidence.js";
import { verifyReceipt } from "./receipt.js";
import { checked } from "./steps.js";
import { readGenesis, readPolicy } from "./trust.js";

/** Bytes of the largest file that is looked at. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;

const CHECKS = {
  genesis: (bytes, trust, steps) => ({ trust: readGenesis(bytes, steps) }),
  policy: (bytes, trust, steps) => ({ trust: readPolicy(bytes, trust, steps) }),
  receipt: verifyReceipt,
  checkpoint: verifyServed,
  evidence: verifyEvidence,
};

function verifyServed(bytes, trust, steps) {
  const read = steps.run("read", (tell) => {
    const found = readCheckpoint(textOf(bytes, "not-text"));
    tell("size", `${found.checkpoint.size}`);
    tell("root", hex(found.checkpoint.root));
    tell("height", `${found.checkpoint.height}`);
    tell("block", hex(found.checkpoint.block));
    return found;
  });
  const cosigners = verifyCheckpoint(read, trust, steps);
  const { origin, size, root, height, block } = read.checkpoint;
  return { origin, size, root: hex(root), height, block: hex(block), cosigners };
}

/** Beginnings by which files are told apart; a checkpoint is what else has a signature line. */
const SIGNS = [
  ["receipt", /^c2sp\.org\/tlog-proof@/],
  ["policy", /^(log|witness|group|quorum) /],
  ["evidence", /^\s*\{[^]*"format"\s*:\s*"tongzhang-evidence/],
  ["log", /^\s*\{\s*"batches"\s*:\s*\[\s*[\]{][^]*"block"\s*:/],
  ["genesis", /^\s*\{[^]*"members"\s*:/],
  ["checkpoint", /\n\u2014 /],
];

/**
 * Return what a file is: a kind, `log` for an export, or null.
 * @param {Uint8Array} bytes
 */
export function kindOf(bytes) {
  const text = new TextDecoder().decode(bytes.subarray(0, 1024 * 1024));
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? null;
}

/**
 * Check a file. Genesis and policy need no trust; they are what gives it.
 * @param {keyof typeof CHECKS} kind
 * @param {Uint8Array} bytes
 * @param {import("./trust.js").Trust} [trust]
 */
export function check(kind, bytes, trust) {
  return checked(kind, (steps) => {
    if (bytes.length > FILE_BYTES_MAX) throw new Refusal("text-too-large");
    if (trust === undefined && !["genesis", "policy"].includes(kind)) {
      throw new Refusal("no-trust");
    }
    return CHECKS[kind](bytes, trust, steps);
  });
}
