"""What a server that is about to stop still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from api.problems import Problem


class Draining:
    """Counts submissions under way, and refuses new ones once the server is stopping."""

    def __init__(self) -> None:
        self._count = 0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def submission(self) -> Iterator[None]:
        """Count one submission while it is under way.

        Raises:
            Problem: ``stopping``.
        """
        if self._stopping:
            raise Problem("stopping", "This node is shutting down; nothing was taken.")
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        return self._stopping

    async def drain(self, timeout_s: float) -> None:
        """Refuse new submissions and wait for those under way, at most ``timeout_s``."""
        self._stopping = True
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return  # the clients ask again with the same id

    def give_up(self) -> None:
        """End :meth:`drain` now."""
        self._idle.set()
