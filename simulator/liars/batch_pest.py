"""Sends batches that nobody may take: larger than the ledger allows, or with a false signature."""

from __future__ import annotations

from msgspec.structs import replace

from consensus.messages import BatchMessage, Message, encode, wire_batch
from ledger.batch import seal
from simulator.liars.liar import Liar

PERIOD_US = 20_000
AT_ONCE = 4
ONE_LARGE_IN = 40
"""A large one is dear to make: it is made once, and said again."""


class BatchPest(Liar):
    """A sender of batches that are hashed and verified for nothing."""

    def _begin(self) -> None:
        self._batch: BatchMessage | None = None
        self._large = b""
        self.every(PERIOD_US, self._send_some)

    def hear(self, sender: str, message: Message) -> None:
        """Learn what a good batch looks like."""
        if isinstance(message, BatchMessage):
            self._batch = message

    def _send_some(self) -> None:
        for _ in range(AT_ONCE):
            if self._batch is not None:
                self._send_one(self._batch)

    def _send_one(self, batch: BatchMessage) -> None:
        large = self.chance.below(ONE_LARGE_IN) == 0
        frame = self._too_large(batch) if large else self._unsigned(batch)
        for peer in self.others:
            self.tell(peer, frame)
            self.lied("large-batch" if large else "unsigned-batch", peer)

    def _too_large(self, batch: BatchMessage) -> bytes:
        if not self._large:
            record = batch.batch.records[0]
            count = 1 + self.genesis.limits.batch_bytes // len(record)
            before = (self._number(), self.chance.bytes(32))
            made = seal(self.signer, self.genesis.ledger, self.party, before, [record] * count)
            self._large = encode(BatchMessage(wire_batch(made)))
        return self._large

    def _unsigned(self, batch: BatchMessage) -> bytes:
        before = (self._number(), self.chance.bytes(32))
        made = seal(self.signer, self.genesis.ledger, self.party, before, batch.batch.records)
        return encode(BatchMessage(replace(wire_batch(made), signature=self.chance.bytes(64))))

    def _number(self) -> int:
        host = self.process.host
        return 8 if host is None else host.pool.final_number(self.party) + 8
