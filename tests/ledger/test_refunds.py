"""Refunds: out of the float and never out of what receivers are due; never more than was paid."""

from __future__ import annotations

import pytest

from ledger.contracts.receivers import Bucket, Receiver
from ledger.contracts.refunded import RefundedPayment
from ledger.contracts.refunds import Refund
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import (
    DAY,
    GENESIS,
    HEX,
    MORNING,
    Ledger,
    captured,
    opened,
    split,
    split_ledger,
)
from tests.ledger.refund_kit import (
    another_payment,
    deposit,
    fail,
    failed,
    failed_of,
    funded,
    pay,
    refund_of,
    refunded,
    refunded_of,
    request,
    requested,
    withdraw,
)

FLOAT = "refund_float:platform"
DUE = "refund_due:P1"


def awaited(ledger: Ledger, refund: str = "R1") -> Expectation:
    return ledger.row(Expectation, "refund-result", f"refund:{refund}")


def taken(ledger: Ledger, payment: str = "P1") -> tuple[int, int]:
    row = ledger.get(RefundedPayment, payment)
    return (0, 0) if row is None else (row.requested, row.paid)


def reverse(ledger: Ledger) -> int:
    return ledger.apply("institution", "payment.reversed", payment="P1", reason="void")


def owed(ledger: Ledger) -> dict[str, int]:
    """Return what the books owe receivers."""
    classes = ("pending:", "in_transit:", "paid:")
    return {name: a for name, a in ledger.balances().items() if name.startswith(classes)}


def test_a_request_holds_the_float_and_awaits_the_institution() -> None:
    ledger = funded()
    entry = request(ledger)
    assert (ledger.balance(FLOAT), ledger.balance(DUE)) == (-16_000, -4000)
    assert ledger.balance("reserve") == 30_000
    row = awaited(ledger)
    assert (row.awaited, row.opener, row.state) == ("institution", "platform", "open")
    assert (row.amount, row.currency, row.opened_entry) == (4000, "CNY", entry)
    assert row.due_at == ledger.now + GENESIS.due_after_ms["refund-result"]
    refund = ledger.row(Refund, "R1")
    assert (refund.state, refund.attempts, refund.order) == ("requested", 1, "order-P1")
    assert taken(ledger) == (4000, 0)


def test_a_paid_refund_leaves_the_reserve() -> None:
    ledger = requested()
    entry = pay(ledger)
    assert (ledger.balance(FLOAT), ledger.balance(DUE)) == (-16_000, 0)
    assert ledger.balance("reserve") == 26_000
    row = awaited(ledger)
    assert (row.state, row.settled_entry, row.detail) == ("met", entry, "")
    refund = ledger.row(Refund, "R1")
    assert (refund.state, refund.bank_reference, refund.paid_at) == ("paid", HEX, MORNING + DAY)
    assert taken(ledger) == (0, 4000)


def test_a_failed_refund_returns_its_hold() -> None:
    ledger = requested()
    entry = fail(ledger)
    assert (ledger.balance(FLOAT), ledger.balance(DUE)) == (-20_000, 0)
    row = awaited(ledger)
    assert (row.state, row.settled_entry) == ("met", entry)
    assert row.detail == "refund failed: card closed"
    refund = ledger.row(Refund, "R1")
    assert (refund.state, refund.failure) == ("failed", "card closed")
    assert taken(ledger) == (0, 0)


def test_a_refund_that_came_back_after_it_was_paid_is_in_the_float_again() -> None:
    ledger = refunded()
    met = awaited(ledger)
    fail(ledger)
    assert (ledger.balance(FLOAT), ledger.balance("reserve")) == (-20_000, 30_000)
    assert ledger.row(Refund, "R1").state == "failed"
    assert awaited(ledger) == met
    assert taken(ledger) == (0, 0)
    request(ledger)
    assert ledger.row(Refund, "R1").paid_at == -1


