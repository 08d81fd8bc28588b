"""Power cuts between any two effects of a real host: no lie is signed, nothing final is lost."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from consensus.messages import BatchMessage, Message, Voting, decode, wire_batch
from node.errors import StorageError
from node.host.submission import Submission
from node.storage.store import ConsensusItem, Item, Store
from tests.ledger.ledger_kit import GENESIS
from tests.node.host_kit import CALM_MS, World, capture, instruct, make_templates, register

VICTIMS = GENESIS.names
POSITIONS_MAX = 200


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> World:
    """Return four hosts at work, with the receivers of a split registered."""
    opened = World(tmp_path, templates)
    opened.open()
    done = opened.submit("institution", [register("shop"), register("platform-fee")])
    assert opened.run(CALM_MS, lambda: all(each.state == "final" for each in done))
    assert opened.run(CALM_MS, lambda: _level(opened))
    yield opened  # type: ignore[misc]
    opened.close()


def _level(world: World) -> bool:
    """Return whether all four are up and at one height."""
    tips = {host.store.tip() for host in world.hosts.values()}
    return len(world.hosts) == len(world.genesis.names) and len(tips) == 1


def _pay(world: World, payment: str) -> list[Submission]:
    """Let both parties state their half of a payment; the same ids every time."""
    said = world.submit("institution", [capture(payment)])
    return said + world.submit("platform", [instruct(payment)])


class Ledgered:
    """What was acknowledged as final, to be found again for ever (I4)."""

    def __init__(self) -> None:
        self.final: dict[tuple[str, str], int] = {}

    def note(self, submissions: list[Submission]) -> None:
        for each in submissions:
            if each.state == "final":
                assert each.outcome == "applied"
                assert each.index is not None
                known = self.final.setdefault((each.party, each.id), each.index)
                assert known == each.index

    def check(self, world: World, name: str) -> None:
        entries = world.entries(name)
        assert len({(party, id_) for party, id_, _ in entries}) == len(entries), "stated twice"
        for (party, id_), index in self.final.items():
            assert entries[index][:2] == (party, id_)
        for party in world.genesis.names:
            payments = [int(id_[5:]) for p, id_, _ in entries if p == party and "-P" in id_]
            assert payments == sorted(payments), f"I4: {party}'s order"


@pytest.mark.parametrize("victim", VICTIMS)
def test_power_cut_between_any_two_effects_loses_and_contradicts_nothing(
    world: World, victim: str
) -> None:
    ledgered, position, blown = Ledgered(), 0, True
    while blown:
        assert position < POSITIONS_MAX
        fuse = world.fuses[victim]
        fuse.count, fuse.at = 0, position
        payment = f"P{position}"
        told = _pay(world, payment)
        world.run(3000, lambda told=told: len(told) == 2 and all(each.done for each in told))
        world.run(40)
        ledgered.note(told)
        blown = fuse.blown
        if blown:
            assert victim not in world.hosts
            # Every third time the power fails again while the host wakes up.
            world.open(victim, fuse_at=position % 7 if position % 3 == 0 else None)
            world.run(20)
            if victim not in world.hosts:
                world.open(victim)
        fuse.at = None
        told = _pay(world, payment)
        assert world.run(CALM_MS, lambda told=told: all(each.done for each in told)), "I7"
        ledgered.note(told)
        assert {each.state for each in told} == {"final"}
        position += 1
    assert position > 15, "the run was over before it began"
    assert world.run(CALM_MS, lambda: _level(world))
    world.check_equal()
    for name in world.hosts:
        ledgered.check(world, name)
    assert len(ledgered.final) == 2 * position
    assert not world.evidence  # I8


def test_all_crash_at_once_at_any_position_and_go_on(world: World) -> None:
    for position in range(0, 36, 3):
        for fuse in world.fuses.values():
            fuse.count, fuse.at = 0, position
        told = _pay(world, f"P{position}")
        world.run(40)
        for name in world.genesis.names:
            world.crash(name)
        world.frames.clear()
        world.open()
        told = _pay(world, f"P{position}")
        assert world.run(CALM_MS, lambda told=told: all(each.done for each in told)), "I7"
        assert {each.state for each in told} == {"final"}
    assert world.run(CALM_MS, lambda: _level(world))
    world.check_equal()
    assert not world.evidence


def test_frames_lost_in_great_number_are_said_again(world: World) -> None:
    weather = Random(7)
    world.lose = lambda *_: weather.random() < 0.4
    for number in range(3):
        told = _pay(world, f"P{number}")
        assert world.run(CALM_MS, lambda told=told: all(each.done for each in told))
    assert world.run(CALM_MS, lambda: _level(world))
    world.check_equal()


def test_a_disk_that_fails_stops_the_host_before_anything_leaves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_store: Store, items: list[Item]) -> None:
        if any(isinstance(item, ConsensusItem) for item in items):
            raise StorageError("disk-full", "no space left")

    store = world.stores["funder"]
    monkeypatch.setattr(store, "save", lambda items: refuse(store, items))
    sent: list[Message] = []

    def listen(sender: str, _to: str, frame: bytes) -> bool:
        if sender == "funder":
            sent.append(decode(frame))
        return False

    world.lose = listen
    told = _pay(world, "P1")
    assert world.run(CALM_MS, lambda: all(each.done for each in told))
    host = world.hosts["funder"]
    assert host.halted is not None and host.halted.code == "disk-full"
    assert sent == [Voting("disk-full")] * 3  # nothing signed: that it has stopped, and why


def test_a_disk_that_is_full_when_a_peer_comes_up_stops_the_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it tells the peer is read from the database, for which what is held is written first."""

    def refuse(_store: Store) -> None:
        raise StorageError("disk-full", "no space left")

    told = _pay(world, "P1")
    assert world.run(CALM_MS, lambda: all(each.done for each in told))
    monkeypatch.setattr(Store, "write", refuse)
    host = world.hosts["funder"]
    host.peer_up("auditor")
    assert host.halted is not None and host.halted.code == "disk-full"


def test_a_broken_step_stops_the_host_instead_of_speaking_of_what_is_not_durable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = world.hosts["institution"]

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(host.machine, "build", broken)
    world.now_ms += 1
    while host.halted is None:
        try:
            _pay(world, f"P{world.now_ms}")
            world.run(100)
        except ZeroDivisionError:
            break
    assert host.halted is not None and host.halted.code == "internal-error"
    sent = world.fuses["institution"].count
    world.frames.clear()
    world.run(20_000)
    assert world.fuses["institution"].count == sent


def test_a_restarted_host_wants_batches_of_parties_that_have_stated_many(world: World) -> None:
    """The window of wanted numbers starts at what is final, also after a restart."""
    host = world.hosts["funder"]
    for number in range(70):
        told = world.submit("institution", [register(f"r{number}")])
        assert world.run(CALM_MS, lambda told=told: all(each.done for each in told))
    assert world.run(CALM_MS, lambda: _level(world))
    world.crash("funder")
    world.open("funder")
    host = world.hosts["funder"]
    sent: list[bytes] = []
    world.lose = lambda sender, to, frame: sent.append(frame) is None  # type: ignore[func-returns-value]
    world.submit("institution", [register("late")])
    batches = [m.batch.batch() for m in map(decode, sent) if isinstance(m, BatchMessage)]
    newest = max(batches, key=lambda batch: batch.number)
    assert newest.number > 64
    assert host.pool.lacks(newest)
    with host.store.reader() as reader:
        old = reader.batch("institution", 1)
    assert old is not None
    assert not host.pool.lacks(wire_batch(old.batch()).batch()), "final batches fill the pool"
