"""No question of business scans a big table: every statement is explained by SQLite itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event

from node.storage.reads import Reader
from tests.api.loans_kit import portfolio_on
from tests.api.queries_kit import Kept, month_on

QUESTIONS = [
    "/v1/payments/P1",
    "/v1/payouts/O3",
    "/v1/payouts?receiver=shop",
    "/v1/payouts?state=returned&limit=1",
    "/v1/payouts?receiver=shop&state=returned&limit=1",
    "/v1/payouts/due?on=2026-01-07",
    "/v1/payouts/due?on=2026-01-07&limit=1",
    "/v1/payouts/due?upcoming=true&receiver=shop",
    "/v1/receivers/shop",
    "/v1/receivers/shop/statement?limit=2",
    "/v1/refunds?payment=P1&state=paid",
    "/v1/refunds?state=requested&limit=1",
    "/v1/refunds?limit=1",
    "/v1/refund-float",
    "/v1/refund-float/movements?state=confirmed&kind=deposit&limit=1",
    "/v1/disputes?limit=1",
    "/v1/disputes?state=open&against=institution&raiser=platform",
    "/v1/fees?limit=1",
    "/v1/payouts/O1/legs?limit=1",
    "/v1/payouts/O3/legs?limit=1",
    "/v1/fees?period=2026-01&currency=CNY",
    "/v1/fees/charges?period=2026-01&limit=1",
    "/v1/fees/charges?period=2026-01&currency=CNY&state=charged",
    "/v1/fee-agreements?limit=1",
    "/v1/fee-agreements?state=in-force&currency=CNY&holds=true&on=2026-03-01&limit=1",
    "/v1/profit-agreements?limit=1",
    "/v1/profit-agreements?state=in-force&holds=true",
    "/v1/expectations?limit=2",
    "/v1/expectations?state=open&awaited=institution&limit=1",
    "/v1/expectations?state=overdue&kind=capture&opener=platform&min_amount=1&min_age_ms=1",
    "/v1/expectations?state=unmet&limit=1",
    "/v1/expectations/summary?kind=capture&awaited=institution&opener=platform",
    "/v1/search?order=order-P1",
    "/v1/search?payment=P&limit=2",
    "/v1/search?receiver=shop&from=2026-01-01&limit=2",
    "/v1/search?amount=10000&limit=2",
    "/v1/search?amount=10000&from=2026-01-01&to=2026-01-31",
    "/v1/search?from=2026-01-01&to=2026-01-31&limit=2",
    "/v1/search?to=2026-01-31",
    "/v1/search?limit=2",
    "/v1/settlement",
    "/v1/balances?prefix=pending:&limit=1",
    "/v1/find?q=P1",
    "/v1/find?q=P",
    "/v1/find?q=5",
    "/v1/find?q=order-P",
    "/v1/about/dispute:D1",
    "/v1/about/profit-agreement:S1",
    "/v1/blocks?start=3&limit=2",
]
LOAN_QUESTIONS = [
    "/v1/loans/L1?as_of=2026-04-20",
    "/v1/loans/L1?as_of=2026-03-14",
    "/v1/loans/L7?height=37",
    "/v1/loans/L1/allocation?amount=104100&date=2026-05-05",
    "/v1/loans?limit=2",
    "/v1/loans?state=active&limit=1",
    "/v1/loans?funder=fund-b&limit=2",
    "/v1/loans?party=guarantor&state=proposed",
    "/v1/loans?due_from=2026-03-01&due_to=2026-03-31&limit=1",
    "/v1/loans?as_of=2026-02-20&state=active&limit=1",
    "/v1/overdue?limit=1",
    "/v1/overdue?as_of=2026-04-20&funder=fund-a&bucket=M2",
    "/v1/overdue?as_of=2026-03-20&limit=1",
    "/v1/repayments?limit=2",
    "/v1/repayments?loan=L1&limit=2",
    "/v1/repayments?state=succeeded&limit=2",
    "/v1/repayments?from=2026-03-01&to=2026-03-31&funder=fund-a&limit=1",
    "/v1/repayments?as_of=2026-03-14&state=succeeded&limit=1",
    "/v1/compensations?limit=1",
    "/v1/compensations?loan=L1",
    "/v1/compensations?state=conflicting&guarantor=guarantor",
    "/v1/compensations/due?as_of=2026-04-20",
    "/v1/compensations/due?as_of=2026-04-19&guarantor=guarantor&funder=fund-a",
    "/v1/search?loan=L1&limit=1",
]


kept = month_on()
loans = portfolio_on()


def _statements(kept: Kept, path: str) -> list[tuple[str, Any]]:
    """Return what the database was asked for a page and the one after it."""
    said: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            said.append((statement, parameters))

    def run(reader: Reader, sql: str, values: Any) -> list[tuple[Any, ...]]:
        said.append((sql, tuple(values)))
        return own(reader, sql, values)

    own = Reader.run
    event.listen(kept.store.engine, "before_cursor_execute", note)
    Reader.run = run  # type: ignore[method-assign]
    try:
        response = kept.client.get(path)
        assert response.status_code == 200, response.text
        goes_on = response.links.get("next")
        if goes_on is not None:
            assert kept.client.get(goes_on["url"]).status_code == 200
    finally:
        Reader.run = own  # type: ignore[method-assign]
        event.remove(kept.store.engine, "before_cursor_execute", note)
    return said


def _plan(kept: Kept, statement: str, parameters: Any) -> list[str]:
    with kept.store.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in rows]


CHEAP = re.compile(r"SCAN (wanted|\d+ CONSTANT ROWS?|CONSTANT ROW)")
DEAR = re.compile(
    r"SCAN|USE TEMP B-TREE FOR (ORDER|DISTINCT)"
    r"|SEARCH expectations USING PRIMARY KEY (?!\(kind=\? AND subject=\?\))"
)
"""Steps that read more than they find. One kind of expectations is nearly all that were met."""


def _faults(plan: list[str]) -> list[str]:
    """Return the steps of a plan that cost more than what they find."""
    return [step for step in plan if DEAR.match(step) and not CHEAP.match(step)]


@pytest.mark.parametrize("path", QUESTIONS)
def test_no_question_scans_a_table(kept: Kept, path: str) -> None:
    statements = _statements(kept, path)
    assert statements
    for statement, parameters in statements:
        plan = _plan(kept, statement, parameters)
        whole_list = "WHERE" not in statement and " LIMIT " in statement
        assert whole_list or not _faults(plan), (statement, plan)


@pytest.mark.parametrize("path", LOAN_QUESTIONS)
def test_no_question_about_loans_scans_a_table(loans: Kept, path: str) -> None:
    test_no_question_scans_a_table(loans, path)


def test_the_checker_of_plans_bites(kept: Kept) -> None:
    plan = _plan(kept, "SELECT * FROM captures WHERE channel = ?", ("wechat",))
    assert _faults(plan) == ["SCAN captures"]
    query = "SELECT * FROM expectations WHERE kind = ? AND state = ? ORDER BY kind, subject"
    assert _faults(_plan(kept, query, ("capture", "open")))
