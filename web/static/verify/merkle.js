/**
 * The log's Merkle tree, walked from a leaf to the root with every hash on the way.
 *
 * Source: RFC 6962 section 2.1.1; RFC 9162 section 2.1.3.2. The same walk as ledger/log/merkle.py.
 */

import { Refusal, hex, same, sha256 } from "./bytes.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Return the hash of a leaf: SHA-256(00 || data). @param {Uint8Array} data */
export const leafHash = (data) => sha256(LEAF, data);

/** Return the hash of an inner node: SHA-256(01 || left || right). */
export const nodeHash = (left, right) => sha256(NODE, left, right);

const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);
const bitCount = (value) => value.toString(2).replaceAll("0", "").length;

/**
 * Refuse a path that does not prove a leaf of a tree.
 * @param {Uint8Array} leaf - its hash
 * @param {bigint} index
 * @param {bigint} size - count of leaves
 * @param {Uint8Array[]} path - the leaf's sibling first
 * @param {Uint8Array} root
 * @param {(level: {left: Uint8Array, right: Uint8Array, node: Uint8Array, own: string}) => void}
 *   [told] - called with each level; `own` is the side the walk comes from
 */
export function verifyInclusion(leaf, index, size, path, root, told = () => {}) {
  const code = "bad-inclusion-proof";
  if (index >= size) throw new Refusal(code, { expected: `< ${size}`, came: `${index}` });
  const inner = bitLength(index ^ (size - 1n));
  const length = inner + bitCount(index >> BigInt(inner));
  if (path.length !== length) {
    throw new Refusal(code, { expected: `${length}`, came: `${path.length}` });
  }
  let node = leaf;
  for (const [level, sibling] of path.entries()) {
    const right = level >= inner || (index >> BigInt(level)) & 1n;
    const [one, two] = right ? [sibling, node] : [node, sibling];
    node = nodeHash(one, two);
    told({ left: one, right: two, node, own: right ? "right" : "left" });
  }
  if (!same(node, root)) throw new Refusal(code, { expected: hex(root), came: hex(node) });
}
