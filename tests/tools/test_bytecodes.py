"""The budget of bytecodes: what a record takes is counted, the same everywhere, and compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bytecodes import (
    NEXT_STEP,
    PAGE,
    STAGES,
    Counts,
    Tally,
    budgets,
    exceeded,
    render,
    version,
)
from ledger import canonical

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = "import json; from benchmarks.bytecodes import count; print(json.dumps(count()))"


def _counted(hash_seed: int) -> dict[str, Counts]:
    """Count in a process of its own: what other tests have left in caches here changes counts."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def counted() -> dict[str, Counts]:
    return _counted(0)


def test_a_record_takes_no_more_bytecodes_than_its_budget(counted: dict[str, Counts]) -> None:
    budget = budgets().get(version())
    if budget is None:
        pytest.skip(f"no budget is recorded for Python {version()}: `--record` records one")
    lines = exceeded(counted, budget)
    assert not lines, "\n".join([*lines, NEXT_STEP])


def test_the_budget_names_the_stages_that_are_counted(counted: dict[str, Counts]) -> None:
    stages = {"host", *STAGES.values()}
    for budget in [counted, *budgets().values()]:
        assert {name: set(each) for name, each in budget.items()} == {
            "bulk": stages,
            "single": stages,
        }


def test_the_page_shows_the_budgets_that_are_recorded() -> None:
    page = PAGE.read_text("utf-8")
    assert "| execute |" in page
    assert render(page) == page


def test_counts_are_the_same_under_another_hash_seed(counted: dict[str, Counts]) -> None:
    assert _counted(4711) == counted


def test_a_stage_above_its_budget_is_named_and_what_is_within_the_tolerance_is_not() -> None:
    budget = {"bulk": {"execute": 1000, "commit": 100}, "single": {"agree": 10}}
    assert exceeded({"bulk": {"execute": 1050, "commit": 105}}, budget) == []
    assert exceeded({"bulk": {"execute": 1051}, "single": {"agree": 10}}, budget) == [
        "bulk, execute: 1,051 bytecodes a record, 1,000 are its budget"
    ]
    assert exceeded({"bulk": {"new": 1}}, budget) == [
        "bulk, new: 1 bytecodes a record, 0 are its budget"
    ]


def test_more_work_is_more_bytecodes_and_only_the_project_s_own_count() -> None:
    canonical.encode({"a": 1})
    counts = []
    for times in (1, 3):
        tally = Tally()
        with tally.on():
            for _ in range(times):
                canonical.encode({"a": 1})
                json.dumps({"a": [1, 2, 3]})
        counts.append(sum(tally.counts.values()))
    assert counts[0] > 0
    assert counts[1] == 3 * counts[0]
