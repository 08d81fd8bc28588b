"""What a mutant is, and where mutants are entered."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from simulator.plan import Plan

Plant = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A planted bug: how it is planted, who must find it, and in which world it shows.

    It shows under the plan's seed or one of the next few.
    """

    name: str
    by: str
    plan: Plan
    plant: Plant
    alone: bool


MUTANTS: list[Mutant] = []


def mutant(by: str, plan: Plan, *, alone: bool = False) -> Callable[[Plant], Plant]:
    """Enter the decorated function as a mutant.

    Args:
        by: The invariant that must notice it.
        plan: The world in which it shows.
        alone: Whether only that invariant's checker watches.
    """

    def enter(plant: Plant) -> Plant:
        MUTANTS.append(Mutant(f"{by}-{plant.__name__}", by, plan, plant, alone))
        return plant

    return enter


def plan_of(seed: int, *faults: object, records: int = 40, **fields: object) -> Plan:
    """Return a small plan: a few records, and faults that end soon."""
    return Plan(seed=seed, records=records, until_ms=20_000, faults=faults, **fields)  # type: ignore[arg-type]
