"""After a lost database: the own journal is learnt from the peers before it goes on (I2).

A batch number must not be used twice. So the node signs records again only when every peer has
said which batch of it was the latest that it saw, and all up to the last of them are final here.
"""

from __future__ import annotations

from consensus.messages import Journal as JournalMessage
from ledger.genesis import Genesis
from node.host.journal import Journal
from node.host.machine import LedgerMachine, head_in
from node.storage.store import Store


class Recovery:
    """Holds the journal back while a peer has not answered.

    Args:
        genesis: The ledger.
        party: This node's party.
        others: The peers that have to answer.
        journal: The own journal.
        machine: Verifies batches.
        store: What is final here.
    """

    def __init__(
        self,
        genesis: Genesis,
        party: str,
        others: tuple[str, ...],
        *,
        journal: Journal,
        machine: LedgerMachine,
        store: Store,
    ) -> None:
        self._party = party
        self._unanswered = set(others)
        self._lacking: set[str] = set()
        """Voters that hold no block, and nothing that this node's key has said."""
        self._genesis = genesis
        self._journal = journal
        self._machine = machine
        self._store = store

    def on_journal(self, peer: str, message: JournalMessage) -> None:
        """Learn of an own batch from before the database was lost.

        Raises:
            ConsensusError: the batch is malformed.
            LedgerError: the batch is forged.
        """
        if message.batch is not None:
            batch = message.batch.batch()
            self._machine.verify_batch(batch)
            if batch.party == self._party and batch.number > self._journal.head[0]:
                self._journal.head = (batch.number, batch.hash)
        self._unanswered.discard(peer)
        if message.height or message.heard or message.batch is not None:
            self._lacking.discard(peer)
        elif peer in self._genesis.voters:
            self._lacking.add(peer)

    def found_nothing(self) -> bool:
        """Return whether as many peers as make a quorum with this node have nothing to fetch.

        So it is after a founding: nobody has made a block, nor heard anything of this key.
        """
        needed = max(1, self._genesis.quorum - 1)
        return len(self._lacking) >= needed and not self._store.tip().height

    def is_complete(self) -> bool:
        """Return whether all peers have answered and all that they knew of is final here."""
        if self._unanswered:
            return False
        return head_in(self._store.view(), self._party)[0] >= self._journal.head[0]
