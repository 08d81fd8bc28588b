"""Shrinking finds the part of a plan that matters, in a bounded number of runs."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from simulator.plan import Fault, LineConditions, Plan
from simulator.run import CODE, Finding, RunOutcome
from simulator.shrink import RUNS_MAX, shrink


def outcome(plan: Plan, invariant: str = "", text: str = "seen", at_ms: int = 900) -> RunOutcome:
    finding = Finding(invariant=invariant, text=text, at_ms=at_ms, step=1) if invariant else None
    return RunOutcome(seed=plan.seed, finding=finding)


def crash(at_ms: int) -> Fault:
    return Fault(kind="crash", at_ms=at_ms, for_ms=5)


def judge(*needed: Fault, records: int = 0, liar: str = "") -> Callable[[Plan], RunOutcome]:
    """Return a world that breaks I1 if a plan has all that is needed, and else nothing."""

    def run(plan: Plan) -> RunOutcome:
        broken = all(fault in plan.faults for fault in needed)
        broken = broken and plan.records >= records and (not liar or liar in plan.liars)
        return outcome(plan, "I1" if broken else "")

    return run


def test_one_fault_of_many_is_left_and_all_else_is_dropped() -> None:
    faults = tuple(crash(at) for at in range(20))
    plan = Plan(
        seed=3,
        records=400,
        faults=faults,
        liars={"funder": "twin"},
        network=LineConditions(loss_ppm=5),
        skew_ms=9,
    )
    run = judge(faults[13])
    found = shrink(plan, run(plan), run)
    assert found.plan.faults == (faults[13],)
    assert (found.plan.liars, found.plan.records) == ({}, 1)
    assert (found.plan.network, found.plan.skew_ms) == (LineConditions(), 0)
    assert found.plan.seed == 3
    assert found.runs <= RUNS_MAX


@given(st.sets(st.integers(0, 15), min_size=0, max_size=3))
def test_exactly_the_faults_that_matter_together_are_left(wanted: set[int]) -> None:
    faults = tuple(crash(at) for at in range(16))
    run = judge(*(faults[place] for place in wanted), records=100, liar="funder")
    plan = Plan(records=800, faults=faults, liars={"funder": "twin", "auditor": "twin"})
    found = shrink(plan, run(plan), run, runs_max=500)
    assert found.plan.faults == tuple(faults[place] for place in sorted(wanted))
    assert found.plan.records == 100
    assert found.plan.liars == {"funder": "twin"}


def test_another_broken_invariant_is_not_taken_for_the_same() -> None:
    faults = (crash(1), crash(2))

    def run(plan: Plan) -> RunOutcome:
        return outcome(plan, "I4" if len(plan.faults) == 2 else "I7")

    plan = Plan(faults=faults)
    assert shrink(plan, run(plan), run).plan.faults == faults


def test_another_error_of_the_code_is_not_taken_for_the_same() -> None:
    faults = (crash(1), crash(2))

    def run(plan: Plan) -> RunOutcome:
        return outcome(plan, CODE, "KeyError: 1" if len(plan.faults) == 2 else "ValueError: 1")

    plan = Plan(faults=faults)
    assert shrink(plan, run(plan), run).plan.faults == faults


def test_the_number_of_runs_is_bounded() -> None:
    ran: list[Plan] = []

    def run(plan: Plan) -> RunOutcome:
        ran.append(plan)
        return outcome(plan)  # nothing smaller breaks it

    plan = Plan(faults=tuple(crash(at) for at in range(60)))
    found = shrink(plan, outcome(plan, "I1"), run, runs_max=25)
    assert (found.plan.faults, found.runs, len(ran)) == (plan.faults, 25, 25)


def test_what_comes_after_the_broken_invariant_is_cut_off_first() -> None:
    faults = (crash(100), crash(899), crash(901), crash(5000))
    run = judge(faults[0], faults[1])
    plan = Plan(faults=faults)
    found = shrink(plan, run(plan), run, runs_max=1)
    assert found.plan.faults == faults[:2]
    assert found.plan.until_ms == 1900


def test_the_smallest_plan_comes_with_its_own_outcome() -> None:
    run = judge()
    plan = Plan(faults=(crash(1),))
    found = shrink(plan, run(plan), run)
    assert found.outcome == run(found.plan)
