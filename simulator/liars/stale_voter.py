"""Votes long after, for old slots only: what is of no use to anybody any more."""

from __future__ import annotations

from consensus.messages import Message, VoteMessage
from simulator.liars.liar import Liar

PERIOD_US = 50_000
LATE_SLOTS_MAX = 60
"""Some votes come so late that nobody keeps the slot's votes any more."""


class StaleVoter(Liar):
    """A voter of the past. Its votes are those of its node, so it never contradicts itself."""

    def _begin(self) -> None:
        self._waiting: list[tuple[int, str, VoteMessage]] = []
        self.every(PERIOD_US, self._vote)

    def say(self, peer: str, message: Message) -> None:
        """Say everything at once but votes."""
        if isinstance(message, VoteMessage):
            due_slot = message.vote.slot + self.chance.below(LATE_SLOTS_MAX)
            self._waiting.append((due_slot, peer, message))
            return
        self.tell(peer, message)

    def _vote(self) -> None:
        final = self.tip().slot
        due = [each for each in self._waiting if each[0] < final]
        self._waiting = [each for each in self._waiting if each[0] >= final]
        for _, peer, message in due:
            self.tell(peer, message)
            self.lied("late", f"{message.vote.kind} {message.vote.slot} {peer}")
