"""Questions of peers that wait for an answer, paced: a peer gets only a part of this node's time.

A question is a few bytes and an answer may be a few megabytes: of each kind the latest one of a
peer waits, until the peer's pause is over.
"""

from __future__ import annotations

from consensus.messages import Message, WantBlock, WantChanges, WantJournal, WantRange

QUESTIONS = (WantBlock, WantChanges, WantJournal, WantRange)
PAUSE_MIN_MS = 2
PAUSE_FACTOR = 3
"""After an answer a peer waits three times as long as the answer took: a quarter of the time."""


class Questions:
    """What peers have asked and not been told yet. All times are ticks in ms."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, type[Message]], Message] = {}
        self._pauses: dict[str, int] = {}

    def put(self, peer: str, question: Message) -> None:
        """Let a question wait, in the place of an earlier one of its kind."""
        self._waiting[peer, type(question)] = question

    def next_at(self) -> list[int]:
        """Return when each waiting question may be answered."""
        return [self._pauses.get(peer, 0) for peer, _ in self._waiting]

    def waiting(self) -> list[tuple[str, Message]]:
        """Return the peers and questions that wait, the oldest first."""
        return [(peer, question) for (peer, _), question in self._waiting.items()]

    def take(self, peer: str, question: Message, now_ms: int) -> bool:
        """Return whether a question is to be answered now; it waits no more then."""
        if self._pauses.get(peer, 0) > now_ms:
            return False
        return self._waiting.pop((peer, type(question)), None) is not None

    def answered(self, peer: str, began_ms: int, now_ms: int) -> None:
        """Let a peer pause for the time that its answer took."""
        spent_ms = now_ms - began_ms
        self._pauses[peer] = began_ms + spent_ms + max(PAUSE_MIN_MS, PAUSE_FACTOR * spent_ms)
