"""What a host takes back from its database when it starts (I2)."""

from __future__ import annotations

from consensus.effects import Durable, Saved
from consensus.messages import decode_batch, decode_certificate
from ledger.batch import verify
from ledger.genesis import Genesis
from node.host.fork_inquiry import CONFLICT
from node.host.journal import Journal
from node.host.machine import head_in
from node.host.pool import Pool
from node.storage.store import Store


def take_back_batches(genesis: Genesis, store: Store, pool: Pool, journal: Journal) -> None:
    """Put own batches that are not final back into the journal and the pool.

    Raises:
        ConsensusError: a stored batch is damaged.
        LedgerError: as above.
    """
    view = store.view()
    pool.forget_final({name: head_in(view, name)[0] for name in genesis.names})
    for item in store.load_journal():
        batch = decode_batch(item.body).batch()
        verify(batch, genesis.ledger, genesis.verifiers)
        journal.adopt(batch)


def saved(store: Store) -> Saved:
    """Return what the replica wakes up with.

    Raises:
        ConsensusError: the stored certificate is damaged.
    """
    with store.own_reader() as reader:
        latest = reader.latest_certificate()
    certificate = None if latest is None else decode_certificate(latest[1])
    items = [item for item in store.load_consensus() if item.kind != CONFLICT]
    return Saved(store.tip(), certificate, tuple(Durable(*item) for item in items))


FORK_MET = (
    "conflicting-final",
    "this node met a certificate against its own history before; both are kept in its database. "
    "Show `tongzhang evidence report` to the other parties before you go on",
)
"""Why such a node stops: code and message."""


def met_a_fork(store: Store) -> bool:
    """Return whether a node has met a second final history on this database, and stopped."""
    return any(item.kind == CONFLICT for item in store.load_consensus())
