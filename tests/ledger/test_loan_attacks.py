"""What a party may try on the money of a loan by records that are each valid by themselves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, TypeVar

import pytest

from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_rows import FormerInstalment, LoanPlan, RepaymentAttempt
from ledger.expectations import INSTRUCTION, MET, REVERSAL, Expectation
from ledger.state import EmptyView, Key, Row
from tests.ledger.ledger_kit import leg
from tests.ledger.loan_kit import OWNERS, LoanLedger
from tests.ledger.refund_kit import deposit

R = TypeVar("R", bound=Row)

NO_PRINCIPAL_AT_THE_END: dict[str, Any] = {
    "method": "stated",
    "partial": None,
    "unit": None,
    "fees": None,
    "instalments": 2,
    "stated": [
        {"number": 1, "due": "2026-02-05", "principal": 600_000, "interest": 6_000},
        {"number": 2, "due": "2026-03-05", "principal": 0, "interest": 3_000},
    ],
}


def paid_out() -> tuple[LoanLedger, RepaymentAttempt]:
    """Return a ledger with a repayment whose leg to one funder is in a payout."""
    ledger = LoanLedger()
    ledger.lend()
    attempt = ledger.repay("A1", 104_100, "2026-02-05")
    ledger.split_repayment(attempt)
    amount = ledger.row(Leg, "P-A1", 2).amount
    ledger.create(receiver="fund-a-main", cutoff_date="2026-02-06", amount=amount)
    return ledger, attempt


@pytest.mark.parametrize("other", [{"attempt": "A9"}, {"loan": None, "attempt": None}])
def test_an_amendment_leaves_loan_and_attempt_while_a_leg_is_in_a_payout(
    other: dict[str, Any],
) -> None:
    """Else the leg that was paid would be forgotten, and paid a second time from suspense."""
    ledger, attempt = paid_out()
    fields = {**ledger.split_fields(attempt), **other}
    fields = {name: value for name, value in fields.items() if value is not None}
    refused = ledger.refuse("leg-in-payout", "platform", "split.amended", **fields)
    assert "attempt A1 of loan L1" in refused.expected
    ledger.apply("platform", "split.amended", **ledger.split_fields(attempt))


def test_an_ordinary_payment_becomes_no_repayment_while_a_leg_is_in_a_payout() -> None:
    ledger = LoanLedger()
    ledger.lend()
    ledger.on("2026-02-05")
    legs = [leg(1, "fund-a-main", amount=7_000), leg(2, "fund-b-main", amount=3_000)]
    ledger.capture(captured_at=ledger.now)
    ledger.instruct(legs=legs)
    ledger.create(receiver="fund-a-main", cutoff_date="2026-02-06", amount=7_000)
    amended = {"payment": "P1", "order": "order-P1", "amount": 10_000, "currency": "CNY"}
    amended |= {"mode": "fixed", "legs": legs, "loan": "L1", "attempt": "A1"}
    ledger.refuse("leg-in-payout", "platform", "split.amended", **amended)


@pytest.mark.parametrize("outcome", ["requested", "paid"])
def test_a_payment_that_is_refunded_from_the_float_becomes_no_repayment(outcome: str) -> None:
    """A refund that fails afterwards goes back where it came from, which is not suspense."""
    ledger = LoanLedger()
    ledger.lend()
    ledger.on("2026-02-05")
    deposit(ledger, amount=60_000)
    money: dict[str, Any] = {"payment": "P1", "amount": 104_100, "captured_at": ledger.now}
    ledger.capture(**money)
    refund = {"refund": "R1", "payment": "P1", "amount": 50_000, "currency": "CNY"}
    ledger.apply("platform", "refund.requested", **refund, reason="returned")
    if outcome == "paid":
        fields = {"bank_reference": "ab" * 32, "paid_at": ledger.now}
        ledger.apply("institution", "refund.paid", refund="R1", **fields)
    legs = [leg(1, "fund-a-main", amount=104_000)]
    ledger.instruct(amount=104_000, legs=legs)
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    again = ledger.repay_fields("A1", 104_100, "2026-02-05", payment="P1", order="order-P1")
    ledger.refuse("payment-refunded", "institution", "payment.captured", **again)
    ledger.apply("institution", "refund.failed", refund="R1", reason="card closed")
    ledger.apply("institution", "payment.captured", **again)
    assert ledger.balance("suspense:P1") == -104_100
    assert ledger.balance("refund_float:platform") == -60_000


def test_money_that_is_overpaid_as_a_whole_is_split_to_nobody() -> None:
    """The payoff may be nothing while something is open: the platform has to be able to say so."""
    ledger = LoanLedger()
    ledger.lend(terms=NO_PRINCIPAL_AT_THE_END)
    ledger.split_repayment(ledger.repay("A1", 606_000, "2026-02-05"))
    attempt = ledger.repay("A2", 3_000, "2026-02-05")
    assert (attempt.shares, attempt.overpaid) == ((), 3_000)
    to_a_funder = [leg(1, "fund-a-main", amount=3_000)]
    wrong = {**ledger.split_fields(attempt), "legs": to_a_funder, "overpaid": 0}
    del wrong["overpaid"]
    ledger.refuse("allocation-differs", "platform", "split.instructed", **wrong)
    ledger.split_repayment(attempt)
    assert ledger.row(Expectation, INSTRUCTION, "payment:P-A2").state == MET
    capture, instruction = ledger.row(Capture, "P-A2"), ledger.row(Instruction, "P-A2")
    assert payment_state(capture, instruction) == "split"
    assert ledger.balance("suspense:P-A2") == -3_000


def test_a_split_to_nobody_is_for_what_is_overpaid_alone() -> None:
    ledger = LoanLedger()
    ledger.lend()
    ledger.capture()
    ledger.refuse("amounts-do-not-sum", "platform", "split.instructed", **nobody())
    ledger.refuse("overpaid-alone", "platform", "split.instructed", **nobody(), overpaid=10_000)
    ratio = {**nobody(), "mode": "ratio"}
    ledger.refuse("ratios-do-not-sum", "platform", "split.instructed", **ratio)


def nobody() -> dict[str, Any]:
    split = {"payment": "P1", "order": "order-P1", "amount": 10_000, "currency": "CNY"}
    return {**split, "mode": "fixed", "legs": []}


def compensated_after_reversal() -> LoanLedger:
    """Return a ledger with a compensation, on a payment that was another one before."""
    ledger = LoanLedger()
    ledger.lend()
    ledger.on("2026-04-01")
    legs = [leg(number, f"{owner}-main", amount=20) for number, owner in enumerate(OWNERS, 1)]
    ledger.instruct(amount=100, legs=legs)
    ledger.apply("platform", "split.withdrawn", payment="P1", reason="cancelled")
    ledger.capture(amount=100, captured_at=ledger.now)
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    amount = ledger.compensable("2026-04-01", instalments=[1])
    stated = {"compensation": "C1", "loan": "L1", "amount": amount, "date": "2026-04-01"}
    ledger.apply("guarantor", "compensation.stated", **stated, instalments=[1])
    ledger.capture(amount=amount, captured_at=ledger.now, compensation="C1")
    return ledger


def test_a_compensation_has_its_own_legs_alone() -> None:
    ledger = compensated_after_reversal()
    legs = ledger.rows()["legs"]
    assert [leg.receiver for leg in legs] == ["fund-a-main", "fund-b-main", "fund-c-main"]  # type: ignore[attr-defined]


def test_a_compensation_leaves_no_reversal_that_the_platform_cannot_answer() -> None:
    """Of the money of a compensation the platform may say nothing, so nothing is awaited of it."""
    ledger = compensated_after_reversal()
    assert ledger.row(Expectation, REVERSAL, "payment:P1").state == MET


class _Missed(EmptyView):
    """Keeps what was asked for in vain."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def get(self, kind: type[R], key: Key) -> R | None:
        if kind is FormerInstalment:
            self.keys.append(key)
        return None


