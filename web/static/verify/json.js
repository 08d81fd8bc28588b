/**
 * JSON as a tree that hides nothing: duplicate keys, numbers as written, places in the text.
 *
 * Also what is wrong with a tree, from the bytes outwards, as ledger/canonical.py finds it.
 */

import { Refusal, textOf } from "./bytes.js";

/** Levels of nesting that canonical JSON may have. */
export const NESTING_MAX = 8;
const DEPTH_READ_MAX = 500;
const SAFE = 2n ** 53n - 1n;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = {
  true: "bool", false: "bool", null: "null",
  NaN: "float", Infinity: "float", "-Infinity": "float",
};

/**
 * A value of JSON and where it stands in the text.
 * @typedef {{kind: "object"|"array"|"string"|"int"|"float"|"bool"|"null", start: number,
 *   end: number, pairs?: [string, Tree][], items?: Tree[], text?: string, value?: bigint}} Tree
 */

/** Reads one text from left to right. */
class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** Return what a sticky pattern matches here, and move behind it. */
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  /** Move behind a sign, or refuse the text. */
  expect(sign) {
    if (this.text[this.at] !== sign) throw new Refusal("not-json", { came: `@${this.at}` });
    this.at += 1;
  }

  /** @returns {Tree} */
  value(depth) {
    if (depth > DEPTH_READ_MAX) throw new Refusal("too-deep");
    this.take(SPACE);
    const start = this.at;
    const tree = this.bare(depth);
    const whole = { ...tree, start, end: this.at };
    this.take(SPACE);
    return whole;
  }

  bare(depth) {
    const sign = this.text[this.at];
    if (sign === "{") return { kind: "object", pairs: this.list("}", () => this.pair(depth)) };
    if (sign === "[") return { kind: "array", items: this.list("]", () => this.value(depth + 1)) };
    if (sign === '"') return { kind: "string", text: this.string() };
    const word = Object.keys(WORDS).find((each) => this.text.startsWith(each, this.at));
    if (word !== undefined) {
      this.at += word.length;
      return { kind: WORDS[word], text: word };
    }
    const number = this.take(NUMBER);
    if (number === null) throw new Refusal("not-json", { came: `@${this.at}` });
    if (number[1] || number[2]) return { kind: "float", text: number[0] };
    return { kind: "int", value: BigInt(number[0]), text: number[0] };
  }

  list(close, member) {
    this.at += 1;
    const members = [];
    this.take(SPACE);
    if (this.text[this.at] !== close) {
      members.push(member());
      while (this.text[this.at] === ",") {
        this.at += 1;
        members.push(member());
      }
    }
    this.expect(close);
    return members;
  }

  /** @returns {[string, Tree]} */
  pair(depth) {
    this.take(SPACE);
    if (this.text[this.at] !== '"') throw new Refusal("not-json", { came: `@${this.at}` });
    const key = this.string();
    this.take(SPACE);
    this.expect(":");
    return [key, this.value(depth + 1)];
  }

  string() {
    this.expect('"');
    let text = "";
    for (;;) {
      text += this.take(PLAIN)[0];
      if (this.text[this.at] !== "\\") break;
      text += this.escape();
    }
    this.expect('"');
    return text;
  }

  escape() {
    const sign = this.text[this.at + 1];
    if (sign !== "u") {
      this.at += 2;
      if (sign === undefined || !Object.hasOwn(ESCAPES, sign)) throw new Refusal("not-json");
      return ESCAPES[sign];
    }
    const digits = this.text.slice(this.at + 2, this.at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Refusal("not-json");
    this.at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}

/**
 * Return bytes as a tree.
 * @param {Uint8Array} raw
 * @returns {{text: string, tree: Tree}}
 */
export function parse(raw) {
  const text = textOf(raw, "not-json");
  const reader = new Reader(text);
  const tree = reader.value(0);
  if (reader.at !== text.length) throw new Refusal("not-json", { came: `@${reader.at}` });
  return { text, tree };
}

/**
 * Return the code of the first thing that canonical JSON does not allow, or null.
 * @param {Tree} tree
 * @returns {string|null}
 */
export function problemIn(tree, depth = 0) {
  if (depth > NESTING_MAX) return "too-deep";
  if (tree.kind === "int") return tree.value > SAFE || tree.value < -SAFE ? "integer-range" : null;
  if (tree.kind === "float" || tree.kind === "null") return tree.kind;
  if (tree.kind === "string") return /\p{Surrogate}/u.test(tree.text) ? "lone-surrogate" : null;
  const keys = (tree.pairs ?? []).map(([key]) => key);
  for (const [at, key] of keys.entries()) {
    if (keys.indexOf(key) < at) return "duplicate-key";
    if (/[^\x00-\x7f]/.test(key)) return "key-not-ascii";
  }
  const members = tree.items ?? (tree.pairs ?? []).map(([, value]) => value);
  for (const member of members) {
    const problem = problemIn(member, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}
