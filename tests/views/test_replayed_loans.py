"""A log with loans that is executed again shows what the node shows, as of any date and height."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ledger.execute import execute
from node.storage.store import Store
from tests.api.loans_kit import KeptLoans, portfolio_on
from tests.node.store_kit import make_final
from tests.views.replay_kit import Views, all_views

NOW_MS = 1_777_000_000_000  # 2026-04-24

kept = portfolio_on()


@pytest.fixture(scope="module")
def again(kept: KeptLoans, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A scratch database into which the blocks were executed."""
    folder = tmp_path_factory.mktemp("again")
    store = Store(f"sqlite:///{folder / 'scratch.db'}", kept.genesis)
    with kept.store.reader() as reader:
        for height in range(1, reader.height() + 1):
            stored = reader.block(height)
            assert stored is not None
            block, time = stored.block, stored.block.header.time
            done = execute(
                kept.genesis, store.tip(), store.frontier(), store.view(), time, block.batches
            )
            make_final(store, block, done, None, b"")
    return store


def views(kept: KeptLoans, store: Store) -> Views:
    with store.reader() as reader:
        return all_views(reader, kept.genesis, NOW_MS)


def test_a_replayed_portfolio_gives_equal_views(kept: KeptLoans, again: Store) -> None:
    found, expected = views(kept, again), views(kept, kept.store)
    assert found.keys() == expected.keys()
    assert not [name for name in found if found[name] != expected[name]]
    shown = {name.partition(" ")[0] for name, body in found.items() if len(body) > 4}
    assert {"loan", "loans", "overdue", "repayments", "compensations"} <= shown
    assert "compensations-due" in shown


def test_the_comparison_of_views_of_loans_bites(kept: KeptLoans, again: Store) -> None:
    expected = views(kept, again)
    with again.engine.begin() as connection:
        connection.execute(text("UPDATE loan_events SET amount = amount + 1 WHERE kind = 'repaid'"))
    differ = [name for name, body in views(kept, again).items() if body != expected[name]]
    assert any(name.startswith("loan L1 2026-03") for name in differ)
    assert not [name for name in differ if name.startswith(("compensations ", "payment"))]
    assert "loan L1 now" not in differ
