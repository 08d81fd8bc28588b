"""The draining of a server that is about to stop: what it still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress

from api.problems import Problem
from views.texts import gettext

ANSWER_S = 1.0
"""How long those who are told that the outcome is unknown get to read it."""


class Draining:
    """Counts submissions under way, and refuses new ones once the server is stopping."""

    def __init__(self) -> None:
        self._count = 0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._waits: set[asyncio.Timeout] = set()
        self._over = False

    @contextmanager
    def submission(self) -> Iterator[None]:
        """Count one submission while it is under way.

        Raises:
            Problem: ``stopping``.
        """
        self.refuse_stopping()
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    def refuse_stopping(self) -> None:
        """Return if records may still be taken.

        Raises:
            Problem: ``stopping``.
        """
        if self._stopping:
            said = gettext("This node is shutting down; nothing more was taken.")
            raise Problem("stopping", said)

    async def wait(self, outcome: Awaitable[object]) -> None:
        """Wait for ``outcome``, but no longer than the server does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._over else None) as wait:
                self._waits.add(wait)
                try:
                    await outcome
                finally:
                    self._waits.discard(wait)

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop."""
        return self._stopping

    async def drain(self, timeout_s: float) -> None:
        """Refuse new submissions; give those under way ``timeout_s``, then let them answer."""
        self._stopping = True
        await self._settle(timeout_s)
        self.give_up()
        await self._settle(ANSWER_S)

    def give_up(self) -> None:
        """End every :meth:`wait` now: the outcome is unknown, clients ask again."""
        self._over = True
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)

    async def _settle(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
