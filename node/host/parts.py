"""Parts of one host that all its other parts work with, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.genesis import Genesis
from ledger.keys import Signer
from node.host.journal import Journal
from node.host.machine import LedgerMachine
from node.host.pool import Pool
from node.host.ports import Clock, Network
from node.host.sender import Sender
from node.storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that the parts of one host share.

    Attributes:
        genesis: The ledger.
        party: This node's party.
        store: What is durable and final.
        clock: The clocks.
        sender: The way to the peers.
        pool: Batches that are not final.
        machine: Blocks that are executed and not final.
        journal: Own records and batches.
        remembers: Whether the database was never lost: this node may vote.
        nonce: 32 random bytes, drawn at this start.
    """

    genesis: Genesis
    party: str
    store: Store
    clock: Clock
    sender: Sender
    pool: Pool
    machine: LedgerMachine
    journal: Journal
    remembers: bool
    nonce: bytes

    @property
    def answers_needed(self) -> int:
        """How many peers have to say what this party's key has signed before it signs (R11).

        A voter and as many others as make a quorum with it; a supervisor is none of the quorum.
        Whoever lost the database asks at least one.
        """
        quorum = self.genesis.quorum
        needed = quorum - 1 if self.party in self.genesis.voters else quorum
        return needed or int(not self.remembers and bool(self.sender.others))


def assemble(
    genesis: Genesis,
    party: str,
    signer: Signer,
    store: Store,
    *,
    network: Network,
    clock: Clock,
    nonce: bytes,
) -> Parts:
    """Return the parts of a host; its journal may not seal while others may know more of it.

    Args:
        genesis: The ledger.
        party: This node's party.
        signer: This party's key.
        store: The database.
        network: The way to the peers.
        clock: The clocks.
        nonce: 32 random bytes.
    """
    pool = Pool(genesis)
    sender = Sender(network, tuple(name for name in genesis.names if name != party))
    journal = Journal(genesis, party, signer, store, pool)
    parts = Parts(
        genesis=genesis,
        party=party,
        store=store,
        clock=clock,
        sender=sender,
        pool=pool,
        machine=LedgerMachine(genesis, party, signer, store, pool),
        journal=journal,
        remembers=not store.abstains(),
        nonce=nonce,
    )
    journal.may_seal = not parts.answers_needed
    return parts
