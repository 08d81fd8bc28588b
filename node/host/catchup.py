"""Final blocks for a peer that is behind (R9), and the Skip certificates before them (R10)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from consensus.exits import piece_of
from consensus.limits import EXITS_BLOCKS_MAX, RANGE_BLOCKS_MAX, RANGE_HEADERS_MAX
from consensus.messages import (
    Exits,
    Range,
    WantExits,
    WireBlock,
    decode_certificate,
    decode_justification,
    encode,
    wire_block,
)
from consensus.votes import Certificate
from node.storage.reads import Reader


def range_from(reader: Reader, height: int, bytes_max: int) -> Range | None:
    """Return final blocks from ``height`` on with one certificate, or None if there are none.

    Where a certified run is too long for a frame, its later blocks go as headers only: they lead
    to the certificate, and the peer asks for their bodies next.

    Args:
        reader: A snapshot of the store.
        height: The first height wanted.
        bytes_max: Bytes of blocks, the first of which always goes; and bytes of headers.
    """
    found = _fitting(reader, height, bytes_max)
    while found and found[-1][1] is None and any(certificate for _, certificate in found):
        found.pop()
    if not found:
        return None
    bodies = tuple(wire for wire, _ in found)
    certificate = found[-1][1]
    if certificate is not None:
        return Range(bodies, (), decode_certificate(certificate))
    return _led_on(reader, height, bodies, bytes_max)


def _fitting(reader: Reader, height: int, bytes_max: int) -> list[tuple[WireBlock, bytes | None]]:
    """Return blocks as they travel, each with its stored certificate."""
    found: list[tuple[WireBlock, bytes | None]] = []
    while len(found) < RANGE_BLOCKS_MAX:
        stored = reader.block(height + len(found))
        if stored is None:
            break
        wire = wire_block(stored.block, decode_justification(stored.justification))
        bytes_max -= len(encode(wire))
        if bytes_max < 0 and found:
            break
        found.append((wire, stored.certificate))
    return found


def _led_on(
    reader: Reader, height: int, bodies: tuple[WireBlock, ...], bytes_max: int
) -> Range | None:
    """Return blocks with the headers that lead on from them to the next certificate."""
    headers: list[bytes] = []
    while page := reader.blocks(height + len(bodies) + len(headers), RANGE_BLOCKS_MAX):
        for each in page:
            headers.append(each.raw_header)
            bytes_max -= len(each.raw_header)
            if bytes_max < 0 or len(headers) > RANGE_HEADERS_MAX:
                return None
            stored = reader.block(each.height) if each.certified else None
            if stored is not None and stored.certificate is not None:
                return Range(bodies, tuple(headers), decode_certificate(stored.certificate))
    return None


def exits_from(reader: Reader, height: int, question: WantExits) -> Exits | None:
    """Return a piece of the Skip certificates asked for that final blocks were justified with.

    A block is justified with all skipped slots since its parent's: the first slot that lacks, if it
    was skipped, stands with the first block after it. So a few blocks are enough to look at.

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
    begin = bisect_right(heights, question.first, key=slot_of)
    for each in heights[begin : begin + EXITS_BLOCKS_MAX]:
        stored = reader.block(each)
        if stored is None:
            return
        for certificate in decode_justification(stored.justification):
            subject = certificate.subject
            if subject.slot >= question.stop:
                return
            if subject.kind == "skip" and subject.slot >= question.first:
                yield certificate
