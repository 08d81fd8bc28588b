"""The checkers are fair: they accuse nobody of what is allowed. (That they bite: test_mutants.)"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.held import FinalBlock
from simulator import clients
from simulator.checkers import CHECKERS, Checker
from simulator.checkers.histories import Histories
from simulator.errors import Violation
from simulator.history import BalanceRead, Operation
from simulator.plan import Fault, Plan, read
from simulator.process import Process
from simulator.run import quiet
from simulator.templates import Templates
from simulator.world import World

LOST = Fault(kind="crash", at_ms=300, for_ms=400, who=("institution",), disk="lost")
TORN = tuple(
    Fault(kind="crash", at_ms=60 * i, for_ms=40, who=(who,), effect=1 + i % 11, disk="torn")
    for i, who in enumerate(("platform", "institution", "funder", "auditor") * 5, 1)
)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Return empty databases for all worlds of this module."""
    with quiet():
        yield Templates(tmp_path_factory.mktemp("templates"))


class Heights(Checker):
    """Notes the heights that each machine reports as final, in order."""

    invariant = "none"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.seen: defaultdict[str, list[int]] = defaultdict(list)

    def on_final(self, process: Process, final: FinalBlock) -> None:
        """Note a height."""
        block = final.block
        self.seen[process.name].append(block.height)


class Looks(Checker):
    """Notes the balances that clients read."""

    invariant = "none"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.seen: list[BalanceRead] = []

    def on_balance(self, read: BalanceRead) -> None:
        """Note a balance."""
        self.seen.append(read)


def _world(plan: Plan, directory: Path, templates: Templates, *more: type[Checker]) -> World:
    return World(plan, directory, templates=templates, checkers=(*CHECKERS, *more))


def test_there_is_one_checker_an_invariant() -> None:
    names = [checker.invariant for checker in CHECKERS]
    assert names == [f"I{number}" for number in range(1, 9)] + ["history", "loans"]


def test_torn_writes_and_crashes_at_any_effect_break_nothing(
    tmp_path: Path, templates: Templates
) -> None:
    """What a power cut has kept or taken is not held against the node."""
    world = _world(Plan(seed=5, records=60, faults=TORN), tmp_path, templates)
    world.run()
    assert world.settled
    assert world.counts["crashes"] > 5


