/**
 * Proof files: an entry's place in the log, and the signed checkpoint that it leads to.
 *
 * Source: C2SP tlog-proof v1. The same rules as ledger/log/proof.py.
 */

import { Refusal, decimal, refuseUnclean, unbase64 } from "./bytes.js";
import { readCheckpoint } from "./checkpoint.js";

/** The line with which every proof file begins. */
export const FIRST_LINE = "c2sp.org/tlog-proof@v1";

const PROOF_BYTES_MAX = 256 * 1024;
const EXTRA_BYTES_MAX = 64 * 1024;
const PATH_HASHES_MAX = 63;

/**
 * Return the proof that a text spells. Nothing is verified.
 * @param {string} text
 */
export function parseProof(text) {
  refuseUnclean(text, PROOF_BYTES_MAX);
  const blank = text.indexOf("\n\n");
  const [first, ...lines] = text.slice(0, blank).split("\n");
  if (blank < 0 || first !== FIRST_LINE) throw new Refusal("bad-proof-file", { came: first });
  const extra = lines[0]?.startsWith("extra ") ? unbase64(lines.shift().slice(6)) : null;
  if (!lines[0]?.startsWith("index ")) throw new Refusal("bad-proof-file", { came: lines[0] });
  const index = decimal(lines.shift().slice(6));
  const path = lines.map((line) => unbase64(line, 32));
  if (path.length > PATH_HASHES_MAX) {
    throw new Refusal("bad-proof-file", { expected: `≤ ${PATH_HASHES_MAX}`, came: `${path.length}` });
  }
  if (extra !== null && (!extra.length || extra.length > EXTRA_BYTES_MAX)) {
    throw new Refusal("bad-proof-file", { came: `${extra.length}` });
  }
  return { index, path, extra, ...readCheckpoint(text.slice(blank + 2)) };
}
