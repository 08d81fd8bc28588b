"""Stored parts of the log, as they are read back."""

from __future__ import annotations

import msgspec

from ledger.batch import Batch
from ledger.block import Block, BlockHeader


class StoredEntry(msgspec.Struct, frozen=True):
    """An entry as stored. ``outcome`` is applied or a refusal's code; ``leaf`` its log bytes."""

    index: int
    height: int
    party: str
    id: str
    type: str
    subject: str
    outcome: str
    leaf: bytes


class StoredBlock(msgspec.Struct, frozen=True):
    """A final block, exactly as it was proposed, with what proves it.

    ``certificate`` is None where a later block's certificate makes this one final.
    """

    block: Block
    justification: bytes
    certificate: bytes | None


class BlockSummary(msgspec.Struct, frozen=True):
    """A block without its batches. ``first_index`` is the index of its first entry."""

    height: int
    hash: bytes
    header: BlockHeader
    raw_header: bytes
    signature: bytes
    first_index: int
    certified: bool


class BatchOfEntry(msgspec.Struct, frozen=True):
    """A whole batch of the log: what a receipt needs of the author's signature."""

    party: str
    number: int
    height: int
    raw_header: bytes
    signature: bytes
    first_index: int
    count: int
    records: tuple[bytes, ...]

    def batch(self) -> Batch:
        """Return it as a batch."""
        return Batch(self.raw_header, self.signature, self.records)


class StoredEvidence(msgspec.Struct, frozen=True):
    """Evidence against a party. ``created_at`` is in ms since the epoch."""

    id: str
    body: bytes
    created_at: int
