"""Gathering: a moment in which those come again whose records have just become final.

Who waits for an answer submits the next record when it comes. A page that is signed at once holds
the first of them, and the others wait for one more block; a moment later it holds them all. A
party with a single record under way never waits, nor does a full page.
"""

from __future__ import annotations

from node.host.ports import Clock

QUIET_PARTS = 250
"""The moment ends when nobody has come for this part of the first slot timeout, …"""
PARTS = 25
"""… after this part of it at the latest, and after as long as the last page took."""


class Gathering:
    """The moment after own records became final.

    Args:
        clock: The clocks.
        base_ms: The first slot timeout.
    """

    def __init__(self, clock: Clock, base_ms: int) -> None:
        self._clock = clock
        self._quiet_ms, self._most_ms = base_ms // QUIET_PARTS, base_ms // PARTS
        self._signed_ms = self._last_ms = 0
        self.until_ms = 0

    def signed(self) -> None:
        """Note that a page was signed."""
        self._signed_ms = self._clock.now().ticks_ms

    def final(self, records: int) -> None:
        """Note how many own records have become final at once."""
        if records > 1:
            now_ms = self._clock.now().ticks_ms
            self._last_ms = now_ms + min(self._most_ms, now_ms - self._signed_ms)
            self.until_ms = min(self._last_ms, now_ms + self._quiet_ms)

    def came(self) -> None:
        """Note that a record has come."""
        self.until_ms = min(self._last_ms, self._clock.now().ticks_ms + self._quiet_ms)
