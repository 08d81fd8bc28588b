"""Money of loans: what a capture does to the loan that it names, and its reversal undoes.

The borrower's money is a repayment of an attempt, the guarantor's the other half of a compensation.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from ledger import books
from ledger.contracts import compensation_money, compensations, repayments
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanCompensation
from ledger.contracts.loan_state import stated_day
from ledger.errors import Refused
from ledger.state import Key, Row, Transaction


class StatedCapture(Protocol):
    """The part of a stated capture that a loan needs."""

    @property
    def loan(self) -> str:
        """The loan of a repayment, or empty."""

    @property
    def attempt(self) -> str:
        """The attempt by which it was collected, or empty."""

    @property
    def payment(self) -> str:
        """The payment."""

    @property
    def amount(self) -> int:
        """Minor units."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""

    @property
    def compensation(self) -> str:
        """The compensation whose money it is, or empty."""

    @property
    def buyback(self) -> str:
        """The buy-back whose money it is, or empty."""


Money = repayments.Receipt | LoanCompensation
"""What a capture does to a loan: a repayment that may be captured, or a compensation."""


def refuse_loan(tx: Transaction, record: StatedCapture, day: str) -> Money | None:
    """Return what a capture does to the loan that it names, if it names one.

    Raises:
        Refused: the capture may not name that; see ``PaymentCaptured.CODES``.
    """
    if not (record.loan or record.attempt or record.compensation or record.buyback):
        return None
    if record.buyback:
        raise Refused(
            "buyback-unknown",
            "A payment may name a buy-back only when the log knows it.",
            expected="no buy-back",
            got=record.buyback,
        )
    if not record.compensation:
        named = (record.loan, record.attempt)
        return repayments.allocated(tx, named, record.amount, record.currency, day)
    if record.loan or record.attempt:
        raise Refused(
            "loan-and-compensation",
            "A payment is the borrower's, or the guarantor's.",
            expected="a loan and an attempt, or a compensation",
            got=f"compensation {record.compensation}, loan {record.loan or 'none'}",
        )
    instruction = tx.rows[Instruction][record.payment,]
    if instruction is not None and instruction.stands:
        raise Refused(
            "already-instructed",
            "The ledger itself splits the money of a compensation; capture it as a payment of "
            "which the platform has said nothing.",
            expected="a payment without an instruction",
            got=f"{record.payment}, instructed in entry {instruction.entry}",
        )
    return compensations.refuse_capture(tx, record.compensation, record.currency)


def keep(tx: Transaction, money: Money, capture: Capture) -> bool:
    """Write what a capture does to a loan; return whether that settles how it is split.

    Args:
        tx: The record's transaction.
        money: What it does.
        capture: The capture, as it stands.
    """
    if isinstance(money, repayments.Receipt):
        named = (capture.attempt, capture.payment)
        repayments.keep_repayment(tx, money, named, capture.amount)
        return False
    accounts = (books.RESERVE, books.suspense(capture.payment))
    books.transfer(tx, capture.currency, accounts, capture.amount)
    compensation_money.captured(tx, money, capture)
    return True


def refuse_undated(tx: Transaction, stated: str) -> date:
    """Return the business date that the reversal of a loan's money states.

    Raises:
        Refused: ``date-missing``, ``no-such-date`` or ``time-in-future``.
    """
    if not stated:
        raise Refused(
            "date-missing",
            "What a payment did to a loan is undone as of a business date; state it.",
            expected="a date",
            got="none",
        )
    return stated_day(tx, stated)


def take_back(tx: Transaction, capture: Capture, day: date) -> None:
    """Undo what a capture did to its loan, as of a business date.

    Raises:
        Refused: ``date-goes-back`` or ``claims-paid-since``.
    """
    if capture.loan:
        repayments.take_back(tx, (capture.loan, capture.attempt), day)
    else:
        compensation_money.take_back(tx, capture.compensation, day)


def keys(record: StatedCapture) -> list[tuple[type[Row], Key]]:
    """Return the keys of a loan's rows that a capture asks for."""
    if record.compensation:
        return compensations.capture_keys(record.compensation)
    return repayments.loan_keys(record.loan, record.attempt) if record.loan else []
