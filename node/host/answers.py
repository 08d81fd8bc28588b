"""Answers to peers: final blocks, Skips, what their key has signed, this node's changes; paced.

A question is a few bytes and an answer may be a few megabytes: of each kind the latest one of a
peer waits, until the peer's pause is over, so that a peer gets only a part of this node's time.
"""

from __future__ import annotations

from collections.abc import Callable

from consensus.effects import Event, Received
from consensus.messages import (
    ChangesMessage,
    Message,
    WantBlock,
    WantChanges,
    WantExits,
    WantRange,
    WantStatements,
)
from node.host.catchup import exits_from, range_from
from node.host.parts import Parts

QUESTIONS = (WantBlock, WantChanges, WantExits, WantRange, WantStatements)
PAUSE_MIN_MS = 2
PAUSE_FACTOR = 9
"""After an answer a peer waits nine times as long as the answer took: a tenth of the time."""


class Answers:
    """What peers have asked and are told. All times are ticks in ms.

    Args:
        parts: The host's parts.
        testimony: Says what is known here of the statements of a party's key.
        run: Lets the replica answer: blocks that are not final are its own to give.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        testimony: Callable[[str, WantStatements], Message],
        run: Callable[[Event], bool],
    ) -> None:
        self._genesis = parts.genesis
        self._store = parts.store
        self._machine = parts.machine
        self._sender = parts.sender
        self._clock = parts.clock
        self._testimony = testimony
        self._run = run
        self._waiting: dict[tuple[str, type[Message]], Message] = {}
        self._pauses: dict[str, int] = {}

    def put(self, peer: str, question: Message) -> bool:
        """Take a question, in the place of an earlier one of its kind, and answer what is due.

        Return whether no other one of its kind waited: who asks faster than it is answered wastes
        time.
        """
        first = (peer, type(question)) not in self._waiting
        self._waiting[peer, type(question)] = question
        self.answer_due()
        return first

    def waiting(self) -> list[tuple[str, Message]]:
        """Return the peers and questions that wait, the oldest first."""
        return [(peer, question) for (peer, _), question in self._waiting.items()]

    def next_at(self) -> list[int]:
        """Return when each waiting question may be answered."""
        return [self._pauses.get(peer, 0) for peer, _ in self._waiting]

    def answer_due(self) -> None:
        """Answer whoever's pause is over; it pauses again for the time that the answer took."""
        for peer, question in self.waiting():
            began_ms = self._clock.now().ticks_ms
            if self._pauses.get(peer, 0) > began_ms:
                continue
            if self._waiting.pop((peer, type(question)), None) is None:
                continue  # answered meanwhile
            self._answer(peer, question)
            spent_ms = self._clock.now().ticks_ms - began_ms
            self._pauses[peer] = began_ms + spent_ms + max(PAUSE_MIN_MS, PAUSE_FACTOR * spent_ms)

    def _answer(self, peer: str, question: Message) -> None:
        if isinstance(question, WantBlock) or self._is_of_the_replica(question):
            self._run(Received(peer, question))
            return
        answer = self._to(peer, question)
        if answer is not None:
            self._sender.tell(peer, answer)

    def _is_of_the_replica(self, question: Message) -> bool:
        return isinstance(question, WantExits) and question.first > self._store.tip().slot

    def _to(self, peer: str, question: Message) -> Message | None:
        if isinstance(question, WantRange):
            with self._store.own_reader() as reader:
                return range_from(reader, question.height, self._genesis.limits.block_bytes)
        if isinstance(question, WantExits):
            with self._store.own_reader() as reader:
                return exits_from(reader, self._store.tip().height, question)
        if isinstance(question, WantStatements):
            return self._testimony(peer, question)
        if isinstance(question, WantChanges):
            changes = self._machine.changes_of(question.hash)
            return None if changes is None else ChangesMessage(question.hash, changes)
        return None
