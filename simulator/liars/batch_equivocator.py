"""Signs two batches with one number, and sends them to halves of the others."""

from __future__ import annotations

import msgspec

from consensus.messages import BatchMessage, Message, wire_batch
from ledger import canonical
from ledger.batch import Batch, seal
from node.host.machine import head_in
from simulator.liars.liar import Liar

PERIOD_US = 300_000


class BatchEquivocator(Liar):
    """An author with two journals. Both continue what is final, so that either may become so.

    Who has nothing to say of its own says what it has heard from others.
    """

    def _begin(self) -> None:
        self._made: dict[int, tuple[Batch, Batch, tuple[str, ...]]] = {}
        self._heard_records: tuple[bytes, ...] = ()
        self._has_own = False
        self.every(PERIOD_US, self._invent)

    def say(self, peer: str, message: Message) -> None:
        """Say the one or the other for each own batch."""
        if isinstance(message, BatchMessage):
            batch = message.batch.batch()
            if batch.party == self.party:
                self._has_own = True
                message = BatchMessage(wire_batch(self._version(batch, peer)))
        self.tell(peer, message)

    def hear(self, sender: str, message: Message) -> None:
        """Learn what good records look like."""
        if isinstance(message, BatchMessage):
            self._heard_records = message.batch.records[-1:]

    def _invent(self) -> None:
        head = self._head()
        if self._has_own or head is None or not self._heard_records or head[0] + 1 in self._made:
            return
        batch = seal(self.signer, self.genesis.ledger, self.party, head, self._heard_records)
        for peer in self.others:
            self.tell(peer, BatchMessage(wire_batch(self._version(batch, peer))))

    def _head(self) -> tuple[int, bytes] | None:
        store = self.process.store
        return None if store is None else head_in(store.view(), self.party)

    def _version(self, batch: Batch, peer: str) -> Batch:
        made = self._made.get(batch.number) or self._make(batch)
        if made is None:
            return batch
        self.lied("two-batches", f"{batch.number} {peer}")
        return made[1] if peer in made[2] else made[0]

    def _make(self, batch: Batch) -> tuple[Batch, Batch, tuple[str, ...]] | None:
        head = self._head()
        if head is None or head[0] + 1 != batch.number:
            return None
        other = (*batch.records[:-1], _altered(batch.records[-1]))
        first, second = (
            seal(self.signer, self.genesis.ledger, self.party, head, records)
            for records in (batch.records, other)
        )
        self._made[batch.number] = (first, second, self.half())
        return self._made[batch.number]


def _altered(record: bytes) -> bytes:
    """Return a record that says that it happened a millisecond later."""
    said = msgspec.json.decode(record)
    return canonical.encode({**said, "at": said["at"] + 1})
