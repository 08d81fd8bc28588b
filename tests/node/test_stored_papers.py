"""What a replica takes back after a restart is what it stored, or the start says that it is not."""

from __future__ import annotations

import pytest

from consensus.effects import Durable, Now, Saved
from consensus.errors import ConsensusError
from consensus.messages import BatchMessage, CertificateMessage, Proposal, VoteMessage
from consensus.replica import Replica
from ledger.errors import LedgerError
from tests.consensus.consensus_kit import Cluster, Seat
from tests.ledger.chain_kit import SIGNERS, ChainMachine, genesis_of

NAME = "funder"


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
    genesis = seat.disk.genesis
    machine = ChainMachine(genesis, NAME, seat.disk)
    return Replica(genesis, NAME, SIGNERS[NAME], machine, saved, now=Now(10_000, 10_000))


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
