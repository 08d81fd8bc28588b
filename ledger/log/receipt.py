"""Receipts: one file that proves, offline, who stated a record and that the log contains it.

A receipt is a C2SP tlog-proof whose extra data is canonical JSON::

    {"batch":{…},"entry":{…},"path":["<64 hex>",…],"place":3,"signature":"<128 hex>"}

``entry`` is the leaf, ``batch`` the author's batch header with its ``signature``, ``place`` and
``path`` the record's position and RFC 6962 path under the batch's root. So any tlog tool checks
that the log contains the entry, and the author's own signature is there for who stated it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from ledger import batch as batches
from ledger import canonical
from ledger.batch import Batch, BatchHeader, Hex32, Hex64, Natural
from ledger.entry import Entry, decode_entry, which
from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.log.checkpoint import VerifiedCheckpoint, cosigner_name, open_checkpoint
from ledger.log.limits import PATH_HASHES_MAX
from ledger.log.merkle import leaf_hash, path_of, verify_inclusion
from ledger.log.proof import TlogProof

Path = Annotated[tuple[Hex32, ...], Meta(max_length=PATH_HASHES_MAX)]


class AuthorSide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The author's side of a receipt, as it stands in the proof's extra data."""

    batch: BatchHeader
    entry: msgspec.Raw
    path: Path
    place: Natural
    signature: Hex64


class VerifiedReceipt(msgspec.Struct, frozen=True):
    """The facts that a receipt proves.

    ``party`` stated ``record`` in its ``batch``; the log holds it at ``index`` with ``outcome``;
    ``cosigners`` signed the checkpoint of ``size`` entries and ``root`` (hex) at ``height``.
    """

    party: str
    record: msgspec.Raw
    outcome: str
    index: int
    batch: int
    size: int
    root: str
    height: int
    cosigners: tuple[str, ...]


_decoder = msgspec.json.Decoder(AuthorSide)


def build_receipt(
    leaf: bytes, place: int, batch: Batch, proof: tuple[int, Sequence[bytes]], checkpoint: str
) -> str:
    """Return the receipt of an entry as text.

    Args:
        leaf: The entry's leaf bytes.
        place: The record's 0-based position in its batch.
        batch: The author's whole batch.
        proof: The entry's index and its inclusion path under the checkpoint.
        checkpoint: A served checkpoint: the note with its signatures.
    """
    hashes = [leaf_hash(record) for record in batch.records]
    statement = AuthorSide(
        batch=batch.header,
        entry=msgspec.Raw(leaf),
        path=tuple(node.hex() for node in path_of(hashes, place)),
        place=place,
        signature=batch.signature.hex(),
    )
    index, path = proof
    return TlogProof(index, tuple(path), checkpoint, canonical.encode(statement)).encode()


def verify_receipt(text: str, genesis: Genesis) -> VerifiedReceipt:
    """Return what a receipt proves, trusting the genesis document alone.

    Raises:
        DecodeError: the text is not a receipt.
        VerificationError: a signature, path, quorum or the entry itself is false.
    """
    proof = TlogProof.parse(text)
    if proof.extra is None:
        raise VerificationError("no-statement", "the proof carries no author's statement")
    statement = canonical.decode(proof.extra, _decoder, "receipt")
    entry = decode_entry(bytes(statement.entry))
    try:
        return _verify(proof, statement, entry, genesis)
    except VerificationError as error:
        what = which([entry], proof.index)
        raise VerificationError(error.code, f"{what}: {error.message}") from None


def _verify(
    proof: TlogProof, statement: AuthorSide, entry: Entry, genesis: Genesis
) -> VerifiedReceipt:
    leaf = bytes(statement.entry)
    verified = open_consortium_checkpoint(proof.checkpoint_text, genesis)
    checkpoint = verified.checkpoint
    verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.path, checkpoint.root)
    _verify_statement(statement, entry.record, genesis)
    if (entry.party, entry.batch) != (statement.batch.party, statement.batch.number):
        raise VerificationError("wrong-batch", "the batch is not the one that the entry names")
    return VerifiedReceipt(
        party=entry.party,
        record=msgspec.Raw(entry.record),
        outcome=entry.outcome,
        index=proof.index,
        batch=entry.batch,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        height=checkpoint.height,
        cosigners=cosigning_parties(verified, genesis),
    )


def _verify_statement(statement: AuthorSide, record: bytes, genesis: Genesis) -> None:
    header = statement.batch
    raw = canonical.encode(header)
    signature = bytes.fromhex(statement.signature)
    batches.verify_header(header, raw, signature, genesis.ledger, genesis.verifiers)
    path = tuple(bytes.fromhex(node) for node in statement.path)
    root = bytes.fromhex(header.root)
    verify_inclusion(leaf_hash(record), statement.place, header.count, path, root)


def open_consortium_checkpoint(text: str, genesis: Genesis) -> VerifiedCheckpoint:
    """Verify a served checkpoint against a consortium's keys and quorum.

    Raises:
        DecodeError: the text is not a checkpoint note.
        VerificationError: a signature is false or there is no quorum.
    """
    keys = [member.public_key for member in genesis.members]
    cosigners = {
        cosigner_name(genesis.origin, m.name): m.public_key
        for m in genesis.members
        if m.name in genesis.voters
    }
    return open_checkpoint(text, keys, cosigners, genesis.quorum)


def cosigning_parties(verified: VerifiedCheckpoint, genesis: Genesis) -> tuple[str, ...]:
    """Return the names of the parties that cosigned, in the note's order."""
    prefix = cosigner_name(genesis.origin, "")
    return tuple(name.removeprefix(prefix) for name, _ in verified.cosigned_at)
