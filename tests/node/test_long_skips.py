"""A long night: thousands of slots are skipped in a row, and the ledger goes on all the same (R10).

Real hosts on real files. While the proposals are lost, every slot ends with a Skip certificate.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from consensus.justification import refuse_incomplete
from consensus.limits import EXITS_BLOCKS_MAX, EXITS_MAX, SKIPS_CARRIED_MAX
from consensus.messages import (
    Exits,
    Message,
    Proposal,
    Range,
    WantExits,
    decode,
    decode_justification,
    encode,
)
from consensus.votes import (
    Certificate,
    certificate_of,
    sign_vote,
    skip_subject,
)
from ledger.limits import SAFE_INTEGER_MAX
from node.host.catchup import exits_from
from node.host.conduct import CONDUCT
from node.limits import SHUT_OUT_MAX_MS
from node.peers.link import QUEUE_FRAMES_MAX
from node.storage.reads import Reader, StoredBlock
from tests.consensus.test_forks import TRIO
from tests.ledger.ledger_kit import signer
from tests.node.host_kit import CALM_MS, World, capture, make_templates, register

FRAME_BYTES_MAX = 2**20
NIGHT_SLOTS = 5000


class Night:
    """Hosts of three parties, two of which are a quorum, and all that they send each other."""

    def __init__(self, folder: Path, templates: Path) -> None:
        self.world = World(folder, templates, TRIO)
        self.dark = False
        self.sent: Counter[type[Message]] = Counter()
        self._burst: Counter[tuple[str, str, int]] = Counter()
        self.world.lose = self._lose

    def open(self, *names: str) -> None:
        """Start hosts; their files need not outlive a power cut of this machine."""
        self.world.open(*names)
        for name in names:
            raw = self.world.stores[name]._writer.connection.connection.dbapi_connection
            raw.execute("PRAGMA synchronous = OFF")

    def _lose(self, sender: str, to: str, frame: bytes) -> bool:
        message = decode(frame)
        assert len(frame) < FRAME_BYTES_MAX, f"{type(message).__name__} of {len(frame)} bytes"
        self.sent[type(message)] += 1
        self._burst[sender, to, self.world.now_ms] += 1
        return self.dark and isinstance(message, Proposal)

    @property
    def largest_burst(self) -> int:
        """How many frames a peer got at once, at most."""
        return max(self._burst.values())

    def final(self, party: str, raw: bytes) -> None:
        told = self.world.submit(party, [raw])
        assert self.world.run(CALM_MS, lambda: all(each.state == "final" for each in told))

    def skip_to(self, slot: int) -> None:
        """Let all slots up to this one be skipped."""
        self.dark = True
        hosts = list(self.world.hosts.values())
        assert self.world.run(10**9, lambda: min(host.replica.slot for host in hosts) > slot)

    def restart(self, *names: str) -> None:
        for name in names:
            self.world.crash(name)
        self.open(*names)

    def all_equal(self) -> bool:
        return len({self.world.stores[name].tip() for name in self.world.hosts}) == 1

    def holds(self, id_: str) -> bool:
        """Return whether a record is final with every host."""
        hosts = self.world.hosts
        return all(id_ in {each[1] for each in self.world.entries(name)} for name in hosts)

    def skips_stored(self, name: str) -> list[int]:
        """I3: prove every stored block; return how many Skip certificates each is stored with."""
        found, parent_slot = [], 0
        with self.world.stores[name].reader() as reader:
            for height in range(1, self.world.stores[name].tip().height + 1):
                stored = reader.block(height)
                assert stored is not None
                whole = decode_justification(stored.justification)
                refuse_incomplete(whole, stored.block, TRIO)
                skips = sum(each.subject.kind == "skip" for each in whole)
                assert skips == stored.block.slot - parent_slot - 1
                parent_slot = stored.block.slot
                found.append(skips)
        return found


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"), TRIO)


def test_five_thousand_skipped_slots_heal_and_a_node_catches_up_from_nothing(
    tmp_path: Path, templates: Path
) -> None:
    night = Night(tmp_path, templates)
    world = night.world
    night.open("platform", "institution")
    night.final("institution", register("shop"))
    world.submit("institution", [capture("P1")])
    night.skip_to(NIGHT_SLOTS // 3)
    night.restart("platform")
    night.skip_to(NIGHT_SLOTS)
    night.restart("platform", "institution")
    night.open("auditor")  # it knows none of the skipped slots
    night.skip_to(NIGHT_SLOTS + 2)

    night.dark = False
    assert world.run(CALM_MS, lambda: night.holds("cap-P1"))
    pieces = night.sent[Exits]
    assert NIGHT_SLOTS // EXITS_MAX <= pieces <= 3 * (NIGHT_SLOTS // EXITS_MAX + 1)

    world.crash("auditor")
    for file in tmp_path.glob("auditor.db*"):
        file.unlink()
    night.open("auditor")
    night.sent.clear()
    assert world.run(CALM_MS, night.all_equal)
    assert night.sent[Range] and night.sent[Exits] >= NIGHT_SLOTS // EXITS_MAX
    for name, host in world.hosts.items():
        assert not host.rejected
        assert max(night.skips_stored(name)) >= NIGHT_SLOTS
    night.final("institution", capture("P2"))
    world.check_equal()
    assert night.largest_burst < QUEUE_FRAMES_MAX // 8
    world.close()


@pytest.fixture(scope="module")
def dawn(tmp_path_factory: pytest.TempPathFactory, templates: Path) -> Night:
    """Two hosts that know of skipped slots; the auditor's is not up."""
    night = Night(tmp_path_factory.mktemp("dawn"), templates)
    night.open("platform", "institution")
    night.final("institution", register("shop"))
    night.world.submit("institution", [capture("P1")])
    night.skip_to(3 * SKIPS_CARRIED_MAX)
    return night


