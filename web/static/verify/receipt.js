/**
 * Receipts: who stated a record, and that the log contains it with its outcome.
 *
 * The same checks in the same order as ledger/log/receipt.py.
 */

import { Refusal, hex, textOf, unhex, utf8 } from "./bytes.js";
import { verifyCheckpoint } from "./checkpoint.js";
import { BATCH, batchHeader, verifyBatchHeader } from "./headers.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { parseProof } from "./proof.js";
import { decode, hex32, hex64, list, natural, raw, struct } from "./schema.js";

const authorSide = struct({
  batch: batchHeader, entry: raw, path: list(hex32, { max: 63 }), place: natural, signature: hex64,
});

const ENTRY = new RegExp(
  '^\\{"batch":([1-9][0-9]{0,15}),"outcome":"([a-z][a-z0-9-]{0,63})",' +
    '"party":"([a-z][a-z0-9-]{0,31})","record":(\\{.*\\})\\}$',
  "s",
);

/** Return an entry's parts; the record stays as text. @param {string} leaf */
function decodeEntry(leaf) {
  const found = ENTRY.exec(leaf);
  if (found === null) throw new Refusal("bad-entry", { came: leaf });
  return { batch: BigInt(found[1]), outcome: found[2], party: found[3], record: found[4] };
}

function read(bytes, tell) {
  const proof = parseProof(textOf(bytes, "not-text"));
  tell("index", `${proof.index}`);
  if (proof.extra === null) throw new Refusal("no-statement");
  const said = decode(proof.extra, authorSide);
  const entry = decodeEntry(said.entry);
  tell("party", entry.party);
  tell("outcome", entry.outcome);
  tell("record", entry.record);
  return { proof, said, entry };
}

function walk(tell) {
  let level = 0;
  return ({ left, right, node, own }) => {
    level += 1;
    tell("level", `${level}`);
    tell(own === "left" ? "left-own" : "left", hex(left));
    tell(own === "right" ? "right-own" : "right", hex(right));
    tell("node", hex(node));
  };
}

/**
 * Return what a receipt proves.
 * @param {Uint8Array} bytes
 * @param {import("./trust.js").Trust} trust
 * @param {import("./steps.js").Steps} steps
 */
export function verifyReceipt(bytes, trust, steps) {
  const { proof, said, entry } = steps.run("read", (tell) => read(bytes, tell));
  const cosigners = verifyCheckpoint(proof, trust, steps);
  const { size, root, height } = proof.checkpoint;
  const leaf = steps.run("leaf", (tell) => {
    tell("leaf-data", said.entry);
    const hash = leafHash(utf8(said.entry));
    tell("leaf-hash", hex(hash));
    return hash;
  });
  steps.run("inclusion", (tell) => {
    tell("place", `${proof.index} / ${size}`);
    verifyInclusion(leaf, proof.index, size, proof.path, root, walk(tell));
    tell("root", hex(root));
  });
  verifyAuthor(said, entry, trust, steps);
  return {
    party: entry.party, record: entry.record, outcome: entry.outcome, index: proof.index,
    batch: entry.batch, size, root: hex(root), height, cosigners,
  };
}

function verifyAuthor(said, entry, trust, steps) {
  const header = said.batch;
  steps.run("author", (tell) => {
    const text = batchHeader.write(header);
    tell("party", header.party);
    tell("signed", new TextDecoder().decode(BATCH) + text);
    tell("signature", said.signature);
    const author = trust.members.find(({ name }) => name === header.party);
    if (author !== undefined) tell("key", hex(author.key));
    verifyBatchHeader(header, utf8(text), unhex(said.signature), trust);
  });
  steps.run("batch", (tell) => {
    const leaf = leafHash(utf8(entry.record));
    tell("record-hash", hex(leaf));
    tell("place", `${said.place} / ${header.count}`);
    const root = unhex(header.root);
    verifyInclusion(leaf, said.place, header.count, said.path.map(unhex), root, walk(tell));
    tell("batch-root", header.root);
  });
  steps.run("named", (tell) => {
    const [named, signed] = [entry, header].map((of) => `${of.party} ${of.batch ?? of.number}`);
    tell("entry-names", named);
    tell("batch-signed", signed);
    if (named !== signed) throw new Refusal("wrong-batch", { expected: named, came: signed });
  });
}
