"""I8: evidence never names an honest key, whatever is lost, repeated, rebuilt or compared."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.effects import Received
from consensus.forks import Branch, culprits
from consensus.messages import CertificateMessage, Proposal, wire_block
from tests.consensus.consensus_kit import Cluster, Letter, Seat
from tests.consensus.test_replica_properties import ACTIONS, CALM_MS, calm, disturb
from tests.ledger.chain_kit import genesis_of

SIZES = ((4, 3), (5, 4), (7, 5))


class Hearsay(Cluster):
    """A cluster in which every letter that was ever sent can come again, to anybody."""

    def __init__(self, count: int, quorum: int) -> None:
        self.said: list[Letter] = []
        self.rebuilt: set[str] = set()
        super().__init__(genesis_of(count, quorum))

    def post(self, sender: str, to: str, message: object) -> None:
        self.said.append(Letter(sender, to, message))  # type: ignore[arg-type]
        super().post(sender, to, message)  # type: ignore[arg-type]

    def repeat(self, number: int) -> None:
        """Say something again, perhaps to somebody else."""
        if self.said:
            names = self.genesis.names
            letter = self.said[number % len(self.said)]
            to = names[(number // 7) % len(names)]
            super().post(letter.sender, to, letter.message)

    def lose_disk(self, number: int) -> None:
        """Rebuild a party, as long as the others can go on without it."""
        name = self.genesis.names[number % len(self.genesis.names)]
        if len(self.rebuilt | {name}) <= len(self.genesis.names) - self.genesis.quorum:
            self.rebuilt.add(name)
            self.rebuild(name)


@calm(60)
@given(
    st.sampled_from(SIZES),
    st.lists(
        st.tuples(st.sampled_from((*ACTIONS, *["repeat"] * 6, "rebuild")), st.integers(0, 10_000)),
        min_size=20,
        max_size=160,
    ),
)
def test_no_honest_key_is_convicted_by_repeats_crashes_and_rebuilds(
    size: tuple[int, int], schedule: list[tuple[str, int]]
) -> None:
    cluster = Hearsay(*size)
    cluster.work("platform")
    for action, number in schedule:
        if action == "repeat":
            cluster.repeat(number)
        elif action == "rebuild":
            cluster.lose_disk(number)
        elif action != "work" or not _names_rebuilt(cluster, number):
            disturb(cluster, action, number)
    for number in range(0, 10_000, 331):
        cluster.repeat(number)
    cluster.heal()
    cluster.run(cluster.now_ms + 20_000)
    for letter in cluster.said[-150:]:  # and all of it once more, to everybody
        for seat in cluster.running:
            if isinstance(letter.message, CertificateMessage | Proposal):
                cluster.step(seat.name, Received(letter.sender, letter.message))
    assert not any(seat.evidence for seat in cluster.honest)
    assert all(seat.live is not None for seat in cluster.honest), "nobody stopped"
    for one, other in product(cluster.honest, repeat=2):
        assert culprits(_branch(one), _branch(other)) == []


def _names_rebuilt(cluster: Hearsay, number: int) -> bool:
    """Return whether ``work`` would let a party sign batches again whose numbers it has lost."""
    names = cluster.genesis.names
    return names[number % len(names)] in cluster.rebuilt


def _branch(seat: Seat) -> Branch:
    chain = seat.disk.chain
    wires = tuple(wire_block(deliver.block, deliver.justification) for deliver in chain)
    return Branch(wires, tuple(d.certificate for d in chain if d.certificate is not None))


def test_all_that_a_long_run_ever_said_convicts_nobody() -> None:
    cluster = Hearsay(4, 3)
    for name in cluster.genesis.names * 3:
        cluster.work(name)
        cluster.run(cluster.now_ms + 700)
        cluster.crash(name)
        cluster.run(cluster.now_ms + 2500)
        cluster.restart(name)
    assert cluster.run(cluster.now_ms + CALM_MS, cluster.all_work_final)
    finals = tuple(
        letter.message.certificate
        for letter in cluster.said
        if isinstance(letter.message, CertificateMessage)
    )
    wires = tuple(
        letter.message.block for letter in cluster.said if isinstance(letter.message, Proposal)
    )
    assert len({c.subject for c in finals}) > 20
    assert culprits(Branch(wires, finals), Branch()) == []


def test_the_checker_bites_when_a_rebuilt_party_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    def rebuild_and_vote(cluster: Cluster, name: str) -> None:
        seat = cluster.seats[name]
        seat.disk = type(seat.disk)(cluster.genesis)
        cluster.restart(name)

    monkeypatch.setattr(Cluster, "rebuild", rebuild_and_vote)
    cluster = Hearsay(4, 3)
    cluster.work("platform")
    while not any(v.kind == "final" for v in _votes_of(cluster, "institution")):
        cluster.deliver(cluster.bag.pop(0))
    cluster.crash("institution")
    cluster.bag.clear()
    for name in ("platform", "funder", "auditor"):
        cluster.crash(name)
    with pytest.raises(AssertionError, match="I2"):
        cluster.rebuild("institution")
        cluster.work("institution")


def _votes_of(cluster: Cluster, name: str) -> list:  # type: ignore[type-arg]
    return [votes[name] for votes in cluster.votes.values() if name in votes]
