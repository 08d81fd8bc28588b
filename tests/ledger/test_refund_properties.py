"""Random days with refunds: books balance, the float is never overdrawn, nor is a payment.

Any author says anything about few payments, refunds and movements of the float, right or wrong.
After each block the kit checks the books (I6), and a refused record must have left the state alone.
"""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.contracts.disputes import Dispute
from ledger.contracts.halves import Capture
from ledger.contracts.refund_float import FloatMovement, FloatSetAside
from ledger.contracts.refunded import RefundedPayment
from ledger.contracts.refunds import Refund
from ledger.expectations import Expectation
from ledger.state import Row
from tests.ledger.ledger_kit import (
    Ledger,
    captured,
    opened,
    paid_of,
    payout_of,
    split,
    split_ledger,
)
from tests.ledger.refund_kit import (
    answer_of,
    deposit,
    dispute_of,
    failed_of,
    movement_of,
    refund_of,
    refunded_of,
)

R = TypeVar("R", bound=Row)

PAYMENT = st.sampled_from(["P1", "P2"])
REFUND = st.sampled_from(["R1", "R2"])
MOVEMENT = st.sampled_from(["M1", "M2", "M3"])
AMOUNT = st.sampled_from([1, 3000, 7000, 10_000])
CURRENCY = st.sampled_from(["CNY"] * 9 + ["USD"])

Move = tuple[str, str, dict[str, Any]]


@st.composite
def a_movement(draw: st.DrawFn) -> Move:
    author, said = draw(
        st.sampled_from(
            [
                ("institution", "deposited"),
                ("institution", "withdrawn"),
                ("platform", "confirmed"),
                ("platform", "confirmed"),
                ("institution", "reversed"),
            ]
        )
    )
    fields = movement_of(draw(MOVEMENT), draw(AMOUNT), currency=draw(CURRENCY))
    if said == "reversed":
        fields = {"movement": fields["movement"], "reason": "any"}
    return author, f"refund_float.{said}", fields


@st.composite
def a_request(draw: st.DrawFn) -> Move:
    places = {"payment": draw(PAYMENT), "currency": draw(CURRENCY)}
    return "platform", "refund.requested", refund_of(draw(REFUND), draw(AMOUNT), **places)


@st.composite
def a_result(draw: st.DrawFn) -> Move:
    refund = draw(REFUND)
    results: list[Move] = [
        ("institution", "refund.paid", refunded_of(refund)),
        ("institution", "refund.failed", failed_of(refund)),
    ]
    return draw(st.sampled_from(results))


@st.composite
def a_payment_word(draw: st.DrawFn) -> Move:
    payment, amount = draw(PAYMENT), draw(AMOUNT)
    words: list[Move] = [
        ("institution", "payment.captured", captured(payment, amount, currency=draw(CURRENCY))),
        ("institution", "payment.reversed", {"payment": payment, "reason": "any"}),
        ("platform", "split.instructed", split(payment, max(amount, 10))),
    ]
    return draw(st.sampled_from(words))


@st.composite
def a_payout_word(draw: st.DrawFn) -> Move:
    payout = draw(st.sampled_from(["O1", "O2"]))
    words: list[Move] = [
        ("institution", "settlement.created", payout_of(payout, draw(AMOUNT))),
        ("institution", "settlement.paid", paid_of(payout)),
        ("institution", "settlement.returned", {"payout": payout, "reason": "any"}),
    ]
    return draw(st.sampled_from(words))


@st.composite
def a_dispute_word(draw: st.DrawFn) -> Move:
    subject = draw(st.sampled_from(["payment:P1", "payment:P1/leg:2", "refund:R1", "float:M1"]))
    name = draw(st.sampled_from(["D1", "D2"]))
    words: list[Move] = [
        ("platform", "dispute.raised", dispute_of(name, subject)),
        ("institution", "dispute.resolved", answer_of("rejected", name)),
        ("institution", "dispute.resolved", answer_of("upheld", name)),
        ("platform", "dispute.resolved", answer_of("withdrawn", name)),
    ]
    return draw(st.sampled_from(words))


REFUNDS = st.one_of(a_movement(), a_request(), a_result())
EVERYTHING = st.one_of(REFUNDS, a_payment_word(), a_payout_word(), a_dispute_word())


