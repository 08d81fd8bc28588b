/**
 * Bytes and their spellings: UTF-8, hex, base64 and decimals, each with one spelling; and SHA-256.
 *
 * The same rules as ledger/log/text.py. All modules of this folder run in a browser without any
 * server, and under Node; none of them makes a request.
 */

import { sha256 as digest } from "../vendor/noble-hashes-2.4.0/sha2.js";

/** Why something is not accepted: a code of docs/errors.md, and what was expected and came. */
export class Refusal extends Error {
  /**
   * @param {string} code - kebab-case, the same as the command line gives
   * @param {{expected?: string, came?: string}} [seen] - values, not sentences
   */
  constructor(code, seen = {}) {
    super(code);
    this.code = code;
    this.expected = seen.expected;
    this.came = seen.came;
  }
}

/** Largest integer of the log's text formats: 2^63 - 1. */
export const INTEGER_MAX = 2n ** 63n - 1n;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Return text as UTF-8. @param {string} text @returns {Uint8Array} */
export const utf8 = (text) => encoder.encode(text);

/**
 * Return the text of UTF-8 bytes; a byte-order mark stays in it.
 * @param {Uint8Array} raw
 * @param {string} code - of the refusal
 */
export function textOf(raw, code) {
  try {
    return strict.decode(raw);
  } catch {
    throw new Refusal(code);
  }
}

/** Return bytes as lower-case hex. @param {Uint8Array} raw */
export const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Return the bytes of hex that a pattern has already judged. @param {string} text */
export const unhex = (text) =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Return the bytes one behind the other. @param {...Uint8Array} parts */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Return which of two byte strings comes first: below 0, 0 or above. */
export function compared(one, two) {
  for (let at = 0; at < Math.min(one.length, two.length); at++) {
    if (one[at] !== two[at]) return one[at] - two[at];
  }
  return one.length - two.length;
}

/** Return whether two byte strings are the same. */
export const same = (one, two) => compared(one, two) === 0;

/** Return the SHA-256 of parts, one behind the other. @param {...Uint8Array} parts */
export const sha256 = (...parts) => digest(joined(...parts));

/** Return standard base64 with padding. @param {Uint8Array} raw */
export const base64 = (raw) => btoa(Array.from(raw, (byte) => String.fromCharCode(byte)).join(""));

/**
 * Return the bytes of canonical standard base64.
 * @param {string} text
 * @param {number} [size] - exact count of bytes
 * @param {string} [code] - of the refusal
 */
export function unbase64(text, size = undefined, code = "bad-base64") {
  let binary;
  try {
    binary = atob(text);
  } catch {
    throw new Refusal(code);
  }
  if (btoa(binary) !== text || (size !== undefined && binary.length !== size)) {
    throw new Refusal(code);
  }
  return Uint8Array.from(binary, (sign) => sign.charCodeAt(0));
}

/** Return the integer of a decimal without sign and leading zero. @param {string} text */
export function decimal(text) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > INTEGER_MAX) {
    throw new Refusal("bad-decimal", { came: text });
  }
  return BigInt(text);
}

/**
 * Refuse text that is too long, cannot be UTF-8, or has control characters besides newline.
 * @param {string} text
 * @param {number} bytesMax
 */
export function refuseUnclean(text, bytesMax) {
  if (/\p{Surrogate}/u.test(text)) throw new Refusal("not-utf8");
  const length = utf8(text).length;
  if (length > bytesMax) {
    throw new Refusal("text-too-large", { expected: `≤ ${bytesMax}`, came: `${length}` });
  }
  if (/[\x00-\x09\x0b-\x1f]/.test(text)) throw new Refusal("control-character");
}
