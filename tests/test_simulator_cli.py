"""``tongzhang simulate``: one run, many, scenarios, violations, replays, pictures, bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.files import refuse_unwritable
from cli.main import run
from cli.processes import ended_in_order
from cli.simulation.choices import Choices, one_plan
from node.storage.store import ConsensusItem, Item
from simulator import diagram, library
from simulator.disk import SimulatedStore
from simulator.plan import Plan, read, write
from simulator.replay import height_of, read_file, replay
from simulator.run import Runner

ROOT = Path(__file__).parents[1]
SMALL = ("simulate", "--records", "20")

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_ends_with_a_verdict_the_plan_and_how_to_repeat_it(capsys: Captured) -> None:
    assert run([*SMALL, "--seed", "9"]) == 0
    out = capsys.readouterr().out
    assert "seed 9: every invariant held (4 nodes, quorum 3)" in out
    assert all(f"  {name} " in out for name in ("I1", "I8", "history", "throughput", "evidence"))
    assert "\nreproduce: tongzhang simulate --seed 9 --records 20\n" in out
    toml = out.partition("as TOML:\n")[2].partition("\n\n")[0]
    assert read(toml, Plan, "shown") == one_plan(Choices(seed=9, records=20))


def test_a_run_as_json_is_the_same_twice(capsys: Captured) -> None:
    command = [*SMALL, "--seed", "9", "--json"]
    assert run(command) == 0
    first = capsys.readouterr().out
    assert run(command) == 0
    assert capsys.readouterr().out == first
    value = json.loads(first)
    assert value["good"] is True and value["finding"] is None
    assert value["reproduce"] == "tongzhang simulate --seed 9 --records 20"


def test_options_make_the_plan(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(
        'network = { delay_ms = 9 }\n[[faults]]\nkind = "flood"\nat_ms = 5\ncount = 3\n'
    )
    choices = Choices(
        nodes=5, quorum=4, until=700, byzantine="funder=twin", faults=tmp_path / "f.toml"
    )
    plan = one_plan(choices)
    assert (plan.seed, plan.nodes, plan.needed, plan.until_ms) == (7, 5, 4, 700)
    assert plan.liars == {"funder": "twin"}
    assert [fault.kind for fault in plan.faults] == ["flood"]
    assert plan.network.delay_ms == 9


def test_a_calm_run_has_no_faults_and_no_liars() -> None:
    plan = one_plan(Choices(calm=True, seed=3))
    assert (plan.faults, plan.liars, plan.seed) == ((), {}, 3)


# -- scenarios ------------------------------------------------------------------------------------


def test_the_library_is_listed_with_its_stories(capsys: Captured) -> None:
    assert run(["simulate", "--scenario", "list"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}\n" in f"\n{out}" for name in library.names())
    assert run(["simulate", "--scenario", "list", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(library.names())


def test_a_scenario_tells_its_story_and_how_it_ended(capsys: Captured) -> None:
    assert run(["simulate", "--scenario", "two-liars-of-four"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The funder and the auditor work together")
    assert "The story ends as told." in out
    assert "two final histories" in out
    assert out.endswith("reproduce: tongzhang simulate --scenario two-liars-of-four\n")


def test_a_scenario_that_ends_otherwise_is_bad(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "p.toml").write_text('records = 10\n[expect]\nconvicted = ["funder"]\n')
    assert run(["simulate", "--plan", "p.toml"]) == 1
    out = capsys.readouterr().out
    assert "every invariant held, the outcome is another one" in out
    assert "convicted: expected funder, got nobody" in out


# -- violations -----------------------------------------------------------------------------------


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a bug: a machine that was started again keeps no votes on its disk."""
    save = SimulatedStore.save

    def forget(self: SimulatedStore, items: Sequence[Item]) -> None:
        again = self.process is not None and self.process.life > 1
        save(self, [each for each in items if not (again and isinstance(each, ConsensusItem))])

    monkeypatch.setattr(SimulatedStore, "save", forget)


