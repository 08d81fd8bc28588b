"""Entries and blocks of the log as they are shown."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from consensus.messages import decode_certificate
from ledger.batch import Batch
from node.storage.reads import Reader
from node.storage.stored import BlockSummary, StoredBlock
from views.timeline import EntryView


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in order. ``size`` counts all entries of the log."""

    size: int
    entries: list[EntryView]


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of a block: whose it is, and which entries it became."""

    party: str
    number: int
    hash: str
    previous: str
    root: str
    first_index: int
    count: int
    signature: str


class BlockView(msgspec.Struct, frozen=True, kw_only=True):
    """A final block. ``time`` is its leader's claim, in ms since the epoch.

    ``certified`` says whether this very block has a certificate; if not, a later one's covers it.
    """

    height: int
    hash: str
    slot: int
    parent: str
    proposer: str
    time: int
    size: int
    first_index: int
    entries: int
    root: str
    state: str
    certified: bool


class WholeBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A block with its batches. ``header`` is canonical JSON, exactly as hashed and signed."""

    block: BlockView
    header: msgspec.Raw
    signature: str
    batches: list[BatchView]
    voters: list[str] | UnsetType = UNSET


class BlockPage(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks in order. ``height`` is that of the last block there is."""

    height: int
    blocks: list[BlockView]


def log_size(reader: Reader) -> int:
    """Return how many entries the snapshot holds."""
    height = reader.height()
    return reader.blocks(height, 1)[0].header.size if height else 0


def block_view(summary: BlockSummary) -> BlockView:
    """Return a block as it is shown."""
    header = summary.header
    return BlockView(
        height=summary.height,
        hash=summary.hash.hex(),
        slot=header.slot,
        parent=header.parent,
        proposer=header.proposer,
        time=header.time,
        size=header.size,
        first_index=summary.first_index,
        entries=header.size - summary.first_index,
        root=header.root,
        state=header.state,
        certified=summary.certified,
    )


def whole_block(summary: BlockSummary, stored: StoredBlock) -> WholeBlock:
    """Return a block with its batches as it is shown."""
    batches, first = [], summary.first_index
    for batch in stored.block.batches:
        batches.append(_batch_view(batch, first))
        first += len(batch.records)
    voters: list[str] | UnsetType = UNSET
    if stored.certificate is not None:
        voters = list(decode_certificate(stored.certificate).voters)
    return WholeBlock(
        block=block_view(summary),
        header=msgspec.Raw(stored.block.raw_header),
        signature=stored.block.signature.hex(),
        batches=batches,
        voters=voters,
    )


def _batch_view(batch: Batch, first_index: int) -> BatchView:
    header = batch.header
    return BatchView(
        party=header.party,
        number=header.number,
        hash=batch.hash.hex(),
        previous=header.previous,
        root=header.root,
        first_index=first_index,
        count=header.count,
        signature=batch.signature.hex(),
    )
