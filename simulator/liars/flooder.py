"""Floods: votes for slots far ahead, batches with numbers far ahead, questions without end."""

from __future__ import annotations

from collections.abc import Callable

from consensus.limits import SLOT_WINDOW
from consensus.messages import (
    BatchMessage,
    Message,
    WantBlock,
    WantChanges,
    WantRange,
    WantStatements,
    wire_batch,
)
from consensus.votes import Subject, notar_subject, skip_subject
from ledger.batch import seal
from ledger.limits import SAFE_INTEGER_MAX
from node.limits import POOL_BATCHES_PER_PARTY_MAX
from simulator.liars.liar import Liar

PERIOD_US = 40_000
AT_ONCE = 4


class Flooder(Liar):
    """Works as its node does, and wastes everybody's time and room besides."""

    def _begin(self) -> None:
        self._record: bytes | None = None
        self.every(PERIOD_US, self._flood)

    def hear(self, sender: str, message: Message) -> None:
        """Learn what a good record looks like."""
        if isinstance(message, BatchMessage):
            self._record = message.batch.records[0]

    def _flood(self) -> None:
        kinds: tuple[tuple[str, Callable[[], Message | None]], ...] = (
            ("vote", self._vote),
            ("batch", self._batch),
            ("question", self._question),
        )
        kind, make = self.chance.pick(kinds)
        peer = self.chance.pick(self.others)
        for _ in range(AT_ONCE):
            message = make()
            if message is not None:
                self.tell(peer, message)
                self.lied(kind, peer)

    def _ahead(self, limit: int) -> int:
        """Return how far to go: mostly just within a limit, at times beyond it."""
        far = self.chance.between(2, limit + limit // 4)
        return far if self.chance.below(20) else SAFE_INTEGER_MAX // 2

    def _vote(self) -> Message:
        slot = self.tip().slot + 8 + self._ahead(SLOT_WINDOW)
        nothing = notar_subject(slot, self.chance.bytes(32))
        subject: Subject = self.chance.pick((nothing, skip_subject(slot)))
        return self.says(subject)

    def _batch(self) -> Message | None:
        host = self.process.host
        if host is None or self._record is None:
            return None
        number = host.pool.final_number(self.party) + 8 + self._ahead(POOL_BATCHES_PER_PARTY_MAX)
        before = (number - 1, self.chance.bytes(32))
        batch = seal(self.signer, self.genesis.ledger, self.party, before, [self._record])
        return BatchMessage(wire_batch(batch))

    def _question(self) -> Message:
        questions: tuple[Message, ...] = (
            WantRange(1),
            WantRange(self.tip().height + 1 + self.chance.below(1000)),
            WantBlock(self.chance.bytes(32)),
            WantStatements(bytes(32), 1, 1),
            WantChanges(self.chance.bytes(32)),
        )
        return self.chance.pick(questions)
