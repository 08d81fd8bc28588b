"""Blocks: what one leader proposes: a header and an ordered list of batches.

Header (canonical JSON): ``batches`` (hex hashes), ``height``, ``ledger``, ``parent``, ``proposer``,
``root`` and ``size`` of the log after the block, ``slot``, ``state`` (state hash after the block),
``time`` (ms since the epoch, never before the parent's). The block hash covers the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ledger import canonical, domains
from ledger.batch import Batch, Hex32, Natural, Positive
from ledger.errors import DecodeError
from ledger.genesis import Genesis
from ledger.limits import BLOCK_HEADER_BYTES_MAX
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY_ROOT


class BlockHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header that a leader signs and whose hash names the block."""

    batches: tuple[Hex32, ...]
    height: Positive
    ledger: Hex32
    parent: Hex32
    proposer: str
    root: Hex32
    size: Natural
    slot: Positive
    state: Hex32
    time: Natural


_header_decoder = msgspec.json.Decoder(BlockHeader)


class Block:
    """A proposed block. Immutable by convention.

    Args:
        raw_header: Canonical header bytes.
        signature: The proposer's 64-byte signature over the header.
        batches: The batches, in the header's order.

    Raises:
        DecodeError: the header is malformed, or the batches are not the header's.
    """

    __slots__ = ("batches", "hash", "header", "raw_header", "signature")

    def __init__(self, raw_header: bytes, signature: bytes, batches: tuple[Batch, ...]) -> None:
        self.raw_header = raw_header
        self.signature = signature
        self.batches = batches
        self.header = decode_header(raw_header)
        if tuple(batch.hash.hex() for batch in batches) != self.header.batches:
            raise DecodeError("block-batches", "the batches are not those that the header names")
        self.hash = domains.block_hash(raw_header)

    @property
    def height(self) -> int:
        """Height in the chain of blocks, from 1."""
        return self.header.height

    @property
    def slot(self) -> int:
        """The slot in which the block was proposed."""
        return self.header.slot

    @property
    def parent(self) -> bytes:
        """The parent's block hash."""
        return bytes.fromhex(self.header.parent)

    @property
    def record_count(self) -> int:
        """The number of records in the block's batches."""
        return sum(len(batch.records) for batch in self.batches)


class Tip(NamedTuple):
    """The end of a chain of blocks: as much of its last block as the next one builds on."""

    height: int
    slot: int
    hash: bytes
    time: int
    size: int
    root: bytes
    state: bytes


def genesis_tip(genesis: Genesis) -> Tip:
    """Return the tip before the first block: height 0, slot 0, an empty log."""
    return Tip(0, 0, genesis.hash, genesis.created_at, 0, EMPTY_ROOT, domains.ZERO_HASH)


def tip_of(block: Block) -> Tip:
    """Return the tip that ``block`` makes."""
    return _tip(block.header, block.hash)


def tip_of_header(raw_header: bytes) -> Tip:
    """Return the tip that the block with this header makes.

    Raises:
        DecodeError: the bytes are not a canonical block header.
    """
    return _tip(decode_header(raw_header), domains.block_hash(raw_header))


def _tip(header: BlockHeader, block: bytes) -> Tip:
    root, state = bytes.fromhex(header.root), bytes.fromhex(header.state)
    return Tip(header.height, header.slot, block, header.time, header.size, root, state)


def checkpoint_of(origin: str, tip: Tip) -> Checkpoint:
    """Return the checkpoint whose cosignatures make the block of ``tip`` final."""
    return Checkpoint(
        origin=origin,
        size=tip.size,
        root=tip.root,
        height=tip.height,
        slot=tip.slot,
        block=tip.hash,
    )


def decode_header(raw: bytes) -> BlockHeader:
    """Decode canonical block header bytes.

    Raises:
        DecodeError: the bytes are not a canonical block header.
    """
    if len(raw) > BLOCK_HEADER_BYTES_MAX:
        raise DecodeError("block-header-too-large", f"over {BLOCK_HEADER_BYTES_MAX} bytes")
    return canonical.decode(raw, _header_decoder, "block header")


def encode_header(header: BlockHeader) -> bytes:
    """Return the canonical bytes of a header."""
    return canonical.encode(header)


def batch_hashes(batches: Sequence[Batch]) -> tuple[str, ...]:
    """Return the batches' hashes in hex, in order."""
    return tuple(batch.hash.hex() for batch in batches)
