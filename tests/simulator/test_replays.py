"""``tongzhang simulate``: traces written, replayed, cut into slices and drawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.main import run
from simulator.replay import height_of, read_file, replay
from simulator.run import Runner

SMALL = ("simulate", "--records", "20")

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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


def test_a_slice_too_full_for_a_diagram_costs_no_verdict(tmp_path: Path, capsys: Captured) -> None:
    command = [*SMALL, "--trace", "run.trace", "--diagram", "d.svg", "--from", "0"]
    assert run(command) == 2
    said = capsys.readouterr()
    assert "every invariant held" in said.out
    assert "error: bad-slice: this slice has " in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["run.trace"]


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
