"""Invoices of fees: a month as a whole, settled by the platform, never out of the reserve."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import CURRENT, FeeCharge, FeePeriod
from ledger.expectations import Expectation
from ledger.genesis import DUE_MS
from tests.ledger.fee_kit import (
    ACCRUED,
    FEBRUARY,
    JANUARY,
    awaited_reversal,
    charge,
    charge_of,
    charged,
    fees_in_books,
    invoice_of,
    invoiced,
    month_over,
    others_in_books,
    reversal_of,
    settled,
    settlement_of,
    state_of_charge,
    take_back,
)
from tests.ledger.ledger_kit import DAY, HEX, MINUTE, MORNING, Ledger

RECEIVED = {"fee_received:institution": 60, "fee_income:institution": -60}


def settlement(ledger: Ledger) -> Expectation:
    return ledger.row(Expectation, "fee-settlement", "invoice:I1")


def test_an_invoice_closes_its_month_and_awaits_the_platform() -> None:
    ledger = month_over()
    entry = ledger.apply("institution", "fee.invoiced", **invoice_of())
    row = ledger.row(FeeInvoice, "I1")
    assert (row.amount, row.count, row.state, row.entry) == (60, 1, "invoiced", entry)
    assert ledger.row(FeePeriod, *JANUARY).invoice == "I1"
    assert (settlement(ledger).awaited, settlement(ledger).state) == ("platform", "open")
    assert settlement(ledger).amount == 60
    assert settlement(ledger).due_at == ledger.now + DUE_MS["fee-settlement"]
    assert fees_in_books(ledger) == ACCRUED
    assert state_of_charge(ledger) == "invoiced"


@pytest.mark.parametrize(
    ("stated", "difference"),
    [
        ({"amount": 61}, "1 (0.01 CNY) and 0 charges"),
        ({"amount": 59}, "-1 (-0.01 CNY) and 0 charges"),
        ({"count": 2}, "0 (0.00 CNY) and 1 charges"),
    ],
)
def test_an_invoice_that_differs_is_refused_with_the_ledgers_own_sum(
    stated: dict[str, Any], difference: str
) -> None:
    fields = {**invoice_of(), **stated}
    refused = month_over().refuse("invoice-differs", "institution", "fee.invoiced", **fields)
    assert refused.expected == "60 (0.60 CNY) for 1 charges"
    assert difference in refused.message


def test_a_month_is_invoiced_when_it_is_over() -> None:
    ledger = charged()
    last_minute = MORNING + 26 * DAY + 14 * 60 * MINUTE - 1
    ledger.now = last_minute
    refused = ledger.refuse("period-not-over", "institution", "fee.invoiced", **invoice_of())
    assert refused.got == "2026-01"
    ledger.now += 1
    ledger.apply("institution", "fee.invoiced", **invoice_of())


def test_a_month_in_a_currency_is_invoiced_once_and_an_id_is_used_once() -> None:
    ledger = invoiced()
    again = invoice_of("I2")
    refused = ledger.refuse("period-invoiced", "institution", "fee.invoiced", **again)
    assert refused.got == "2026-01, in invoice I1"
    ledger.refuse("invoice-exists", "institution", "fee.invoiced", **invoice_of())
    empty = invoice_of("I2", currency="USD")
    ledger.refuse("nothing-accrued", "institution", "fee.invoiced", **empty)


def test_nothing_is_taken_out_of_an_invoiced_month() -> None:
    refused = invoiced().refuse("period-invoiced", "institution", "fee.reversed", **reversal_of())
    assert "reversed" in refused.message


def test_what_is_charged_after_its_month_was_invoiced_accrues_in_the_running_month() -> None:
    ledger = invoiced()
    january = ledger.row(FeePeriod, *JANUARY)
    ledger.capture("P2")
    charge(ledger, "P2")
    assert ledger.row(FeeCharge, "P2", CURRENT).period == "2026-02"
    assert ledger.row(FeePeriod, "2026-02", "CNY") == FeePeriod("2026-02", "CNY", 60, 1, "")
    assert ledger.row(FeePeriod, *JANUARY) == january
    take_back(ledger, "P2")
    assert ledger.get(FeePeriod, "2026-02", "CNY") is None


def void(ledger: Ledger) -> None:
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")


def test_an_invoiced_fee_stands_though_its_payment_is_reversed_and_captured_again() -> None:
    ledger = invoiced()
    void(ledger)
    refused = ledger.refuse("not-captured", "institution", "fee.charged", **charge_of())
    assert "reversed" in refused.got
    ledger.capture(captured_at=FEBRUARY)
    assert (state_of_charge(ledger), fees_in_books(ledger)) == ("invoiced", ACCRUED)
    ledger.refuse("period-invoiced", "institution", "fee.reversed", **reversal_of())


@pytest.mark.parametrize("captured_at", [MORNING, FEBRUARY])
def test_a_payment_captured_anew_is_charged_anew_beside_its_invoiced_charge(
    captured_at: int,
) -> None:
    ledger = invoiced()
    first = ledger.row(FeeCharge, "P1", CURRENT)
    void(ledger)
    ledger.capture(amount=20_000, captured_at=captured_at)
    charge(ledger, amount=120)
    second = ledger.row(FeeCharge, "P1", CURRENT)
    assert (second.amount, second.period, second.earlier) == (120, "2026-02", 1)
    assert ledger.row(FeeCharge, "P1", 1) == replace(first, number=1)
    assert ledger.row(FeePeriod, *JANUARY).amount == 60
    assert ledger.row(FeePeriod, "2026-02", "CNY").amount == 120
    ledger.refuse("already-charged", "institution", "fee.charged", **charge_of(amount=120))


def test_a_payment_whose_charges_were_invoiced_twice_keeps_them_both() -> None:
    ledger = invoiced()
    void(ledger)
    ledger.capture()
    charge(ledger)
    ledger.now += 30 * DAY
    again = invoice_of("I2", period="2026-02")
    ledger.apply("institution", "fee.invoiced", **again)
    void(ledger)
    ledger.capture()
    charge(ledger)
    rows = [ledger.row(FeeCharge, "P1", number) for number in (1, 2, CURRENT)]
    assert [row.period for row in rows] == ["2026-01", "2026-02", "2026-03"]
    assert rows[-1].earlier == 2


def test_the_second_charge_goes_stale_and_is_taken_back_like_any_other() -> None:
    ledger = invoiced()
    void(ledger)
    ledger.capture()
    charge(ledger)
    void(ledger)
    assert state_of_charge(ledger) == "stale"
    assert awaited_reversal(ledger).state == "open"
    ledger.capture()
    ledger.refuse("already-charged", "institution", "fee.charged", **charge_of())
    take_back(ledger)
    charge(ledger)
    assert ledger.row(FeeCharge, "P1", CURRENT).earlier == 1
    assert ledger.row(FeeCharge, "P1", 1).period == "2026-01"


def test_a_settlement_that_agrees_moves_the_fee_money_and_never_the_reserve() -> None:
    ledger = invoiced()
    before = others_in_books(ledger)
    entry = ledger.apply("platform", "fee.settled", **settlement_of())
    assert fees_in_books(ledger) == RECEIVED
    assert others_in_books(ledger) == before
    assert (settlement(ledger).state, settlement(ledger).settled_entry) == ("met", entry)
    row = ledger.row(FeeInvoice, "I1")
    assert (row.state, row.settled_amount, row.settled_at) == ("settled", 60, ledger.now)
    assert (row.paid_at, row.bank_reference) == (FEBRUARY, HEX)


@pytest.mark.parametrize(
    ("stated", "paid"),
    [
        ({"amount": 59}, "59 (0.59 CNY); the difference is -1 (-0.01 CNY)"),
        ({"currency": "USD"}, "60 (0.60 USD)"),
    ],
)
def test_a_settlement_that_differs_conflicts_until_it_is_stated_right(
    stated: dict[str, Any], paid: str
) -> None:
    ledger = invoiced()
    ledger.apply("platform", "fee.settled", **{**settlement_of(), **stated})
    assert settlement(ledger).state == "conflicting"
    assert settlement(ledger).detail == f"amount: invoiced 60 (0.60 CNY), paid {paid}"
    assert (fees_in_books(ledger), ledger.row(FeeInvoice, "I1").settled_at) == (ACCRUED, -1)
    ledger.apply("platform", "fee.settled", **settlement_of())
    assert (settlement(ledger).state, fees_in_books(ledger)) == ("met", RECEIVED)


def test_an_invoice_is_settled_once_and_only_when_it_was_stated() -> None:
    ledger = settled()
    refused = ledger.refuse("already-settled", "platform", "fee.settled", **settlement_of())
    assert refused.got.startswith("settled in entry")
    ledger.refuse("unknown-invoice", "platform", "fee.settled", **settlement_of("I9"))
