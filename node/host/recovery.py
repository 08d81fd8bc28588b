"""Recovery after a lost database: the own journal is learnt from the peers before it goes on (I2).

A batch number must not be used twice. So the node signs records again only when every peer has
said which batch of it was the latest that it saw, and all up to the last of them are final here.
"""

from __future__ import annotations

import logging

from consensus.messages import JournalMessage, WantJournal
from node.host.machine import head_in
from node.host.parts import Parts

logger = logging.getLogger("tongzhang.host")


class Recovery:
    """Holds the journal back while a peer has not answered.

    Args:
        parts: The host's parts.
    """

    def __init__(self, parts: Parts) -> None:
        self._party = parts.party
        self._sender = parts.sender
        self._unanswered = set(parts.sender.others)
        self._lacking: set[str] = set()
        """Voters that hold no block, and nothing that this node's key has said."""
        self._genesis = parts.genesis
        self._journal = parts.journal
        self._machine = parts.machine
        self._store = parts.store

    def greet(self, peer: str) -> None:
        """Ask a peer that comes up for this party's latest batch, if it is not known yet."""
        if not self._journal.may_seal:
            self._sender.tell(peer, WantJournal())

    def on_journal(self, peer: str, message: JournalMessage) -> None:
        """Learn of an own batch from before the database was lost.

        Raises:
            ConsensusError: the batch is malformed.
            LedgerError: the batch is forged.
        """
        if self._journal.may_seal:
            return
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

    def resume(self) -> bool:
        """Let the journal sign again, once all that peers knew is final. Return if it begins."""
        if self._journal.may_seal or self._unanswered:
            return False
        if head_in(self._store.view(), self._party)[0] < self._journal.head[0]:
            return False
        self._journal.resume()
        logger.warning("%s: own journal is complete; signing records again", self._party)
        return True
