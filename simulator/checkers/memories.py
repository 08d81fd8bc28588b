"""Memories: which machine knows what a key has said, and what a machine was told of its own key.

A node whose disk went back in time has said more than it remembers. It asks its peers, and signs
when enough of them have answered; what none of those knew that answered it cannot know. That is the
documented remainder, and no more than that: what one of them knew when it answered, the node has
been told.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from consensus.messages import Message, StatementsMessage, VoteMessage, WantStatements
from ledger.errors import LedgerError
from simulator.checkers.scene import Watched
from simulator.checkers.statements import KeyStatement, in_message


class Memories:
    """What machines know of some keys, and whose answers each machine has got in this life.

    A machine knows what it took in during this life, and what its disk held when it began. An
    answer counts that has the nonce of a question of this life; it comes in pieces, and says what
    was known when the first one left. Times are the world's, in µs.

    Args:
        parties: The keys of interest: those of parties that lose or set back a disk.
    """

    def __init__(self, parties: frozenset[str]) -> None:
        self._parties = parties
        self._known: dict[str, dict[KeyStatement, int]] = {}
        self._heights: dict[str, int] = {}
        self._nonces: dict[str, set[bytes]] = {}
        self._begun: dict[tuple[str, str], int] = {}
        self._answers: dict[str, dict[str, int]] = {}

    def begin(self, process: Watched, statements: Sequence[KeyStatement], at_us: int) -> None:
        """Begin a machine's life with what its disk holds."""
        self._answers[process.name] = {}
        self._nonces[process.name] = set()
        self._known[process.name] = {}
        self._heights[process.name] = 0 if process.store is None else process.store.tip().height
        self._learn(process, statements, at_us)

    def save(self, process: Watched, statements: Sequence[KeyStatement], at_us: int) -> None:
        """Note what a machine itself has made durable."""
        self._learn(process, statements, at_us)

    def hear(
        self, process: Watched, sender: Watched, message: Message, sent_us: int, at_us: int
    ) -> None:
        """Note what a machine is told, and whose answer it has got."""
        if isinstance(message, StatementsMessage):
            self._on_answer(process, sender, message, sent_us)
        if self._parties and not self._is_of_others(message):
            with suppress(LedgerError):  # in form a message, of a block or batch that is none
                self._learn(process, tuple(in_message(message)), at_us)

    def _is_of_others(self, message: Message) -> bool:
        """Return whether a message is a vote of a key that is of no interest: most are."""
        return isinstance(message, VoteMessage) and message.vote.voter not in self._parties

    def ask(self, process: Watched, message: WantStatements) -> None:
        """Note the nonce of a question."""
        self._nonces.setdefault(process.name, set()).add(message.nonce)

    def _on_answer(
        self, process: Watched, sender: Watched, message: StatementsMessage, sent_us: int
    ) -> None:
        said = message.statements
        ours = said.asker == process.party and said.answerer == sender.party
        if not ours or said.nonce not in self._nonces.get(process.name, ()):
            return
        pair = (process.name, sender.name)
        if (said.slot, said.number) == (1, 1):
            self._begun[pair] = sent_us
        if said.is_last and pair in self._begun:
            self._answers[process.name].setdefault(sender.name, self._begun[pair])

    def _learn(self, process: Watched, statements: Sequence[KeyStatement], at_us: int) -> None:
        known = self._known.setdefault(process.name, {})
        for statement in statements:
            if statement.party in self._parties:
                known.setdefault(statement, at_us)

    def answered(self, process: Watched) -> dict[str, int]:
        """Return when each machine began its answer that has arrived whole in this life."""
        return self._answers.get(process.name, {})

    def told_of(
        self, process: Watched, statement: KeyStatement, others: Sequence[Watched]
    ) -> Watched | None:
        """Return one of ``others`` that knew a statement when it answered a machine, or None."""
        for other in others:
            said_us = self.answered(process).get(other.name)
            if said_us is None:
                continue
            known = self._known.get(other.name, {})
            if known.get(statement, said_us + 1) <= said_us or self._began_with(other, statement):
                return other
        return None

    def _began_with(self, machine: Watched, statement: KeyStatement) -> bool:
        """Return whether a batch stood in a machine's log when its life began."""
        if statement.place.kind != "batch" or machine.store is None:
            return False
        with machine.store.reader() as reader:
            stored = reader.batch(statement.party, statement.place.number)
        return stored is not None and stored.height <= self._heights[machine.name]
