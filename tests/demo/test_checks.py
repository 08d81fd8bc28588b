"""The demo's checks bite: each says what is wrong when one thing in the books is."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
import pytest

from demo.business import Business, Items
from demo.day.cast import PAYMENTS_MIN, DayPlan
from demo.day.generate import generate
from demo.day.outcome import outcome
from demo.loans.answer import SUMS
from demo.stage.morning import FundersMorning, morning_plan
from demo.summary import NodeBooks, check_morning, check_outcome
from ledger.books import Balance
from ledger.contracts.disputes import Dispute
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import FeePeriod
from ledger.contracts.payouts import Payout
from ledger.contracts.refunds import Refund
from ledger.expectations import Expectation
from tests.demo.day_kit import Played

DAY = generate(DayPlan(PAYMENTS_MIN, 5))
EXPECTED = outcome(DAY)


@cache
def played() -> tuple[NodeBooks, Business]:
    """Return what a node would show after the day."""
    rows = Played(DAY, 1).ledger.rows()
    trial = deepcopy(EXPECTED["trial_balance"])
    payouts, refunds = shown(rows, Payout.TABLE), shown(rows, Refund.TABLE)
    business = Business(
        payouts=payouts,
        returned=in_state(payouts, "returned"),
        requested=in_state(refunds, "requested"),
        paid=in_state(refunds, "paid"),
        disputes=shown(rows, Dispute.TABLE),
        periods=periods(rows),
    )
    return NodeBooks(shown(rows, Balance.TABLE), shown(rows, Expectation.TABLE), trial), business


def shown(rows: dict[str, list[Any]], table: str) -> Items:
    return [msgspec.structs.asdict(row) for row in rows[table]]


def in_state(items: Items, state: str) -> Items:
    return [each for each in items if each["state"] == state]


def periods(rows: dict[str, list[Any]]) -> Items:
    """Return the months of fees; what is not known yet is left out, as a node does."""
    invoices = {each.invoice: each for each in rows[FeeInvoice.TABLE]}
    found = shown(rows, FeePeriod.TABLE)
    for each in found:
        invoice = invoices.get(each["invoice"])
        if invoice is None:
            del each["invoice"]
        elif invoice.settled_at >= 0:
            each["settled_at"] = invoice.settled_at
    return found


def failed(
    books: NodeBooks, business: Business, records: dict[str, Any] = EXPECTED["records"]
) -> set[str]:
    checks = check_outcome(EXPECTED, books, business, records)
    return {check.name for check in checks if not check.good}


def first(rows: Items, **fields: str) -> dict[str, Any]:
    return next(
        row for row in rows if all(row[name].startswith(value) for name, value in fields.items())
    )


def test_no_check_fails_on_what_the_contracts_hold() -> None:
    assert failed(*played()) == set()


def test_no_figure_is_read_off_what_is_written_for_people() -> None:
    books, business = deepcopy(played())
    for each in (*books.expectations, *(item for items in business for item in items)):
        for prose in {"detail", "reason", "answer", "failure", "return_reason"} & each.keys():
            each[prose] = "said otherwise"
    assert failed(books, business) == set()


def settle(books: NodeBooks, business: Business, kind: str) -> None:
    first(books.expectations, kind=kind, state="open")["state"] = "met"
    if kind == "dispute":
        first(business.disputes, state="open")["state"] = "upheld"
    else:
        business.paid.append(business.requested.pop())


def unsettle(books: NodeBooks, business: Business) -> None:
    first(books.expectations, kind="fee-settlement").update(state="open")
    del next(each for each in business.periods if "settled_at" in each)["settled_at"]


def move(books: NodeBooks, account: str, other: str) -> None:
    first(books.balances, account=account)["amount"] -= 1
    first(books.balances, account=other)["amount"] += 1


def two_receivers(books: NodeBooks) -> list[str]:
    names = [row["account"] for row in books.balances]
    return [name for name in names if name.startswith("pending:")][:2]


CHANGES: dict[str, tuple[Callable[[NodeBooks, Business], None], set[str]]] = {
    "a fen from one receiver to another": (
        lambda books, _: move(books, *two_receivers(books)),
        {"accounts"},
    ),
    "a fen from the float to a receiver": (
        lambda books, _: move(books, "refund_float:", "pending:"),
        {"accounts", "balances", "refunds"},
    ),
    "a fen of profit to another party": (
        lambda books, _: move(books, "fee_income:funder", "fee_income:platform"),
        {"accounts", "profit"},
    ),
    "a fen more held": (
        lambda books, _: first(books.balances, account="reserve").update(amount=1),
        {"accounts", "balances", "books sum to zero"},
    ),
    "a refund answered": (
        lambda books, business: settle(books, business, "refund-result"),
        {"facts", "facts by kind", "one-sided entries", "refunds"},
    ),
    "a dispute answered": (
        lambda books, business: settle(books, business, "dispute"),
        {"disputes", "facts", "facts by kind", "one-sided entries"},
    ),
    "a fee invoice not settled": (
        unsettle,
        {"facts", "facts by kind", "fees", "one-sided entries"},
    ),
    "a payout that came back": (
        lambda _, business: business.returned.clear(),
        {"payouts"},
    ),
    "one column of the trial balance": (
        lambda books, _: books.trial["CNY"].update(debit=1),
        {"trial balance"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_check_fails_when_the_books_differ_by(change: str) -> None:
    books, business = deepcopy(played())
    make, names = CHANGES[change]
    make(books, business)
    assert failed(books, business) == names


def test_check_fails_when_a_refusal_is_missing() -> None:
    records = {**EXPECTED["records"], "refused": {}}
    assert failed(*played(), records) == {"records refused"}


MORNING_CAST: Any = [
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("bank", "funder"),
    ("guarantor", "guarantor"),
]


@cache
def morning_expected() -> dict[str, Any]:
    """Return what the second computation says of a funders' morning."""
    plan = morning_plan(MORNING_CAST, 3)
    assert plan is not None
    return FundersMorning(plan).expected()


def shown_morning() -> dict[str, Any]:
    """Return what nodes would show of that morning."""
    sheets = {
        party: {
            "figures": [{"name": n.replace("_", "-"), "amount": figures[n]} for n in SUMS],
        }
        for party, figures in morning_expected()["figures"].items()
    }
    return {"sheets": sheets, "standing": deepcopy(morning_expected()["loans"])}


def morning_failed(morning: dict[str, Any], refused: int) -> list[str]:
    checks = check_morning(morning_expected(), morning, {"allocation-differs": refused})
    return [check.name for check in checks if not check.good]


@pytest.mark.parametrize("place", range(len(SUMS)))
def test_a_figure_of_a_sheet_that_differs_is_noticed(place: int) -> None:
    assert morning_failed(shown_morning(), morning_expected()["refused"]) == []
    morning = shown_morning()
    morning["sheets"]["bank"]["figures"][place]["amount"] += 1
    assert morning_failed(morning, morning_expected()["refused"]) == ["sheet of bank"]


def test_a_loan_that_stands_otherwise_and_a_wrong_split_that_was_taken_are_noticed() -> None:
    morning = shown_morning()
    morning["standing"]["L00001"][0] += 1
    assert morning_failed(morning, 0) == ["standing of the loans", "wrong splits refused"]


@pytest.mark.parametrize("role", ["funder", "guarantor"])
def test_a_cast_that_does_not_lend_has_no_morning(role: str) -> None:
    assert morning_plan([each for each in MORNING_CAST if each[1] != role], 3) is None
