"""Every lie is told, heard, and borne: the honest stay together, and convict the liar or nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consensus.justification import leader_of
from simulator.checkers import CHECKERS
from simulator.liars import LIES, sentence
from simulator.plan import Plan
from simulator.templates import Templates
from simulator.trace import Trace
from simulator.world import World
from tests.simulator.liar_kit import SIGNS, Seen

CONVICTING = ("batch-equivocator", "colluder", "equivocator", "flooder", "twin", "two-faced")
"""Lies of which two contradicting signatures come about."""

ROOT = Path(__file__).resolve().parents[2]

FORKING = ("colluder", "equivocator", "twin", "two-faced")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    (tmp_path_factory.getbasetemp() / "liars").mkdir()
    yield tmp_path_factory.getbasetemp() / "liars"


@pytest.fixture
def play(room: Path, tmp_path: Path) -> Callable[[Plan], tuple[World, Seen]]:
    """Return what runs a plan under all checkers."""

    def run(plan: Plan) -> tuple[World, Seen]:
        directory = tmp_path / f"{plan.seed}"
        checkers = (*CHECKERS, Seen)
        world = World(plan, directory, templates=Templates(room), checkers=checkers, trace=Trace())
        world.run()
        seen = next(c for c in world.checkers if isinstance(c, Seen))
        return world, seen

    return run


Play = Callable[[Plan], tuple[World, Seen]]


def _convicted(seen: Seen) -> set[frozenset[str]]:
    """Return the sets of names that honest machines hold evidence against."""
    return {frozenset(names) for names in seen.convicted.values()}


# -- claims ----------------------------------------------------------------------------------------


def test_every_lie_is_said_in_one_sentence() -> None:
    assert set(SIGNS) == set(LIES)
    for lie in LIES:
        assert sentence(lie).endswith(".") and len(sentence(lie)) <= 100


@pytest.mark.parametrize(("seed", "liar"), [(1, "platform"), (7, "funder")])
@pytest.mark.parametrize("lie", sorted(LIES))
def test_one_liar_of_four_is_heard_and_borne(play: Play, lie: str, seed: int, liar: str) -> None:
    world, seen = play(Plan(seed=seed, records=50, liars={liar: lie}))
    assert SIGNS[lie](seen, liar), "the lie was not told"
    assert world.settled and not world.halts
    assert all(len(blocks) == 1 for blocks in seen.finals.values()), "I1"
    # I8: who contradicts itself is known to every honest node; nobody else is
    assert _convicted(seen) == {frozenset([liar] if lie in CONVICTING else [])}


def test_an_honest_party_shows_no_sign_of_any_lie(play: Play) -> None:
    _, seen = play(Plan(seed=1, records=50))
    for party in ("platform", "funder"):
        assert [lie for lie, shows in SIGNS.items() if shows(seen, party)] == []
    assert _convicted(seen) == {frozenset()}


@pytest.mark.parametrize(
    ("seed", "liars"),
    [
        (1, {"institution": "twin", "auditor": "two-faced"}),
        (2, {"guarantor": "wrong-state", "auditor-b": "replayer"}),
        (3, {"funder": "forger", "platform": "withholder"}),
        (4, {"merchant": "batch-equivocator", "auditor": "nonsense"}),
        (5, {"funder": "colluder", "guarantor": "colluder"}),
    ],
)
def test_two_liars_of_seven_are_borne(play: Play, seed: int, liars: dict[str, str]) -> None:
    world, seen = play(Plan(seed=seed, nodes=7, quorum=5, records=40, liars=liars))
    assert world.settled and not world.halts and not world.forkable
    assert all(SIGNS[lie](seen, liar) for liar, lie in liars.items())
    convicting = frozenset(liar for liar, lie in liars.items() if lie in CONVICTING)
    assert _convicted(seen) == {convicting}


@pytest.mark.parametrize("lie", FORKING)
def test_a_liar_of_three_with_quorum_two_may_fork_and_is_exposed(play: Play, lie: str) -> None:
    plan = Plan(seed=1, nodes=3, quorum=2, records=60, until_ms=20_000, liars={"funder": lie})
    world, seen = play(plan)
    assert world.forkable
    assert _convicted(seen) == {frozenset(["funder"])}
    if any(len(blocks) > 1 for blocks in seen.finals.values()):
        assert {why.code for why in world.halts.values()} == {"conflicting-final"}


def test_two_blocks_that_no_quorum_saw_may_stay_unnoticed(play: Play) -> None:
    """Three of seven see one block, three the other: neither gets a certificate, both are lost."""
    liars = {"institution": "equivocator"}
    world, seen = play(Plan(seed=1, nodes=7, quorum=5, records=40, liars=liars))
    assert SIGNS["equivocator"](seen, "institution")
    assert world.settled and not world.halts
    assert frozenset().union(*_convicted(seen)) <= set(liars)


@pytest.mark.parametrize("seed", [2, 6, 8])
def test_a_censor_bears_another_liars_nonsense(play: Play, seed: int) -> None:
    """Nonsense may have the form of a batch whose header is none."""
    liars = {"institution": "censor", "funder": "nonsense"}
    play(Plan(seed=seed, nodes=5, records=60, liars=liars))


@pytest.mark.parametrize("lie", FORKING)
def test_with_quorum_three_of_three_a_liar_stops_everybody_and_forks_nothing(
    play: Play, lie: str
) -> None:
    plan = Plan(seed=1, nodes=3, quorum=3, records=60, until_ms=10_000, liars={"funder": lie})
    world, seen = play(plan)
    assert not world.forkable and not world.halts
    assert all(len(blocks) == 1 for blocks in seen.finals.values())
    assert frozenset().union(*_convicted(seen)) <= {"funder"}


def test_two_colluders_of_four_fork_and_both_are_convicted_by_all(play: Play) -> None:
    pairs = [("platform", "institution"), ("auditor", "funder"), ("institution", "auditor")]
    forks = 0
    for seed in range(8, 17):
        liars = dict.fromkeys(pairs[seed % 3], "colluder")
        world, seen = play(Plan(seed=seed, records=40, until_ms=10_000, liars=liars))
        assert world.forkable and _led_apart(seen)
        assert {world.halts[p.name].code for p in world.honest()} == {"conflicting-final"}
        assert _convicted(seen) == {frozenset(liars)}
        forks += any(len(blocks) > 1 for blocks in seen.finals.values())
    assert forks >= 3, "two blocks were final at one height before the honest met"


def _led_apart(seen: Seen) -> bool:
    """Whether honest parties voted Final for two blocks of one slot."""
    finals: dict[int, set[bytes]] = defaultdict(set)
    for process in seen.world.honest():
        for _, vote in seen.votes(process.party):
            if vote.kind == "final":
                finals[vote.slot].add(vote.block)
    return any(len(blocks) > 1 for blocks in finals.values())


def test_a_leader_that_is_wrong_loses_only_its_own_slots(play: Play) -> None:
    _, seen = play(Plan(seed=4, records=80, liars={"funder": "wrong-state"}))
    proposed = {block.slot for block in seen.proposals("funder")}
    lost = proposed - {block.slot for block in seen.chain()}
    assert lost and all(leader_of(slot, seen.world.genesis) == "funder" for slot in lost)


def test_what_liars_do_is_the_same_in_every_process(tmp_path: Path) -> None:
    found = set()
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, __file__, str(tmp_path / hash_seed)]
        told = subprocess.run(command, env=environment, capture_output=True, check=True)
        found.add(told.stdout)
    assert len(found) == 1 and found != {b""}


def _print_digests(directory: Path) -> None:
    templates = directory / "templates"
    templates.mkdir(parents=True)
    crowds = (
        ("equivocator", "forger", "replayer", "two-faced"),
        ("batch-equivocator", "flooder", "nonsense", "withholder"),
        ("censor", "colluder", "colluder", "wrong-state"),
        ("batch-pest", "flapper", "repeater", "mute"),
        ("vote-pest", "questioner", "range-pusher", "flapper"),
    )
    for seed, lies in enumerate(crowds):
        parties = Plan(nodes=7).parties
        plan = Plan(seed=seed, nodes=7, records=12, until_ms=3000, liars=dict(zip(parties, lies)))  # noqa: B905
        trace = Trace()
        World(
            plan,
            directory / str(seed),
            templates=Templates(templates),
            checkers=(),
            trace=trace,
        ).run()
        print(len(trace.lines), trace.digest())


if __name__ == "__main__":
    _print_digests(Path(sys.argv[1]))