FOUND = sorted((Path(__file__).parent / "plans").glob("*.toml"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_campaigns_found_stays_found(path: Path, tmp_path: Path, templates: Templates) -> None:
    """Plans under which a run was broken once, made small; each says in its story what it was."""
    world = _world(read(path.read_text("utf-8"), Plan, path.name), tmp_path, templates)
    world.run()


def test_a_commit_that_the_power_cut_kept_is_reported_with_the_next_start(
    tmp_path: Path, templates: Templates
) -> None:
    world = _world(Plan(seed=6, records=60, faults=TORN), tmp_path, templates, Heights)
    world.run()
    heights = world.checkers[-1]
    assert isinstance(heights, Heights)
    assert world.counts["crashes"] > 5
    for seen in heights.seen.values():
        assert seen == list(range(1, seen[-1] + 1))


def test_a_lost_disk_may_show_less_for_a_while(tmp_path: Path, templates: Templates) -> None:
    world = _world(Plan(seed=1, records=60, faults=(LOST,)), tmp_path, templates)
    world.run()
    assert world.settled
    assert world.processes["institution"].rebuilt


def test_a_fork_that_liars_can_make_is_written_down_with_their_names(
    tmp_path: Path, templates: Templates
) -> None:
    plan = Plan(seed=2, records=40, liars={"funder": "colluder", "auditor": "colluder"})
    world = _world(plan, tmp_path, templates)
    world.run()
    assert world.forkable
    assert world.forks
    assert all(len(set(blocks.values())) > 1 for blocks in world.forks.values())


def test_without_a_quorum_no_progress_is_owed(tmp_path: Path, templates: Templates) -> None:
    gone = Fault(kind="crash", at_ms=200, who=("funder", "auditor"))
    world = _world(Plan(seed=1, records=40, until_ms=3000, faults=(gone,)), tmp_path, templates)
    world.run()
    assert not world.owes_progress
    assert not world.settled


# -- histories ------------------------------------------------------------------------------------


def _told(entry: int, outcome: str = "applied", height: int = 1, record: str = "a") -> Operation:
    return Operation(0, "platform", "answer", "platform", record, outcome, entry, height)


def _read(entry: int, outcome: str, height: int, record: str = "a") -> Operation:
    return Operation(0, "platform", "read", "platform", record, outcome, entry, height)


def _elsewhere(entry: int, outcome: str, height: int, node: str = "funder") -> Operation:
    return _read(entry, outcome, height)._replace(node=node)


SOUND: dict[str, tuple[Operation, ...]] = {
    "seen before it was told": (_read(0, "applied", 1), _told(0)),
    "not yet, then there": (_read(-1, "", 0), _read(0, "applied", 1), _told(0)),
    "refused before signing": (_told(-1, "unknown-receiver", 0), _read(-1, "", 1)),
    "refused in the log": (_told(0, "already-captured"), _read(0, "already-captured", 1)),
    "not yet at another node": (_told(0, height=7), _elsewhere(-1, "", 3)),
    "each node for itself": (_elsewhere(-1, "", 9), _elsewhere(-1, "", 3, "auditor"), _told(0)),
    "higher and higher": (_read(-1, "", 1), _read(-1, "", 1), _read(-1, "", 5)),
}
BROKEN: dict[str, tuple[Operation, ...]] = {
    "gone": (_told(0), _read(-1, "", 1)),
    "another entry": (_told(0), _read(1, "applied", 1)),
    "another outcome": (_told(0), _read(0, "already-captured", 1)),
    "told something else than seen": (_read(0, "applied", 1), _told(3)),
    "told twice, differently": (_told(0), _told(1)),
    "refused, and there": (_told(-1, "unknown-receiver", 0), _read(0, "applied", 1)),
    "seen, and gone": (_read(0, "applied", 1), _read(-1, "", 1)),
    "height goes back": (_read(-1, "", 5), _read(-1, "", 4)),
    "another entry at another node": (_told(0), _elsewhere(1, "applied", 1)),
    "seen at another node, and gone": (_elsewhere(0, "applied", 1), _elsewhere(-1, "", 1)),
    "another node's height goes back": (_elsewhere(-1, "", 5), _elsewhere(-1, "", 4)),
    "height below an answer's": (_told(0, height=7), _read(0, "applied", 6)),
}


def _judge(operations: tuple[Operation, ...], directory: Path, templates: Templates) -> None:
    histories = Histories(World(Plan(), directory, templates=templates, checkers=()))
    for operation in operations:
        histories.on_operation(operation)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(seed=1, records=60, faults=(LOST,)),
        Plan(seed=5, records=60, faults=TORN),
        Plan(seed=17, records=40, liars={"funder": "colluder", "auditor": "colluder"}),
    ],
    ids=["lost disk", "torn writes", "fork"],
)
def test_balances_are_read_at_all_nodes_and_nobody_is_accused(
    plan: Plan, tmp_path: Path, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "LOOKS_PPM", 1_000_000)
    world = _world(plan, tmp_path, templates, Looks)
    world.run()
    looks = world.checkers[-1]
    assert isinstance(looks, Looks)
    assert {read.client == read.node for read in looks.seen} == {True, False}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_history_passes(name: str, tmp_path: Path, templates: Templates) -> None:
    _judge(SOUND[name], tmp_path, templates)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_found(name: str, tmp_path: Path, templates: Templates) -> None:
    with pytest.raises(Violation, match=r"^history: "):
        _judge(BROKEN[name], tmp_path, templates)
