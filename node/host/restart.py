"""Restart: what a host takes back from its database (I2)."""

from __future__ import annotations

from consensus.effects import Durable, Saved
from consensus.messages import decode_batch, decode_certificate
from consensus.replica import Replica
from ledger.batch import verify
from ledger.keys import Signer
from node.host.fork_inquiry import CONFLICT
from node.host.machine import head_in
from node.host.parts import Parts
from node.storage.store import Store


def wake(parts: Parts, signer: Signer) -> Replica:
    """Return the replica as it was, with own batches that are not final in journal and pool.

    Raises:
        ConsensusError: something stored is damaged.
        LedgerError: as above.
    """
    _take_back_batches(parts)
    return Replica(
        parts.genesis,
        parts.party,
        signer,
        parts.machine,
        _saved(parts.store),
        now=parts.clock.now(),
        may_vote=parts.remembers and parts.party in parts.genesis.voters,
        recalling=parts.answers_needed > 0,
    )


def _take_back_batches(parts: Parts) -> None:
    genesis, view = parts.genesis, parts.store.view()
    parts.pool.forget_final({name: head_in(view, name)[0] for name in genesis.names})
    for item in parts.store.load_journal():
        batch = decode_batch(item.body).batch()
        verify(batch, genesis.ledger, genesis.verifiers)
        parts.journal.adopt(batch)


def _saved(store: Store) -> Saved:
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
