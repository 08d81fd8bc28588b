"""What holds for all tests.

None of them measures wall time, so no example has a deadline. In all of them a contract that adds
rows whose keys somebody has read or set before is at fault: the rows would not be seen.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ledger.state import Key, Row, Transaction
from views import cells

os.environ["TONGZHANG_LANG"] = "en"  # whatever the locale of who runs them

settings.register_profile("tongzhang", deadline=None)
settings.load_profile("tongzhang")

ROOT = Path(__file__).parent
SLOW = (
    *(f"api/test_{each}.py" for each in ("callers", "one_loan", "readers", "server")),
    *(f"api/test_{each}.py" for each in ("sheet_exceptions", "simulations")),
    *(f"cli/test_{each}.py" for each in ("checks", "inputs", "log_commands", "nodes", "open")),
    *(f"cli/test_{each}.py" for each in ("output", "rebuild", "signals")),
    *("demo/loans/test_portfolio.py", "demo/loans/test_sheet.py", "demo/test_demo.py"),
    *("demo/portfolio/test_invariants.py", "demo/portfolio/test_properties.py"),
    "example_business/test_guide.py",
    "ledger/test_contradictions.py",
    *(f"node/test_{each}.py" for each in ("checking", "host_crashes", "long_skips")),
    *(f"node/test_{each}.py" for each in ("past_balances", "recall")),
    *(f"simulator/test_{each}.py" for each in ("liars", "library", "mutants", "pests", "workload")),
    *(f"tools/test_{each}.py" for each in ("benchmarks", "ceremony", "docs", "peers")),
    *(f"web/browser/test_{each}.py" for each in ("live", "numbers", "overview", "walk")),
    *(f"web/test_{each}.py" for each in ("hostile_browser", "problem_pages", "sign_in")),
    *(f"web/test_{each}.py" for each in ("simulator_page", "whole_site")),
)
"""Files that take over 20 s of two cores; `make test` leaves them to `make test-slow`."""

WORKERS_MAX = 8
"""Of `make test`, where the cores are fewer than half as many."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Let two workers share a core: tests of nodes and pages wait more than they compute."""
    cores = os.cpu_count() or 1
    return max(cores, min(2 * cores, WORKERS_MAX))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, before marks choose."""
    slow = {ROOT / each for each in SLOW}
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)


_add = Transaction.add


def _add_what_is_new(tx: Transaction, kind: type[Row], key: Key, row: Row) -> None:
    rows = tx.rows[kind]
    if key in rows or key in rows.changed:
        raise LookupError(f"{key} of {kind.__name__} is not new")
    _add(tx, kind, key, row)


@pytest.fixture(autouse=True, scope="session")
def added_rows_are_new() -> Any:
    """Let no contract add a row under a key that was read or set before in the block."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Transaction, "add", _add_what_is_new)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def cells_are_plain() -> None:
    """Let no command of another test say in which zone times are shown."""
    cells.choose(cells.Style())
