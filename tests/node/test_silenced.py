"""A host whose own key has signed a contradiction: it signs nothing more, says so, and follows.

The key is used elsewhere as well: what somebody else signs with it, the test signs here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.messages import (
    BatchMessage,
    EvidenceMessage,
    Message,
    Proposal,
    VoteMessage,
    Voting,
    decode,
    encode,
    wire_batch,
)
from consensus.votes import notar_subject, sign_vote
from ledger.batch import Batch, seal
from node.errors import CONTRADICTED, Silenced
from node.host.machine import head_in
from tests.ledger.ledger_kit import signer
from tests.node.host_kit import CALM_MS, World, capture, instruct, make_templates, register

ME = "institution"
SIGNED = (BatchMessage, VoteMessage, Proposal)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    opened = World(tmp_path, templates)
    opened.open()
    told = opened.submit(ME, [register("shop"), register("platform-fee")])
    assert opened.run(CALM_MS, lambda: all(each.done for each in told) and _level(opened))
    yield opened
    opened.close()


def _level(world: World) -> bool:
    return len({host.store.tip() for host in world.hosts.values()}) == 1


def _elsewhere(world: World, *records: bytes) -> Batch:
    """Return the next batch of the party, signed by whoever else has its key."""
    head = head_in(world.stores[ME].view(), ME)
    return seal(signer(ME), world.genesis.ledger, ME, head, records)


def _tell(world: World, batch: Batch, *hosts: str) -> None:
    for name in hosts:
        world.hosts[name].receive("auditor", encode(BatchMessage(wire_batch(batch))))


def _lie(world: World) -> None:
    """Sign two Notar votes for one slot far ahead, and tell the funder."""
    for block in (b"a" * 32, b"b" * 32):
        vote = sign_vote(notar_subject(200, block), signer(ME), ME, 0, world.genesis)
        world.hosts["funder"].receive("platform", encode(VoteMessage(vote)))
    assert world.run(CALM_MS, lambda: world.hosts[ME].recall.silenced)


def _listen(world: World) -> list[Message]:
    """Return what the party says from now on."""
    said: list[Message] = []
    world.lose = lambda sender, _to, frame: sender == ME and said.append(decode(frame)) is not None
    return said


def test_who_meets_evidence_against_its_own_key_signs_nothing_more_and_follows(
    world: World,
) -> None:
    _lie(world)
    assert world.run(CALM_MS, lambda: world.hosts["platform"].voters.votes(ME) is False)
    why = world.hosts["platform"].voters.why_not(ME)
    assert why == "votes no more: its key has signed two statements that contradict each other"
    with pytest.raises(Silenced, match=CONTRADICTED):
        world.hosts[ME].submit([capture("P1")])
    said = _listen(world)
    told = world.submit("platform", [instruct("P1")])
    assert world.run(CALM_MS, lambda: all(each.done for each in told) and _level(world))
    world.check_equal()
    assert told[0].outcome == "applied", "it follows"
    assert not [each for each in said if isinstance(each, SIGNED)]
    assert world.hosts[ME].halted is None and world.hosts[ME].stopped() is None


def test_it_signs_nothing_after_the_next_start_either(world: World) -> None:
    _lie(world)
    world.crash(ME)
    said = _listen(world)
    world.open(ME)
    assert world.hosts[ME].recall.silenced
    world.lose = lambda sender, _to, frame: sender == ME and said.append(decode(frame)) is not None
    world.run(2000)
    assert Voting(CONTRADICTED) in said and Voting("") not in said
    assert not [each for each in said if isinstance(each, SIGNED)]
    with pytest.raises(Silenced):
        world.hosts[ME].submit([capture("P1")])


def test_the_step_that_finds_its_own_lie_signs_nothing_itself(world: World) -> None:
    """A vote of another's hand for the very slot that this host is about to vote in."""
    host = world.hosts[ME]
    slot = host.replica.slot
    said: list[Message] = []
    world.lose = lambda sender, to, frame: (
        to == ME or (sender == ME and said.append(decode(frame)) is not None)
    )
    world.submit("platform", [instruct("P1")])
    world.run(50)
    for block in (b"a" * 32, b"b" * 32):
        vote = sign_vote(notar_subject(slot, block), signer(ME), ME, 0, world.genesis)
        host.receive("platform", encode(VoteMessage(vote)))
    assert host.recall.silenced and not host.replica.may_vote
    told = [each for each in said if isinstance(each, EvidenceMessage)]
    assert {each.evidence.party for each in told} == {ME}
    assert not [each for each in said if isinstance(each, VoteMessage)]


@pytest.mark.parametrize("same", [True, False], ids=["the same record", "another record"])
def test_a_record_whose_batch_lost_its_number_does_not_stay_ordered(
    world: World, same: bool
) -> None:
    other = _elsewhere(world, capture("P1" if same else "P2"))
    world.lose = lambda sender, _to, _frame: sender == ME
    mine = world.submit(ME, [capture("P1"), capture("P3")])
    world.run(5)
    _tell(world, other, "platform", "funder", "auditor")
    assert world.run(CALM_MS, lambda: head_in(world.stores[ME].view(), ME)[0] == other.number)
    assert world.hosts[ME].recall.silenced, "both batches have one number"
    if same:
        assert (mine[0].state, mine[0].outcome) == ("final", "applied")
    else:
        assert mine[0].state == "queued"
    assert mine[1].state == "queued", "not ordered: nobody has its batch"
    assert world.hosts[ME].journal.head == (other.number, other.hash)
