/**
 * Cases judged by the modules of web/static/verify: the same in Node and in a browser.
 *
 * A case has a kind, bytes (base64) or a text, and says what is trusted. The verdict is a code, or
 * the empty text and what was proved.
 */

import { Refusal, unbase64, utf8 } from "./static/verify/bytes.js";
import { check, kindOf } from "./static/verify/check.js";
import { parseCheckpoint } from "./static/verify/checkpoint.js";
import { verify } from "./static/verify/ed25519.js";
import { parseNote, parseVkey } from "./static/verify/note.js";
import { parseProof } from "./static/verify/proof.js";
import { decode, integer, mapping, optional, struct, text } from "./static/verify/schema.js";
import { policyText } from "./static/verify/trust.js";

const SAFE = 2n ** 53n - 1n;

/** Any canonical JSON, as the test's own Sample has it. */
const anything = {
  read(tree) {
    if (tree.kind === "null" || tree.kind === "float") throw new Refusal(tree.kind);
    return tree;
  },
  write(tree) {
    if (tree.kind === "string") return JSON.stringify(tree.text);
    if (tree.kind === "array") return `[${tree.items.map(anything.write)}]`;
    if (tree.kind !== "object") return String(tree.value ?? tree.text);
    const fields = new Map(tree.pairs);
    const keys = [...fields.keys()].sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${anything.write(fields.get(key))}`)}}`;
  },
};
const NONE = new Map();
const sample = struct({
  amount: optional(integer(-SAFE, SAFE), 0n),
  inner: optional(mapping(anything), NONE),
  text: optional(text(), ""),
}, { short: true });

const PARTS = {
  canonical: (own) => decode(own.bytes, sample),
  checkpointText: (own) => parseCheckpoint(own.text),
  note: (own) => parseNote(own.text),
  proof: (own) => parseProof(own.text),
  vkey: (own) => parseVkey(own.text),
  signature: (own) => verify(own.key, own.signature, own.bytes),
};

const plain = (proved) => JSON.parse(JSON.stringify(proved, (key, value) =>
  typeof value === "bigint" ? `${value}` : value));

function whole(own, trusts) {
  const result = check(own.kind, own.bytes, trusts[own.trust]);
  if (!result.good) return { code: result.error.code, steps: result.steps };
  if (!result.proved.trust) return { code: "", proved: plain(result.proved), steps: result.steps };
  const { ledger, origin, quorum, voters } = result.proved.trust;
  const policy = policyText(result.proved.trust);
  return { code: "", proved: { ledger, origin, quorum: `${quorum}`, voters, policy } };
}

function part(own) {
  try {
    PARTS[own.kind](own);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { code: error.code };
  }
  return { code: "" };
}

function read(own) {
  const bytes = own.bytes === undefined ? utf8(own.text ?? "") : unbase64(own.bytes);
  const [key, signature] = [own.key, own.signature].map((each) => each && unbase64(each));
  return { ...own, bytes, key, signature };
}

/**
 * Return the verdicts of cases.
 * @param {{trusts: Record<string, {kind: string, bytes: string}>, cases: object[]}} given
 */
export function run({ trusts, cases }) {
  const opened = Object.fromEntries(Object.entries(trusts).map(([name, { kind, bytes }]) =>
    [name, check(kind, unbase64(bytes)).proved.trust]));
  return cases.map((each) => {
    const own = read(each);
    const verdict = own.kind in PARTS ? part(own) : whole(own, opened);
    return { name: own.name, kind: kindOf(own.bytes), ...verdict };
  });
}

