"""Books: every posting balances, no account goes where it may not, and random days keep it so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import books
from ledger.books import Balance, Posting, contradiction, money
from ledger.contracts.receivers import Bucket, Receiver
from ledger.errors import Refused
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import EmptyView, Overlay, Transaction
from tests.ledger.ledger_kit import (
    DAY,
    GENESIS,
    MORNING,
    Ledger,
    captured,
    leg,
    opened,
    paid_of,
    payout_of,
    split,
)


def transaction(view: Overlay | None = None, entry: int = 7) -> Transaction:
    below = view or Overlay(EmptyView())
    return Transaction(below, GENESIS, "institution", "institution", entry, 1, MORNING)


def test_a_posting_moves_balances_and_numbers_its_lines() -> None:
    view = Overlay(EmptyView())
    tx = transaction(view)
    books.post(tx, "CNY", [("reserve", 100), ("pending:a", -60), ("pending:b", -40)])
    books.post(tx, "CNY", [("pending:a", 60), ("in_transit:a", -60)])
    assert [row.line for row in view.changes[Posting].values()] == list(range(5))
    second = Posting("pending:b", "CNY", 7, 2, -40, -40)
    assert tx.rows[Posting]["pending:b", "CNY", 7, 2] == second
    assert tx.rows[Balance]["pending:a", "CNY"] is None
    assert tx.rows[Balance]["in_transit:a", "CNY"] == Balance("in_transit:a", "CNY", -60)


def test_currencies_never_mix() -> None:
    tx = transaction()
    books.post(tx, "CNY", [("reserve", 100), ("suspense:p", -100)])
    books.post(tx, "USD", [("reserve", 5), ("suspense:p", -5)])
    assert tx.rows[Balance]["reserve", "CNY"] == Balance("reserve", "CNY", 100)
    assert tx.rows[Balance]["reserve", "USD"] == Balance("reserve", "USD", 5)


def test_a_posting_that_does_not_balance_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="sum to 1 CNY"):
        books.post(transaction(), "CNY", [("reserve", 100), ("suspense:p", -99)])


def test_an_account_of_no_class_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="no class"):
        books.post(transaction(), "CNY", [("petty_cash", 100), ("suspense:p", -100)])


@pytest.mark.parametrize(
    "lines",
    [
        [("reserve", -1), ("suspense:p", 1)],
        [("suspense:p", 1), ("pending:a", -1)],
        [("pending:a", 1), ("in_transit:a", -1)],
    ],
)
def test_nothing_goes_below_zero_that_may_not(lines: list[tuple[str, int]]) -> None:
    view = Overlay(EmptyView())
    tx = transaction(view)
    with pytest.raises(Refused) as caught:
        books.post(tx, "CNY", lines)
    assert caught.value.code == "books-overdrawn"
    tx.undo()
    assert view.changes == {}


def test_an_overdraft_says_what_was_there() -> None:
    tx = transaction()
    books.post(tx, "CNY", [("reserve", 100), ("suspense:p", -100)])
    with pytest.raises(Refused) as caught:
        books.post(tx, "CNY", [("suspense:p", 150), ("pending:a", -150)])
    assert (caught.value.expected, caught.value.got) == (
        "at most 100 (1.00 CNY)",
        "150 (1.50 CNY)",
    )


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (10_000, "CNY", "10000 (100.00 CNY)"),
        (5, "CNY", "5 (0.05 CNY)"),
        (0, "CNY", "0 (0.00 CNY)"),
        (-1, "CNY", "-1 (-0.01 CNY)"),
        (-12_345, "EUR", "-12345 (-123.45 EUR)"),
        (10_000, "JPY", "10000 (10000 JPY)"),
        (-3, "KRW", "-3 (-3 KRW)"),
        (1234, "KWD", "1234 (1.234 KWD)"),
        (SAFE_INTEGER_MAX, "CNY", "9007199254740991 (90071992547409.91 CNY)"),
    ],
)
def test_money_is_written_in_minor_units_and_in_whole_ones(
    amount: int, currency: str, text: str
) -> None:
    assert money(amount, currency) == text


# Random days: any author says anything about few payments and payouts, right or wrong. After each
# block the kit checks the books, and a refused record must have left the state as it was (I6).

PAYMENT = st.sampled_from(["P1", "P2", "P3"])
RECEIVER = st.sampled_from(["shop", "platform-fee", "funder-share", "nobody"])
PAYOUT = st.sampled_from(["O1", "O2", "O3"])
AMOUNT = st.sampled_from([1, 3, 9999, 10_000])
AUTHOR = st.sampled_from(["platform", "institution", "funder"])

Move = tuple[str, str, dict[str, Any]]


@st.composite
def a_split(draw: st.DrawFn, type_: str) -> Move:
    amount = draw(AMOUNT)
    names = draw(st.lists(RECEIVER, min_size=1, max_size=4))
    if draw(st.booleans()):
        parts = draw(st.lists(st.integers(1, amount), min_size=len(names), max_size=len(names)))
        parts[-1] = max(1, amount - sum(parts[:-1]))
        pairs = zip(names, parts, strict=True)
        legs = [leg(n, name, amount=part) for n, (name, part) in enumerate(pairs, 1)]
        return "platform", type_, split(draw(PAYMENT), amount, legs=legs)
    ppm = 1_000_000 // len(names)
    legs = [leg(n, name, ppm=ppm) for n, name in enumerate(names, 1)]
    legs[-1]["ppm"] += 1_000_000 - ppm * len(names)
    return "platform", type_, split(draw(PAYMENT), amount, mode="ratio", legs=legs)


@st.composite
def a_capture(draw: st.DrawFn) -> Move:
    fields = captured(draw(PAYMENT), draw(AMOUNT))
    fields["captured_at"] = MORNING + draw(st.integers(0, 2)) * DAY
    return "institution", "payment.captured", fields


@st.composite
def a_word(draw: st.DrawFn) -> Move:
    author, type_ = draw(
        st.sampled_from([("institution", "payment.reversed"), ("platform", "split.withdrawn")])
    )
    return author, type_, {"payment": draw(PAYMENT), "reason": "any"}


@st.composite
def a_payout(draw: st.DrawFn) -> Move:
    fields = payout_of(
        draw(PAYOUT), draw(AMOUNT), receiver=draw(RECEIVER), cutoff_date="2026-01-07"
    )
    return "institution", "settlement.created", fields


@st.composite
def a_payout_word(draw: st.DrawFn) -> Move:
    payout = draw(PAYOUT)
    moves: list[Move] = [
        ("institution", "settlement.paid", paid_of(payout)),
        ("institution", "settlement.returned", {"payout": payout, "reason": "any"}),
    ]
    said = {"payout": payout, "amount": draw(AMOUNT), "currency": "CNY", "received_at": MORNING}
    moves += [(author, "settlement.confirmed", said) for author in ("platform", "funder")]
    return draw(st.sampled_from(moves))


MOVES = st.one_of(
    a_capture(),
    a_split("split.instructed"),
    a_split("split.amended"),
    a_word(),
    a_payout(),
    a_payout_word(),
)


def due_now(ledger: Ledger, fields: dict[str, Any]) -> dict[str, Any]:
    """Return a payout that states what its refusal says is due, as an institution would."""
    receiver = ledger.get(Receiver, fields["receiver"])
    names = () if receiver is None else receiver.open_buckets
    buckets = [ledger.row(Bucket, fields["receiver"], int(name[11:])) for name in names]
    amount, legs = sum(b.amount for b in buckets), sum(b.legs for b in buckets)
    return {**fields, "amount": amount or 1, "legs": legs or 1}


@settings(max_examples=60)
@given(st.lists(st.tuples(MOVES, st.integers(0, 9)), min_size=5, max_size=40))
def test_random_days_keep_the_books_balanced(day: list[tuple[Move, int]]) -> None:
    ledger = opened()
    ledger.wait_for("2026-01-07")
    for (author, type_, stated), luck in day:
        fields = stated
        if type_ == "settlement.created" and luck:
            fields = due_now(ledger, fields)
        speaker = author if luck else "auditor"
        before = ledger.rows()
        done = ledger.state(speaker, type_, **fields)
        if done.refusals:
            assert ledger.rows() == before
    codes = {"books-overdrawn", "books-overflow"}
    assert not codes & set(ledger.codes)
    assert pending_is_what_the_open_buckets_hold(ledger)


def pending_is_what_the_open_buckets_hold(ledger: Ledger) -> bool:
    for name in ("shop", "platform-fee", "funder-share"):
        rows = [row for row in ledger.rows().get(Bucket.TABLE, []) if isinstance(row, Bucket)]
        held = sum(row.amount for row in rows if row.receiver == name and not row.payout)
        if -ledger.balance(f"pending:{name}") != held:
            return False
    return True


def test_amounts_that_contradict_each_other_say_by_how_much() -> None:
    def said(first: tuple[int, str], second: tuple[int, str]) -> str:
        return contradiction("paid", first, "received", second)

    assert said((100, "CNY"), (150, "CNY")).endswith("; the difference is 50 (0.50 CNY)")
    assert said((100, "CNY"), (100, "USD")) == "paid 100 (1.00 CNY), received 100 (1.00 USD)"


@pytest.mark.parametrize(
    ("currency", "shown"),
    [
        ("CNY", "12345 (123.45 CNY)"),
        ("PYG", "12345 (12345 PYG)"),
        ("IQD", "12345 (12.345 IQD)"),
        ("CLF", "12345 (1.2345 CLF)"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, shown: str) -> None:
    assert money(12345, currency) == shown
