"""Bytes of one connection that wait to be parsed: no more is parsed at once than is handed on.

A frame may have six bytes, so that what is read at once may hold tens of thousands. They are parsed
no faster than they are handed on. Frames that are no message, pings and pieces of a message, are
handed on to nobody: they have a ration of their own.
"""

from __future__ import annotations

import time

from node.limits import FRAGMENTS_MAX
from node.peers.ration import Ration

PART_BYTES = 8 * 1024
"""Bytes that are parsed at once."""
PIECES_AT_ONCE = 2 * FRAGMENTS_MAX
PIECES_PER_S = 1000
"""Frames that are no message. This software sends a ping in two seconds, and whole messages."""


class Unparsed:
    """The bytes of one connection that wait to be parsed, and its ration of pieces."""

    __slots__ = ("_bytes", "_pieces")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pieces = Ration(PIECES_AT_ONCE, PIECES_PER_S)

    def __len__(self) -> int:
        return len(self._bytes)

    def put(self, data: bytes) -> None:
        """Keep what came."""
        self._bytes += data

    def take(self) -> bytes:
        """Take out what is parsed next."""
        part = bytes(self._bytes[:PART_BYTES])
        del self._bytes[:PART_BYTES]
        return part

    def clear(self) -> None:
        """Let go of everything."""
        self._bytes.clear()

    def take_piece(self) -> bool:
        """Count a frame that is no message. Return whether there may be so many."""
        now_s = time.monotonic()
        self._pieces.take(1, now_s)
        return not self._pieces.wait_s(now_s)