PLANTED = """
records = 60
skew_ms = 40

[[faults]]
kind = "slow-disk"
at_ms = 10
for_ms = 50
latency_ms = 5

[[faults]]
kind = "crash"
at_ms = 100
for_ms = 100
who = ["platform"]

[[faults]]
kind = "flood"
at_ms = 120
who = ["platform"]
count = 4
"""


@pytest.mark.usefixtures("forgetful")
def test_a_violation_is_made_small_written_down_and_explained(
    tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "p.toml").write_text(PLANTED)
    assert run(["simulate", "--plan", "p.toml"]) == 1
    out = capsys.readouterr().out
    assert "seed 0: I2 is broken" in out
    assert "First bad step: " in out
    assert "reproduce small: tongzhang simulate --plan violation-0.toml" in out
    assert "step by step:    tongzhang simulate --replay violation-0.trace" in out
    small = read((tmp_path / "violation-0.toml").read_text(), Plan, "small")
    assert [fault.kind for fault in small.faults] == ["crash"]
    assert small.records < 60
    trace = read_file((tmp_path / "violation-0.trace").read_text(), "trace")
    assert trace.plan == small
    assert " - violation I2: " in trace.lines[-1]
    assert trace.lines[-1] in out
    # Both commands do what they promise.
    assert run(["simulate", "--plan", "violation-0.toml", "--no-shrink"]) == 1
    assert run(["simulate", "--replay", "violation-0.trace", "--event", "violation"]) == 0
    assert "I2: platform" in capsys.readouterr().out


