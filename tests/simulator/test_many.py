"""``tongzhang simulate --seeds``: what failed, what was not judged, what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from cli.simulation import many
from cli.simulation.choices import Choices, seeds_of
from simulator.campaign import Death
from simulator.run import Finding, RunOutcome

ROOT = Path(__file__).parents[2]
SMALL = ("simulate", "--records", "20")

Captured = pytest.CaptureFixture[str]


def test_many_seeds_are_summed_up(capsys: Captured) -> None:
    assert run([*SMALL, "--seeds", "1..3", "--jobs", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 seeds: 3 good, 0 failed\n")
    assert run([*SMALL, "--seeds", "1..3", "--jobs", "2", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["totals"]["seeds"], value["failed"], value["interrupted"]) == (3, [], False)


def test_failing_seeds_come_first_with_their_commands(capsys: Captured) -> None:
    finding = Finding(invariant="I5", text="books differ", at_ms=12, step=3)
    done = many.Done()
    for outcome in (
        RunOutcome(seed=1),
        RunOutcome(seed=5, finding=finding, verdict={"I5": "broken"}),
    ):
        done.take(outcome)
    many.report(Choices(seeds="1..5", records=20), done)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "seed 5: I5 at 12 ms: books differ"
    assert lines[1] == "  reproduce: tongzhang simulate --seed 5 --records 20"
    assert lines[3] == "2 seeds: 1 good, 1 failed"


FAULTS = {
    "clock": 9_839, "corrupt": 6_544, "crash": 38_174, "disk-full": 9_830, "flood": 10_025,
    "network": 13_466, "partition": 13_566, "slow-disk": 10_051,
}  # fmt: skip


def test_the_summary_fits_into_80_columns(capsys: Captured) -> None:
    done = many.Done()
    done.take(RunOutcome(seed=1, faults=FAULTS))
    many.report(Choices(seeds="1..5", records=20), done)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    at = next(place for place, line in enumerate(lines) if line.startswith("faults "))
    shown = " ".join(line.strip() for line in lines[at : at + 2])
    assert shown.split(None, 1)[1] == ", ".join(f"{n:,} {kind}" for kind, n in FAULTS.items())
    assert all(line.split()[-1].strip(",") in FAULTS for line in lines[at : at + 2])


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker of seed 2 die once, and that of seed 3 twice."""

    def campaign(*_: object, **__: object) -> Iterator[RunOutcome | Death]:
        yield RunOutcome(seed=1)
        yield Death(2, "killed by signal 9", again=True)
        yield Death(3, "killed by signal 9", again=True)
        yield RunOutcome(seed=2)
        yield Death(3, "exit code 1", again=False)

    monkeypatch.setattr(many, "campaign", campaign)


@pytest.mark.usefixtures("deadly")
def test_a_seed_that_no_worker_lives_through_is_not_judged_and_no_violation(
    capsys: Captured,
) -> None:
    assert run([*SMALL, "--seeds", "1..3"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "seed 2: the worker died (killed by signal 9); it is run again",
        "seed 3: the worker died (killed by signal 9); it is run again",
        "seed 3: the worker died (exit code 1); it is not judged",
    ]
    assert said.out.startswith(
        "seed 3: not judged: its worker died twice, at last exit code 1\n"
        "  reproduce: tongzhang simulate --seed 3 --records 20\n\n"
        "3 seeds: 2 good, 0 failed, 1 not judged\n"
    )
    assert run([*SMALL, "--seeds", "1..3", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["failed"], value["totals"]["seeds"]) == ([], 2)
    assert [each["seed"] for each in value["not_judged"]] == [3]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_ctrl_c_ends_a_campaign_and_says_what_was_done() -> None:
    command = [sys.executable, "-m", "cli", *SMALL, "--seeds", "1..100000", "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not _has_children(process.pid) and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    assert " good, 0 failed" in out


def _has_children(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_ranges_of_seeds_include_both_ends() -> None:
    assert list(seeds_of("3..5")) == [3, 4, 5]
    assert list(seeds_of("4")) == [4]
