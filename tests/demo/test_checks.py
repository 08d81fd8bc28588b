"""The demo's checks bite: each says what is wrong when one thing in the books is."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
import pytest

from demo.day.cast import PAYMENTS_MIN, Plan
from demo.day.generate import generate
from demo.day.outcome import outcome
from demo.summary import Books, check_outcome
from ledger.books import Balance
from ledger.expectations import Expectation
from tests.demo.day_kit import Played

DAY = generate(Plan(PAYMENTS_MIN, 5))
EXPECTED = outcome(DAY)


@cache
def played() -> Books:
    """Return what a node would show after the day."""
    rows = Played(DAY, 1).ledger.rows()
    trial = deepcopy(EXPECTED["trial_balance"])
    return Books(shown(rows, Balance.TABLE), shown(rows, Expectation.TABLE), trial)


def shown(rows: dict[str, list[Any]], table: str) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(row) for row in rows[table]]


def failed(books: Books, records: dict[str, Any] = EXPECTED["records"]) -> set[str]:
    return {check.name for check in check_outcome(EXPECTED, books, records) if not check.good}


def first(rows: list[dict[str, Any]], **fields: str) -> dict[str, Any]:
    return next(
        row for row in rows if all(row[name].startswith(value) for name, value in fields.items())
    )


def test_no_check_fails_on_what_the_contracts_hold() -> None:
    assert failed(played()) == set()


def settle(books: Books, kind: str) -> None:
    first(books.expectations, kind=kind, state="open")["state"] = "met"


def move(books: Books, account: str, other: str) -> None:
    first(books.balances, account=account)["amount"] -= 1
    first(books.balances, account=other)["amount"] += 1


def two_receivers(books: Books) -> list[str]:
    names = [row["account"] for row in books.balances]
    return [name for name in names if name.startswith("pending:")][:2]


CHANGES: dict[str, tuple[Callable[[Books], None], set[str]]] = {
    "a fen from one receiver to another": (
        lambda books: move(books, *two_receivers(books)),
        {"accounts"},
    ),
    "a fen from the float to a receiver": (
        lambda books: move(books, "refund_float:", "pending:"),
        {"accounts", "balances", "refunds"},
    ),
    "a fen of profit to another party": (
        lambda books: move(books, "fee_income:funder", "fee_income:platform"),
        {"accounts", "profit"},
    ),
    "a fen more held": (
        lambda books: first(books.balances, account="reserve").update(amount=1),
        {"accounts", "balances", "books sum to zero"},
    ),
    "a refund answered": (
        lambda books: settle(books, "refund-result"),
        {"facts", "facts by kind", "one-sided entries", "refunds"},
    ),
    "a dispute answered": (
        lambda books: settle(books, "dispute"),
        {"disputes", "facts", "facts by kind", "one-sided entries"},
    ),
    "a fee invoice not settled": (
        lambda books: first(books.expectations, kind="fee-settlement").update(state="open"),
        {"facts", "facts by kind", "fees", "one-sided entries"},
    ),
    "one column of the trial balance": (
        lambda books: books.trial["CNY"].update(debit=1),
        {"trial balance"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_check_fails_when_the_books_differ_by(change: str) -> None:
    books = deepcopy(played())
    make, names = CHANGES[change]
    make(books)
    assert failed(books) == names


def test_check_fails_when_a_refusal_is_missing() -> None:
    records = {**EXPECTED["records"], "refused": {}}
    assert failed(played(), records) == {"records refused"}