@pytest.mark.parametrize("amount", [4000, 3000])
def test_a_retry_keeps_the_refund_id_and_is_counted(amount: int) -> None:
    ledger = failed()
    first = ledger.row(Refund, "R1")
    entry = request(ledger, amount=amount)
    refund = ledger.row(Refund, "R1")
    assert (refund.state, refund.attempts, refund.failure) == ("requested", 2, "")
    assert (refund.amount, refund.entry, refund.last_entry) == (amount, first.entry, entry)
    assert (awaited(ledger).state, awaited(ledger).opened_entry) == ("open", entry)
    assert (ledger.balance(FLOAT), taken(ledger)) == (amount - 20_000, (amount, 0))
    pay(ledger)
    assert taken(ledger) == (0, amount)


@pytest.mark.parametrize(
    "other", [{"amount": 4001}, {"payment": "P2"}, {"currency": "USD"}], ids=str
)
def test_a_retry_is_of_the_same_payment_and_currency_and_of_no_more(
    other: dict[str, object],
) -> None:
    ledger = failed()
    another_payment(ledger)
    fields = {**refund_of(), **other}
    refused = ledger.refuse("refund-differs", "platform", "refund.requested", **fields)
    assert refused.expected == "payment P1, at most 4000 (40.00 CNY)"


def test_a_refund_that_did_not_fail_is_not_requested_again() -> None:
    for ledger, state in ((requested(), "requested"), (refunded(), "paid")):
        refused = ledger.refuse("refund-exists", "platform", "refund.requested", **refund_of())
        assert f"R1, {state} in entry" in refused.got


def test_only_captured_money_is_refunded() -> None:
    ledger = opened()
    deposit(ledger)
    ledger.instruct()
    refused = ledger.refuse("not-captured", "platform", "refund.requested", **refund_of())
    assert refused.got == "no capture"
    ledger.capture()
    entry = reverse(ledger)
    refused = ledger.refuse("not-captured", "platform", "refund.requested", **refund_of())
    assert refused.got == f"reversed in entry {entry}"


def test_a_captured_payment_can_be_refunded_before_it_is_split() -> None:
    ledger = opened()
    deposit(ledger)
    ledger.capture()
    request(ledger)
    pay(ledger)
    ledger.instruct()
    assert owed(ledger) == {"pending:shop": -7000, "pending:platform-fee": -3000}


def test_a_refund_is_in_the_currency_of_the_payment() -> None:
    ledger = funded()
    deposit(ledger, "M2", currency="USD")
    fields = refund_of(currency="USD")
    refused = ledger.refuse("wrong-currency", "platform", "refund.requested", **fields)
    assert (refused.expected, refused.got) == ("CNY", "USD")


def test_a_refund_that_names_an_order_names_the_captured_one() -> None:
    ledger = funded()
    fields = refund_of(order="order-P2")
    refused = ledger.refuse("wrong-order", "platform", "refund.requested", **fields)
    assert (refused.expected, refused.got) == ("order-P1", "order-P2")
    request(ledger, order="order-P1")


def test_partial_refunds_go_up_to_the_payment_and_no_further() -> None:
    ledger = funded()
    request(ledger, "R1", 4000)
    pay(ledger, "R1")
    request(ledger, "R2", 5000)
    fields = refund_of("R3", 1001)
    refused = ledger.refuse("refund-exceeds-payment", "platform", "refund.requested", **fields)
    assert (refused.expected, refused.got) == ("at most 1000 (10.00 CNY)", "1001 (10.01 CNY)")
    assert "10000 (100.00 CNY) captured for P1, 9000 (90.00 CNY)" in refused.message
    request(ledger, "R3", 1000)
    assert taken(ledger) == (6000, 4000)
    ledger.refuse("refund-exceeds-payment", "platform", "refund.requested", **refund_of("R4", 1))


def test_a_failed_refund_makes_room_for_another_and_its_retry_then_has_none() -> None:
    ledger = funded()
    request(ledger, "R1", 10_000)
    fail(ledger, "R1")
    request(ledger, "R2", 10_000)
    fields = refund_of("R1", 10_000)
    ledger.refuse("refund-exceeds-payment", "platform", "refund.requested", **fields)


