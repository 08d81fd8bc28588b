"""Asks without end: a storm of every question there is, for what is large, and for what is not."""

from __future__ import annotations

from collections.abc import Callable

from consensus.messages import Message, WantBlock, WantChanges, WantRange, WantStatements
from simulator.liars.liar import Liar

PERIOD_US = 10_000
AT_ONCE = 10


class Questioner(Liar):
    """A pupil who does not listen to the answers."""

    def _begin(self) -> None:
        self.every(PERIOD_US, self._ask)

    def _ask(self) -> None:
        questions: tuple[Callable[[], Message], ...] = (
            lambda: WantRange(1 + self.chance.below(1 + self.tip().height)),
            lambda: WantBlock(self.tip().hash),
            lambda: WantBlock(self.chance.bytes(32)),
            lambda: WantStatements(self.chance.bytes(32), 1, 1),
            lambda: WantChanges(self.tip().hash),
        )
        peer = self.chance.pick(self.others)
        for _ in range(AT_ONCE):
            self.tell(peer, self.chance.pick(questions)())
            self.lied("question", peer)
