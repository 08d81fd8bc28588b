"""A fork names its makers: two honest nodes on two branches meet, stop, and convict (I8)."""

from __future__ import annotations

import shutil
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from consensus.evidence import Evidence, verify_evidence
from consensus.forks import Branch, culprits, liars_needed
from consensus.limits import SKIPS_CARRIED_MAX
from consensus.messages import (
    EvidenceMessage,
    Exits,
    Proposal,
    Range,
    WantExits,
    WantRange,
    decode,
    decode_evidence,
    encode,
)
from consensus.votes import Certificate
from ledger.genesis import Genesis, Member, found
from node.errors import Halted
from node.host.catchup import range_from
from node.host.fork_inquiry import conflict_report
from node.host.host import Host
from node.host.phase import Phase
from tests.ledger.ledger_kit import CREATED_AT, GENESIS, RECEIVER, signer
from tests.node.host_kit import CALM_MS, World, make_templates, record


def _consortium(names: tuple[str, ...], quorum: int) -> Genesis:
    members = tuple(
        Member(key=b64encode(signer(name).public_key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for name in names
    )
    return found("fork", members, quorum, CREATED_AT)


TRIO = _consortium(("platform", "institution", "auditor"), 2)
LEFT, RIGHT = "platform", "auditor"
"""The honest ones; everybody else runs on both branches with one key."""


class Fork:
    """Two worlds in which the liars live twice, after a time in one world."""

    def __init__(self, folder: Path, genesis: Genesis, templates: Path) -> None:
        self.genesis = genesis
        self.liars = [name for name in genesis.names if name not in (LEFT, RIGHT)]
        self._folder = folder
        self._count = 0
        self.root = self._world("root", templates)

    def _world(self, name: str, files: Path, right: Path | None = None) -> World:
        (self._folder / name).mkdir()
        for each in files.glob("*.db"):
            shutil.copy(each, self._folder / name / each.name)
        if right is not None:
            shutil.copy(right / f"{RIGHT}.db", self._folder / name / f"{RIGHT}.db")
        return World(self._folder / name, genesis=self.genesis)

    def grow(self, world: World, names: list[str], blocks: int) -> None:
        """Let these hosts make so many blocks final, and stop them."""
        world.open(*names)
        for _ in range(blocks):
            self._count += 1
            raw = record("receiver.registered", f"r{self._count}", receiver=f"R{self._count}",
                         **RECEIVER)  # fmt: skip
            told = world.submit("institution", [raw])
            assert world.run(CALM_MS, lambda told=told: told[0].state == "final")
        assert world.run(CALM_MS, lambda: len({s.tip() for s in world.stores.values()}) == 1)
        for host in world.hosts.values():
            host.write()
        world.close()

    def skip(self, world: World, slots: int) -> None:
        """Let the hosts of the left branch skip so many slots: no proposal comes through."""
        world.open(LEFT, *self.liars)
        world.lose = lambda _sender, _to, frame: isinstance(decode(frame), Proposal)
        raw = record("receiver.registered", "r0", receiver="R0", **RECEIVER)
        world.submit("institution", [raw])
        assert world.run(10**9, lambda: min(h.replica.slot for h in world.hosts.values()) > slots)
        world.lose = lambda *_: False
        world.close()

    def meet(self, shared: int, left: int, right: int, skipped: int = 0) -> World:
        """Return the world in which the two honest hosts meet after the fork.

        Args:
            shared: Blocks before the fork.
            left: Blocks of the left branch.
            right: Blocks of the right branch.
            skipped: Up to which slot the left branch skips all after the fork.
        """
        if shared:
            self.grow(self.root, list(self.genesis.names), shared)
        first = self._world("left", self.root.directory)
        second = self._world("right", self.root.directory)
        if skipped:
            self.skip(first, skipped)
        self.grow(first, [LEFT, *self.liars], left)
        self.grow(second, [RIGHT, *self.liars], right)
        met = self._world("met", first.directory, second.directory)
        met.open(LEFT, RIGHT)
        return met


@pytest.fixture(scope="module")
def quartet_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("quartet"), GENESIS)


@pytest.fixture(scope="module")
def trio_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("trio"), TRIO)


