"""Shrinking: from a plan that breaks an invariant to a small one that still breaks it.

Everything that a plan has is tried without: faults in halves and smaller parts (ddmin), liars,
records, bad lines, unsteady clocks. What no longer breaks the same invariant stays. The number of
runs is bounded, so the result is small, not always the smallest.

Source: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from simulator.plan import Fault, LineConditions, Plan
from simulator.run import CODE, Finding, RunOutcome

T = TypeVar("T")
RUNS_MAX = 80
AFTERWARDS_MS = 1000
"""Time that a run goes on after the moment at which the invariant was broken."""


class Shrunk(msgspec.Struct, frozen=True):
    """The smallest plan found, how it ends, and how many runs it took."""

    plan: Plan
    outcome: RunOutcome
    runs: int


def shrink(
    plan: Plan,
    outcome: RunOutcome,
    run: Callable[[Plan], RunOutcome],
    *,
    runs_max: int = RUNS_MAX,
) -> Shrunk:
    """Return a smaller plan that breaks the invariant that ``outcome`` of ``plan`` breaks.

    Args:
        plan: What to make smaller.
        outcome: How it ended; it has a finding.
        run: Runs a plan.
        runs_max: How many plans are tried at most.
    """
    search = _Search(plan, outcome, run, runs_max)
    search.shorten()
    size = None
    while size != (size := _size(search.plan)) and search.runs < runs_max:
        search.drop_faults()
        search.drop_liars()
        search.drop_records()
        search.calm_down()
    return Shrunk(search.plan, search.outcome, search.runs)


class _Search:
    """The smallest plan so far."""

    def __init__(
        self, plan: Plan, outcome: RunOutcome, run: Callable[[Plan], RunOutcome], runs_max: int
    ) -> None:
        self.plan = plan
        self.outcome = outcome
        self.runs = 0
        self._run = run
        self._runs_max = runs_max
        self._wanted = _name(outcome.finding)

    def take(self, **changes: object) -> bool:
        """Take a changed plan if it breaks the same invariant. Return whether it does."""
        plan = msgspec.structs.replace(self.plan, **changes)
        if plan == self.plan or self.runs >= self._runs_max:
            return False
        self.runs += 1
        outcome = self._run(plan)
        if _name(outcome.finding) != self._wanted:
            return False
        self.plan, self.outcome = plan, outcome
        return True

    def shorten(self) -> None:
        """End faults and clients soon after the invariant was broken."""
        finding = self.outcome.finding
        at_ms = finding.at_ms if finding is not None else self.plan.until_ms
        early = tuple(fault for fault in self.plan.faults if fault.at_ms <= at_ms)
        if not self.take(faults=early, until_ms=min(self.plan.until_ms, at_ms + AFTERWARDS_MS)):
            self.take(faults=early)

    def drop_faults(self) -> None:
        """Leave out as many faults as can be: all, halves, quarters, single ones."""
        if self.take(faults=()):
            return
        parts = 2
        while len(self.plan.faults) >= 2:
            size = -(-len(self.plan.faults) // parts)
            if any(self.take(faults=rest) for rest in _without(self.plan.faults, size)):
                parts = max(2, parts - 1)
            elif size == 1:
                return
            else:
                parts = min(len(self.plan.faults), 2 * parts)

    def drop_liars(self) -> None:
        """Let every liar be honest that can be."""
        for party in list(self.plan.liars):
            left = {who: lie for who, lie in self.plan.liars.items() if who != party}
            self.take(liars=left)

    def drop_records(self) -> None:
        """Halve the work, as often as it goes."""
        while self.plan.blocks > 1 and self.take(blocks=self.plan.blocks // 2):
            pass
        while self.plan.records > 1 and self.take(records=self.plan.records // 2):
            pass

    def calm_down(self) -> None:
        """Make what is usual of lines, disks and clocks."""
        usual = Plan()
        self.take(network=usual.network)
        self.take(
            skew_ms=0, drift_ppm=0, hurry=1, disk_us=usual.disk_us, timeout_ms=usual.timeout_ms
        )
        for place, fault in enumerate(self.plan.faults):
            if fault.effect:
                self._simpler(place, effect=0)
            if fault.period_ms:
                self._simpler(place, period_ms=0)

    def _simpler(self, place: int, **changes: object) -> None:
        faults: list[Fault] = list(self.plan.faults)
        faults[place] = msgspec.structs.replace(faults[place], **changes)
        self.take(faults=tuple(faults))


def _without(faults: Sequence[Fault], size: int) -> Iterator[tuple[Fault, ...]]:
    """Yield ``faults`` without each part of ``size``, the late parts first."""
    for start in reversed(range(0, len(faults), size)):
        yield (*faults[:start], *faults[start + size :])


def _name(finding: Finding | None) -> str:
    """Return what has to be the same of two findings: the invariant, or the kind of error."""
    if finding is None:
        return ""
    if finding.invariant == CODE:
        return f"{CODE} {finding.text.partition(':')[0]}"
    return finding.invariant


def _size(plan: Plan) -> tuple[int, int, int, LineConditions]:
    return len(plan.faults), len(plan.liars), plan.records + plan.blocks, plan.network