def days(moves: st.SearchStrategy[Move]) -> st.SearchStrategy[list[tuple[Move, int]]]:
    """Return days of moves, each with its luck: without any, a wrong party states it."""
    return st.lists(st.tuples(moves, st.integers(0, 9)), min_size=10, max_size=40)


@settings(max_examples=60)
@given(days(REFUNDS))
def test_random_refunds_never_overdraw_the_float_or_a_payment(day: list[tuple[Move, int]]) -> None:
    ledger = split_ledger()
    deposit(ledger, "M0", 10_000)
    live_through(ledger, day)


@settings(max_examples=40)
@given(days(EVERYTHING))
def test_random_days_with_refunds_never_overdraw_anything(day: list[tuple[Move, int]]) -> None:
    ledger = opened()
    ledger.wait_for("2026-01-06")
    live_through(ledger, day)


def live_through(ledger: Ledger, day: list[tuple[Move, int]]) -> None:
    for (author, type_, fields), luck in day:
        before, owed = ledger.rows(), owed_to_receivers(ledger)
        done = ledger.state(author if luck else "auditor", type_, **fields)
        if done.refusals:
            assert ledger.rows() == before
        if type_.startswith(("refund", "dispute")):
            assert owed_to_receivers(ledger) == owed
        check_float(ledger)
        check_refunds(ledger)
        check_expectations(ledger)
    assert not {"books-overdrawn", "books-overflow"} & set(ledger.codes)


def all_of(ledger: Ledger, kind: type[R]) -> list[R]:
    return [row for row in ledger.rows().get(kind.TABLE, []) if isinstance(row, kind)]


def owed_to_receivers(ledger: Ledger) -> dict[str, int]:
    classes = ("suspense:", "pending:", "in_transit:", "paid:")
    return {name: a for name, a in ledger.balances().items() if name.startswith(classes)}


def check_float(ledger: Ledger) -> None:
    """What is free is what both agreed on, less what is held, paid or set aside; never below 0."""
    movements = all_of(ledger, FloatMovement)
    refunds = [each for each in all_of(ledger, Refund) if each.state != "failed"]
    for currency in ("CNY", "USD"):
        own = [each for each in movements if each.currency == currency]
        agreed = [each for each in own if each.state == "confirmed"]
        held = sum(each.amount if each.kind == "deposit" else -each.amount for each in agreed)
        held -= sum(each.amount for each in refunds if each.currency == currency)
        assert -ledger.balance("refund_float:platform", currency) == held
        waiting = [each for each in own if each.kind == "withdrawal"]
        set_aside = sum(e.amount for e in waiting if e.state in {"stated", "conflicting"})
        row = ledger.get(FloatSetAside, "platform", currency)
        assert (0 if row is None else row.amount) == set_aside
        assert held >= set_aside


def check_refunds(ledger: Ledger) -> None:
    """The refunds of a payment never exceed its capture, and are what the books hold for it."""
    for payment in ("P1", "P2"):
        refunds = [each for each in all_of(ledger, Refund) if each.payment == payment]
        sums = {s: sum(e.amount for e in refunds if e.state == s) for s in ("requested", "paid")}
        row = ledger.get(RefundedPayment, payment) or RefundedPayment(payment, 0, 0)
        assert (row.requested, row.paid) == (sums["requested"], sums["paid"])
        capture = ledger.get(Capture, payment)
        standing = capture.amount if capture is not None and capture.stands else 0
        assert row.requested + row.paid <= standing
        balances = [ledger.balance(f"refund_due:{payment}", code) for code in ("CNY", "USD")]
        assert -sum(balances) == row.requested


def check_expectations(ledger: Ledger) -> None:
    """Exactly what has no answer yet is awaited."""
    rows = {(each.kind, each.subject): each.state for each in all_of(ledger, Expectation)}
    states = {"stated": "open", "conflicting": "conflicting"}
    for each in all_of(ledger, FloatMovement):
        expected = states.get(each.state, "met")
        assert rows["float-confirmation", f"float:{each.movement}"] == expected
    for refund in all_of(ledger, Refund):
        expected = "open" if refund.state == "requested" else "met"
        assert rows["refund-result", f"refund:{refund.refund}"] == expected
    for dispute in all_of(ledger, Dispute):
        expected = {"open": "open", "rejected": "conflicting"}.get(dispute.state, "met")
        assert rows["dispute", f"dispute:{dispute.dispute}"] == expected
