"""``tongzhang simulate``: runs, scenarios, violations, and what becomes of its processes."""

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

from cli.main import run
from cli.signals import ended_in_order
from cli.simulation.choices import Choices, one_plan
from node.storage.store import ConsensusItem, Item
from simulator import diagram, library
from simulator.disk import SimulatedStore
from simulator.plan import Plan, read, write
from simulator.replay import read_file

ROOT = Path(__file__).parents[2]
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


@pytest.mark.usefixtures("forgetful")
def test_a_violation_is_written_over_no_other_file(tmp_path: Path, capsys: Captured) -> None:
    plan = tmp_path / "violation-0.toml"
    plan.write_text(PLANTED)
    (tmp_path / "violation-0-2.trace").write_text("mine")
    command = ["simulate", "--plan", plan.name, "--no-shrink"]
    for _ in range(2):  # the same violation again is the same files
        assert run([*command, "--trace", "violation-0-3.toml"]) == 1
        assert "simulate --plan violation-0-4.toml" in capsys.readouterr().out
    assert plan.read_text() == PLANTED
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "violation-0-2.trace",
        "violation-0-3.toml",
        "violation-0-4.toml",
        "violation-0-4.trace",
        "violation-0.toml",
    ]
    assert (tmp_path / "violation-0-2.trace").read_text() == "mine"
    assert (tmp_path / "violation-0-3.toml").read_text().startswith("# tongzhang trace")


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


def test_a_plan_file_is_run_exactly(tmp_path: Path, capsys: Captured) -> None:
    plan = Plan(seed=5, records=10)
    (tmp_path / "p.toml").write_text(write(plan))
    assert run(["simulate", "--plan", "p.toml", "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (value["seed"], value["faults"], value["lies"]) == (5, {}, {})


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


# -- recordings -----------------------------------------------------------------------------------


def test_a_run_is_written_as_a_page_and_as_what_it_plays(tmp_path: Path, capsys: Captured) -> None:
    page, played = tmp_path / "r.html", tmp_path / "r.json"
    options = ["--seed", "9", "--html", str(page), "--recording", str(played)]
    assert run([*SMALL, *options, "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    recording = json.loads(played.read_bytes())
    assert recording["command"] == verdict["reproduce"]
    assert recording["verdict"]["blocks"] == verdict["blocks"]
    assert read(recording["plan"], Plan, "played") == one_plan(Choices(seed=9, records=20))
    text = page.read_text("utf-8")
    inside = text.partition('id="recording">')[2].partition("</script>")[0]
    assert json.loads(inside) == recording


def test_a_broken_run_is_written_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    kept = SimulatedStore.save

    def save_other(self: SimulatedStore, items: Sequence[Item]) -> None:
        kept(self, [item for item in items if not isinstance(item, ConsensusItem)])

    monkeypatch.setattr(SimulatedStore, "save", save_other)
    page = tmp_path / "broken.json"
    assert run([*SMALL, "--seed", "9", "--no-shrink", "--recording", str(page)]) == 1
    finding = json.loads(page.read_bytes())["verdict"]["finding"]
    assert finding["invariant"] == "I2"
    assert finding["text"] in capsys.readouterr().out.replace("\n  ", " ")


def test_blocks_say_how_long_the_log_gets(capsys: Captured) -> None:
    assert run(["simulate", "--calm", "--blocks", "5", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert 5 <= value["blocks"] < 12
    assert value["reproduce"] == "tongzhang simulate --blocks 5 --calm"


def test_named_trouble_comes_and_no_other_and_no_liar() -> None:
    for seed in range(1, 30):
        plan = one_plan(Choices(seed=seed, trouble="partition,clock"))
        assert {fault.kind for fault in plan.faults} == {"partition", "clock"}
        assert (plan.liars, plan.cast) == ({}, "usual")
    lying = one_plan(Choices(trouble="flood", byzantine="funder=twin"))
    assert lying.liars == {"funder": "twin"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trouble", "sabotage"], "there is no trouble 'sabotage'"),
        (["--trouble", "crash", "--calm"], "--trouble says what is drawn"),
        (["--trouble", "crash", "--scenario", "flood"], "--trouble says what is drawn"),
        (["--trouble", "crash", "--seeds", "1..2"], "--seeds is for many runs, --trouble for one"),
        (["--html", "a.html", "--seeds", "1..2"], "--seeds is for many runs, --html for one"),
        (["--recording", "a", "--coverage"], "--coverage runs no machines"),
        (["--html", "a", "--recording", "a"], "are the same file"),
        (["--html", "nowhere/a.html"], "nowhere"),
        (["--blocks", "-1"], "--blocks is"),
    ],
)
def test_recordings_and_trouble_that_make_no_sense_are_refused(
    options: list[str], said: str, capsys: Captured
) -> None:
    assert run(["simulate", *options]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_replay_writes_no_recording(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "t").write_text("")
    assert run(["simulate", "--replay", str(tmp_path / "t"), "--html", "a.html"]) == 2
    assert "--html is for a run" in capsys.readouterr().err.replace("\n", " ")