def test_a_reversal_looks_for_no_instalments_of_other_plans() -> None:
    """However often a loan was planned anew, what a payment changed is found where it was."""
    ledger = LoanLedger()
    ledger.lend()
    ledger.repay("A1", 50_000, "2026-01-20")
    for _ in range(3):
        rows = [
            {
                "number": number,
                "due": (date(2026, 1, 20) + timedelta(days=number)).isoformat(),
                "principal": 550_000 if number == 100 else 0,
                "interest": 0,
                "fees": [0],
            }
            for number in range(1, 101)
        ]
        ledger.apply("platform", "loan.replanned", loan="L1", date="2026-01-20", rows=rows)
        ledger.accept(ledger.row(LoanPlan, "L1").proposal)
    ledger.repay("A2", 600_000, "2026-01-20")
    missed = ledger.view.below = _Missed()
    for payment in ("P-A2", "P-A1"):
        void = {"payment": payment, "reason": "void", "date": "2026-01-20"}
        ledger.apply("institution", "payment.reversed", **void)
    assert len(missed.keys) <= 2
    assert ledger.open_of() == {"fund-a": 300_000, "fund-b": 180_000, "fund-c": 120_000}


def test_a_payoff_that_paid_nothing_of_the_next_instalments_is_undone_with_them() -> None:
    """Nothing is paid where no principal is due and no period has begun; later rows are."""
    ledger = LoanLedger()
    ledger.lend(terms={"method": "interest-first", "fees": None})
    before = list(ledger.loan().instalments)
    attempt = ledger.repay("A1", 600_000, "2026-01-05")
    assert {text.split("|")[1] for text in attempt.ahead} == {"6"}
    void = {"payment": "P-A1", "reason": "void", "date": "2026-01-05"}
    ledger.apply("institution", "payment.reversed", **void)
    after = list(ledger.loan().instalments)
    assert [each.claims for each in after] == [each.claims for each in before]
