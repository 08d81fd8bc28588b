"""Any number of slots may be skipped in a row: cheap, said in few words, fetched (R2, R8, R10)."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from consensus.effects import PeerUp, Received
from consensus.fetching import ASK_AGAIN_MS
from consensus.limits import (
    EXITS_BYTES_MAX,
    EXITS_MAX,
    SAID_SLOTS_MAX,
    SKIPS_CARRIED_MAX,
    SLOT_WINDOW,
)
from consensus.messages import (
    CertificateMessage,
    Exits,
    Message,
    Proposal,
    VoteMessage,
    WantExits,
    encode,
    wire_block,
)
from consensus.replica import Replica
from consensus.votes import (
    Certificate,
    Subject,
    certificate_of,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.block import Tip, genesis_tip
from ledger.genesis import Genesis
from tests.consensus.consensus_kit import Cluster
from tests.ledger.chain_kit import SIGNERS, WALL_MS, genesis_of, make_block

LONG = 1100
"""More slots than a justification could once hold certificates."""


class Night(Cluster):
    """A cluster in which proposals may be lost, and what is said of slots to one party."""

    def __init__(self, genesis: Genesis) -> None:
        self.dark = False
        self.deaf = ""
        self.sent: list[Message] = []
        super().__init__(genesis)

    def post(self, sender: str, to: str, message: Message) -> None:
        self.sent.append(message)
        lost = self.dark and isinstance(message, Proposal)
        unheard = to == self.deaf and isinstance(message, CertificateMessage | VoteMessage)
        if not lost and not unheard:
            super().post(sender, to, message)

    def skip_to(self, slot: int) -> None:
        """Let all slots up to this one be skipped, by those who hear."""
        self.dark = True
        hear = [seat.name for seat in self.honest if seat.name != self.deaf]
        assert self.run(10**9, lambda: min(self.replica(name).slot for name in hear) > slot)


def test_more_than_a_thousand_skips_heal_whoever_missed_which() -> None:
    night = Night(genesis_of(4, 3))
    random = Random(7)
    night.work("platform")
    at = 0
    while at < LONG:
        at += random.randrange(20, 150)
        night.skip_to(at)
        night.deaf = random.choice(["", *night.genesis.names])
        if random.random() < 0.5:
            name = random.choice(night.genesis.names)
            night.crash(name)
            night.restart(name)
    night.deaf = ""
    night.skip_to(at + 4)
    night.dark = False
    assert night.run(night.now_ms + 60_000, night.all_work_final)
    assert night.run(night.now_ms + 60_000, lambda: len(night.heights()) == 1)
    longest = max(len(d.justification) for seat in night.honest for d in seat.disk.chain)
    assert longest > LONG
    assert any(isinstance(message, Exits) for message in night.sent)
    assert all(len(encode(message)) < 2 * EXITS_BYTES_MAX for message in night.sent)


def test_skipped_slots_cost_a_step_nothing_and_are_not_said_again() -> None:
    night = Night(genesis_of(4, 3))
    night.work("platform")
    night.skip_to(LONG // 2)
    for name in night.genesis.names:
        tree = night.replica(name)._tree
        assert len(tree.slots) >= LONG // 2
        assert len(tree.live()) <= 2 and len(tree.tips) <= 2 and not tree.waiting
        assert len(night.seats[name].machine.heads) <= 3
        said = night.replica(name).step(PeerUp("auditor"), night.now(night.seats[name])).send
        assert len(said) <= 8


def test_what_is_said_again_is_bounded_however_many_slots_are_open() -> None:
    night = Night(genesis_of(4, 3))
    replica, seat = night.replica("platform"), night.seats["platform"]
    for slot in range(1, 3 * SAID_SLOTS_MAX):
        notar = _certificate(night.genesis, notar_subject(slot, bytes([slot]) * 32))
        replica.step(Received("funder", CertificateMessage(notar)), night.now(seat))
    said = replica.step(PeerUp("auditor"), night.now(seat)).send
    slots = [each.message.certificate.subject.slot for each in said]  # type: ignore[union-attr]
    assert slots == list(range(2 * SAID_SLOTS_MAX, 3 * SAID_SLOTS_MAX))


def _certificate(genesis: Genesis, subject: Subject) -> Certificate:
    others = [name for name in genesis.voters if name != "platform"]
    votes = [sign_vote(subject, SIGNERS[name], name, 0, genesis) for name in others]
    return certificate_of({vote.voter: vote for vote in votes})


# -- one replica that was told of the last skipped slot only ---------------------------------------


def _enter(night: Night, name: str, slot: int) -> Replica:
    replica = night.replica(name)
    skip = _certificate(night.genesis, skip_subject(slot - 1))
    replica.step(Received("funder", CertificateMessage(skip)), night.now(night.seats[name]))
    assert replica.slot == slot
    return replica


def _questions(night: Night, name: str) -> list[tuple[str | None, WantExits]]:
    """Let the next question fall due; return what it is."""
    night.bag.clear()
    night.now_ms = max(night.now_ms, night.replica(name)._fetching.next_at())
    night.tick_due([name])
    return [(each.to, each.message) for each in night.bag if isinstance(each.message, WantExits)]


def test_a_leader_asks_for_what_it_needs_to_propose_in_pieces() -> None:
    night = Night(genesis_of(4, 3))
    night.work("platform")
    replica = _enter(night, "platform", 400)
    assert replica.leader(400) == "platform"
    peer, question = _questions(night, "platform")[0]
    assert question == WantExits(1, 400)
    given = 0
    while given < 399:
        skips = tuple(
            _certificate(night.genesis, skip_subject(slot))
            for slot in range(given + 1, min(399, given + EXITS_MAX) + 1)
        )
        night.bag.clear()
        assert peer is not None
        night.step("platform", Received(peer, Exits(skips)))
        assert not any(isinstance(each.message, CertificateMessage) for each in night.bag)
        given += len(skips)
        if given < 399:
            asked = _questions(night, "platform")
            assert asked == [(peer, WantExits(given + 1, 400))], "on at once, from the same peer"
    proposals = [each.message for each in night.bag if isinstance(each.message, Proposal)]
    assert len({encode(each) for each in proposals}) == 1
    carried = proposals[0].block.justification
    assert [c.subject.slot for c in carried] == list(range(400 - SKIPS_CARRIED_MAX, 400))


def test_a_question_that_is_not_answered_goes_to_the_next_peer_each_second() -> None:
    night = Night(genesis_of(4, 3))
    night.work("platform")
    _enter(night, "platform", 400)
    asked, began = [], night.now_ms
    for _ in range(6):
        asked += [peer for peer, _ in _questions(night, "platform")]
    assert set(asked[:3]) == {"institution", "funder", "auditor"} and asked[3:] == asked[:3]
    assert night.now_ms - began >= 5 * ASK_AGAIN_MS


def _proposal(night: Night, slot: int, notar: Certificate | None, parent: Tip) -> Proposal:
    leader = night.replica("platform").leader(slot)
    block = make_block(night.genesis, leader, parent, slot, (), WALL_MS)
    first = notar.subject.slot + 1 if notar is not None else 1
    skips = [
        _certificate(night.genesis, skip_subject(number))
        for number in range(max(first, slot - SKIPS_CARRIED_MAX), slot)
    ]
    return Proposal(wire_block(block, (*([notar] if notar is not None else []), *skips)))


def test_a_block_waits_for_its_skips_and_is_notarized_when_they_are_here() -> None:
    night = Night(genesis_of(4, 3))
    proposal = _proposal(night, 101, None, genesis_tip(night.genesis))
    leader = night.replica("platform").leader(101)
    night.step("platform", Received(leader, proposal))
    replica = night.replica("platform")
    assert replica.slot == 101 and list(replica._tree.waiting)
    assert not any(isinstance(each.message, VoteMessage) for each in night.bag)
    assert _questions(night, "platform") == [(leader, WantExits(1, 101))]
    skips = [
        _certificate(night.genesis, skip_subject(s)) for s in range(1, 101 - SKIPS_CARRIED_MAX)
    ]
    night.step("platform", Received(leader, Exits(tuple(skips[:-1]))))
    assert list(replica._tree.waiting)
    night.step("platform", Received("auditor", CertificateMessage(skips[-1])))
    assert not replica._tree.waiting
    votes = [e.message.vote.subject for e in night.bag if isinstance(e.message, VoteMessage)]
    assert notar_subject(101, proposal.block.block().hash) in votes


def test_a_block_that_passes_over_a_notarized_slot_waits_in_vain_and_holds_up_nobody() -> None:
    """Only its leader's slot is lost: no rule counts it, and it is kept within bounds."""
    night = Night(genesis_of(4, 3))
    night.work("institution")
    assert night.run(60_000, night.all_work_final)
    base = night.replica("platform").final
    night.bag.clear()
    certificate = night.seats["platform"].disk.saved().certificate
    assert certificate is not None
    slot = base.slot + 50
    first = _proposal(night, slot, certificate, base)
    leader = night.replica("platform").leader(slot)
    night.liars.add(leader)
    for time in range(4):
        block = make_block(night.genesis, leader, base, slot, (), WALL_MS + time)
        wire = wire_block(block, first.block.justification)
        night.step("platform", Received(leader, Proposal(wire)))
    replica = night.replica("platform")
    assert 1 <= len(replica._tree.waiting) <= 2
    assert not replica._tree.slots[slot].proposals and not replica._tree.slots[slot].two_faced