def _hold_exits(night: Night) -> tuple[list[bytes], list[tuple[str, WantExits]]]:
    """Let the auditor ask in vain; return the answers that are kept from it, and its questions."""
    answers: list[bytes] = []
    asked: list[tuple[str, WantExits]] = []

    def lose(_sender: str, to: str, frame: bytes) -> bool:
        message = decode(frame)
        if isinstance(message, WantExits):
            asked.append((to, message))
        if isinstance(message, Exits):
            answers.append(frame)
        return isinstance(message, Exits)

    night.world.lose = lose
    night.open("auditor")
    assert night.world.run(CALM_MS, lambda: len(answers) > 1)
    return answers, asked


def _skip(slot: int, quorum: int = 2) -> Certificate:
    votes = [
        sign_vote(skip_subject(slot), signer(name), name, 0, TRIO) for name in TRIO.voters[:quorum]
    ]
    return certificate_of({vote.voter: vote for vote in votes})


def test_exit_certificates_that_are_forged_unasked_or_out_of_order_are_refused(dawn: Night) -> None:
    answers, asked = _hold_exits(dawn)
    host = dawn.world.hosts["auditor"]
    peer, question = asked[-1]
    before = host.replica._tree.first_unskipped(question.first)
    assert before == question.first
    true = _skip(question.first)
    forged = Certificate((replace(true.votes[0], signature=bytes(64)),
                          *true.votes[1:]))  # fmt: skip
    for expected, certificates in (
        ("bad-vote-signature", (forged,)),
        ("no-quorum", (_skip(question.first, 1),)),
        ("bad-exits", (_skip(question.first + 1), true)),
        ("bad-exits", (true, true)),
        ("unasked", (true, _skip(question.stop + 1000))),
    ):
        count = host.rejected[peer, expected]
        host.receive(peer, encode(Exits(certificates)))
        assert bool(host.shut_out_ms(peer)) == (CONDUCT[expected] == "offence")
        dawn.world.now_ms += SHUT_OUT_MAX_MS
        assert host.rejected[peer, expected] == count + 1, expected
        assert host.replica._tree.first_unskipped(question.first) == before
    host.receive(peer, encode(Exits((true,) * (EXITS_MAX + 1))))
    assert host.rejected[peer, "bad-message"] == 1
    host.receive(peer, answers[-1])
    assert host.replica._tree.first_unskipped(question.first) > before


def test_a_peer_that_was_not_asked_gives_nothing(dawn: Night) -> None:
    for name in ("platform", "institution"):
        host = dawn.world.hosts[name]
        host.receive("auditor", encode(Exits((_skip(host.replica.slot + 5),))))
        assert host.rejected["auditor", "unasked"] == 1
        assert host.replica.slot + 5 not in host.replica._tree.slots


