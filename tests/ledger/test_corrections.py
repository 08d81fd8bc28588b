"""A wrong amount is corrected by true statements, whatever was said about the payment before.

The random words are about one payment: halves, refunds and payouts, right and wrong. What the
truth is comes afterwards; then each party only says what is true, and the payment is split by it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.payouts import Payout
from ledger.contracts.refunded import RefundedPayment
from ledger.contracts.refunds import Refund
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import Ledger, captured, opened, paid_of, payout_of, split
from tests.ledger.refund_kit import deposit, fail, failed_of, pay, refund_of, refunded_of, request

PAYMENT = {"payment": "P1", "reason": "any"}
AMOUNT = st.sampled_from([3000, 7000, 10_000, 20_000])

Move = tuple[str, str, dict[str, Any]]


def state_of(ledger: Ledger) -> str:
    return payment_state(ledger.get(Capture, "P1"), ledger.get(Instruction, "P1"))


def reverse(ledger: Ledger) -> int:
    return ledger.apply("institution", "payment.reversed", **PAYMENT)


def amend(ledger: Ledger, amount: int) -> int:
    return ledger.apply("platform", "split.amended", **split(amount=amount))


def funded(amount: int = 50_000) -> Ledger:
    ledger = opened()
    deposit(ledger, amount=amount)
    return ledger


# --- one by one ---------------------------------------------------------------------------------


def test_a_refund_waits_while_the_halves_contradict_each_other() -> None:
    ledger = funded()
    ledger.capture(amount=20_000)
    ledger.instruct()
    refused = ledger.refuse("halves-conflict", "platform", "refund.requested", **refund_of())
    assert refused.expected == "halves of P1 that agree"
    assert refused.got == (
        "amount: captured 20000 (200.00 CNY), instructed 10000 (100.00 CNY); "
        "the difference is -10000 (-100.00 CNY)"
    )
    reverse(ledger)
    ledger.capture()
    request(ledger)


def test_a_failed_refund_waits_as_well() -> None:
    ledger = funded()
    ledger.capture()
    ledger.instruct()
    request(ledger)
    fail(ledger)
    amend(ledger, 9000)
    ledger.refuse("halves-conflict", "platform", "refund.requested", **refund_of())
    amend(ledger, 10_000)
    request(ledger)


def test_a_result_is_stated_also_while_the_halves_conflict() -> None:
    ledger = funded()
    ledger.capture()
    request(ledger)
    ledger.instruct(amount=9000)
    pay(ledger)
    assert ledger.row(Refund, "R1").state == "paid"


def test_a_payment_that_nobody_may_split_any_more_is_refunded() -> None:
    """The order was cancelled and the buyer paid after all: no instruction would be true."""
    ledger = funded()
    ledger.instruct()
    ledger.apply("platform", "split.withdrawn", **PAYMENT)
    ledger.capture()
    request(ledger, amount=10_000)


def test_a_refunded_capture_that_the_platform_contradicts_is_reversed_and_captured_anew() -> None:
    ledger = funded()
    ledger.capture(amount=20_000)
    request(ledger)
    pay(ledger)
    ledger.refuse("payment-refunded", "institution", "payment.reversed", **PAYMENT)
    ledger.instruct()
    reverse(ledger)
    assert ledger.row(RefundedPayment, "P1").paid == 4000
    ledger.capture()
    assert state_of(ledger) == "split"
    fields = refund_of("R2", 6001)
    refused = ledger.refuse("refund-exceeds-payment", "platform", "refund.requested", **fields)
    assert refused.expected == "at most 6000 (60.00 CNY)"


def test_what_both_stated_wrongly_is_corrected_although_it_was_refunded() -> None:
    ledger = funded()
    ledger.capture(amount=20_000)
    ledger.instruct(amount=20_000)
    request(ledger)
    ledger.refuse("payment-refunded", "institution", "payment.reversed", **PAYMENT)
    amend(ledger, 10_000)
    reverse(ledger)
    ledger.capture()
    assert state_of(ledger) == "split"
    pay(ledger)


def test_a_new_capture_is_no_less_than_what_is_refunded_and_in_its_currency() -> None:
    ledger = funded()
    ledger.capture(amount=20_000)
    ledger.instruct(amount=20_000)
    request(ledger)
    pay(ledger)
    request(ledger, "R2", 2000)
    amend(ledger, 10_000)
    reverse(ledger)
    less, other = captured(amount=5999), captured(currency="USD")
    refused = ledger.refuse("refund-exceeds-payment", "institution", "payment.captured", **less)
    assert refused.expected == "at least 6000 (60.00 CNY)"
    assert refused.got == "5999 (59.99 CNY)"
    refused = ledger.refuse("wrong-currency", "institution", "payment.captured", **other)
    assert (refused.expected, refused.got) == ("CNY", "USD")
    fail(ledger, "R2")
    ledger.capture(amount=4000)


def test_a_refunded_payment_that_nobody_has_split_is_not_reversed() -> None:
    ledger = funded()
    ledger.capture()
    request(ledger)
    ledger.refuse("payment-refunded", "institution", "payment.reversed", **PAYMENT)


# --- after anything -----------------------------------------------------------------------------


@st.composite
def a_word(draw: st.DrawFn) -> Move:
    amount = draw(AMOUNT)
    refund = draw(st.sampled_from(["R1", "R2"]))
    payout = draw(st.sampled_from(["O1", "O2"]))
    moves: list[Move] = [
        ("institution", "payment.captured", captured(amount=amount)),
        ("institution", "payment.reversed", PAYMENT),
        ("platform", "split.instructed", split(amount=amount)),
        ("platform", "split.amended", split(amount=amount)),
        ("platform", "split.withdrawn", PAYMENT),
        ("platform", "refund.requested", refund_of(refund, draw(AMOUNT))),
        ("platform", "refund.requested", refund_of(refund, 1000)),
        ("institution", "refund.paid", refunded_of(refund)),
        ("institution", "refund.failed", failed_of(refund)),
        ("institution", "settlement.created", payout_of(payout, amount * 7 // 10)),
        ("institution", "settlement.paid", paid_of(payout)),
        ("institution", "settlement.returned", {"payout": payout, "reason": "any"}),
    ]
    return draw(st.sampled_from(moves))


@settings(max_examples=150)
@given(st.lists(a_word(), min_size=4, max_size=40), AMOUNT)
def test_after_any_words_a_wrong_amount_is_corrected_by_true_ones(
    words: list[Move], truth: int
) -> None:
    ledger = funded()
    ledger.wait_for("2026-01-06")
    for author, type_, fields in words:
        ledger.state(author, type_, **fields)
        check_refunds(ledger)
    take_back_payouts(ledger)
    fail_what_cannot_be(ledger, truth)
    correct(ledger, truth)
    check_refunds(ledger)
    assert state_of(ledger) == "split"
    assert ledger.row(Capture, "P1").amount == truth
    assert not [row for row in expected(ledger) if row.state == "conflicting"]


def check_refunds(ledger: Ledger) -> None:
    """What counts as refunded is within the capture, while one stands."""
    capture, taken = ledger.get(Capture, "P1"), ledger.get(RefundedPayment, "P1")
    if taken is not None:
        assert capture is not None
        assert taken.requested + taken.paid <= capture.amount or not capture.stands


def take_back_payouts(ledger: Ledger) -> None:
    """A leg that is in a payout holds the amount: that payout has to come back first."""
    for row in ledger.rows().get(Payout.TABLE, []):
        if isinstance(row, Payout) and row.state != "returned":
            fields = {"payout": row.payout, "reason": "wrong amount"}
            ledger.apply("institution", "settlement.returned", **fields)


def fail_what_cannot_be(ledger: Ledger, truth: int) -> None:
    """More than was captured was never refunded: what is beyond the truth did not come about."""
    for row in ledger.rows().get(Refund.TABLE, []):
        taken = ledger.get(RefundedPayment, "P1")
        if taken is None or taken.requested + taken.paid <= truth:
            return
        if isinstance(row, Refund) and row.state != "failed":
            fail(ledger, row.refund)


def correct(ledger: Ledger, truth: int) -> None:
    """Say what is true: the platform how it is to be split, the institution what it captured."""
    instruction = ledger.get(Instruction, "P1")
    stands = instruction is not None and instruction.stands
    type_ = "split.amended" if stands else "split.instructed"
    ledger.apply("platform", type_, **split(amount=truth))
    if state_of(ledger) == "conflicting":
        reverse(ledger)
    if state_of(ledger) != "split":
        ledger.capture(amount=truth)


def expected(ledger: Ledger) -> list[Expectation]:
    rows = ledger.rows().get(Expectation.TABLE, [])
    return [row for row in rows if isinstance(row, Expectation)]
