/**
 * Ed25519 by the ledger's one rule (docs/adr/0023): a signature R || S of the key A is good if
 *
 * 1. A is the canonical encoding of a point of the prime-order group that is not the identity;
 * 2. R is a canonical encoding, and not one of the eight points of small order;
 * 3. S < L;
 * 4. [S]B = R + [k]A holds as it stands, not multiplied by 8.
 *
 * noble's own `verify` multiplies by 8 in both of its modes, so only its points are used here.
 * SHA-512 is noble's too: `crypto.subtle` is missing on plain HTTP.
 */

import { Point } from "../vendor/noble-ed25519-3.2.0/index.js";
import { sha512 } from "../vendor/noble-hashes-2.4.0/sha2.js";
import { Refusal, hex, joined } from "./bytes.js";

const L = Point.CURVE().n;

/** @type {Map<string, Point>} */
const judged = new Map();

const little = (raw) => BigInt(`0x${hex(raw.slice().reverse())}`);

function decoded(raw) {
  try {
    return Point.fromBytes(raw, false);
  } catch {
    return null;
  }
}

/**
 * Return the point of a public key that rule 1 allows.
 * @param {Uint8Array} key
 */
export function fitKey(key) {
  const name = hex(key);
  const known = judged.get(name);
  if (known !== undefined) return known;
  const point = decoded(key);
  if (point === null || point.isSmallOrder() || !point.isTorsionFree()) {
    throw new Refusal("unfit-key", { came: name });
  }
  judged.set(name, point);
  return point;
}

/**
 * Refuse a signature that is not the key's over the message.
 * @param {Uint8Array} key - 32 bytes
 * @param {Uint8Array} signature
 * @param {Uint8Array} message
 */
export function verify(key, signature, message) {
  const a = fitKey(key);
  const refusal = new Refusal("bad-signature", { came: hex(signature) });
  if (signature.length !== 64) throw refusal;
  const r = decoded(signature.subarray(0, 32));
  const s = little(signature.subarray(32));
  if (r === null || r.isSmallOrder() || s >= L) throw refusal;
  const k = little(sha512(joined(signature.subarray(0, 32), key, message))) % L;
  if (!Point.BASE.multiplyUnsafe(s).equals(r.add(a.multiplyUnsafe(k)))) throw refusal;
}