@pytest.mark.usefixtures("forgetful")
def test_a_violation_as_json(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "p.toml").write_text(PLANTED)
    assert run(["simulate", "--plan", "p.toml", "--no-shrink", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["good"] is False
    assert value["finding"]["invariant"] == "I2"
    assert value["shrunk"]["trace"] == "violation-0.trace"
    assert len(value["shrunk"]["last_events"]) == 15


# -- traces ---------------------------------------------------------------------------------------


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    path = tmp_path / "run.trace"
    assert run([*SMALL, "--seed", "4", "--trace", str(path)]) == 0
    return path


def test_a_trace_is_written_and_replayed(traced: Path, capsys: Captured) -> None:
    capsys.readouterr()
    command = ["simulate", "--replay", str(traced), "--node", "platform", "--event", "final"]
    assert run(command) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows and all("platform" in row and " final " in row for row in rows)
    assert run([*command, "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert len(steps) == len(rows)
    assert set(steps[0]) == {"step", "at_us", "node", "event", "detail"}


def test_a_replay_knows_how_far_it_will_go(traced: Path) -> None:
    trace, heights = read_file(traced.read_text(), "trace"), [0]
    with Runner() as runner:
        outcome = replay(trace, runner, heights.append)
    assert height_of(trace) == outcome.blocks == heights[-1] > 1


def test_a_changed_trace_is_found(traced: Path, capsys: Captured) -> None:
    text = traced.read_text()
    traced.write_text(text.replace(" final height 2 ", " final height 3 ", 1))
    assert run(["simulate", "--replay", str(traced)]) == 1
    assert "error: trace-differs: line " in capsys.readouterr().err


def test_a_replay_on_a_terminal_goes_step_by_step(
    traced: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter(["", "20", "-5", "+2", "what", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(asked))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    capsys.readouterr()
    assert run(["simulate", "--replay", str(traced)]) == 0
    shown = [int(row.split()[0]) for row in capsys.readouterr().out.splitlines()]
    assert shown == [1, 2, 20, 15, 17, 17]


@pytest.mark.parametrize(("name", "begins"), [("d.svg", "<svg "), ("d.mmd", "sequenceDiagram\n")])
def test_a_slice_is_drawn(traced: Path, tmp_path: Path, name: str, begins: str) -> None:
    command = ["simulate", "--replay", str(traced), "--diagram", name, "--from", "0", "--to", "60"]
    assert run(command) == 0
    assert (tmp_path / name).read_text().startswith(begins)


def test_a_scenario_draws_its_own_slice(tmp_path: Path) -> None:
    assert run(["simulate", "--scenario", "two-liars-of-four", "--diagram", "d.svg"]) == 0
    assert "funder" in (tmp_path / "d.svg").read_text()


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "leader-crush"], "unknown-scenario: there is no scenario 'leader-crush'; "),
        (["--scenario", "leader-crush"], "did you mean 'leader-crash'?"),
        (["--byzantine", "platform=equivocatr"], "unknown-lie: there is no lie 'equivocatr'; did"),
        (["--byzantine", "platfrom=twin"], "unknown-party: there is no party 'platfrom'; did you"),
        (["--byzantine", "platform"], "usage: --byzantine wants PARTY=LIE"),
        (["--nodes", "4", "--quorum", "2"], "bad-quorum: 4 nodes need a quorum of 3 to 4, got 2"),
        (
            ["--byzantine", "platform=twin,platform=censor"],
            "usage: --byzantine names 'platform' tw",
        ),
        (["--nodes", "1"], "bad-plan: --nodes is 2 to 31, got 1"),
        (["--nodes", "100000"], "bad-plan: --nodes is 2 to 31, got 100000"),
        (["--seed", "-1"], "bad-plan: --seed is 0 to "),
        (["--quorum", "40"], "bad-plan: --quorum is 0 to 31, got 40"),
        (["--records", "-1"], "bad-plan: --records is 0 to 1000000, got -1"),
        (["--until", "-1"], "bad-plan: --until is 0 to 86400000, got -1"),
        (["--seeds", "9..1"], "bad-seeds: "),
        (["--seeds", "x"], "bad-seeds: "),
        (["--seeds", "1..2", "--seed", "3"], "usage: --seeds is for many runs"),
        (["--seeds", "1..2", "--jobs", "0"], "usage: --jobs is 1 to "),
        (["--scenario", "flood", "--plan", "x"], "usage: name a --scenario or a --plan"),
        (["--plan", "absent.toml"], "unreadable-file: "),
        (["--replay", "absent.trace"], "unreadable-file: "),
        (["--diagram", "d.png"], "usage: --diagram writes"),
        (["--replay", "t", "--seed", "3"], "usage: --replay runs the plan of the trace"),
        (["--trace", "absent/t"], "unwritable-file: absent/t: "),
        (["--trace", "."], "unwritable-file: .: "),
        (["--to", "5", "--diagram", "absent/d.svg"], "unwritable-file: absent/d.svg: "),
        (["--records", "5", "--diagram", "d.svg", "--from", "9999999"], "bad-slice: "),
        (["--diagram", "d.svg"], "usage: a whole run has more events than a diagram"),
        (["--diagram", "d.svg", "--to", "9", "--event", "read"], "bad-slice: a diagram shows no"),
        (["--diagram", "d.svg", "--to", "9", "--node", "merchant"], "unknown-party: no machine"),
        (["--diagram", "d.svg", "--event", "sned"], "unknown-event: no event 'sned'; did you"),
        (["--scenario", "flood", "--diagram", "d.svg", "--from", "90000"], "bad-slice: "),
        (["--from", "5"], "usage: --from chooses what --replay or --diagram shows"),
        (["--to", "5", "--trace", "t"], "usage: --to chooses what --replay or --diagram shows"),
        (["--node", "platform"], "usage: --node chooses what --replay or --diagram shows"),
        (["--event", "send", "--seeds", "1..2"], "usage: --event chooses what --replay or"),
        (["--replay", "t", "--event", "sned"], "unknown-event: no event 'sned'; did you mean"),
        (["--replay", "t", "--trace", "b"], "usage: --replay has a trace; leave out --trace"),
        (["--replay", "t", "--from", "9", "--to", "3"], "usage: --from 9 is not before --to 3"),
        (["--replay", "t", "--from", "9", "--to", "9"], "usage: --from 9 is not before --to 9"),
        (["--replay", "t", "--from", "-1"], "usage: --from is a time in ms from 0 on, got -1"),
        (["--replay", "t", "--to", "-1"], "usage: --to is a time in ms from 0 on, got -1"),
        (["--replay", "t", "--diagram", "d.png"], "usage: --diagram writes"),
        (["--jobs", "2"], "usage: --jobs is for --seeds"),
        (["--coverage", "--trace", "t"], "usage: --coverage runs no machines; leave out --trace"),
    ],
)
def test_bad_input_is_refused_with_its_code(
    arguments: list[str], said: str, capsys: Captured
) -> None:
    assert run(["simulate", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["--plan", "p.svg", "--trace", "./p.svg"], "--plan and --trace"),
        (["--faults", "p.svg", "--trace", "link"], "--faults and --trace"),
        (["--plan", "p.svg", "--diagram", "p.svg"], "--plan and --diagram"),
        (["--replay", "p.svg", "--diagram", "p.svg"], "--replay and --diagram"),
        (["--trace", "new.svg", "--diagram", "new.svg"], "--trace and --diagram"),
    ],
)
def test_no_file_of_a_command_is_written_over_another(
    files: list[str], said: str, tmp_path: Path, capsys: Captured
) -> None:
    plan = write(Plan(seed=5, records=10))
    (tmp_path / "p.svg").write_text(plan)
    (tmp_path / "link").symlink_to("p.svg")
    assert run(["simulate", *files, *(["--to", "50"] if "--diagram" in files else [])]) == 2
    assert f"error: usage: {said} are the same file: " in capsys.readouterr().err
    assert (tmp_path / "p.svg").read_text() == plan
    assert not (tmp_path / "new.svg").exists()


def test_one_plan_and_faults_file_may_be_read_twice(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("liars = {}")
    assert run(["simulate", "--plan", "p.toml", "--faults", "p.toml", "--records", "5"]) == 0


def test_what_cannot_be_written_is_found_before_anything_is_run(tmp_path: Path) -> None:
    files = ["--trace", "run.trace", "--diagram", "absent/d.svg", "--to", "50"]
    assert run([*SMALL, *files]) == 2
    assert not list(tmp_path.iterdir())


def test_looking_whether_a_file_can_be_written_changes_none(tmp_path: Path) -> None:
    old, link = tmp_path / "old.svg", tmp_path / "link.svg"
    old.write_text("old")
    link.symlink_to("not-there.svg")
    refuse_unwritable(old)
    refuse_unwritable(link)
    refuse_unwritable(Path("/dev/null"))
    assert old.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"old.svg", "link.svg"}


def test_a_slice_too_full_for_a_diagram_costs_no_verdict(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagram, "EVENTS_MAX", 20)
    command = [*SMALL, "--trace", "run.trace", "--diagram", "d.svg", "--from", "0"]
    assert run(command) == 2
    said = capsys.readouterr()
    assert "every invariant held" in said.out
    assert "error: bad-slice: this slice has " in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["run.trace"]


@pytest.mark.usefixtures("forgetful")
def test_a_broken_invariant_is_worse_than_a_slice_too_full(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.toml").write_text(PLANTED)
    monkeypatch.setattr(diagram, "EVENTS_MAX", 20)
    command = ["simulate", "--plan", "p.toml", "--no-shrink", "--diagram", "d.svg", "--from", "0"]
    assert run(command) == 1
    said = capsys.readouterr()
    assert "I2 is broken" in said.out
    assert "no diagram: this slice has " in said.err
    assert (tmp_path / "violation-0.trace").exists()


def test_a_slice_of_a_trace_is_cut_before_its_plan_is_run_again(
    traced: Path, capsys: Captured
) -> None:
    traced.write_text(traced.read_text().replace(" final height 2 ", " final height 3 ", 1))
    command = ["simulate", "--replay", str(traced), "--diagram", "d.svg"]
    assert run(command) == 2  # and not 1, as a run that differs would give
    assert "bad-slice: " in capsys.readouterr().err
    assert run([*command, "--to", "5"]) == 1
    assert not Path("d.svg").exists()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[faults]]\nkind = 'crush'\nat_ms = 5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crush'\nat_ms = 5", "did you mean 'crash'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = -5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crash'\nat = 5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nloss_ppm = 9", "bad-fault: a fault of kind crash"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nwho = ['x']", "unknown-party: "),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'backup'\nage_ms = 9", "bad-fault: "),
        ("faults = [", "bad-plan: f.toml is not TOML"),
        ("seed = 5", "bad-plan: f.toml: "),
        ("seed = 5", "a faults file holds faults, network and liars; --plan takes a whole plan"),
        ("[[fault]]\nkind = 'crash'\nat_ms = 5", "did you mean 'faults'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'melted'", "there are backup, kept, lost"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'tron'", "did you mean 'torn'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nseed = 3", "there are kind, at_ms, for_ms"),
        ("[[faults]]\nkind = 'crash'\nat_ms = -5", "at_ms`; it is 0 to 86400000"),
        ("[network]\ndelay = 3", "did you mean 'delay_ms'?"),
    ],
)
def test_a_bad_fault_file_is_refused_with_the_place_and_the_next_choice(
    toml: str, said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "f.toml").write_text(toml)
    assert run(["simulate", "--faults", "f.toml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--node", "platfrom", "unknown-party: no machine 'platfrom'; did you mean 'platform'?"),
        ("--event", "sned", "unknown-event: no event 'sned'; did you mean 'send'?"),
    ],
)
def test_what_a_trace_has_not_is_refused(
    traced: Path, capsys: Captured, option: str, name: str, said: str
) -> None:
    assert run(["simulate", "--replay", str(traced), option, name]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "t").write_text("hello\n")
    assert run(["simulate", "--replay", "t"]) == 2
    assert "bad-trace: t does not begin with" in capsys.readouterr().err


