"""Trace files: what they hold, that they are read back, and that the same seed gives the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import trace as trace_module
from simulator.errors import SimulatorError, TraceDiffers
from simulator.plan import Fault, LineConditions, Plan
from simulator.replay import TraceFilter, file_of, parse, read_file, replay
from simulator.run import Runner
from simulator.swarm import draw
from simulator.trace import EVENTS, Trace

ROOT = Path(__file__).parents[2]
PLAN = Plan(
    seed=11,
    records=24,
    story='Two lines,\nand "quotes".',
    network=LineConditions(loss_ppm=20_000, duplicate_ppm=50_000),
    faults=(
        Fault(kind="crash", at_ms=80, for_ms=200, who=("platform",), effect=3, disk="torn"),
        Fault(kind="partition", at_ms=150, for_ms=300, who=("funder",)),
    ),
)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    trace = Trace()
    with Runner() as runner:
        assert runner.run(PLAN, trace).is_good
    return trace.lines


def test_a_trace_file_is_read_back_as_it_was(lines: list[str]) -> None:
    text = file_of(PLAN, lines)
    assert text.startswith("# tongzhang trace 1\n# plan:\n#   seed = 11\n")
    found = read_file(text, "t")
    assert (found.plan, found.lines) == (PLAN, tuple(lines))


def test_every_line_has_a_time_a_machine_and_a_known_event(lines: list[str]) -> None:
    for line in parse(lines):
        assert line.node in (*PLAN.parties, "-")
        assert line.event in EVENTS
        assert line.at_us >= 0


def test_every_event_is_documented() -> None:
    told = trace_module.__doc__ or ""
    assert not [event for event in EVENTS if f"``{event}``" not in told]


def test_a_message_says_when_it_arrives_or_that_it_is_lost(lines: list[str]) -> None:
    arrivals = [line.detail.split(" ")[1] for line in parse(lines) if line.event == "send"]
    assert "lost" in arrivals
    assert any("+" in arrival for arrival in arrivals)
    assert any(arrival[0].isdigit() and "+" not in arrival for arrival in arrivals)


def test_a_replay_of_an_unchanged_trace_finds_no_difference(lines: list[str]) -> None:
    with Runner() as runner:
        assert replay(read_file(file_of(PLAN, lines), "t"), runner).is_good


@pytest.mark.parametrize("change", ["altered", "shortened", "lengthened"])
def test_a_replay_names_the_first_line_that_differs(lines: list[str], change: str) -> None:
    changed = list(lines)
    place = len(lines) // 2
    if change == "altered":
        changed[place] += " more"
    elif change == "shortened":
        place = len(lines) - 1
        del changed[place:]
    else:
        place = len(lines)
        changed.append("99.000 - end")
    with Runner() as runner, pytest.raises(TraceDiffers) as differs:
        replay(read_file(file_of(PLAN, changed), "t"), runner)
    assert differs.value.code == "trace-differs"
    assert f"line {place + 1} of " in differs.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin"),
        ("# tongzhang trace 2\n", "does not begin"),
        ("# tongzhang trace 1\n# plan:\n", "no line '# columns"),
        (file_of(PLAN, ["soon platform start"]), "no time"),
        (file_of(PLAN, ["1.0 platform start"]), "no time"),
        (file_of(PLAN, ["1.000 platform"]), "no time, node and event"),
        (file_of(PLAN, [""]), "no time, node and event"),
    ],
)
def test_what_is_no_trace_is_refused(text: str, said: str) -> None:
    with pytest.raises(SimulatorError, match=said) as refused:
        read_file(text, "t")
    assert refused.value.code == "bad-trace"


def test_a_trace_with_a_bad_plan_is_refused() -> None:
    text = file_of(PLAN, []).replace("seed = 11", "sead = 11")
    with pytest.raises(SimulatorError, match="did you mean 'seed'") as refused:
        read_file(text, "t")
    assert refused.value.code == "bad-plan"


def test_lines_are_chosen_by_time_machine_and_event(lines: list[str]) -> None:
    wanted = TraceFilter(from_ms=50, to_ms=90, nodes=("funder",), events=("send", "fault"))
    chosen = [line for line in parse(lines) if wanted.takes(line)]
    assert chosen
    for line in chosen:
        assert 50_000 <= line.at_us < 90_000
        assert line.event in ("send", "fault")
        assert "funder" in (line.node, line.detail.split(" ")[0]) or line.node == "-"


_RUN = """
import sys
from simulator.plan import Plan
from simulator.replay import file_of
from simulator.run import Runner
from simulator.swarm import draw
from simulator.trace import Trace

with Runner() as runner:
    for seed in map(int, sys.argv[1:]):
        trace, plan = Trace(), draw(seed, Plan(records=60))
        runner.run(plan, trace)
        sys.stdout.write(file_of(plan, trace.lines))
"""


def _traces(hash_seed: str, seeds: tuple[str, ...], python: str = sys.executable) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [python, "-c", _RUN, *seeds]
    ran = subprocess.run(command, env=environment, capture_output=True, check=True, cwd=ROOT)
    return ran.stdout


def test_the_same_seed_gives_the_same_trace_in_processes_that_hash_differently() -> None:
    seeds = ("3", "13", "20")
    faults = {fault.kind for seed in seeds for fault in draw(int(seed), Plan(records=60)).faults}
    assert len(faults) >= 8
    first, second = _traces("1", seeds), _traces("2", seeds)
    assert first.count(b"# tongzhang trace 1") == len(seeds)
    assert first == second


@pytest.mark.skipif("TONGZHANG_OTHER_PYTHON" not in os.environ, reason="no other Python is named")
def test_the_same_seed_gives_the_same_trace_on_another_python() -> None:
    """``TONGZHANG_OTHER_PYTHON`` names an interpreter that has what the project needs."""
    other, seeds = os.environ["TONGZHANG_OTHER_PYTHON"], ("3", "4", "8")
    told = [sys.executable, other]
    versions = [subprocess.check_output([each, "-V"], text=True) for each in told]
    assert versions[0] != versions[1]
    assert _traces("1", seeds) == _traces("2", seeds, other)
