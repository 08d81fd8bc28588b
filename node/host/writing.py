"""When what final blocks have changed is written for readers.

Soon when the ledger rests; under load several blocks at once, and within a second. Whoever wants to
read sooner has it written (:meth:`node.host.host.Host.write`).
"""

from __future__ import annotations

from node.host.parts import Parts
from node.limits import REST_BEFORE_WRITING_MS, WRITTEN_WITHIN_MS

NEVER_MS = 1 << 62


class Writing:
    """Tells when to write what is held.

    Args:
        parts: The host's parts.
    """

    def __init__(self, parts: Parts) -> None:
        self._store, self._clock = parts.store, parts.clock
        self._pool, self._machine = parts.pool, parts.machine
        self._first_ms = self._last_ms = 0

    def held(self) -> None:
        """Note that final blocks came."""
        if not self._store.holds:
            self._first_ms = 0
            return
        self._last_ms = self._clock.now().ticks_ms
        self._first_ms = self._first_ms or self._last_ms

    def next_at(self) -> int:
        """Return when to write, on the steady clock."""
        if not self._store.holds:
            return NEVER_MS
        latest = self._first_ms + WRITTEN_WITHIN_MS
        rests = not len(self._pool) and not self._machine.has_unfinal
        return min(latest, self._last_ms + REST_BEFORE_WRITING_MS) if rests else latest