def test_a_plan_file_is_run_exactly(tmp_path: Path, capsys: Captured) -> None:
    plan = Plan(seed=5, records=10)
    (tmp_path / "p.toml").write_text(write(plan))
    assert run(["simulate", "--plan", "p.toml", "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (value["seed"], value["faults"], value["lies"]) == (5, {}, {})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("nodes = 1", "`$.nodes`; it is 2 to 31"),
        ("record = 5", "did you mean 'records'?"),
        ("kind = 'crash'", "there are seed, story, nodes"),
        ("[expect]\nforks = true", "did you mean 'fork'?"),
        ("show_ms = [-1, 5]", "it is 0 to 86400000"),
        (
            "[expect]\nconvicted = ['nobody']",
            "error: unknown-party: there is no party 'nobody'; there are platform, institution",
        ),
        ("[expect]\nconvicted = ['fundr']", "no party 'fundr'; did you mean 'funder'?"),
        ("[expect]\nhalted = ['guarantor']", "no party 'guarantor'; "),
        (
            "liars = { funder = 'twin' }\n[expect]\nhalted = ['funder']",
            "error: bad-plan: halted are honest parties, and funder lies; there are platform,",
        ),
        ("liars = { funder = 5 }", "Expected `str`, got `int` - at `$.liars[...]`\n"),
    ],
)
def test_a_bad_plan_is_refused_with_what_belongs_at_that_place(
    toml: str, said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "p.toml").write_text(toml)
    assert run(["simulate", "--plan", "p.toml"]) == 2
    assert said in capsys.readouterr().err.replace("error: bad-plan: p.toml: ", "")


@pytest.mark.parametrize("option", ["--plan", "--faults"])
def test_a_plan_nested_too_deeply_is_refused(option: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "p.toml").write_text("faults = " + "[" * 100_000)
    assert run(["simulate", option, "p.toml"]) == 2
    assert capsys.readouterr().err == "error: bad-plan: p.toml is nested too deeply\n"


def test_a_fault_file_without_faults_is_no_calm_run(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "none.toml"
    file.write_text("faults = []\n")
    assert run([*SMALL, "--faults", str(file)]) == 2
    assert "names no fault; for a run without any add --calm" in capsys.readouterr().err
    assert run([*SMALL, "--faults", str(file), "--calm"]) == 0


def test_a_terminated_run_leaves_no_disks_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "simulate", "--seed", "7"]
    within = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else tmp_path
    if place == tmp_path:
        within["TMPDIR"] = str(tmp_path)
    process = subprocess.Popen(command, env=within, stderr=subprocess.DEVNULL, text=True)
    try:
        while not (new := list(place.glob(f"tongzhang-{process.pid}-*"))):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
    assert not [path for path in new if path.exists()]


def test_a_run_under_nohup_outlives_its_terminal() -> None:
    with ended_in_order(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_order():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
