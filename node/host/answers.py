"""What peers are told that ask this node: final blocks, their own latest batch, its changes."""

from __future__ import annotations

from collections.abc import Callable

from consensus.messages import (
    ChangesMessage,
    Journal,
    Message,
    WantChanges,
    WantJournal,
    WantRange,
    WireBatch,
    decode_block,
    wire_batch,
)
from ledger.batch import Batch
from ledger.genesis import Genesis
from node.host.catchup import range_from
from node.host.machine import LedgerMachine, head_in
from node.host.pool import Pool
from node.storage.store import Store


class Answers:
    """Answers from what one node holds.

    Args:
        genesis: The ledger and its limits.
        store: What is final.
        pool: Batches that are not.
        machine: The changes of blocks that are not final.
        heard: Tells whether a party has voted or proposed anything that is known here.
    """

    def __init__(
        self,
        genesis: Genesis,
        store: Store,
        pool: Pool,
        machine: LedgerMachine,
        *,
        heard: Callable[[str], bool],
    ) -> None:
        self._heard = heard
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
            latest = self._latest_batch_of(peer)
            return Journal(latest, self._store.tip().height, self._heard(peer))
        if isinstance(question, WantChanges):
            changes = self._machine.changes_of(question.hash)
            return None if changes is None else ChangesMessage(question.hash, changes)
        return None

    def _latest_batch_of(self, party: str) -> WireBatch | None:
        """Return the latest batch of a party that was ever seen here, as far as that is kept.

        A block that this node has notarized may hold one that is in no pool after a restart.
        """
        number, _ = head_in(self._store.view(), party)
        later = [each for each in self._not_final(party) if each.number > number]
        if later:
            return wire_batch(max(later, key=lambda each: each.number))
        with self._store.own_reader() as reader:
            stored = reader.batch(party, number) if number else None
        return None if stored is None else wire_batch(stored.batch())

    def _not_final(self, party: str) -> list[Batch]:
        waiting = self._pool.latest(party)
        found = [] if waiting is None else [waiting]
        for item in self._store.load_consensus():
            if item.kind == "block":
                held = [wire.batch() for wire in decode_block(item.body).batches]
                found += [batch for batch in held if batch.party == party]
        return found
