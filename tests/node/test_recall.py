"""The dialogue of a start (R11): old copies and power cycles convict nobody, and nobody waits.

Positions are effects of a victim: how far it had come, and what had left it, when its power was
cut. Then its database is put back to an older copy, as somebody does who restores a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.host.host import Host
from node.host.submission import Submission
from tests.node.host_kit import CALM_MS, World, capture, instruct, make_templates, register
from tests.node.restored_kit import Restored

VICTIM = "institution"
POSITIONS = range(0, 44, 3)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[Restored]:
    opened = Restored(tmp_path, templates)
    opened.open()
    done = opened.submit("institution", [register("shop"), register("platform-fee")])
    assert opened.run(CALM_MS, lambda: _final(done) and _level(opened))
    yield opened
    opened.close()


def _final(told: list[Submission]) -> bool:
    return all(each.state == "final" for each in told)


def _level(world: World) -> bool:
    return len({host.store.tip() for host in world.hosts.values()}) == 1


def _pay(world: World, payment: str) -> list[Submission]:
    return [
        *world.submit("institution", [capture(payment)]),
        *world.submit("platform", [instruct(payment)]),
    ]


def _work_to(world: Restored, position: int, victims: tuple[str, ...] = (VICTIM,)) -> None:
    """Copy the databases, finish a payment, and cut the victims' power within the next one."""
    world.keep_copies()
    told = _pay(world, f"P{position}")
    assert world.run(CALM_MS, lambda: _final(told))
    for name in victims:
        fuse = world.fuses[name]
        fuse.count, fuse.at = 0, position
    _pay(world, f"Q{position}")
    world.run(60)


def _goes_on(world: Restored, position: int, *, at_once: bool) -> None:
    """Check that nobody is convicted, and that what is submitted now becomes final."""
    late = _pay(world, f"R{position}") if at_once else []
    assert world.run(CALM_MS, lambda: all(not h.replica.recalling for h in _up(world)))
    late = late or _pay(world, f"R{position}")
    late += _pay(world, f"Q{position}")
    assert world.run(CALM_MS, lambda: all(each.done for each in late)), "I7"
    assert {each.state for each in late} == {"final"}
    assert world.run(CALM_MS, lambda: _level(world))
    world.check_equal()
    assert not world.evidence, "I8"
    for host in _up(world):
        assert not host.accusations.convicted and not host.rejected
        assert host.recall.hindrance() == ""
        assert host.journal.record_count == 0


def _up(world: World) -> list[Host]:
    return list(world.hosts.values())


AT_ONCE = pytest.mark.parametrize("at_once", [True, False], ids=["submitting", "quiet"])
"""Whether clients submit in the first moment after the start, or once the dialogue is over."""


@AT_ONCE
def test_one_old_copy(world: Restored, at_once: bool) -> None:
    for position in POSITIONS:
        _work_to(world, position)
        world.put_back(VICTIM)
        world.open(VICTIM)
        _goes_on(world, position, at_once=at_once)


@AT_ONCE
def test_all_power_cycled_and_one_gone_for_good(world: Restored, at_once: bool) -> None:
    for position in POSITIONS:
        _work_to(world, position, world.genesis.names)
        _cut_all(world)
        world.open("institution", "platform", "funder")
        _goes_on(world, position, at_once=at_once)


@AT_ONCE
def test_all_power_cycled_one_gone_for_good_and_one_with_an_old_copy(
    world: Restored, at_once: bool
) -> None:
    for position in POSITIONS:
        _work_to(world, position, world.genesis.names)
        _cut_all(world)
        world.forgotten = True
        world.put_back(VICTIM)
        world.open("institution", "platform", "funder")
        _goes_on(world, position, at_once=at_once)


@AT_ONCE
@pytest.mark.parametrize("gone", [(), ("auditor",)], ids=["all", "one-gone"])
def test_old_copies_at_two(world: Restored, gone: tuple[str, ...], at_once: bool) -> None:
    for position in POSITIONS:
        _work_to(world, position, ("institution", "funder"))
        world.forgotten = True
        for name in gone:
            world.crash(name)
        for name in ("institution", "funder"):
            world.put_back(name)
        world.open("institution", "funder")
        _goes_on(world, position, at_once=at_once)


def _cut_all(world: Restored) -> None:
    for name in world.genesis.names:
        world.crash(name)
    world.frames.clear()
