"""Compensations: claims pass with the money only, once; withdrawn, no money is awaited."""

from __future__ import annotations

from ledger.contracts.loan_rows import LoanCompensation
from ledger.expectations import Expectation
from tests.ledger.loan_said import (
    LATE,
    compensation,
    contradicted,
    guaranteed,
    reversal,
    stated,
    suspended,
    withdrawal,
    withdrawn,
)


def test_a_compensation_cannot_reach_a_suspended_receiver_and_blocks_nobody() -> None:
    ledger = suspended(stated, "fund-b-main")()
    ledger.apply("institution", "payment.captured", **guaranteed())
    assert ledger.row(LoanCompensation, "C1").state == "settled"
    assert ledger.balance("pending:fund-b-main") == 0
    assert ledger.balance("suspense:P-C1") < 0
    assert ledger.balance("pending:fund-a-main") < 0


def test_two_compensations_of_one_instalment_are_paid_once() -> None:
    ledger = stated()
    ledger.apply("guarantor", "compensation.stated", **compensation(compensation="C2"))
    ledger.apply("institution", "payment.captured", **guaranteed())
    before = ledger.open_of()
    ledger.apply("institution", "payment.captured", **guaranteed(payment="P2", compensation="C2"))
    assert ledger.row(LoanCompensation, "C2").state == "conflicting"
    row = ledger.row(Expectation, "compensation", "compensation:C2")
    assert (row.state, row.awaited) == ("conflicting", "guarantor")
    assert "nothing-to-compensate" in row.detail
    assert ledger.open_of() == before


def test_a_compensation_that_races_is_reversed_and_captured_as_it_is_stated_anew() -> None:
    ledger = contradicted()
    assert ledger.row(LoanCompensation, "C1").state == "conflicting"
    ledger.apply("institution", "payment.reversed", **reversal("P-C1", date=LATE))
    amount = ledger.compensable(LATE, instalments=[1])
    ledger.apply("guarantor", "compensation.stated", **compensation(amount=amount))
    ledger.apply("institution", "payment.captured", **guaranteed(amount))
    assert ledger.row(LoanCompensation, "C1").state == "settled"
    assert ledger.row(Expectation, "compensation", "compensation:C1").state == "met"


def test_a_compensation_does_not_move_claims_until_its_money_is_there() -> None:
    ledger = stated()
    assert "guarantor" not in ledger.open_of()
    assert ledger.balance("funding:guarantor") == 0


def test_a_compensation_is_withdrawn_once_the_borrower_has_paid_and_its_money_is_not_awaited() -> (
    None
):
    ledger = stated()
    ledger.repay("A1", 120_000, LATE)
    before = ledger.balances(), ledger.open_of()
    ledger.apply("guarantor", "compensation.withdrawn", **withdrawal())
    row = ledger.row(LoanCompensation, "C1")
    assert (row.state, row.withdrawn_entry) == ("withdrawn", row.last_entry)
    awaited = ledger.row(Expectation, "compensation", "compensation:C1")
    assert (awaited.state, awaited.settled_entry) == ("met", row.last_entry)
    assert awaited.detail == "compensation withdrawn: the borrower has paid"
    assert (ledger.balances(), ledger.open_of()) == before


def test_a_withdrawn_compensation_is_stated_anew_and_settled() -> None:
    ledger = withdrawn()
    first = ledger.row(LoanCompensation, "C1")
    ledger.apply("guarantor", "compensation.stated", **compensation())
    row = ledger.row(LoanCompensation, "C1")
    assert (row.state, row.entry) == ("stated", first.entry)
    assert (row.withdrawn_entry, row.again_entry) == (first.last_entry, row.last_entry)
    awaited = ledger.row(Expectation, "compensation", "compensation:C1")
    assert (awaited.state, awaited.awaited, awaited.detail) == ("open", "institution", "")
    ledger.apply("guarantor", "compensation.stated", **compensation())
    assert ledger.row(LoanCompensation, "C1").again_entry == row.again_entry
    ledger.apply("institution", "payment.captured", **guaranteed())
    assert ledger.row(LoanCompensation, "C1").state == "settled"
    assert ledger.row(Expectation, "compensation", "compensation:C1").state == "met"


def test_a_compensation_is_withdrawn_after_its_money_is_reversed_and_not_before() -> None:
    ledger = contradicted()
    ledger.refuse("compensation-settled", "guarantor", "compensation.withdrawn", **withdrawal())
    ledger.apply("institution", "payment.reversed", **reversal("P-C1", date=LATE))
    ledger.apply("guarantor", "compensation.withdrawn", **withdrawal())
    assert ledger.row(LoanCompensation, "C1").state == "withdrawn"
    assert ledger.row(Expectation, "compensation", "compensation:C1").state == "met"
