/**
 * Signed notes and the keys that sign them.
 *
 * Source: C2SP signed-note v1; C2SP tlog-cosignature v1. The same rules as ledger/log/note.py.
 */

import {
  INTEGER_MAX, Refusal, base64, hex, joined, refuseUnclean, sha256, unbase64, utf8,
} from "./bytes.js";
import { verify } from "./ed25519.js";

/** Type of a plain signature over the note's text. */
export const ED25519 = 1;
/** Type of a cosignature: a time, and a signature over time and text. */
export const COSIGNATURE = 4;

const NAME_BYTES_MAX = 255;
const NOTE_BYTES_MAX = 128 * 1024;
const SIGNATURES_MAX = 64;
const DASH = "\u2014 ";
const WHITE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Refuse what may not name a key. @param {string} name */
export function refuseBadName(name) {
  refuseUnclean(name, NAME_BYTES_MAX);
  if (!name || name.includes("+") || WHITE.test(name)) {
    throw new Refusal("bad-key-name", { came: name });
  }
}

/**
 * @typedef {{name: string, type: number, key: Uint8Array, id: string}} NoteKey
 * @typedef {{name: string, id: string, signature: Uint8Array}} NoteSignature
 * @typedef {{text: string, signatures: NoteSignature[]}} Note
 */

/** Return a key under a name for one type of signature. @returns {NoteKey} */
export function noteKey(name, type, key) {
  const material = joined(utf8(`${name}\n`), Uint8Array.of(type), key);
  return { name, type, key, id: hex(sha256(material).subarray(0, 4)) };
}

/** Return a key as text: `<name>+<key id>+<base64 of type and key>`. @param {NoteKey} own */
export const vkey = (own) =>
  `${own.name}+${own.id}+${base64(joined(Uint8Array.of(own.type), own.key))}`;

/** Return the key that a vkey spells. @param {string} text @returns {NoteKey} */
export function parseVkey(text) {
  const [name, id, ...rest] = text.split("+");
  if (!rest.length) throw new Refusal("bad-vkey", { came: text });
  const material = unbase64(rest.join("+"), 33);
  refuseBadName(name);
  if (![ED25519, COSIGNATURE].includes(material[0])) throw new Refusal("bad-vkey", { came: text });
  const own = noteKey(name, material[0], material.subarray(1));
  if (own.id !== id) throw new Refusal("bad-vkey", { expected: own.id, came: id });
  return own;
}

/** @param {string} line @returns {NoteSignature} */
function parseSignature(line) {
  const space = line.indexOf(" ", DASH.length);
  if (!line.startsWith(DASH) || space < 0) throw new Refusal("bad-note-signature", { came: line });
  const raw = unbase64(line.slice(space + 1));
  const name = line.slice(DASH.length, space);
  refuseBadName(name);
  if (raw.length < 5) throw new Refusal("bad-note-signature", { came: line });
  return { name, id: hex(raw.subarray(0, 4)), signature: raw.subarray(4) };
}

/**
 * Return the note that a text spells. Nothing is verified.
 * @param {string} text
 * @returns {Note}
 */
export function parseNote(text) {
  refuseUnclean(text, NOTE_BYTES_MAX);
  const blank = text.lastIndexOf("\n\n");
  const tail = text.slice(blank + 2);
  if (blank < 0 || !tail.endsWith("\n")) throw new Refusal("bad-note");
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw new Refusal("bad-note", { came: `${lines.length}` });
  const signatures = lines.map(parseSignature);
  const names = signatures.map(({ name, id }) => `${name} ${id}`);
  if (new Set(names).size !== names.length) throw new Refusal("duplicate-signature");
  return { text: text.slice(0, blank + 1), signatures };
}

/**
 * Return the time in seconds and the signature of a cosignature.
 * @param {Uint8Array} signature
 */
export function splitCosignature(signature) {
  const seconds = BigInt(`0x${hex(signature.subarray(0, 8)) || "0"}`);
  if (signature.length !== 72 || seconds > INTEGER_MAX) {
    throw new Refusal("bad-signature", { came: hex(signature) });
  }
  return { seconds, signature: signature.subarray(8) };
}

/** Return what a cosigner signs over a text at a time. */
export const cosignatureInput = (text, seconds) => utf8(`cosignature/v1\ntime ${seconds}\n${text}`);

/** Refuse a signature (without key id) that is not the key's over a note's text. */
export function verifyNoteKey(own, text, signature) {
  if (own.type === ED25519) {
    verify(own.key, signature, utf8(text));
    return;
  }
  const { seconds, signature: bare } = splitCosignature(signature);
  verify(own.key, bare, cosignatureInput(text, seconds));
}
