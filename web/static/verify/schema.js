/**
 * Schemas of canonical JSON: what is accepted, written again, is the same bytes.
 *
 * A schema reads a tree into a value and writes the value in its one form. Integers are BigInt.
 * The codes of refusals are those of ledger/canonical.py.
 */

import { parse, problemIn } from "./json.js";
import { Refusal, same, utf8 } from "./bytes.js";

/**
 * @typedef {import("./json.js").Tree} Tree
 * @typedef {{read: (tree: Tree, source: string) => any, write: (value: any) => string,
 *   initial?: any}} Schema
 */

const SAFE = 2n ** 53n - 1n;

function want(tree, kind) {
  if (tree.kind !== kind) throw new Refusal("wrong-type", { expected: kind, came: tree.kind });
}

/** Text, its length counted in characters. @returns {Schema} */
export function text({ pattern = /^/, min = 0, max = Infinity } = {}) {
  return {
    read(tree) {
      want(tree, "string");
      const length = [...tree.text].length;
      if (length < min) throw new Refusal("too-short", { came: tree.text });
      if (length > max) throw new Refusal("too-long", { expected: `≤ ${max}`, came: `${length}` });
      if (/\p{Surrogate}/u.test(tree.text)) throw new Refusal("not-json");
      if (!pattern.test(tree.text)) throw new Refusal("bad-format", { came: tree.text });
      return tree.text;
    },
    write: JSON.stringify,
  };
}

/** An integer between bounds. @returns {Schema} */
export function integer(min = 0n, max = SAFE) {
  return {
    read(tree) {
      want(tree, "int");
      if (tree.value < min || tree.value > max) {
        throw new Refusal("integer-range", { expected: `${min}–${max}`, came: tree.text });
      }
      return tree.value;
    },
    write: String,
  };
}

/** One of some texts, or one integer. @returns {Schema} */
export function word(...allowed) {
  const [kind, write] =
    typeof allowed[0] === "bigint" ? ["int", String] : ["string", JSON.stringify];
  return {
    read(tree) {
      want(tree, kind);
      const value = tree.value ?? tree.text;
      if (!allowed.includes(value)) {
        throw new Refusal("unknown-value", { expected: allowed.join(", "), came: `${value}` });
      }
      return value;
    },
    write,
  };
}

/** A list of members of one schema. @returns {Schema} */
export function list(member, { max = Infinity, exactly = undefined } = {}) {
  return {
    read(tree, source) {
      want(tree, "array");
      const values = tree.items.map((item) => member.read(item, source));
      if (exactly !== undefined && values.length !== exactly) {
        throw new Refusal("wrong-type", { expected: `${exactly}`, came: `${values.length}` });
      }
      if (values.length > max) throw new Refusal("too-long", { expected: `≤ ${max}` });
      return values;
    },
    write: (values) => `[${values.map(member.write).join(",")}]`,
  };
}

/** An object with any keys. Its value is a Map. @returns {Schema} */
export function mapping(member) {
  return {
    read(tree, source) {
      want(tree, "object");
      return new Map(tree.pairs.map(([key, value]) => [key, member.read(value, source)]));
    },
    write(values) {
      const keys = [...values.keys()].sort();
      return `{${keys.map((key) => `${JSON.stringify(key)}:${member.write(values.get(key))}`)}}`;
    },
  };
}

/** Bytes that stand as they are: any JSON value. Its value is the text of it. @returns {Schema} */
export const raw = { read: (tree, source) => source.slice(tree.start, tree.end), write: (own) => own };

/** A field that may be missing, and what holds then. @returns {Schema} */
export const optional = (schema, initial) => ({ ...schema, initial });

/**
 * An object with known fields.
 * @param {Record<string, Schema>} fields
 * @param {{short?: boolean}} [style] - short: a field with its initial value is left out
 * @returns {Schema}
 */
export function struct(fields, { short = false } = {}) {
  const names = Object.keys(fields).sort();
  return {
    read(tree, source) {
      want(tree, "object");
      const value = {};
      for (const [key, member] of tree.pairs) {
        if (!Object.hasOwn(fields, key)) throw new Refusal("unknown-field", { came: key });
        value[key] = fields[key].read(member, source);
      }
      for (const name of names) {
        if (Object.hasOwn(value, name)) continue;
        if (fields[name].initial === undefined) throw new Refusal("missing-field", { expected: name });
        value[name] = fields[name].initial;
      }
      return value;
    },
    write(value) {
      const shown = names.filter((name) => !(short && value[name] === fields[name].initial));
      return `{${shown.map((name) => `"${name}":${fields[name].write(value[name])}`)}}`;
    },
  };
}

/**
 * Return the value of canonical bytes.
 * @param {Uint8Array} bytes
 * @param {Schema} schema
 */
export function decode(bytes, schema) {
  const { text: source, tree } = parse(bytes);
  let complaint = new Refusal("not-canonical");
  try {
    const value = schema.read(tree, source);
    if (same(utf8(schema.write(value)), bytes)) return value;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complaint = error;
  }
  const problem = problemIn(tree);
  throw problem === null ? complaint : new Refusal(problem);
}

/** 32 bytes in hex. */
export const hex32 = text({ pattern: /^[0-9a-f]{64}$/ });
/** 64 bytes in hex. */
export const hex64 = text({ pattern: /^[0-9a-f]{128}$/ });
/** An integer from 0. */
export const natural = integer();
/** An integer from 1. */
export const positive = integer(1n);
