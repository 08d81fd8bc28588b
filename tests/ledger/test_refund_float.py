"""The refund float: usable once both parties agree, and never promised twice."""

from __future__ import annotations

import pytest

from ledger.contracts.refund_float import FloatMovement, FloatSetAside
from ledger.expectations import Expectation
from ledger.limits import SAFE_INTEGER_MAX
from tests.ledger.ledger_kit import GENESIS, UNLIMITED, Ledger, opened, split_ledger
from tests.ledger.refund_kit import (
    deposit,
    fail,
    failed,
    funded,
    movement_of,
    pay,
    refund_of,
    request,
    stated,
    withdraw,
    withdrawing,
)

FLOAT = "refund_float:platform"


def confirm(ledger: Ledger, movement: str, amount: int = 20_000, currency: str = "CNY") -> int:
    fields = movement_of(movement, amount, currency=currency)
    return ledger.apply("platform", "refund_float.confirmed", **fields)


def take_back(ledger: Ledger, movement: str) -> int:
    fields = {"movement": movement, "reason": "typing error"}
    return ledger.apply("institution", "refund_float.reversed", **fields)


def awaited(ledger: Ledger, movement: str) -> Expectation:
    return ledger.row(Expectation, "float-confirmation", f"float:{movement}")


def set_aside(ledger: Ledger) -> int:
    row = ledger.get(FloatSetAside, "platform", "CNY")
    return 0 if row is None else row.amount


def test_a_deposit_that_is_stated_alone_moves_nothing_and_awaits_the_platform() -> None:
    ledger = opened()
    fields = movement_of()
    entry = ledger.apply("institution", "refund_float.deposited", **fields)
    assert ledger.balances() == {}
    row = awaited(ledger, "M1")
    assert (row.awaited, row.opener, row.state) == ("platform", "institution", "open")
    assert (row.amount, row.currency, row.opened_entry) == (20_000, "CNY", entry)
    assert row.due_at == ledger.now + GENESIS.due_after_ms["float-confirmation"]


def test_a_deposit_is_usable_once_both_agree() -> None:
    ledger = stated()
    fields = refund_of()
    refused = ledger.refuse("refund-exceeds-float", "platform", "refund.requested", **fields)
    assert (refused.expected, refused.got) == ("at most 0 (0.00 CNY)", "4000 (40.00 CNY)")
    entry = confirm(ledger, "M1")
    assert (ledger.balance(FLOAT), ledger.balance("reserve")) == (-20_000, 30_000)
    row = awaited(ledger, "M1")
    assert (row.state, row.settled_entry, row.detail) == ("met", entry, "")
    assert ledger.row(FloatMovement, "M1").state == "confirmed"
    request(ledger)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (19_999, "CNY", "19999 (199.99 CNY); the difference is -1 (-0.01 CNY)"),
        (20_000, "USD", "20000 (200.00 USD)"),
    ],
)
def test_a_confirmation_that_differs_conflicts_and_moves_nothing(
    amount: int, currency: str, said: str
) -> None:
    ledger = opened()
    ledger.apply("institution", "refund_float.deposited", **movement_of())
    confirm(ledger, "M1", amount, currency)
    row = awaited(ledger, "M1")
    assert row.state == "conflicting"
    assert row.detail == f"amount: deposited 20000 (200.00 CNY), confirmed {said}"
    assert ledger.balances() == {}
    movement = ledger.row(FloatMovement, "M1")
    assert (movement.state, movement.confirmed_amount) == ("conflicting", amount)


def test_a_platform_that_erred_confirms_again() -> None:
    ledger = stated()
    confirm(ledger, "M1", 19_999)
    entry = confirm(ledger, "M1")
    assert ledger.balance(FLOAT) == -20_000
    row = awaited(ledger, "M1")
    assert (row.state, row.settled_entry, row.detail) == ("met", entry, "")


def test_an_institution_that_erred_takes_the_movement_back_and_states_another() -> None:
    ledger = stated()
    confirm(ledger, "M1", 19_999)
    take_back(ledger, "M1")
    assert awaited(ledger, "M1").state == "conflicting", "the platform says that money moved"
    assert awaited(ledger, "M1").detail == "reversed (typing error), confirmed 19999 (199.99 CNY)"
    again = {"movement": "M1", "reason": "again"}
    ledger.refuse("movement-settled", "institution", "refund_float.reversed", **again)
    entry = confirm(ledger, "M1", 0)
    row = awaited(ledger, "M1")
    assert (row.state, row.settled_entry) == ("met", entry)
    assert row.detail == "deposit reversed: typing error"
    deposit(ledger, "M2", 19_999)
    assert ledger.balance(FLOAT) == -19_999
    assert ledger.row(FloatMovement, "M1").state == "reversed"


def test_a_withdrawal_is_set_aside_from_its_statement_on() -> None:
    ledger = withdrawing()
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-20_000, 20_000)
    fields = refund_of(amount=1)
    ledger.refuse("refund-exceeds-float", "platform", "refund.requested", **fields)
    more = movement_of("M3", 1)
    ledger.refuse("withdrawal-exceeds-float", "institution", "refund_float.withdrawn", **more)


