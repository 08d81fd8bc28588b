/**
 * Headers of batches and blocks, and what their authors sign.
 *
 * The same rules as ledger/batch.py, ledger/block.py and ledger/domains.py.
 */

import { Refusal, hex, joined, sha256, utf8 } from "./bytes.js";
import { verify } from "./ed25519.js";
import { decode, hex32, list, natural, positive, struct, text } from "./schema.js";

/** What stands before a batch header that is signed. */
export const BATCH = utf8("tongzhang/batch/v1\n");
/** What stands before a block header that is signed. */
export const PROPOSAL = utf8("tongzhang/proposal/v1\n");

const BATCH_HASH = utf8("tongzhang/batch-hash/v1\n");
const BLOCK_HASH = utf8("tongzhang/block-hash/v1\n");
const BLOCK_HEADER_BYTES_MAX = 64 * 1024;

/** The header that the author of a batch signs. */
export const batchHeader = struct({
  count: positive, ledger: hex32, number: positive, party: text(), previous: hex32, root: hex32,
});

const blockHeader = struct({
  batches: list(hex32), height: positive, ledger: hex32, parent: hex32, proposer: text(),
  root: hex32, size: natural, slot: positive, state: hex32, time: natural,
});

/** Return a batch header. @param {Uint8Array} raw */
export const decodeBatchHeader = (raw) => decode(raw, batchHeader);

/** Return a block header. @param {Uint8Array} raw */
export function decodeBlockHeader(raw) {
  if (raw.length > BLOCK_HEADER_BYTES_MAX) throw new Refusal("block-header-too-large");
  return decode(raw, blockHeader);
}

/** Return the hash of a batch in hex. @param {Uint8Array} raw - its header */
export const batchHash = (raw) => hex(sha256(BATCH_HASH, raw));

/** Return the hash of a block in hex. @param {Uint8Array} raw - its header */
export const blockHash = (raw) => hex(sha256(BLOCK_HASH, raw));

/**
 * Refuse a batch header that its author did not sign for this ledger.
 * @param {{party: string, ledger: string}} header
 * @param {Uint8Array} raw
 * @param {Uint8Array} signature
 * @param {import("./trust.js").Trust} trust
 */
export function verifyBatchHeader(header, raw, signature, trust) {
  const author = trust.members.find(({ name }) => name === header.party);
  if (author === undefined) {
    const known = trust.members.map(({ name }) => name).join(", ");
    throw new Refusal("unknown-party", { expected: known, came: header.party });
  }
  if (header.ledger !== trust.ledger) {
    throw new Refusal("wrong-ledger", { expected: trust.ledger, came: header.ledger });
  }
  verify(author.key, signature, joined(BATCH, raw));
}
