"""One run: what its outcome says when all is well, when an invariant breaks, when code raises."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from node.storage.held import FinalBlock
from simulator.checkers import CHECKERS, Checker
from simulator.errors import Violation
from simulator.plan import Fault, Plan
from simulator.process import Process
from simulator.run import CODE, Runner, RunOutcome
from simulator.trace import Trace
from simulator.verdict import NAMES, WIDTH, as_json, told

PLAN = Plan(seed=5, records=20, faults=(Fault(kind="crash", at_ms=60, for_ms=90, who=("funder",)),))


class Strict(Checker):
    invariant = "I9"

    def on_final(self, process: Process, final: FinalBlock) -> None:
        if final.block.header.height == 3:
            raise Violation("I9", "three blocks are too many")


class Clumsy(Strict):
    def on_final(self, process: Process, final: FinalBlock) -> None:
        if final.block.header.height == 3:
            raise KeyError("clumsy")


def test_a_good_run_says_what_happened() -> None:
    with Runner() as runner:
        outcome = runner.run(PLAN)
    assert outcome.is_good and outcome.settled
    assert set(outcome.verdict) == {checker.invariant for checker in CHECKERS}
    assert set(outcome.verdict.values()) == {"held"}
    assert (outcome.faults, outcome.crashes) == ({"crash": 1}, 1)
    assert 10 <= outcome.entries <= 20
    assert outcome.recoveries == 1
    assert 5 <= outcome.blocks <= 20
    assert outcome.simulated_ms > 0 and outcome.records_per_s > 0


def test_an_outcome_survives_json() -> None:
    with Runner() as runner:
        outcome = runner.run(PLAN)
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=RunOutcome) == outcome


def test_the_same_plan_runs_the_same_with_and_without_a_trace() -> None:
    trace = Trace()
    with Runner() as runner:
        first, second = runner.run(PLAN), runner.run(PLAN, trace)
    assert second.digest == trace.digest()
    assert first == msgspec.structs.replace(second, digest="")
    assert trace.lines[-1].split(" ")[1:3] == ["-", "end"]


def test_a_violation_names_invariant_time_and_step_and_ends_the_trace() -> None:
    trace = Trace()
    with Runner((Strict,)) as runner:
        outcome = runner.run(PLAN, trace)
    finding = outcome.finding
    assert finding is not None
    assert (finding.invariant, finding.text) == ("I9", "three blocks are too many")
    assert 0 < finding.at_ms <= outcome.simulated_ms and finding.step == outcome.steps
    assert outcome.verdict == {"I9": "broken"}
    assert trace.lines[-1].endswith("- violation I9: three blocks are too many")


def test_an_unexpected_exception_is_a_violation_that_says_where() -> None:
    with Runner((Clumsy,)) as runner:
        finding = runner.run(PLAN).finding
    assert finding is not None and finding.invariant == CODE
    assert finding.text.startswith("KeyError: 'clumsy' (at tests/simulator/test_run.py:")
    assert str(Path(__file__).parent) not in finding.text


def test_progress_is_not_owed_when_no_quorum_is_left() -> None:
    gone = Fault(kind="crash", at_ms=100, who=("funder", "auditor"))
    with Runner() as runner:
        outcome = runner.run(Plan(records=20, until_ms=2000, faults=(gone,)))
    assert outcome.is_good and not outcome.settled
    assert outcome.verdict["I7"] == "not owed"


def test_evidence_is_counted_by_party_and_kind() -> None:
    with Runner() as runner:
        outcome = runner.run(Plan(records=40, liars={"platform": "equivocator"}))
    assert set(outcome.evidence) == {"platform"}
    assert sum(outcome.evidence["platform"].values()) > 0


def test_the_nodes_log_nothing_while_they_are_simulated(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Runner() as runner:
        runner.run(PLAN)
    assert not [record for record in caplog.records if record.name.startswith("tongzhang")]


def test_a_runner_leaves_no_files_behind() -> None:
    with Runner() as runner:
        root = runner.directory
        runner.run(PLAN)
        assert not [path for path in root.iterdir() if path.is_dir()]
    assert not root.exists()


def test_the_verdict_fits_eighty_columns_and_names_every_invariant() -> None:
    assert {checker.invariant for checker in CHECKERS} | {CODE} == set(NAMES)
    lies = {"platform": "batch-equivocator", "funder": "wrong-state"}
    outcome = RunOutcome(
        seed=2**53 - 1,
        verdict=dict.fromkeys(NAMES, "not judged"),
        blocks=10**6,
        entries=10**7,
        faults=dict.fromkeys(("crash", "partition", "network", "slow-disk", "disk-full"), 10**4),
        lies=lies,
        evidence={name: {"two-proposals": 9, "final-notar": 1200} for name in lies},
        halts=dict.fromkeys(("platform", "institution", "funder"), "conflicting-final"),
        simulated_ms=10**9,
    )
    lines = told(Plan(seed=2**53 - 1, nodes=7), outcome)
    assert max(map(len, lines)) <= WIDTH
    assert "batch-equivocator" in "\n".join(lines)


def test_the_verdict_as_json_says_whether_it_is_good_and_how_to_reproduce_it() -> None:
    value = as_json(PLAN, RunOutcome(seed=5), "tongzhang simulate --seed 5")
    assert value["good"] is True
    assert value["plan"]["faults"][0]["kind"] == "crash"
    assert value["reproduce"] == "tongzhang simulate --seed 5"
