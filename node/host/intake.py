"""Intake of batches from peers: what is worth a verification, and what becomes of it.

The cheapest question comes first: size, number, whether it is here already. Only then is a batch
hashed and its signature verified, each at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ledger.batch import Batch
from ledger.block import Block
from node.host.accusations import Accusations
from node.host.gossip import Gossip
from node.host.parts import Parts

Taken = Literal["waits", "convicts", ""]
"""What became of a batch: it waits for a block, it only convicts its author, or it was dropped."""


class Intake:
    """Takes batches for one host.

    Args:
        parts: The host's parts.
        accusations: The evidence kept here.
        gossip: Keeps and tells what two batches prove.
        learn: Takes an own batch that others have.
    """

    def __init__(
        self,
        parts: Parts,
        accusations: Accusations,
        gossip: Gossip,
        *,
        learn: Callable[[Batch], bool],
    ) -> None:
        self._genesis = parts.genesis
        self._party = parts.party
        self._pool = parts.pool
        self._machine = parts.machine
        self._accusations = accusations
        self._gossip = gossip
        self._learn = learn

    def take(self, batch: Batch) -> Taken:
        """Take a batch of a peer.

        Raises:
            LedgerError: it is too large, or not its author's.
        """
        if batch.party not in self._genesis.verifiers:
            return ""
        self._machine.refuse_too_large(batch)
        lacking = self._pool.lacks(batch)
        if not lacking and not self._may_convict(batch):
            return ""
        self._machine.verify_batch(batch)
        watch = self._machine.watch
        self._gossip.share(watch.see(batch))
        if not lacking:
            watch.note_verified(batch)
            return "convicts"
        if batch.party == self._party:
            self._learn(batch)
        self._pool.add(batch)
        return "waits"

    def read(self, block: Block) -> None:
        """Take own batches of an executed block: others may know them when this node does not."""
        for batch in block.batches:
            if batch.party == self._party:
                self._learn(batch)

    def _may_convict(self, batch: Batch) -> bool:
        """Return whether a batch may prove something that is not known; it is not verified yet."""
        watch = self._machine.watch
        if self._accusations.is_full(batch.party) or watch.was_verified(batch):
            return False
        return watch.contradicts(batch)
