"""Parts of one host that the others work with, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.genesis import Genesis
from node.host.journal import Journal
from node.host.machine import LedgerMachine
from node.host.pool import Pool
from node.host.ports import Clock
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
    """

    genesis: Genesis
    party: str
    store: Store
    clock: Clock
    sender: Sender
    pool: Pool
    machine: LedgerMachine
    journal: Journal
