/**
 * MessagePack in its shortest encoding, as far as evidence needs it: to compute its id.
 *
 * Source: the MessagePack specification, section "Formats".
 */

import { joined, utf8 } from "./bytes.js";

const INTS = [[8n, 0xcc], [16n, 0xcd], [32n, 0xce], [64n, 0xcf]];

/** Return a number in as many bytes, the highest first. */
function big(value, count) {
  const raw = new Uint8Array(count);
  for (let at = count - 1; at >= 0; at--) {
    raw[at] = Number(value & 255n);
    value >>= 8n;
  }
  return raw;
}

function integer(value) {
  if (value < 128n) return big(value, 1);
  const [bits, mark] = INTS.find(([size]) => value < 1n << size);
  return joined(Uint8Array.of(mark), big(value, Number(bits) / 8));
}

/** Return marks of a length: a short form below `few`, else behind the first mark that fits. */
function head(length, few, short, marks) {
  if (length < few) return Uint8Array.of(short + length);
  const [size, mark] = marks.find(([bytes]) => length < 256 ** bytes);
  return joined(Uint8Array.of(mark), big(BigInt(length), size));
}

/**
 * Return the encoding of a value.
 * @param {bigint|string|Uint8Array|any[]} value
 * @returns {Uint8Array}
 */
export function pack(value) {
  if (typeof value === "bigint") return integer(value);
  if (value instanceof Uint8Array) {
    return joined(head(value.length, 0, 0, [[1, 0xc4], [2, 0xc5], [4, 0xc6]]), value);
  }
  if (Array.isArray(value)) {
    return joined(head(value.length, 16, 0x90, [[2, 0xdc], [4, 0xdd]]), ...value.map(pack));
  }
  const raw = utf8(value);
  return joined(head(raw.length, 32, 0xa0, [[1, 0xd9], [2, 0xda], [4, 0xdb]]), raw);
}
