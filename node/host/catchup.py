"""Final blocks for a peer that is behind (R9), and the Skip certificates before them (R10)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from consensus.exits import piece_of
from consensus.limits import RANGE_BLOCKS_MAX
from consensus.messages import (
    Exits,
    Range,
    WantExits,
    WireBlock,
    decode_certificate,
    decode_justification,
    wire_block,
)
from consensus.votes import Certificate
from node.storage.reads import Reader
from node.storage.stored import StoredBlock


def range_from(reader: Reader, height: int, bytes_max: int) -> Range | None:
    """Return final blocks from ``height`` on with one certificate, or None if there are none.

    Where a certified run is too long for a frame, its later blocks go as headers only: they lead
    to the certificate, and the peer asks for their bodies next.

    Args:
        reader: A snapshot of the store.
        height: The first height wanted.
        bytes_max: Bytes of blocks and their proofs; the first block always goes.
    """
    stored = reader.block_range(height, bytes_max, RANGE_BLOCKS_MAX)
    if not stored or stored[-1].certificate is None:
        return None
    bodies = _fitting(stored, bytes_max)
    headers = tuple(s.block.raw_header for s in stored[len(bodies) :])
    if len(headers) > RANGE_BLOCKS_MAX:
        return None
    return Range(tuple(bodies), headers, decode_certificate(stored[-1].certificate))


def _fitting(stored: list[StoredBlock], bytes_max: int) -> list[WireBlock]:
    bodies: list[WireBlock] = []
    size = 0
    for each in stored[:RANGE_BLOCKS_MAX]:
        size += len(each.block.raw_header) + len(each.justification)
        size += sum(batch.size_bytes for batch in each.block.batches)
        if size > bytes_max and bodies:
            break
        bodies.append(wire_block(each.block, decode_justification(each.justification)))
    return bodies


def exits_from(reader: Reader, height: int, question: WantExits) -> Exits | None:
    """Return a piece of the Skip certificates asked for that final blocks were justified with.

    Args:
        reader: A snapshot of the store.
        height: The last final height.
        question: The slots asked for.
    """
    return piece_of(_skips(reader, height, question))


def _skips(reader: Reader, height: int, question: WantExits) -> Iterator[Certificate]:
    def slot_of(each: int) -> int:
        return reader.blocks(each, 1)[0].header.slot

    heights = range(1, height + 1)
    for each in heights[bisect_right(heights, question.first, key=slot_of) :]:
        stored = reader.block(each)
        if stored is None:
            return
        for certificate in decode_justification(stored.justification):
            subject = certificate.subject
            if subject.slot >= question.stop:
                return
            if subject.kind == "skip" and subject.slot >= question.first:
                yield certificate
