"""A record on its way: ``queued → ordered → final``, or ``refused`` before it was signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ledger.entry import APPLIED
from ledger.errors import LedgerError
from ledger.records import Record

State = Literal["queued", "ordered", "final", "refused"]


class Submission:
    """One record and what has become of it. Changes only on the node's event loop.

    Args:
        party: The author: this node's party.
        record_id: The record's id, or an empty string if the bytes could not be read.
        raw: The record's bytes as submitted.
        record: The decoded record, if it could be decoded.
    """

    __slots__ = (
        "_callbacks",
        "code",
        "existing",
        "height",
        "id",
        "index",
        "message",
        "outcome",
        "party",
        "raw",
        "record",
        "state",
    )

    def __init__(self, party: str, record_id: str, raw: bytes, record: Record | None) -> None:
        self.party = party
        self.id = record_id
        self.raw = raw
        self.record = record
        self.state: State = "queued"
        self.index: int | None = None
        self.height: int | None = None
        self.outcome: str | None = None
        self.code: str | None = None
        self.message: str | None = None
        self.existing = False
        self._callbacks: list[Callable[[Submission], None]] = []

    @property
    def done(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("final", "refused")

    def on_done(self, callback: Callable[[Submission], None]) -> None:
        """Call ``callback`` once, when the record is final or refused; at once if it is."""
        if self.done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def follow(self, earlier: Submission) -> None:
        """Share the fate of an earlier submission of the very same record."""
        self.existing = True
        self.state = earlier.state
        earlier.on_done(self._take_over)

    def _take_over(self, earlier: Submission) -> None:
        self.index, self.height, self.outcome = earlier.index, earlier.height, earlier.outcome
        self.code, self.message = earlier.code, earlier.message
        self._end(earlier.state)

    def refuse(self, error: LedgerError) -> None:
        """End as refused before signing: nothing was recorded."""
        self.code = error.code
        self.message = error.message
        self._end("refused")

    def finalize(self, index: int, height: int, outcome: str, message: str | None = None) -> None:
        """End as final at ``index``; ``outcome`` is applied or a refusal's code."""
        self.index = index
        self.height = height
        self.outcome = outcome
        if outcome != APPLIED:
            self.code = outcome
            self.message = message
        self._end("final")

    def _end(self, state: State) -> None:
        self.state = state
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
