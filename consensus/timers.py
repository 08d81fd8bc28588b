"""The replica's timers: the slot's, the empty block's, and the one for saying things again.

All in ms of the host's steady clock. Nothing here decides; the replica asks what has come due.
"""

from __future__ import annotations

from ledger.genesis import Timeouts

RECORDS_WAIT_PARTS = 10
"""Records that are notarized and not final wait for this part of the slot's time."""


class Timers:
    """Deadlines of one replica. A deadline of None is not running.

    Args:
        timeouts: Where the slot timer starts and how far it may grow.
        now_ms: The steady clock at the start.
    """

    def __init__(self, timeouts: Timeouts, now_ms: int) -> None:
        self._timeouts = timeouts
        self._slot_ms = timeouts.base_ms
        self._resend_ms = timeouts.base_ms
        self.slot_at: int | None = None
        self.empty_at: int | None = None
        self.empty_due = False
        self.resend_at: int = now_ms  # what was said before a restart may be lost
        self.moving = True
        """Whether no slot has timed out since something became final."""
        self._working = False

    @property
    def slot_ms(self) -> int:
        """The current slot timeout."""
        return self._slot_ms

    def next_at(self) -> int:
        """Return when the next deadline comes due."""
        at = self.resend_at
        if self.slot_at is not None and self.slot_at < at:
            at = self.slot_at
        if self.empty_at is not None and self.empty_at < at:
            at = self.empty_at
        return at

    def on_tick(self, now_ms: int) -> bool:
        """Note which deadlines have passed. Return whether the slot's is among them."""
        if self.empty_at is not None and self.empty_at <= now_ms:
            self.empty_at = None
            self.empty_due = True
        return self.slot_at is not None and self.slot_at <= now_ms

    def on_final(self, now_ms: int) -> None:
        """Fall back to the first timeouts: the ledger moves."""
        self.moving = True
        self._slot_ms = self._timeouts.base_ms
        self._resend_ms = self._timeouts.base_ms
        self.resend_at = now_ms + (self._resend_ms if self._working else self._timeouts.cap_ms)

    def on_timeout(self) -> None:
        """Note that a leader let its slot pass: the next one gets up to twice the time (R8)."""
        self.moving = False
        self._slot_ms = min(2 * self._slot_ms, self._timeouts.cap_ms)

    def on_resent(self, now_ms: int) -> None:
        """Note that everything was said again; wait longer before the next time."""
        self._resend_ms = min(2 * self._resend_ms, self._timeouts.cap_ms)
        self.resend_at = now_ms + self._resend_ms

    def work(self, pending: bool, now_ms: int) -> None:
        """Switch between the idle heartbeat and the resend interval."""
        if pending and not self._working:
            self._resend_ms = self._timeouts.base_ms
            self.resend_at = min(self.resend_at, now_ms + self._resend_ms)
        self._working = pending

    def start_slot(self, now_ms: int, *, leader_silent: bool, waiting: bool) -> None:
        """Start the slot's timer if it is not running, at once due for a silent leader.

        Args:
            now_ms: The steady clock.
            leader_silent: Whether the leader is given no time.
            waiting: Whether records are notarized and not final, so that an empty block is due.
        """
        if leader_silent:
            self.slot_at = now_ms
        elif self.slot_at is None:
            self.slot_at = now_ms + self._slot_ms
        if not waiting:
            self.empty_at, self.empty_due = None, False
        elif self.empty_at is None and not self.empty_due:
            self.empty_at = now_ms + self._slot_ms // RECORDS_WAIT_PARTS

    def stop_slot(self) -> None:
        """Stop the slot's timers: it is over, or there is nothing to wait for."""
        self.slot_at = None
        self.empty_at = None
        self.empty_due = False
