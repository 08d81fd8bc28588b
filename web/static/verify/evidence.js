/**
 * Evidence files: two signatures of one key that no honest party can have made.
 *
 * The same rules as consensus/evidence_file.py and consensus/evidence.py.
 */

import {
  Refusal, compared, hex, joined, same, sha256, textOf, unbase64, unhex, utf8,
} from "./bytes.js";
import { checkpointText, parseCheckpoint } from "./checkpoint.js";
import { verify } from "./ed25519.js";
import {
  BATCH, PROPOSAL, batchHash, blockHash, decodeBatchHeader, decodeBlockHeader,
} from "./headers.js";
import { pack } from "./msgpack.js";
import { cosignatureInput } from "./note.js";
import { decode, hex32, list, natural, optional, struct, text, word } from "./schema.js";

const FILE_BYTES_MAX = 256 * 1024;
const HEADER_BYTES_MAX = 64 * 1024;
const SAFE = 2n ** 53n - 1n;
const VOTE = utf8("tongzhang/vote/v1\n");
const COSIGNED = /^cosignature\/v1\ntime (0|[1-9][0-9]{0,15})\n/;
const OF_HEADERS = ["two-proposals", "two-batches"];
/** Kinds of evidence by the kinds of two votes, in the order of the alphabet. */
const LIES = {
  "notar notar": "two-notar", "final final": "two-final", "final skip": "final-skip",
  "final notar": "final-notar",
};

const statement = struct({
  signature: text({ min: 88, max: 88 }), signed: text({ min: 1, max: 90_000 }),
});
const evidenceFile = struct({
  format: word("tongzhang-evidence/v1"),
  kind: word(...Object.values(LIES), ...OF_HEADERS),
  ledger: hex32,
  party: text({ min: 1, max: 64 }),
  slot: optional(natural, 0n),
  number: optional(natural, 0n),
  statements: list(statement, { exactly: 2 }),
}, { short: true });
const signedVote = struct({
  kind: word("notar", "skip"), ledger: hex32, slot: natural, block: optional(hex32, ""),
}, { short: true });

const bad = (seen) => new Refusal("bad-evidence-file", seen);
const startsWith = (raw, prefix) => same(raw.subarray(0, prefix.length), prefix);
const NOTHING = new Uint8Array();

/**
 * One statement: a vote or a header, with what it is about.
 * @typedef {{kind: string, ledger: string, at: bigint, signed: Uint8Array, signature: Uint8Array,
 *   header?: Uint8Array, author?: string, block: Uint8Array, height: bigint, size: bigint,
 *   root: Uint8Array, time: bigint, origin?: string}} Statement
 */

/** @returns {Statement} */
function readStatement(own, ledger) {
  const signed = unbase64(own.signed, undefined, "bad-evidence-file");
  const signature = unbase64(own.signature, undefined, "bad-evidence-file");
  const empty = { block: NOTHING, height: 0n, size: 0n, root: NOTHING, time: 0n };
  const start = { signed, signature, ...empty };
  if (startsWith(signed, VOTE)) return { ...start, ...readVote(signed.subarray(VOTE.length)) };
  if (startsWith(signed, PROPOSAL)) {
    const raw = signed.subarray(PROPOSAL.length);
    const header = decodeBlockHeader(raw);
    const { proposer: author, slot: at } = header;
    return { ...start, kind: "proposal", ledger: header.ledger, at, author, header: raw };
  }
  if (startsWith(signed, BATCH)) {
    const raw = signed.subarray(BATCH.length);
    const header = decodeBatchHeader(raw);
    const { party: author, number: at } = header;
    return { ...start, kind: "batch", ledger: header.ledger, at, author, header: raw };
  }
  return { ...start, ...readFinal(signed, ledger) };
}

function readVote(raw) {
  const said = decode(raw, signedVote);
  if (Boolean(said.block) !== (said.kind === "notar")) throw bad();
  return { kind: said.kind, ledger: said.ledger, at: said.slot, block: unhex(said.block) };
}

function readFinal(signed, ledger) {
  const source = textOf(signed, "bad-evidence-file");
  const found = COSIGNED.exec(source);
  if (found === null) throw bad({ came: source });
  const point = parseCheckpoint(source.slice(found[0].length));
  if (!point.origin.endsWith(`/${ledger}`)) throw bad({ expected: ledger, came: point.origin });
  return { ...point, kind: "final", ledger, at: point.slot, time: BigInt(found[1]) };
}

function read(bytes, tell) {
  if (bytes.length > FILE_BYTES_MAX) throw new Refusal("text-too-large");
  const file = decode(bytes, evidenceFile);
  tell("kind", file.kind);
  tell("party", file.party);
  const pair = file.statements.map((own) => readStatement(own, file.ledger));
  refuseOtherKind(file, pair);
  if (pair.some(({ ledger }) => ledger !== file.ledger)) throw bad({ expected: file.ledger });
  return { file, pair };
}

