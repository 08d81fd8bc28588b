"""Every checker bites: a planted bug is found by the invariant that it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from simulator.checkers import CHECKERS, Checker
from simulator.errors import Violation
from simulator.liars import LIES
from simulator.plan import Plan, write
from simulator.run import quiet
from simulator.templates import Templates
from simulator.world import World
from tests.simulator.mutants import MUTANTS, Mutant, lies

SEEDS = 8
"""A bug that needs bad luck may not show under the first seed, as the workload changes."""

_sound: set[str] = set()
"""Plans that have been run without any bug."""

INVARIANTS = {checker.invariant for checker in CHECKERS}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Return empty databases for all worlds of this module."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(autouse=True)
def more_lies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let plans name the lies that only a mutant believes."""
    for name, lie in lies.LIES.items():
        monkeypatch.setitem(LIES, name, lie)
    with quiet():
        yield


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_planted_bug_is_found_by_the_checker_that_should(
    mutant: Mutant, tmp_path: Path, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without the bug the very same world is sound."""
    watching = tuple(c for c in CHECKERS if c.invariant == mutant.by or not mutant.alone)
    with monkeypatch.context() as planted:
        mutant.plant(planted)
        found, plan = _first_violation(mutant.plan, tmp_path, templates, watching)
    assert found is not None, "nobody noticed"
    assert found.invariant == mutant.by, str(found)
    if write(plan) not in _sound:
        World(plan, tmp_path / "sound", templates=templates, checkers=CHECKERS).run()
        _sound.add(write(plan))


def _first_violation(
    plan: Plan, directory: Path, templates: Templates, watching: tuple[type[Checker], ...]
) -> tuple[Violation | None, Plan]:
    """Return what is found under the plan's seed, or one of the next few."""
    for seed in range(plan.seed, plan.seed + SEEDS):
        tried = replace(plan, seed=seed)
        world = World(tried, directory / f"{seed}", templates=templates, checkers=watching)
        try:
            world.run()
        except Violation as found:
            return found, tried
    return None, plan


def test_every_invariant_has_a_mutant() -> None:
    assert {mutant.by for mutant in MUTANTS} == INVARIANTS


def test_every_mutant_says_what_is_wrong() -> None:
    assert all(mutant.plant.__doc__ for mutant in MUTANTS)
