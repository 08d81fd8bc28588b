"""Statements on a loan that move no money: an attempt that failed, and what is waived (减免)."""

from __future__ import annotations

from datetime import date

from ledger.contracts.loan_rows import (
    InstalmentNumber,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import (
    book,
    in_money,
    keep,
    leg_texts,
    read_loan,
    require_loan,
    stated_day,
)
from ledger.contracts.repayments import loan_keys, refuse_attempt
from ledger.genesis import Genesis
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import PRINCIPAL, LoanLeg
from ledger.lending.loan import Outcome, waive
from ledger.records import Amount, Day, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction


class RepaymentFailed(Record, frozen=True, kw_only=True, tag="repayment.failed"):
    """An attempt to collect from the borrower has failed.

    ``reason_code`` is the bank's or the channel's, ``reason`` says it in words.

    Refused unless the loan is disbursed; the attempt is new.
    """

    CODES = (
        "attempt-exists",
        "loan-not-disbursed",
        "loan-unknown",
        "no-such-date",
        "time-in-future",
    )

    loan: Identifier
    attempt: Identifier
    amount: Amount
    date: Day
    reason_code: Identifier
    reason: Text


class LoanWaived(Record, frozen=True, kw_only=True, tag="loan.waived"):
    """A beneficiary waives a part of what is open to it (减免).

    ``component`` is ``principal``, ``interest``, ``penalty``, ``early-fee`` or ``fee:`` and a name.

    Refused unless so much of the component of the instalment is open to the author.
    """

    CODES = (
        "date-goes-back",
        "loan-not-disbursed",
        "loan-unknown",
        "no-such-date",
        "time-in-future",
        "unknown-instalment",
        "waiver-over-open",
    )

    loan: Identifier
    instalment: InstalmentNumber
    component: Identifier
    amount: Amount
    date: Day


def _failed(tx: Transaction, record: RepaymentFailed) -> None:
    agreement, _ = require_loan(tx, record.loan)
    refuse_attempt(tx, record.loan, record.attempt)
    stated_day(tx, record.date)
    tx.put(
        RepaymentAttempt(
            loan=record.loan,
            attempt=record.attempt,
            state="failed",
            date=record.date,
            amount=record.amount,
            currency=agreement.currency,
            reason_code=record.reason_code,
            reason=record.reason,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )


def _waived(tx: Transaction, record: LoanWaived) -> None:
    agreement, account = require_loan(tx, record.loan)
    day = stated_day(tx, record.date)
    leg = LoanLeg(tx.author, record.instalment, record.component, record.amount)
    found = _waive(tx, (agreement, account), leg, day)
    event = LoanEvent(
        loan=record.loan,
        record=account.records + 1,
        kind="waived",
        date=record.date,
        amount=record.amount,
        about=tx.author,
        details=leg_texts((leg,)),
        entry=tx.entry,
    )
    keep(tx, (agreement, account), found, event)
    if record.component == PRINCIPAL:
        book(tx, agreement, (leg,))


def _waive(
    tx: Transaction, loan: tuple[LoanAgreement, LoanAccount], leg: LoanLeg, day: date
) -> Outcome:
    try:
        return waive(read_loan(tx, *loan), leg, day)
    except LoanRefused as refused:
        raise in_money(refused, loan[0].currency) from None


def _failed_keys(record: RepaymentFailed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return loan_keys(record.loan, record.attempt)


def _waived_keys(record: LoanWaived, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(LoanAgreement, (record.loan,)), (LoanAccount, (record.loan,))]


def _subject(record: RepaymentFailed | LoanWaived) -> str:
    return f"loan:{record.loan}"


RULES = (
    Rule(RepaymentFailed, ("institution",), _failed, _failed_keys, _subject),
    Rule(LoanWaived, ("platform", "funder", "guarantor"), _waived, _waived_keys, _subject),
)
ROWS: tuple[type[Row], ...] = ()
EXAMPLES: tuple[Record, ...] = (
    RepaymentFailed(
        at=1_760_000_000_068,
        id="inst-0068",
        loan="L-2025-0001",
        attempt="A-2025-11-09-1",
        amount=44_900,
        date="2025-11-09",
        reason_code="insufficient-funds",
        reason="the balance of the account does not suffice",
    ),
    LoanWaived(
        at=1_760_000_000_069,
        id="fund-0069",
        loan="L-2025-0001",
        instalment=1,
        component="penalty",
        amount=120,
        date="2025-11-20",
    ),
)
