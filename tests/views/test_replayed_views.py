"""A log that is opened without its node shows what the node shows: every list, every single thing.

The log is that of four simulated nodes, with real databases and real certificates, whose clients
say every kind of record, right and wrong, while machines crash.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.genesis import Genesis
from ledger.verify import verify_log
from node.storage.log_index import open_log
from node.storage.proofs import export_lines, served_checkpoint
from simulator.checkers import CHECKERS, Checker
from simulator.plan import Fault, Plan
from simulator.process import MORNING_MS
from simulator.run import Runner
from tests.views.replay_kit import Views, all_views, opened
from views.listings import LISTINGS

NOW_MS = MORNING_MS + 10 * 86_400_000
CRASH = Fault(kind="crash", at_ms=400, for_ms=200, who=("funder",))
SEEDS = (11, 13)


class Exported:
    """What one node of a run exported, and what it showed itself."""

    genesis: Genesis
    lines: list[bytes]
    views: Views


def exported(seed: int) -> Exported:
    """Run a plan, and return what a node holds at its end."""
    kept = Exported()

    class Exporting(Checker):
        invariant = "I5"

        def finish(self) -> None:
            process = self.world.processes["platform"]
            store = process.store
            assert store is not None
            kept.genesis = self.world.genesis
            signer = self.world.signers["platform"]
            kept.lines = list(
                export_lines(
                    store.reader, partial(served_checkpoint, genesis=kept.genesis, signer=signer), 1
                )
            )
            with store.reader() as reader:
                kept.views = all_views(reader, kept.genesis, NOW_MS)

    plan = Plan(seed=seed, records=400, cast="guaranteed", faults=(CRASH,))
    with Runner((*CHECKERS, Exporting)) as runner:
        outcome = runner.run(plan)
    assert outcome.is_good, outcome.finding
    return kept


@pytest.fixture(scope="module", params=SEEDS)
def run(request: pytest.FixtureRequest) -> Exported:
    return exported(request.param)


def test_a_replayed_log_gives_equal_views(run: Exported, tmp_path: Path) -> None:
    assert verify_log(run.lines, run.genesis, replay=True).replayed
    store = opened(run.lines, run.genesis, tmp_path)
    try:
        with store.reader() as reader:
            found = all_views(reader, run.genesis, NOW_MS)
    finally:
        store.close()
    assert found.keys() == run.views.keys()
    assert not [name for name in found if found[name] != run.views[name]]


def test_the_days_are_of_every_kind_of_business(run: Exported) -> None:
    shown = Counter(name.partition(" ")[0] for name, body in run.views.items() if len(body) > 4)
    assert set(shown) >= {"payment", "payout", "receiver", "calendar"}
    empty = {each.name for each in LISTINGS} - set(shown)
    assert not empty, f"nothing was shown of {empty}"


def test_the_comparison_of_views_bites(run: Exported, tmp_path: Path) -> None:
    opened(run.lines, run.genesis, tmp_path).close()
    (index,) = (tmp_path / "index").glob("*.db")
    with closing(sqlite3.connect(index)) as database, database:
        database.execute("UPDATE refunds SET reason = 'another'")
    log = open_log(tmp_path / "log.ndjson", run.genesis, tmp_path / "index", lambda *_: None)
    try:
        with log.reader() as reader:
            found = all_views(reader, run.genesis, NOW_MS)
    finally:
        log.close()
    differ: list[Any] = [name for name in found if found[name] != run.views[name]]
    assert any(name.startswith("refunds") for name in differ)
    assert any(name.startswith("payment ") for name in differ)
    assert not [name for name in differ if name.startswith(("disputes", "receiver"))]