def test_a_withdrawal_leaves_the_books_when_both_agree() -> None:
    ledger = withdrawing()
    assert awaited(ledger, "M2").state == "open"
    confirm(ledger, "M2")
    assert (ledger.balance(FLOAT), ledger.balance("reserve")) == (0, 10_000)
    assert (set_aside(ledger), awaited(ledger, "M2").state) == (0, "met")


def test_a_withdrawal_in_conflict_stays_set_aside() -> None:
    ledger = withdrawing()
    confirm(ledger, "M2", 19_000)
    assert awaited(ledger, "M2").detail.startswith("amount: withdrawn 20000 (200.00 CNY), ")
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-20_000, 20_000)


def test_a_reversed_withdrawal_stays_set_aside_while_the_platform_says_that_money_came() -> None:
    ledger = withdrawing()
    confirm(ledger, "M2", 19_000)
    take_back(ledger, "M2")
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-20_000, 20_000)
    confirm(ledger, "M2", 20_000)
    assert set_aside(ledger) == 20_000, "it is stated as reversed"
    confirm(ledger, "M2", 0)
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-20_000, 0)


def test_a_reversed_withdrawal_is_free_again() -> None:
    ledger = withdrawing()
    take_back(ledger, "M2")
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-20_000, 0)
    assert awaited(ledger, "M2").detail == "withdrawal reversed: typing error"
    request(ledger)


def test_two_withdrawals_are_set_aside_together() -> None:
    ledger = funded()
    withdraw(ledger, "M2", 12_000)
    withdraw(ledger, "M3", 8000)
    confirm(ledger, "M3", 8000)
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (-12_000, 12_000)
    confirm(ledger, "M2", 12_000)
    assert (ledger.balance(FLOAT), set_aside(ledger)) == (0, 0)


def test_a_withdrawal_takes_no_more_than_is_free() -> None:
    ledger = funded()
    request(ledger, amount=4000)
    withdraw(ledger, "M2", 1000)
    fields = movement_of("M3", 15_001)
    refused = ledger.refuse(
        "withdrawal-exceeds-float", "institution", "refund_float.withdrawn", **fields
    )
    assert refused.expected == "at most 15000 (150.00 CNY)"
    assert refused.got == "15001 (150.01 CNY)"
    withdraw(ledger, "M3", 15_000)


def test_a_float_is_of_one_currency() -> None:
    ledger = funded()
    fields = movement_of("M2", 1, currency="USD")
    refused = ledger.refuse(
        "withdrawal-exceeds-float", "institution", "refund_float.withdrawn", **fields
    )
    assert refused.expected == "at most 0 (0.00 USD)"


def test_deposits_and_withdrawals_share_their_ids() -> None:
    ledger = funded()
    for type_ in ("refund_float.deposited", "refund_float.withdrawn"):
        refused = ledger.refuse("movement-exists", "institution", type_, **movement_of())
        assert "M1, a deposit stated in entry" in refused.got


@pytest.mark.parametrize("how", ["confirmed", "reversed"])
def test_nothing_more_is_said_about_a_settled_movement(how: str) -> None:
    ledger = stated()
    confirm(ledger, "M1") if how == "confirmed" else take_back(ledger, "M1")
    fields = {"movement": "M1", "reason": "any"}
    ledger.refuse("movement-settled", "institution", "refund_float.reversed", **fields)
    refused = ledger.refuse(
        "movement-settled", "platform", "refund_float.confirmed", **movement_of()
    )
    assert refused.got.startswith(f"{how} in entry")


def test_the_institutions_half_comes_first() -> None:
    ledger = opened()
    ledger.refuse("unknown-movement", "platform", "refund_float.confirmed", **movement_of())
    fields = {"movement": "M1", "reason": "any"}
    ledger.refuse("unknown-movement", "institution", "refund_float.reversed", **fields)


def test_neither_party_states_the_others_half() -> None:
    ledger = funded()
    said = [
        ("platform", "refund_float.deposited", movement_of("M2")),
        ("platform", "refund_float.withdrawn", movement_of("M2")),
        ("institution", "refund_float.confirmed", movement_of()),
        ("platform", "refund_float.reversed", {"movement": "M1", "reason": "any"}),
    ]
    for author, type_, fields in said:
        ledger.refuse("wrong-author", author, type_, **fields)


def test_a_late_confirmation_still_meets() -> None:
    ledger = stated()
    ledger.now = awaited(ledger, "M1").due_at + 5000
    confirm(ledger, "M1")
    row = awaited(ledger, "M1")
    assert (row.state, row.settled_at - row.due_at) == ("met", 5000)


def test_a_deposit_that_the_books_cannot_hold_is_refused_at_its_confirmation() -> None:
    ledger = split_ledger(UNLIMITED)
    fields = movement_of(amount=SAFE_INTEGER_MAX)
    ledger.apply("institution", "refund_float.deposited", **fields)
    ledger.refuse("books-overflow", "platform", "refund_float.confirmed", **fields)
    take_back(ledger, "M1")


def test_refunds_that_were_paid_are_gone_from_the_float_and_failed_ones_are_not() -> None:
    ledger = failed()
    assert ledger.balance(FLOAT) == -20_000
    request(ledger)
    pay(ledger)
    assert ledger.balance(FLOAT) == -16_000
    request(ledger, "R2", 1000)
    fail(ledger, "R2")
    assert ledger.balance(FLOAT) == -16_000
