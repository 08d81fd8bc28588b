"""Loans on the ledger: from the proposal to the repayment that is split as agreed."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.contracts import decode_record
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_events import loan_after
from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanEvent, LoanParty, LoanPlan
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from ledger.lending.loan import Loan
from tests.ledger.ledger_kit import leg, split
from tests.ledger.loan_kit import LoanLedger, proposed


def lending(**fields: Any) -> LoanLedger:
    ledger = LoanLedger()
    ledger.lend(**fields)
    return ledger


def computed_anew(ledger: LoanLedger) -> Loan:
    """Return the loan as its events make it."""
    events = ledger.rows()[LoanEvent.TABLE]
    told = loan_after(
        ledger.row(LoanAgreement, "L1"), [each for each in events if isinstance(each, LoanEvent)]
    )
    assert told is not None
    return told


def test_a_loan_is_in_force_once_all_have_accepted() -> None:
    ledger = LoanLedger()
    proposal = ledger.propose()
    for party in ("fund-a", "fund-b", "fund-c"):
        ledger.apply(party, "loan.accepted", loan="L1", proposal=proposal)
        assert ledger.row(LoanAgreement, "L1").state == "proposed"
    ledger.apply("guarantor", "loan.accepted", loan="L1", proposal=proposal)
    assert ledger.row(LoanAgreement, "L1").state == "accepted"
    states = ledger.rows()[Expectation.TABLE]
    assert {row.state for row in states if row.kind == "loan-acceptance"} == {"met"}


def test_what_was_disbursed_stands_in_the_books() -> None:
    ledger = lending()
    assert ledger.balance("principal:L1") == 600_000
    assert ledger.balance("funding:fund-a") == -300_000
    assert ledger.row(LoanAccount, "L1").due_from == "2026-02-05"
    assert ledger.row(LoanParty, "fund-b", "L1").lent == 180_000


def test_a_funder_says_what_it_has_funded() -> None:
    ledger = lending()
    ledger.apply("fund-a", "loan.funded", loan="L1", amount=299_999, date="2026-01-05")
    kind = ("loan-funding", "loan:L1/party:fund-a")
    assert ledger.row(Expectation, *kind).state == "conflicting"
    ledger.apply("fund-a", "loan.funded", loan="L1", amount=300_000, date="2026-01-05")
    assert ledger.row(Expectation, *kind).state == "met"
    ledger.refuse("already-funded", "fund-a", "loan.funded", loan="L1", amount=1, date="2026-01-05")


def test_a_repayment_is_split_as_the_ledger_allocates() -> None:
    ledger = lending()
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    assert sum(int(text.rsplit(":", 1)[1]) for text in attempt.shares) == 104_100
    assert ledger.balance("suspense:P-A1") == -104_100
    ledger.split_repayment(attempt)
    assert ledger.balance("suspense:P-A1") == 0
    state = payment_state(ledger.row(Capture, "P-A1"), ledger.row(Instruction, "P-A1"))
    assert state == "split"
    account = ledger.row(LoanAccount, "L1")
    assert (account.settled, account.due_from) == (1, "2026-03-05")
    funded = sum(ledger.balance(f"funding:{party}") for party in ("fund-a", "fund-b", "fund-c"))
    assert ledger.balance("principal:L1") == account.open_principal == -funded


def test_a_fen_off_is_refused_with_every_leg() -> None:
    ledger = lending()
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    stated = ledger.split_fields(attempt)
    stated["legs"][0]["amount"] += 1
    stated["legs"][1]["amount"] -= 1
    refused = ledger.refuse("allocation-differs", "platform", "split.instructed", **stated)
    for each in stated["legs"]:
        assert each["receiver"] in str(refused)


def test_an_instruction_that_came_first_and_differs_conflicts_of_the_platform() -> None:
    ledger = lending()
    other = LoanLedger()
    other.lend()
    right = ledger.split_fields(other.repay("A1", 104_100, "2026-02-05"))
    wrong = {**right, "legs": [dict(leg) for leg in right["legs"]]}
    wrong["legs"][0]["amount"] += 1
    wrong["legs"][1]["amount"] -= 1
    ledger.apply("platform", "split.instructed", **wrong)
    ledger.repay("A1", 104_100, "2026-02-05")
    assert ledger.row(Expectation, "capture", "payment:P-A1").state == "met"
    awaited = ledger.row(Expectation, "instruction", "payment:P-A1")
    assert (awaited.state, awaited.awaited) == ("conflicting", "platform")
    assert ledger.balance("suspense:P-A1") == -104_100
    ledger.apply("platform", "split.amended", **right)
    assert ledger.row(Expectation, "instruction", "payment:P-A1").state == "met"
    assert ledger.balance("suspense:P-A1") == 0


def test_a_platform_that_leaves_the_loan_out_conflicts() -> None:
    ledger = lending()
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    right = ledger.split_fields(attempt)
    left_out = {name: value for name, value in right.items() if name not in ("loan", "attempt")}
    ledger.apply("platform", "split.instructed", **left_out)
    awaited = ledger.row(Expectation, "instruction", "payment:P-A1")
    assert awaited.state == "conflicting"
    assert "loan: captured L1, instructed none" in awaited.detail
    ledger.apply("platform", "split.amended", **{**right, "attempt": "A2"})
    assert (
        "attempt: captured A1, instructed A2"
        in ledger.row(Expectation, "instruction", "payment:P-A1").detail
    )
    ledger.apply("platform", "split.amended", **right)
    assert ledger.row(Expectation, "instruction", "payment:P-A1").state == "met"


def test_money_of_a_suspended_receiver_waits_and_blocks_nobody() -> None:
    ledger = lending()
    ledger.apply("institution", "receiver.suspended", receiver="fund-b-main", reason="review")
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    ledger.split_repayment(attempt)
    parts = dict(text.rsplit(":", 1) for text in attempt.shares)
    assert ledger.balance("suspense:P-A1") == -int(parts["fund-b-main"])
    assert ledger.balance("pending:fund-a-main") == -int(parts["fund-a-main"])
    ledger.apply("institution", "receiver.resumed", receiver="fund-b-main", reason="done")
    ledger.apply("platform", "split.amended", **ledger.split_fields(attempt))
    assert ledger.balance("suspense:P-A1") == 0
    assert ledger.balance("pending:fund-b-main") == -int(parts["fund-b-main"])


def test_what_is_overpaid_stays_in_suspense_and_is_refunded_from_there() -> None:
    ledger = lending()
    attempt = ledger.repay("A1", 700_000, "2026-02-05")
    assert attempt.overpaid > 0
    assert ledger.row(LoanAgreement, "L1").state == "settled"
    ledger.split_repayment(attempt)
    assert ledger.balance("suspense:P-A1") == -attempt.overpaid
    refund = {"refund": "R1", "payment": "P-A1", "currency": "CNY", "reason": "overpaid"}
    ledger.refuse(
        "refund-exceeds-payment",
        "platform",
        "refund.requested",
        **refund,
        amount=attempt.overpaid + 1,
    )
    ledger.apply("platform", "refund.requested", **refund, amount=attempt.overpaid)
    assert ledger.balance("suspense:P-A1") == 0
    ledger.refuse(
        "loan-settled",
        "institution",
        "payment.captured",
        **ledger.repay_fields("A2", 100, "2026-02-06"),
    )


def test_a_reversal_opens_again_what_was_paid() -> None:
    ledger = lending()
    before = ledger.open_of()
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    ledger.split_repayment(attempt)
    ledger.refuse("date-missing", "institution", "payment.reversed", payment="P-A1", reason="void")
    ledger.apply(
        "institution", "payment.reversed", payment="P-A1", reason="void", date="2026-02-05"
    )
    assert ledger.open_of() == before
    assert ledger.row(LoanAccount, "L1").due_from == "2026-02-05"
    assert ledger.balance("principal:L1") == 600_000
    ledger.refuse(
        "attempt-exists",
        "institution",
        "payment.captured",
        **ledger.repay_fields("A1", 104_100, "2026-02-06"),
    )


def test_a_prepayment_is_undone_with_its_plan() -> None:
    ledger = lending()
    before = ledger.loan().as_of(ledger.loan().latest)
    ledger.repay("A1", 300_000, "2026-01-20")
    assert ledger.loan().as_of(ledger.loan().latest) != before
    ledger.apply(
        "institution", "payment.reversed", payment="P-A1", reason="void", date="2026-01-21"
    )
    after = ledger.loan().as_of(ledger.loan().latest)
    assert [each.claims for each in after] == [each.claims for each in before]


def test_a_guarantor_compensates_and_the_claims_pass() -> None:
    ledger = lending()
    before = ledger.open_of()
    stated = {"compensation": "C1", "loan": "L1", "date": "2026-03-08", "instalments": [1]}
    amount = ledger.compensable("2026-03-08", instalments=[1])
    ledger.apply("guarantor", "compensation.stated", **stated, amount=amount)
    fields = ledger.compensation_fields("C1", amount, "2026-03-09", compensation="C1")
    ledger.apply("institution", "payment.captured", **fields)
    assert ledger.row(Expectation, "compensation", "compensation:C1").state == "met"
    assert ledger.balance("funding:guarantor") < 0
    assert ledger.balance("suspense:P-C1") == 0
    assert ledger.open_of()["guarantor"] == amount
    ledger.refuse(
        "compensation-split",
        "platform",
        "split.amended",
        **split("P-C1", amount, order="O-C1", legs=[leg(1, "fund-a-main", amount=amount)]),
    )
    ledger.apply(
        "institution", "payment.reversed", payment="P-C1", reason="void", date="2026-03-10"
    )
    assert ledger.balance("funding:guarantor") == 0
    after = ledger.open_of()
    assert after["platform"] == before["platform"]
    assert after["fund-a"] > before["fund-a"]  # penalty of the days until then was fixed


def test_a_guarantors_money_waits_for_a_suspended_receiver_until_its_legs_are_stated_again() -> (
    None
):
    ledger = lending()
    amount = ledger.compensable("2026-03-08", instalments=[1])
    ledger.apply(
        "guarantor",
        "compensation.stated",
        compensation="C1",
        loan="L1",
        date="2026-03-08",
        instalments=[1],
        amount=amount,
    )
    ledger.apply("institution", "receiver.suspended", receiver="fund-b-main", reason="review")
    fields = ledger.compensation_fields("C1", amount, "2026-03-09", compensation="C1")
    ledger.apply("institution", "payment.captured", **fields)
    rows = [row for row in ledger.rows()[Leg.TABLE] if isinstance(row, Leg)]
    waiting = sum(row.amount for row in rows if not row.bucket)
    assert waiting == -ledger.balance("suspense:P-C1") > 0
    legs = [leg(row.leg, row.receiver, amount=row.amount) for row in rows]
    same = split("P-C1", amount, order="O-C1", mode="fixed", legs=legs)
    ledger.apply("platform", "split.amended", **same)
    assert -ledger.balance("suspense:P-C1") == waiting
    ledger.apply("institution", "receiver.resumed", receiver="fund-b-main", reason="done")
    ledger.apply("platform", "split.amended", **same)
    assert ledger.balance("suspense:P-C1") == 0
    assert ledger.balance("pending:fund-b-main") == -waiting


def test_a_compensation_that_races_with_the_borrower_is_stated_anew() -> None:
    ledger = lending()
    stated = {"compensation": "C1", "loan": "L1", "instalments": [1]}
    amount = ledger.compensable("2026-03-08", instalments=[1])
    ledger.apply("guarantor", "compensation.stated", **stated, amount=amount, date="2026-03-08")
    ledger.repay("A1", 50_000, "2026-03-08")
    fields = ledger.compensation_fields("C1", amount, "2026-03-09", compensation="C1")
    ledger.apply("institution", "payment.captured", **fields)
    awaited = ledger.row(Expectation, "compensation", "compensation:C1")
    assert (awaited.state, awaited.awaited) == ("conflicting", "guarantor")
    assert ledger.balance("suspense:P-C1") == -amount


def test_a_new_plan_holds_once_all_have_accepted() -> None:
    ledger = lending()
    ledger.on("2026-02-10")
    rows = [
        {"number": 1, "due": "2026-06-05", "principal": 300_000, "interest": 9_000, "fees": [100]},
        {"number": 2, "due": "2026-07-05", "principal": 300_000, "interest": 3_000, "fees": [100]},
    ]
    short = [{**rows[0], "principal": 299_999}, rows[1]]
    plan = {"loan": "L1", "date": "2026-02-10"}
    ledger.refuse("schedule-does-not-close", "platform", "loan.replanned", **plan, rows=short)
    ledger.apply("platform", "loan.replanned", **plan, rows=rows)
    ledger.accept(ledger.row(LoanPlan, "L1").proposal)
    account = ledger.row(LoanAccount, "L1")
    assert (account.numbers, account.due_from) == (("7-8",), "2026-06-05")


def test_a_waiver_is_of_its_authors_own_share() -> None:
    ledger = lending()
    stated = {"loan": "L1", "instalment": 1, "component": "interest", "date": "2026-02-01"}
    ledger.on("2026-02-01")
    ledger.refuse("waiver-over-open", "platform", "loan.waived", **stated, amount=1)
    before = ledger.open_of()
    ledger.apply("fund-a", "loan.waived", **stated, amount=100)
    assert ledger.open_of()["fund-a"] == before["fund-a"] - 100


def test_two_repayments_in_one_block_are_allocated_in_their_order() -> None:
    ledger = lending()
    one = ledger.record("payment.captured", ledger.repay_fields("A1", 104_100, "2026-02-05"))
    two = ledger.record("payment.captured", ledger.repay_fields("A2", 104_100, "2026-03-05"))
    done = ledger.run(ledger.seal("institution", [one, two]))
    assert not done.refusals
    assert ledger.row(LoanAccount, "L1").settled == 2


def test_a_proposal_says_what_is_wrong_with_it() -> None:
    ledger = LoanLedger()
    for code, fields in (
        ("cost-over-limit", {"terms": {"annual_rate_ppm": 300_000}}),
        (
            "shares-do-not-sum",
            {"funders": [{"party": "fund-a", "ppm": 999_999, "receiver": "fund-a-main"}]},
        ),
        ("receiver-not-owned", {"platform_receiver": "fund-a-main"}),
        (
            "unknown-party",
            {"funders": [{"party": "platform", "ppm": 1_000_000, "receiver": "platform-main"}]},
        ),
        ("beneficiary-unknown", {"terms": {"penalty_to": "institution"}}),
        ("dates-out-of-order", {"terms": {"first_due": "2026-01-05"}}),
    ):
        ledger.refuse(code, "platform", "loan.proposed", **proposed(**fields))


def test_a_loan_computed_from_its_events_is_the_one_in_the_rows() -> None:
    ledger = lending()
    for attempt, amount, day in (
        ("A1", 50_000, "2026-02-05"),
        ("A2", 60_000, "2026-02-20"),
        ("A3", 200_000, "2026-03-01"),
    ):
        ledger.repay(attempt, amount, day)
    ledger.apply(
        "institution", "payment.reversed", payment="P-A3", reason="void", date="2026-03-02"
    )
    ledger.repay("A4", 104_100, "2026-02-25")
    told = computed_anew(ledger)
    assert list(told.instalments) == list(ledger.loan().instalments)
    assert told.latest == ledger.loan().latest


def test_terms_that_say_what_holds_anyway_are_named() -> None:
    fields = proposed(terms={"partial": "next", "unit": 1})
    raw = LoanLedger().record("loan.proposed", fields)
    with pytest.raises(DecodeError) as refused:
        decode_record(raw)
    assert refused.value.code == "not-canonical"
    assert "of this record: terms.partial, terms.unit" in refused.value.message


def test_the_reversal_of_what_only_closed_the_plan_brings_the_plan_back() -> None:
    """Money comes while only what a payoff lets fall away is open: all of it is overpaid."""
    ledger = lending(terms={"partial": None})
    first = ledger.loan().instalments[0].open
    ledger.repay("A1", first, "2026-01-20")
    ledger.repay("A2", 50, "2026-01-20")
    ledger.repay("A3", 700_000, "2026-01-21")
    ledger.apply(
        "institution", "payment.reversed", payment="P-A2", reason="void", date="2026-01-22"
    )
    before = list(ledger.loan().instalments)
    assert ledger.open_of() == {"platform": 50}
    attempt = ledger.repay("A4", 100, "2026-01-22")
    assert (attempt.legs, attempt.ahead, attempt.overpaid) == ((), (), 100)
    assert ledger.open_of() == {}
    ledger.apply(
        "institution", "payment.reversed", payment="P-A4", reason="void", date="2026-01-23"
    )
    assert list(ledger.loan().instalments) == before
    assert list(computed_anew(ledger).instalments) == before