def test_blocks_of_slots_that_were_left_do_not_wait() -> None:
    """Or a leader of many skipped slots could fill the memory of whoever missed the skips."""
    night = Night(genesis_of(4, 3))
    replica, leader = night.replica("platform"), night.replica("platform").leader(101)
    for slot in range(101, 141, 4):
        proposal = _proposal(night, slot, None, genesis_tip(night.genesis))
        night.step("platform", Received(leader, proposal))
        assert [each.block.slot for each in replica._tree.waiting.values()] == [slot]
    night.step(
        "platform", Received(leader, _proposal(night, 121, None, genesis_tip(night.genesis)))
    )
    assert [each.block.slot for each in replica._tree.waiting.values()] == [137]


def test_a_block_of_a_slot_that_was_left_waits_once_it_is_notarized() -> None:
    night = Night(genesis_of(4, 3))
    replica, leader = night.replica("platform"), night.replica("platform").leader(101)
    proposal = _proposal(night, 101, None, genesis_tip(night.genesis))
    block = proposal.block.block().hash
    notar = _certificate(night.genesis, notar_subject(101, block))
    night.step("platform", Received(leader, proposal))
    _enter(night, "platform", 121)
    assert not replica._tree.waiting
    night.step("platform", Received("funder", CertificateMessage(notar)))
    night.step("platform", Received(leader, proposal))
    assert list(replica._tree.waiting) == [block]


def test_a_justified_header_far_ahead_is_remembered_and_the_second_one_convicts() -> None:
    """Or whoever was left behind could not tell its leader what it has proposed (R11, I8)."""
    night = Night(genesis_of(4, 3))
    slot = 1 + 2 * SLOT_WINDOW
    base, replica = genesis_tip(night.genesis), night.replica("platform")
    leader = replica.leader(slot)
    proposal, seat = _proposal(night, slot, None, base), night.seats["platform"]
    assert not replica.step(Received(leader, proposal), night.now(seat)).accuse
    (header,) = replica.known_of(leader, 1).proposals
    assert header.header == proposal.block.header
    block = make_block(night.genesis, leader, base, slot, (), WALL_MS + 1)
    second = Proposal(wire_block(block, proposal.block.justification))
    (lie,) = replica.step(Received(leader, second), night.now(seat)).accuse
    assert (lie.kind, lie.party) == ("two-proposals", leader)


@pytest.mark.parametrize("certificates", [0, EXITS_MAX + 1])
def test_an_answer_has_a_bounded_number_of_certificates(certificates: int) -> None:
    skip = _certificate(genesis_of(4, 3), skip_subject(1))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(encode(Exits((skip,) * certificates)), type=Exits)
