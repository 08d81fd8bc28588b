"""The benchmarks that the documents name can be run, in a small size; what they say is theirs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.attacks.attack import Bound, Cost, mean
from benchmarks.attacks.control import stay_busy
from benchmarks.attacks.peers import PERCENT_MIN
from benchmarks.attacks.table import ATTACKS
from node.home.home import DATABASE
from tests.node.database_kit import found_filled

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benchmarks.contracts", "160"], "µs per record"),
        (["benchmarks.queries", "300", "20"], "payment with its timeline"),
        (["benchmarks.repayments", "20", "2"], "median ratio"),
        (["benchmarks.repayments_on_nodes", "10", "1"], "median ratio"),
        (["benchmarks.loans", "30"], "overdue, the first page"),
        (["benchmarks.feed", "10", "50", "1"], "the pages cost"),
        (["benchmarks.feed", "--pages", "4", "50", "2"], "the pages cost"),
        (["benchmarks.pages", "--entries", "1500", "--rounds", "1"], "p95 of 50 ms of processor"),
        (["benchmarks.sheet", "280"], "institution  2026-01-15"),
    ],
)
def test_a_benchmark_runs_from_a_checkout(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@pytest.mark.processes
def test_a_soak_loses_nothing_and_is_drawn(tmp_path: Path) -> None:
    found, page = tmp_path / "soak.json", tmp_path / "soak.html"
    sizes = ["--kills", "2", "--every", "8", "--rate", "40", "--lacking", "3000"]
    words = ["benchmarks.soak", *sizes, "--json", str(found), "--html", str(page)]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    soak = json.loads(found.read_text())
    assert [each["party"] for each in soak["downs"]] == ["funder", "platform"]
    assert sum(soak["outcomes"].values()) == 2 * 8 * 40
    assert soak["outcomes"]["final"] == soak["end"]["accepted"] > 400
    assert soak["catch_up"]["lacked"] >= 3000
    assert len(soak["roots"]) == 4
    assert len(set(soak["roots"].values())) == 1
    assert all(each["recovered_s"] >= 0 for each in soak["downs"])
    html = page.read_text()
    assert html.count('<section class="card">') == 3
    assert "src=" not in html


def attacked(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.attacks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_plain_fill_has_state(tmp_path: Path) -> None:
    """Ten million records that were all refused were once taken for a ledger."""
    node = found_filled(tmp_path / "net", 100, 50, plain=True)[-1]
    with sqlite3.connect(node.home / DATABASE) as database:
        counts = [
            database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for table in ("captures", "instructions", "legs", "entries")
        ]
    database.close()
    assert counts == [100, 100, 300, 250]


@pytest.mark.processes
def test_attacks_on_four_real_nodes_are_measured(tmp_path: Path) -> None:
    """Whether their bounds hold, CI asks the whole command, on a machine that does nothing else."""
    file, names = tmp_path / "costs.json", ("handshake-flood", "mute-peer")
    done = attacked("--small", *(f"--only={name}" for name in names), "--json", str(file))
    assert done.returncode in (0, 1), done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    costs = json.loads(file.read_text())["attacks"]
    for cost in costs.values():
        assert cost["memory_peak_mb"] >= cost["memory_calm_mb"] > 10
        assert min(cost["calm_per_s"], cost["per_s"], cost["calm_p50_ms"], cost["p50_ms"]) > 0
        assert cost["calm_p95_ms"] >= cost["calm_p50_ms"]
        assert min(cost["calm_node_ms"], cost["node_ms"], cost["attacker_share"]) > 0
        assert cost["blocks"] > 0
        assert sum(cost["done"].values()) > 100
        assert all(f"broken: {each}" in done.stdout for each in cost["broken"])
    stranger, peer = (costs[name] for name in names)
    assert done.returncode == bool(stranger["broken"] or peer["broken"])
    assert stranger["handshakes"] >= 1
    assert stranger["control_per_s"] == stranger["control_share"] == 0
    assert min(peer["control_per_s"], peer["control_node_ms"], peer["control_share"]) > 0
    assert peer["submissions_percent"] == round(100 * peer["per_s"] / peer["control_per_s"])


def good(**other: object) -> Cost:
    """Return the cost of an attack that cost nothing."""
    zeros = dict.fromkeys(Cost._fields, 0)
    calm = {"calm_per_s": 100.0, "per_s": 100.0, "blocks": 9, "handshakes": 1, "done": {}}
    return Cost(**{**zeros, **calm, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ATTACKS)
def test_no_bound_of_an_attack_is_idle(name: str) -> None:
    attack = ATTACKS[name]
    assert attack.broken(good()) == []
    assert attack.broken(good(links_lost=1)) == [Bound("links_lost", 0)]
    assert attack.broken(good(blocks=0)) == [Bound("blocks", 1, least=True)]
    for bound in attack.bounds:
        worse = bound.limit - 1 if bound.least else bound.limit + 1
        field = {"submissions_percent": "per_s"}.get(bound.measure, bound.measure)
        other = {field: worse} if field in Cost._fields else {"done": {field: worse}}
        assert attack.broken(good(**other)) == [bound]


def test_an_attack_is_compared_with_a_process_as_busy_if_there_was_one() -> None:
    beside = good(control_per_s=60.0, per_s=45.0)
    assert (beside.submissions_percent, good(per_s=45.0).submissions_percent) == (75, 45)
    bound = Bound("submissions_percent", PERCENT_MIN, least=True)
    assert bound.holds(beside)
    assert not bound.holds(beside._replace(per_s=41.9))


def test_turns_of_an_attack_are_one_cost() -> None:
    first = good(per_s=10.0, stall_s=0.5, memory_calm_mb=100, memory_kept_mb=5, done={"frames": 1})
    later = good(per_s=30.0, blocks=2, memory_calm_mb=104, memory_kept_mb=3, done={"frames": 2})
    one = mean([first, later._replace(control_per_s=40.0), later._replace(control_per_s=60.0)])
    assert one.per_s == pytest.approx(70 / 3)
    assert one.control_per_s == 50, "of the turns that had one"
    assert (one.stall_s, one.blocks, one.memory_kept_mb, one.done) == (0.5, 13, 7, {"frames": 5})
    assert mean([first, later]).control_per_s == 0


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_control_is_no_busier_than_the_attack(share: float) -> None:
    assert 0 < stay_busy(share, 0.2) < share + 0.05


def test_attacks_are_named_in_the_help_with_their_bounds() -> None:
    said = attacked("--help").stdout
    assert all(len(line) <= 80 for line in said.splitlines())
    for name, attack in ATTACKS.items():
        assert name in said
        assert all(str(bound) in said for bound in attack.bounds)
    assert attacked("--only", "nothing").returncode == 2
