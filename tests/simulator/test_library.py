"""The library: every scenario is well told, and ends as its story says."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import diagram, library
from simulator.errors import SimulatorError
from simulator.liars import LIES
from simulator.plan import FIELDS, Expect, Plan, check, read
from simulator.run import Runner, RunOutcome
from simulator.trace import EVENTS, Trace
from tools import simulation_reference as reference
from tools.pictures import slice_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", library.names())
def test_a_scenario_ends_as_its_story_says(name: str) -> None:
    plan, trace = library.load(name), Trace()
    with Runner() as runner:
        outcome = runner.run(plan, trace)
    assert outcome.finding is None
    assert plan.expect is not None
    assert not library.surprises(plan.expect, outcome)
    shown = diagram.cut(slice_of(plan, trace), plan.parties)
    assert shown.arrows
    if plan.expect.convicted:
        assert "evidence" in {mark.event for mark in shown.marks}


def test_every_scenario_has_a_story_an_expectation_and_a_slice_to_show() -> None:
    for name in library.names():
        plan = library.load(name)
        check(plan, tuple(LIES))
        begin, end = plan.show_ms
        assert len(plan.story.split()) > 15, name
        assert plan.expect is not None, name
        assert plan.faults or plan.liars, name
        assert begin < end, name


def test_every_scenario_is_in_the_document_with_its_picture() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text("utf-8")
    pictures = {path.stem for path in (ROOT / "docs" / "simulation").glob("*.svg")}
    assert pictures == set(library.names())
    assert not [name for name in library.names() if f"(simulation/{name}.svg)" not in page]


def test_an_unknown_scenario_gets_the_nearest_name() -> None:
    with pytest.raises(SimulatorError, match="did you mean 'leader-crash'") as refused:
        library.load("leader-crush")
    assert refused.value.code == "unknown-scenario"


def test_a_path_is_no_scenario() -> None:
    with pytest.raises(SimulatorError):
        library.load("../scenarios/flood")


@pytest.mark.parametrize(
    ("expect", "outcome", "said"),
    [
        (
            Expect(convicted=("funder",)),
            RunOutcome(seed=1),
            "convicted: expected funder, got nobody",
        ),
        (
            Expect(convicted=()),
            RunOutcome(seed=1, evidence={"funder": {"two-notar": 1}}),
            "convicted: expected nobody, got funder",
        ),
        (Expect(halted=("b", "a")), RunOutcome(seed=1, halts={"a": "x"}), "expected a, b, got a"),
        (
            Expect(skips_min=9),
            RunOutcome(seed=1, skips_in_a_row=8),
            "skipped slots: expected 9 or more in a row, got 8",
        ),
        (
            Expect(frame_bytes_max=9),
            RunOutcome(seed=1, frame_bytes=10),
            "the largest frame: expected 9 bytes at most, got 10",
        ),
        (Expect(fork=True), RunOutcome(seed=1), "a fork: expected yes, got no"),
        (Expect(), RunOutcome(seed=1, settled=False), "progress: expected yes, got no"),
    ],
)
def test_an_outcome_that_is_not_as_told_is_said(
    expect: Expect, outcome: RunOutcome, said: str
) -> None:
    assert any(said in each for each in library.surprises(expect, outcome))


def test_liars_that_halt_are_nobodys_surprise() -> None:
    outcome = RunOutcome(seed=1, settled=True, lies={"a": "twin"}, halts={"a": "conflicting-final"})
    assert not library.surprises(Expect(halted=()), outcome)


def test_the_tables_of_the_document_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text("utf-8")
    assert reference.render(page) == page, "python -m tools.simulation_reference docs/simulation.md"
    assert all(f"| `{kind}` |" in page for kind in (*FIELDS, *EVENTS, *LIES))


def test_the_plan_in_the_document_is_one() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text("utf-8")
    plan = read(page.partition("```toml\n")[2].partition("```")[0], Plan, "document")
    check(plan, tuple(LIES))
    usual = Plan()
    for name in (
        "records",
        "blocks",
        "hurry",
        "until_ms",
        "think_ms",
        "timeout_ms",
        "cap_ms",
        "disk_us",
        "verify_us",
        "skew_ms",
        "drift_ppm",
    ):
        assert getattr(plan, name) == getattr(usual, name), name
    assert plan.network == usual.network