def _report(host: Host) -> dict[str, object]:
    kept = conflict_report(host.store)
    assert kept is not None
    return msgspec.json.decode(kept)  # type: ignore[no-any-return]


def _evidence(host: Host) -> list[Evidence]:
    with host.store.reader() as reader:
        return [decode_evidence(each.body) for each in reader.evidence()]


def _halted(world: World) -> bool:
    return all(host.halted is not None for host in world.hosts.values())


# Blocks that both share, then those of each branch.
LENGTHS = [(0, 1, 1), (2, 1, 1), (2, 4, 1), (1, 1, 5), (0, 6, 6), (3, 2, 9)]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("size", ["quartet", "trio"])
def test_a_fork_convicts_all_who_signed_both_branches_at_every_honest_node(
    size: str, lengths: tuple[int, int, int], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    genesis = GENESIS if size == "quartet" else TRIO
    fork = Fork(tmp_path, genesis, request.getfixturevalue(f"{size}_files"))
    world = fork.meet(*lengths)
    heights = {name: store.tip().height for name, store in world.stores.items()}
    assert world.run(CALM_MS, lambda: _halted(world))
    for name, host in world.hosts.items():
        assert host.halted is not None and host.halted.code == "conflicting-final"
        assert host.store.tip().height == heights[name], "nothing is committed after the fork"
        lies = _evidence(host)
        for lie in lies:
            verify_evidence(lie, genesis)
        assert {lie.party for lie in lies} == set(fork.liars), "all liars, nobody honest"
        report = _report(host)
        assert report["convicted"] == sorted(fork.liars)
        assert len(fork.liars) >= liars_needed(genesis) == report["expected"]
        own, other = report["own"], report["other"]
        assert own["block"] != other["block"]  # type: ignore[index]
        assert name in own["signers"] and name not in other["signers"]  # type: ignore[index]
        assert {p["evidence"] for p in report["evidence"]} <= {lie.id for lie in lies}  # type: ignore[attr-defined]
        for liar in fork.liars:
            assert liar in host.halted.message
    world.close()


@pytest.mark.parametrize("right", [1, 4])
def test_a_fork_over_a_long_run_of_skipped_slots_convicts_by_fetched_certificates(
    right: int, tmp_path: Path, quartet_files: Path
) -> None:
    """The Skip certificate that convicts the funder is none of those that travel with the block."""
    world = Fork(tmp_path, GENESIS, quartet_files).meet(1, 2, right, skipped=3 * SKIPS_CARRIED_MAX)
    asked: list[WantExits] = []

    def note(_sender: str, _to: str, frame: bytes) -> bool:
        message = decode(frame)
        if isinstance(message, WantExits):
            asked.append(message)
        return False

    world.lose = note
    assert world.run(CALM_MS, lambda: _halted(world))
    for host in world.hosts.values():
        lies = _evidence(host)
        assert {lie.party for lie in lies} == {"institution", "funder"}
        assert {lie.kind for lie in lies if lie.party == "funder"} == {"final-skip"}
    assert asked and all(each.stop == each.first + 1 for each in asked)
    world.close()


def test_an_inquiry_takes_no_exit_certificate_that_it_did_not_ask_for(
    tmp_path: Path, quartet_files: Path
) -> None:
    world = Fork(tmp_path, GENESIS, quartet_files).meet(1, 2, 1, skipped=3 * SKIPS_CARRIED_MAX)
    answers: list[Exits] = []

    def hold(_sender: str, to: str, frame: bytes) -> bool:
        message = decode(frame)
        if isinstance(message, Exits) and to == RIGHT:
            answers.append(message)
        return isinstance(message, Exits | EvidenceMessage)

    world.lose = hold
    assert world.run(4000, lambda: bool(answers))
    host, true = world.hosts[RIGHT], answers[0].certificates[0]
    forged = Certificate((msgspec.structs.replace(true.votes[0], signature=bytes(64)),
                          *true.votes[1:]))  # fmt: skip
    other = Certificate(tuple(msgspec.structs.replace(v, slot=v.slot + 1) for v in true.votes))
    for lie in (other, forged):
        host.receive(LEFT, encode(Exits((lie,))))
    assert "funder" not in {lie.party for lie in _evidence(host)}
    assert host.rejected[LEFT, "bad-vote-signature"] == host.rejected[LEFT, "unasked"] == 1
    world.run(host.conduct.shut_out_ms(LEFT), lambda: False)
    world.lose = lambda *_: False
    host.receive(LEFT, encode(answers[0]))
    assert "funder" in {lie.party for lie in _evidence(host)}
    world.close()


def test_a_stopped_host_neither_takes_nor_votes_and_stays_stopped(
    tmp_path: Path, trio_files: Path
) -> None:
    world = Fork(tmp_path, TRIO, trio_files).meet(1, 2, 2)
    host = world.hosts[LEFT]
    assert world.run(CALM_MS, lambda: host.stopped() is not None)
    assert host.phase is Phase.ENDING and host.halted is None, "it still asks and answers"
    with pytest.raises(Halted, match="conflicting-final"):
        host.submit([b"{}"])
    said: list[str] = []
    world.lose = lambda _sender, _to, frame: _note(said, frame)
    assert world.run(CALM_MS, lambda: _halted(world))
    allowed = {"EvidenceMessage", "WantRange", "WantExits", "Exits", "Range", "CertificateMessage"}
    assert set(said) <= allowed and not {"VoteMessage", "Proposal"} & set(said)
    world.close()
    world.open(LEFT)
    assert world.hosts[LEFT].phase is Phase.HALTED
    world.close()


def _note(said: list[str], frame: bytes) -> bool:
    said.append(type(decode(frame)).__name__)
    return False


def test_a_host_whose_peers_say_nothing_stops_in_bounded_time(
    tmp_path: Path, trio_files: Path
) -> None:
    world = Fork(tmp_path, TRIO, trio_files).meet(1, 3, 2)
    world.lose = lambda _sender, _to, frame: isinstance(decode(frame), Range | WantRange)
    host = world.hosts[LEFT]
    assert world.run(20_000, lambda: host.halted is not None)
    assert _report(host)["own"] != _report(host)["other"]
    assert _report(host)["convicted"] == [] and "no key is convicted" in str(host.halted)
    world.close()


def test_a_branch_against_itself_convicts_nobody(tmp_path: Path, quartet_files: Path) -> None:
    fork = Fork(tmp_path, GENESIS, quartet_files)
    fork.grow(fork.root, list(GENESIS.names), 6)
    fork.root.open("platform")
    with fork.root.stores["platform"].reader() as reader:
        whole = range_from(reader, 1, 10**6)
    assert whole is not None
    branch = Branch(whole.blocks, (whole.certificate,))
    assert culprits(branch, branch) == []
    fork.root.close()


def test_a_false_range_in_answer_to_the_inquiry_convicts_nobody(
    tmp_path: Path, trio_files: Path
) -> None:
    world = Fork(tmp_path, TRIO, trio_files).meet(1, 3, 2)
    held: list[tuple[str, Range]] = []

    def hold(_sender: str, to: str, frame: bytes) -> bool:
        message = decode(frame)
        if isinstance(message, Range):
            held.append((to, message))
        return isinstance(message, Range)

    world.lose = hold
    assert world.run(3000, lambda: any(to == LEFT for to, _ in held))
    true = next(message for to, message in held if to == LEFT)
    host = world.hosts[LEFT]
    before = len(_evidence(host))
    wire = true.blocks[0]
    forged = msgspec.structs.replace(wire, signature=bytes(64))
    unjustified = msgspec.structs.replace(wire, justification=())
    for lie in (forged, unjustified):
        host.receive(RIGHT, encode(Range((lie, *true.blocks[1:]), true.headers, true.certificate)))
    assert len(_evidence(host)) == before
    assert sum(count for (peer, _), count in host.rejected.items() if peer == RIGHT) >= 1
    world.lose = lambda *_: False
    host.receive(RIGHT, encode(true))
    assert world.run(CALM_MS, lambda: _halted(world))
    assert {lie.party for lie in _evidence(host)} == {"institution"}
    world.close()
