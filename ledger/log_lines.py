"""Lines of an exported log: one a block, in height order, then one with a checkpoint.

Shape, each line canonical JSON::

    {"batches":[{"header":{…},"signature":"<128 hex>"},…],"block":{…},"entries":[{…},…]}
    {"checkpoint":"<signed note>"}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from ledger import canonical
from ledger.batch import Hex64
from ledger.block import Block
from ledger.errors import DecodeError

T = TypeVar("T")

LINE_BYTES_MAX = 256 * 2**20
CHECKPOINT_START = b'{"checkpoint":'


class SignedBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch's header and signature; its records stand in the block's entries."""

    header: msgspec.Raw
    signature: Hex64


class BlockLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One block of an export."""

    batches: tuple[SignedBatch, ...]
    block: msgspec.Raw
    entries: tuple[msgspec.Raw, ...]


class CheckpointLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line of an export."""

    checkpoint: str


_block_decoder = msgspec.json.Decoder(BlockLine)
_checkpoint_decoder = msgspec.json.Decoder(CheckpointLine)


def encode_block(block: Block, leaves: Sequence[bytes]) -> bytes:
    """Return the line of one block, without a line break.

    Args:
        block: The block with its batches.
        leaves: The leaf bytes of its entries, in order.
    """
    signed = tuple(SignedBatch(msgspec.Raw(b.raw_header), b.signature.hex()) for b in block.batches)
    entries = tuple(msgspec.Raw(leaf) for leaf in leaves)
    return canonical.encode(BlockLine(signed, msgspec.Raw(block.raw_header), entries))


def encode_checkpoint(text: str) -> bytes:
    """Return the last line of an export, without a line break."""
    return canonical.encode(CheckpointLine(text))


def decode_line(line: bytes) -> BlockLine | CheckpointLine:
    """Return what a line says, which has no line break.

    Raises:
        DecodeError: ``line-too-long`` or ``not-a-log-line``.
    """
    if line.startswith(CHECKPOINT_START):
        return _decode(line, _checkpoint_decoder)
    return _decode(line, _block_decoder)


def _decode(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    if len(line) > LINE_BYTES_MAX:
        raise DecodeError("line-too-long", f"over {LINE_BYTES_MAX} bytes")
    try:
        value = decoder.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DecodeError("not-a-log-line", f"not a line of an export: {error}") from None
    if canonical.encode(value) != line:
        raise DecodeError("not-a-log-line", "the line is not in the one form that an export has")
    return value
