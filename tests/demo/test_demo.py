"""The demo on real processes: a small day, a kill, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.demo import PARTIES
from cli.parties import parse_parties
from demo.day.cast import DayPlan, owners
from demo.day.files import write_day
from demo.day.generate import generate
from demo.day.outcome import outcome
from demo.loans.answer import SUMS
from demo.stage.morning import FundersMorning, figures_of, morning_plan

ROOT = Path(__file__).resolve().parents[2]
PAYMENTS, SEED = 60, 3
TIMEOUT_S = 150
CAST = parse_parties(PARTIES)

pytestmark = pytest.mark.processes


def demo(*options: str, tmp: Path, ignoring: bool = False) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp), "COLUMNS": "80"}
    command = [sys.executable, "-m", "cli", "demo", *options]
    if ignoring:  # as a shell without job control starts `tongzhang demo &`
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    return subprocess.Popen(
        command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def processes_of(folder: Path) -> list[int]:
    """Return the processes that run a node whose home is below ``folder``."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"node" in arguments and any(str(folder).encode() in each for each in arguments):
            found.append(int(place.name))
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def summary(folder: Path) -> Iterator[dict[str, Any]]:
    running = demo("--payments", str(PAYMENTS), "--seed", str(SEED), "--json", tmp=folder)
    output, errors = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
    yield json.loads(output)


def test_demo_leads_to_the_known_outcome(summary: dict[str, Any]) -> None:
    expected = outcome(generate(DayPlan(PAYMENTS, SEED, owners=owners(CAST))))
    assert summary["ok"], [check for check in summary["checks"] if not check["good"]]
    assert {k: summary["records"][k] for k in expected["records"]} == expected["records"]
    assert summary["facts"] == expected["facts"]
    assert summary["balances"] == expected["balances"]
    assert summary["accounts"] == expected["accounts"]
    assert summary["trial_balance"] == expected["trial_balance"]
    assert summary["business"] == expected["business"]
    open_ones = [each for each in summary["one_sided"] if each["state"] == "open"]
    assert sorted(f"{e['kind']} {e['subject']}" for e in open_ones) == expected["one_sided"]


def test_demo_leaves_all_nodes_equal(summary: dict[str, Any]) -> None:
    nodes = summary["nodes"]
    assert len(nodes) == len(CAST)
    assert len({(n["height"], n["size"], n["root"], n["state"]) for n in nodes}) == 1
    assert nodes[0]["size"] == summary["log"]["entries"] > 0


def test_demo_kills_the_leader_and_sees_it_catch_up(summary: dict[str, Any]) -> None:
    outage = summary["outage"]
    assert outage["party"] in summary["consortium"]["parties"]
    assert outage["caught_up_s"] > 0


def test_demo_says_of_every_loose_end_since_when_it_is_seen(summary: dict[str, Any]) -> None:
    assert summary["one_sided"]
    for each in summary["one_sided"]:
        assert each["awaited"] in summary["consortium"]["parties"]
        assert 0 <= each["seen_at_ms"] <= summary["elapsed_s"] * 1000
        assert each["age_ms"] >= 0


def test_demo_verifies_receipt_and_log_offline(summary: dict[str, Any]) -> None:
    proofs = summary["proofs"]
    assert proofs["receipt"]["verified"]
    assert proofs["receipt"]["changed_copy_refused"]
    assert proofs["log"]["root"] == summary["log"]["root"]
    assert proofs["log"]["replayed"]


def test_demo_ends_with_a_funders_morning(summary: dict[str, Any]) -> None:
    morning, plan = summary["morning"], morning_plan(CAST, SEED)
    assert plan is not None
    expected = FundersMorning(plan).expected()
    found = {party: figures_of(sheet) for party, sheet in morning["sheets"].items()}
    assert found == expected["figures"]
    assert [*found] == ["funder", "bank", "guarantor", "platform"]
    assert all(found["funder"][name] for name in ("due", "captured", "split", "differing"))
    assert {*found["funder"]} == {*SUMS}
    assert morning["standing"] == expected["loans"]
    assert morning["loans"] == len(morning["standing"])


def test_the_morning_finds_a_wrong_split_and_says_what_it_takes(summary: dict[str, Any]) -> None:
    morning = summary["morning"]
    refused, differing = sorted(morning["wrong"], key=lambda each: str(each["outcome"]))
    assert refused["outcome"] == "allocation-differs"
    assert sum(refused["differences"].values()) == 0 < max(refused["differences"].values())
    assert differing["fault"] == "loan-left-out"
    for party, harmed in differing["harmed"].items():
        sheet = morning["sheets"][party]
        assert figures_of(sheet)["differing"] == harmed
        assert "split-differs" in {each["kind"] for each in sheet["exceptions"]}
        assert sheet["checkpoint"]["cosigned_by"]
    assert morning["compensations"]


def test_demo_leaves_no_process_and_no_file(summary: dict[str, Any], folder: Path) -> None:
    assert processes_of(folder) == []
    assert list(folder.iterdir()) == []


def test_day_of_a_month_that_is_not_over_is_refused(tmp_path: Path) -> None:
    day = tmp_path / "day"
    write_day(generate(DayPlan(40, 1, "2998-12-31")), day)
    running = demo("--day", str(day), tmp=tmp_path)
    _, errors = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 2
    assert b"month-not-over" in errors


@pytest.mark.parametrize(
    ("number", "ignoring"),
    [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)],
)
def test_interrupted_demo_leaves_no_process_and_no_file(
    tmp_path: Path, number: int, ignoring: bool
) -> None:
    running = demo("--payments", "60", tmp=tmp_path, ignoring=ignoring)
    deadline = time.monotonic() + 30
    while len(processes_of(tmp_path)) < len(CAST) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(processes_of(tmp_path)) == len(CAST)
    running.send_signal(number)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in errors
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_demo_without_funder_and_without_spare_party_kills_nobody(tmp_path: Path) -> None:
    parties = "mall:platform,paybank:institution"
    running = demo("--parties", parties, "--payments", "40", "--json", tmp=tmp_path)
    output, errors = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
    summary = json.loads(output)
    assert summary["outage"] is None
    assert "nobody may be down" in summary["no_kill"]
    assert len(summary["nodes"]) == 2
    assert summary["morning"] is None


def test_kept_demo_goes_on_running_and_says_how_to_stop_it(tmp_path: Path) -> None:
    parties = "platform,institution"
    options = ("--parties", parties, "--payments", "40", "--no-kill", "--keep", "--json")
    running = demo(*options, tmp=tmp_path)
    output, errors = running.communicate(timeout=TIMEOUT_S)
    pids = processes_of(tmp_path)
    try:
        assert running.returncode == 0, errors.decode()
        kept = json.loads(output)["kept"]
        nodes = [pid for pid in pids if parent_of(pid) not in pids]  # the others are their readers
        assert sorted(node["pid"] for node in kept["nodes"]) == sorted(nodes)
        assert all(Path(node["home"]).is_dir() for node in kept["nodes"])
        assert kept["remove"] == f"rm -r {kept['folder']}"
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
