"""Proofs of one node's log: served checkpoints, receipts and inclusion paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from consensus.messages import decode_certificate
from consensus.votes import checkpoint_for
from ledger.execute import Recorded
from ledger.genesis import Genesis
from ledger.keys import Signer
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, Cosignature, cosigner_name, signed_checkpoint
from ledger.log.receipt import build_receipt
from ledger.log.tiles import hash_reader
from ledger.log_lines import encode_block, encode_checkpoint
from node.storage.reads import Reader

EXPORT_BLOCKS = 8
"""Blocks of an export that are read at once."""

Served = Callable[[Reader], tuple[str, Checkpoint]]
"""Gives the checkpoint that is served, as a note and its content; LookupError if there is none."""


def served_checkpoint(reader: Reader, genesis: Genesis, signer: Signer) -> tuple[str, Checkpoint]:
    """Return the latest cosigned checkpoint as a C2SP note, and its content.

    Raises:
        LookupError: nothing is final yet.
    """
    latest = reader.latest_certificate()
    if latest is None:
        raise LookupError("no block is final yet, so there is no checkpoint")
    certificate = decode_certificate(latest[1])
    checkpoint = checkpoint_for(certificate.subject, genesis.origin)
    cosignatures = [
        Cosignature(
            name=cosigner_name(genesis.origin, vote.voter),
            public_key=genesis.verifiers[vote.voter].public_key,
            timestamp_s=vote.time,
            signature=vote.signature,
        )
        for vote in certificate.votes
    ]
    return signed_checkpoint(checkpoint, signer, cosignatures), checkpoint


def receipt_of(reader: Reader, served: Served, party: str, record_id: str) -> str:
    """Return the receipt of a final record, under the checkpoint that is served.

    Raises:
        LookupError: no such record is under a cosigned checkpoint yet.
    """
    recorded = reader.row(Recorded, (party, record_id))
    if recorded is None:
        raise LookupError(f"no record {record_id} of {party} is final here")
    text, checkpoint = served(reader)
    index = recorded.entry
    entry, stored = reader.entry(index), reader.batch_of_entry(index)
    if entry is None or stored is None or index >= checkpoint.size:
        raise LookupError(f"record {record_id} of {party} is not under a checkpoint yet")
    path = merkle.inclusion_path(index, checkpoint.size, hash_reader(reader.tile))
    place = index - stored.first_index
    return build_receipt(entry.leaf, place, stored.batch(), (index, path), text)


def export_lines(
    open_reader: Callable[[], AbstractContextManager[Reader]],
    served: Served,
    start: int,
) -> Iterator[bytes]:
    """Yield the log as an export, from block ``start`` to the checkpoint that is served.

    The checkpoint is taken first and pins the end. Each stretch is read on a snapshot of its own,
    so that a slow reader holds nothing of the database meanwhile.

    Raises:
        LookupError: nothing is final yet.
    """
    with open_reader() as reader:
        text, checkpoint = served(reader)
    for first in range(start, checkpoint.height + 1, EXPORT_BLOCKS):
        last = min(first + EXPORT_BLOCKS - 1, checkpoint.height)
        with open_reader() as reader:
            lines = [_block_line(reader, height) for height in range(first, last + 1)]
        yield from lines
    yield encode_checkpoint(text)


def _block_line(reader: Reader, height: int) -> bytes:
    stored = reader.block(height)
    if stored is None:
        raise LookupError(f"block {height} is not there")
    block = stored.block
    first = block.header.size - block.record_count
    entries = reader.entries(first, block.record_count)
    return encode_block(block, [entry.leaf for entry in entries])
