"""One peer with a valid key that slows all does not: the others do as much as without it.

Time is the world's: verifying a signature takes 2 ms here, a write 0.3 ms, and nothing depends on
how fast this machine is. What bytes cost is measured on real nodes (``benchmarks/attacks``).
"""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from consensus.patience import Patience
from simulator.plan import Fault, Plan
from simulator.run import Runner, RunOutcome

PESTS = (
    "batch-pest",
    "flapper",
    "flooder",
    "mute",
    "questioner",
    "range-pusher",
    "repeater",
    "replayer",
    "vote-pest",
)
"""Liars that do not contradict themselves where it matters, and cost the others time and room."""
KEPT = 70
"""Per cent of the records a second that the others keep."""
BASE = Plan(seed=3, records=200, verify_us=2000)
OFF = (Fault(kind="crash", at_ms=0, who=("auditor",)),)


@cache
def _without() -> RunOutcome:
    """Return how the others do when the fourth is switched off."""
    return _run(replace(BASE, faults=OFF))


def _run(plan: Plan) -> RunOutcome:
    with Runner() as runner:
        return runner.run(plan)


def _kept(outcome: RunOutcome) -> int:
    """Return the records a second in per cent of what they are with the fourth switched off."""
    return outcome.records_per_s * 100 // _without().records_per_s


@pytest.mark.parametrize("lie", PESTS)
def test_with_one_pest_of_four_the_others_keep_their_pace(lie: str) -> None:
    outcome = _run(replace(BASE, liars={"auditor": lie}))
    assert outcome.finding is None and outcome.settled
    assert _kept(outcome) >= KEPT


def test_a_node_that_waits_for_whoever_speaks_is_slowed_by_a_mute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The measure bites: so it was when any message bought its sender the time of a slot."""
    only_down = Patience.silent

    def forgiving(self: Patience, now_ms: int, *, moving: bool) -> tuple[str, ...]:
        return only_down(self, now_ms, moving=False)

    monkeypatch.setattr(Patience, "silent", forgiving)
    outcome = _run(replace(BASE, liars={"auditor": "mute"}))
    assert outcome.settled
    assert _kept(outcome) < KEPT


@pytest.mark.parametrize("lie", ["batch-pest", "repeater", "vote-pest"])
def test_who_sends_what_does_not_verify_is_shut_out(lie: str) -> None:
    """That nobody honest ever is, I8 watches in every run."""
    outcome = _run(replace(BASE, records=60, liars={"auditor": lie}))
    assert outcome.shut_out.keys() == {"auditor"}