def test_refunds_beyond_the_free_float_are_refused() -> None:
    ledger = split_ledger()
    deposit(ledger, "M1", 5000)
    withdraw(ledger, "M2", 1000)
    request(ledger, "R1", 1000)
    fields = refund_of("R2", 3001)
    refused = ledger.refuse("refund-exceeds-float", "platform", "refund.requested", **fields)
    assert (refused.expected, refused.got) == ("at most 3000 (30.00 CNY)", "3001 (30.01 CNY)")
    deposit(ledger, "M3", 1)
    request(ledger, "R2", 3001)


@pytest.mark.parametrize("how_far", ["split", "in payout", "paid"])
def test_a_refund_is_never_netted_against_what_receivers_are_due(how_far: str) -> None:
    ledger = funded()
    if how_far != "split":
        ledger.create()
    if how_far == "paid":
        ledger.paid()
    before, buckets = owed(ledger), ledger.rows()[Bucket.TABLE]
    request(ledger, amount=10_000)
    pay(ledger)
    assert owed(ledger) == before
    assert ledger.rows()[Bucket.TABLE] == buckets
    if how_far == "split":
        ledger.create()
    assert ledger.row(Receiver, "shop").open_buckets == ()


def test_a_float_does_not_pay_receivers() -> None:
    ledger = funded()
    ledger.create()
    ledger.paid()
    assert (ledger.balance(FLOAT), ledger.balance("reserve")) == (-20_000, 23_000)


@pytest.mark.parametrize("state", ["requested", "paid"])
def test_a_refunded_payment_that_both_agree_on_is_not_reversed(state: str) -> None:
    ledger = requested() if state == "requested" else refunded()
    void = {"payment": "P1", "reason": "void"}
    refused = ledger.refuse("payment-refunded", "institution", "payment.reversed", **void)
    sums = ["0 (0.00 CNY)", "4000 (40.00 CNY)"]
    assert refused.got == "{} requested, {} paid".format(*(sums if state == "paid" else sums[::-1]))


def test_after_all_its_refunds_failed_a_payment_is_reversed_and_refunds_count_anew() -> None:
    ledger = failed()
    reverse(ledger)
    ledger.refuse("not-captured", "platform", "refund.requested", **refund_of())
    ledger.apply("institution", "payment.captured", **captured(amount=3000))
    ledger.apply("platform", "split.amended", **split(amount=3000))
    ledger.refuse("refund-exceeds-payment", "platform", "refund.requested", **refund_of())
    request(ledger, amount=3000)
    pay(ledger)
    assert (ledger.row(Refund, "R1").attempts, taken(ledger)) == (2, (0, 3000))


def test_an_amendment_of_a_refunded_payment_still_splits_all_of_it() -> None:
    ledger = refunded()
    ledger.apply("platform", "split.amended", **split())
    assert owed(ledger) == {"pending:shop": -7000, "pending:platform-fee": -3000}


def test_a_result_is_stated_once_for_each_request() -> None:
    ledger = refunded()
    refused = ledger.refuse("already-paid", "institution", "refund.paid", **refunded_of())
    assert refused.expected == "a refund in state requested"
    ledger = failed()
    refused = ledger.refuse("refund-failed", "institution", "refund.paid", **refunded_of())
    assert "card closed" in refused.message
    ledger.refuse("refund-failed", "institution", "refund.failed", **failed_of())


def test_a_refund_is_requested_before_its_result_is_stated() -> None:
    ledger = funded()
    for type_, fields in (("refund.paid", refunded_of()), ("refund.failed", failed_of())):
        ledger.refuse("unknown-refund", "institution", type_, **fields)


def test_only_the_platform_requests_and_only_the_institution_states_results() -> None:
    ledger = requested()
    ledger.refuse("wrong-author", "institution", "refund.requested", **refund_of("R2"))
    for author in ("platform", "funder"):
        ledger.refuse("wrong-author", author, "refund.paid", **refunded_of())
        ledger.refuse("wrong-author", author, "refund.failed", **failed_of())


def test_a_late_result_still_meets() -> None:
    ledger = requested()
    ledger.now = awaited(ledger).due_at + 5000
    pay(ledger)
    assert (awaited(ledger).state, awaited(ledger).settled_at) == ("met", ledger.now)
