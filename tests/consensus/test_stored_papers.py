"""What a replica takes back after a restart is what it stored, or the start says that it is not."""

from __future__ import annotations

import pytest

from consensus.effects import Durable, Now, Saved, WorkArrived
from consensus.errors import ConsensusError
from consensus.justification import leader_of
from consensus.messages import BatchMessage, CertificateMessage, Proposal, VoteMessage
from consensus.replica import Replica
from ledger.errors import LedgerError
from tests.consensus.consensus_kit import Cluster, Seat
from tests.ledger.chain_kit import SIGNERS, ChainMachine, genesis_of

NAME = "funder"
NOW = Now(10_000, 10_000)


@pytest.fixture(scope="module")
def seat() -> Seat:
    """Give a seat that has one final block, and a second one notarized with all that led there."""
    cluster = Cluster(genesis_of(4, 3))
    cluster.work("platform")
    cluster.run(5_000, cluster.all_work_final)
    cluster.work("platform")
    for kind in (BatchMessage, Proposal, VoteMessage, CertificateMessage):
        for letter in [each for each in cluster.bag if isinstance(each.message, kind)]:
            if not (
                isinstance(letter.message, VoteMessage) and letter.message.vote.kind == "final"
            ):
                cluster.bag.remove(letter)
                cluster.deliver(letter)
    found = cluster.seats[NAME]
    found.replica = None
    return found


def _wake(seat: Seat, saved: Saved) -> Replica:
    genesis, name = seat.disk.genesis, seat.name
    machine = ChainMachine(genesis, name, seat.disk)
    return Replica(genesis, name, SIGNERS[name], machine, saved, now=NOW)


def test_what_was_stored_is_taken_back(seat: Seat) -> None:
    kinds = {durable.kind for durable in seat.disk.saved().durables}
    assert kinds == {"vote", "certificate", "block"}
    assert seat.disk.saved().certificate is not None
    assert _wake(seat, seat.disk.saved()).final.height == 1


def test_no_turned_byte_in_what_was_stored_is_taken_back(seat: Seat) -> None:
    saved = seat.disk.saved()
    for place, durable in enumerate(saved.durables):
        for at in range(len(durable.body)):
            body = bytearray(durable.body)
            body[at] ^= 0xFF
            damaged = Durable(durable.slot, durable.kind, durable.name, bytes(body))
            papers = (*saved.durables[:place], damaged, *saved.durables[place + 1 :])
            with pytest.raises((ConsensusError, LedgerError)):
                _wake(seat, Saved(saved.tip, saved.certificate, papers))


@pytest.mark.parametrize("lost", [(), ("block",), ("block", "vote")])
def test_a_leader_that_has_voted_proposes_no_other_block(lost: tuple[str, ...]) -> None:
    genesis = genesis_of(4, 3)
    leader = Cluster(genesis).seats[leader_of(1, genesis)]
    leader.machine.next_batch()
    for durable in _wake(leader, leader.disk.saved()).step(WorkArrived(), NOW).persist:
        leader.disk.save(durable)
    saved = leader.disk.saved()
    assert {durable.kind for durable in saved.durables} == {"block", "vote"}
    kept = tuple(durable for durable in saved.durables if durable.kind not in lost)
    effects = _wake(leader, Saved(saved.tip, None, kept)).step(WorkArrived(), NOW)
    proposes = any(isinstance(send.message, Proposal) for send in effects.send)
    assert proposes == ("vote" in lost)