function refuseOtherKind(file, pair) {
  const headers = pair.filter(({ header }) => header !== undefined);
  const wanted = OF_HEADERS.includes(file.kind) ? 2 : 0;
  if (headers.length !== wanted) throw bad({ expected: file.kind });
  const numbers = pair.flatMap(({ at, height, size, time }) => [at, height, size, time]);
  const fits =
    numbers.every((each) => each <= SAFE) &&
    pair.every(({ signature }) => signature.length === 64) &&
    headers.every(({ header }) => header.length <= HEADER_BYTES_MAX);
  if (!fits) throw bad();
  refuseOtherPlace(file, pair[0]);
}

function refuseOtherPlace(file, first) {
  // As what the file says that it is: a block's header is no batch's.
  if (file.kind === "two-batches") decodeBatchHeader(first.header);
  if (file.kind === "two-proposals") decodeBlockHeader(first.header);
  const [slot, number] = file.kind === "two-batches" ? [0n, first.at] : [first.at, 0n];
  if (file.slot !== slot || file.number !== number) {
    throw bad({ expected: `${file.slot || file.number}`, came: `${first.at}` });
  }
}

/** Return the bytes that the party signed, made anew with this ledger's origin. */
function signedInput(own, trust) {
  if (own.kind !== "final") return own.signed;
  return cosignatureInput(checkpointText({ ...own, origin: trust.origin, slot: own.at }), own.time);
}

function order(one, two) {
  const votes = [
    one.kind < two.kind ? -1 : Number(one.kind > two.kind),
    Number(one.at - two.at), compared(one.block, two.block), Number(one.height - two.height),
    Number(one.size - two.size), compared(one.root, two.root),
  ];
  return one.header ? compared(one.header, two.header) : votes.find((each) => each !== 0) ?? 0;
}

function refuseHonest(file, [one, two], trust) {
  const no = new Refusal("bad-evidence", { came: `${one.kind} ${one.at}, ${two.kind} ${two.at}` });
  if (one.at !== two.at || one.at < 1n || order(one, two) >= 0) throw no;
  if (one.header) {
    const kind = one.kind === "batch" ? "two-batches" : "two-proposals";
    const own = [one, two].every(({ author }) => author === file.party);
    if (!own || one.kind !== two.kind || kind !== file.kind) throw no;
    return;
  }
  const honest = same(one.block, two.block) && `${one.kind} ${two.kind}` === "final notar";
  if (honest || LIES[`${one.kind} ${two.kind}`] !== file.kind) throw no;
  if (!trust.voters.includes(file.party)) throw new Refusal("bad-evidence", { came: file.party });
}

/**
 * Return what an evidence file proves about one party of this ledger.
 * @param {Uint8Array} bytes
 * @param {import("./trust.js").Trust} trust
 * @param {import("./steps.js").Steps} steps
 */
export function verifyEvidence(bytes, trust, steps) {
  const { file, pair } = steps.run("read", (tell) => read(bytes, tell));
  const member = steps.run("ledger", (tell) => {
    tell("ledger", file.ledger);
    if (file.ledger !== trust.ledger) {
      throw new Refusal("wrong-ledger", { expected: trust.ledger, came: file.ledger });
    }
    const found = trust.members.find(({ name }) => name === file.party);
    if (found === undefined) throw new Refusal("unknown-party", { came: file.party });
    tell("key", hex(found.key));
    return found;
  });
  steps.run("statements", (tell) => verifyPair(pair, member.key, trust, tell));
  steps.run("contradiction", (tell) => {
    tell("kind", file.kind);
    tell("slot-or-number", `${pair[0].at}`);
    refuseHonest(file, pair, trust);
  });
  return steps.run("convicted", (tell) => {
    const id = hex(sha256(pack(wire(file, pair))));
    tell("id", id);
    return { id, party: file.party, kind: file.kind, at: pair[0].at, names: pair.map(nameOf) };
  });
}

function verifyPair(pair, key, trust, tell) {
  for (const own of pair) {
    const input = signedInput(own, trust);
    tell("signed", textOf(own.signed, "bad-evidence"));
    tell("signature", hex(own.signature));
    if (!same(input, own.signed)) throw new Refusal("bad-evidence", { expected: trust.origin });
    try {
      verify(key, own.signature, input);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Refusal("bad-evidence", { came: hex(own.signature) });
    }
  }
}

/** Return the evidence as peers say it; its hash is its id. */
function wire(file, pair) {
  const votes = pair.filter(({ header }) => !header).map((own) => [
    own.kind, own.at, file.party, own.signature, own.block, own.height, own.size, own.root, own.time,
  ]);
  const headers = pair.filter(({ header }) => header).map((own) => [own.header, own.signature]);
  return [file.kind, file.party, votes, headers];
}

function nameOf(own) {
  if (own.kind === "proposal") return blockHash(own.header);
  return own.kind === "batch" ? batchHash(own.header) : hex(own.block);
}