def test_a_proposal_carries_the_last_skips_and_no_others(tmp_path: Path, templates: Path) -> None:
    night = Night(tmp_path, templates)
    night.open("platform", "institution")
    night.final("institution", register("shop"))
    night.world.submit("institution", [capture("P1")])
    night.skip_to(2 * SKIPS_CARRIED_MAX)
    said: list[tuple[str, str, Proposal]] = []

    def lose(sender: str, to: str, frame: bytes) -> bool:
        message = decode(frame)
        if isinstance(message, Proposal) and message.block.block().slot > 2 * SKIPS_CARRIED_MAX:
            said.append((sender, to, message))
        return isinstance(message, Proposal)

    night.world.lose = lose
    assert night.world.run(CALM_MS, lambda: bool(said))
    sender, to, proposal = next(each for each in said if each[1] in night.world.hosts)
    wire, host = proposal.block, night.world.hosts[to]
    notar = wire.justification[0]
    assert notar.subject.kind != "skip" and len(wire.skips) == SKIPS_CARRIED_MAX
    for count, wrong in enumerate(
        (
            wire.skips,  # no parent
            (notar, *wire.skips[1:]),  # fewer
            (notar, _skip(wire.skips[0].subject.slot - 1), *wire.skips[1:]),  # another slot
            (notar, *reversed(wire.skips)),
        )
    ):
        host.receive(sender, encode(Proposal(replace(wire, justification=wrong))))
        assert host.rejected[sender, "unjustified"] == count + 1
    longer = (notar, _skip(wire.skips[0].subject.slot - 1), *wire.skips)
    host.receive(sender, encode(Proposal(replace(wire, justification=longer))))
    assert host.rejected[sender, "bad-message"] == 1
    night.world.lose = lambda *_: False
    night.final("institution", capture("P3"))
    night.world.close()


class Counted:
    """A reader that counts the blocks read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.blocks = reader.blocks
        self.count = 0

    def block(self, height: int) -> StoredBlock | None:
        self.count += 1
        return self._reader.block(height)


def test_a_question_about_all_slots_is_answered_out_of_a_few_blocks(
    tmp_path: Path, templates: Path
) -> None:
    """Or a peer could have a whole ledger read by a few bytes, as often as it likes."""
    world = World(tmp_path, templates, TRIO)
    world.open()
    for number in range(2 * EXITS_BLOCKS_MAX):
        told = world.submit("institution", [register(f"r{number}")])
        assert world.run(CALM_MS, lambda told=told: told[0].done)
    store = world.stores["platform"]
    assert store.tip().height > EXITS_BLOCKS_MAX
    with store.own_reader() as reader:
        counted = Counted(reader)
        question = WantExits(1, SAFE_INTEGER_MAX)
        assert exits_from(counted, store.tip().height, question) is None  # type: ignore[arg-type]
        assert 0 < counted.count <= EXITS_BLOCKS_MAX
    world.close()


def test_an_answer_is_a_bounded_piece_in_order_of_the_slots(
    tmp_path: Path, templates: Path
) -> None:
    night = Night(tmp_path, templates)
    night.open("platform", "institution")
    night.final("institution", register("shop"))
    told = night.world.submit("institution", [capture("P1")])
    night.skip_to(EXITS_MAX + 40)
    replica = night.world.hosts["platform"].replica
    night.dark = False
    assert night.world.run(CALM_MS, lambda: all(each.state == "final" for each in told))
    store = night.world.stores["platform"]
    height, stop = store.tip().height, replica.final.slot
    with store.own_reader() as reader:
        skipped = [
            each.subject.slot
            for at in range(1, height + 1)
            for each in decode_justification(reader.block(at).justification)  # type: ignore[union-attr]
            if each.subject.kind == "skip"
        ]
        first = exits_from(reader, height, WantExits(0, stop))
        assert first is not None
        slots = [each.subject.slot for each in first.certificates]
        assert slots == skipped[:EXITS_MAX]
        rest = exits_from(reader, height, WantExits(slots[-1] + 1, stop))
        assert rest is not None
        assert [each.subject.slot for each in rest.certificates] == skipped[EXITS_MAX:]
        one = exits_from(reader, height, WantExits(skipped[7], skipped[7] + 1))
        assert one is not None and one.certificates[0].subject == skip_subject(skipped[7])
        assert exits_from(reader, height, WantExits(stop, stop + 9)) is None
        assert exits_from(reader, height, WantExits(9, 9)) is None
    night.world.close()
