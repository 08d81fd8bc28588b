"""What peers are told that ask this node: final blocks, their own latest batch, its changes."""

from __future__ import annotations

from consensus.messages import (
    ChangesMessage,
    Journal,
    Message,
    WantChanges,
    WantJournal,
    WantRange,
    WireBatch,
    wire_batch,
)
from ledger.genesis import Genesis
from node.catchup import range_from
from node.machine import LedgerMachine, head_in
from node.pool import Pool
from node.storage.store import Store


class Answers:
    """Answers from what one node holds.

    Args:
        genesis: The ledger and its limits.
        store: What is final.
        pool: Batches that are not.
        machine: The changes of blocks that are not final.
    """

    def __init__(self, genesis: Genesis, store: Store, pool: Pool, machine: LedgerMachine) -> None:
        self._genesis = genesis
        self._store = store
        self._pool = pool
        self._machine = machine

    def to(self, peer: str, question: Message) -> Message | None:
        """Return the answer to a question of a peer, or None if this node has none."""
        if isinstance(question, WantRange):
            with self._store.own_reader() as reader:
                return range_from(reader, question.height, self._genesis.limits.block_bytes)
        if isinstance(question, WantJournal):
            return Journal(self._latest_batch_of(peer))
        if isinstance(question, WantChanges):
            changes = self._machine.changes_of(question.hash)
            return None if changes is None else ChangesMessage(question.hash, changes)
        return None

    def _latest_batch_of(self, party: str) -> WireBatch | None:
        waiting = self._pool.latest(party)
        if waiting is not None:
            return wire_batch(waiting)
        number, _ = head_in(self._store.view(), party)
        with self._store.own_reader() as reader:
            stored = reader.batch(party, number) if number else None
        return None if stored is None else wire_batch(stored.batch())
