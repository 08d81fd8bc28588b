"""Shares of memory: one bound for what all streams together may hold."""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress

from api.limits import STREAM_BYTES_MAX

_TRIM_BYTES = 4 * 1024 * 1024
"""What streams have held at most, from which on their memory is given back to the system."""


class StreamShares:
    """Divides the bytes that streams may hold: each may hold as much as is still free.

    So one stream alone gets half of all, n streams get 1/(n + 1) each, and there is always room
    for one more. Source: dynamic thresholds, Choudhury and Hahne, IEEE/ACM Transactions on
    Networking 6 (2), 1998.

    Args:
        bytes_max: What all streams together may hold.
    """

    def __init__(self, bytes_max: int = STREAM_BYTES_MAX) -> None:
        self.free = self._bytes_max = self._least = bytes_max
        self.turn = asyncio.Lock()
        """Held while many records are taken: between two such turns all others are served."""

    def take(self, size: int) -> None:
        """Count ``size`` bytes more, or fewer; once nothing is held, give memory back.

        glibc keeps freed memory below what is still in use: 46 of 65 MB after 24 streams.
        """
        self.free -= size
        self._least = min(self._least, self.free)
        if self.free == self._bytes_max and self._bytes_max - self._least > _TRIM_BYTES:
            self._least = self._bytes_max
            with suppress(OSError, AttributeError):  # another C library has no such call
                ctypes.CDLL(None).malloc_trim(0)

    def share(self) -> StreamShare:
        """Return the share of one more stream."""
        return StreamShare(self)


class StreamShare:
    """What one stream holds: lines on their way, and results that are not read yet."""

    def __init__(self, shares: StreamShares) -> None:
        self._shares = shares
        self.turn = shares.turn
        self.held = 0

    @property
    def full(self) -> bool:
        """Whether the stream must not take more now."""
        return self.held > self._shares.free

    def hold(self, size: int) -> None:
        """Count ``size`` bytes more; fewer, if it is negative."""
        self.held += size
        self._shares.take(size)

    def give_back(self) -> None:
        """Count nothing any more: the stream has ended."""
        self.hold(-self.held)
