"""Refund totals per payment, and what they leave to be said about it."""

from __future__ import annotations

from typing import ClassVar

from ledger.books import money
from ledger.contracts.halves import Capture
from ledger.errors import Refused
from ledger.state import Row, Transaction


class RefundedPayment(Row, frozen=True):
    """The refund totals of a payment in minor units: requested, and paid. No row for nothing."""

    TABLE: ClassVar[str] = "refunded_payments"

    payment: str
    requested: int
    paid: int


def refuse_refunded(tx: Transaction, capture: Capture) -> None:
    """Return if no refund of the captured payment is requested or paid: it may be void.

    Raises:
        Refused: ``payment-refunded``.
    """
    taken = tx.rows[RefundedPayment][capture.payment,]
    if taken is not None:
        requested, paid = (money(part, capture.currency) for part in (taken.requested, taken.paid))
        raise Refused(
            "payment-refunded",
            f"A refunded payment was no void capture: {capture.payment} cannot be reversed unless "
            "all its refunds fail. If its amount is wrong, the platform states the right one first "
            "(split.instructed or split.amended).",
            expected="no refund requested or paid, or an instruction that contradicts the capture",
            got=f"{requested} requested, {paid} paid",
        )


def refuse_of_loan(tx: Transaction, reversed_: Capture) -> None:
    """Return if a payment may be captured anew as money of a loan: no refund of it stands.

    Such a refund came from the float, and would go back there if it failed.

    Raises:
        Refused: ``payment-refunded``.
    """
    taken = tx.rows[RefundedPayment][reversed_.payment,]
    if taken is not None:
        requested, paid = (
            money(part, reversed_.currency) for part in (taken.requested, taken.paid)
        )
        raise Refused(
            "payment-refunded",
            f"Of {reversed_.payment} money is or was refunded from the float, so it becomes no "
            "money of a loan; capture that under another payment, or let the refunds fail first.",
            expected="a payment of which no refund is requested or paid",
            got=f"{requested} requested, {paid} paid",
        )


def refuse_less(tx: Transaction, reversed_: Capture, amount: int, currency: str) -> None:
    """Return if a payment may be captured anew with ``amount``: its refunds go on counting.

    Args:
        tx: The record's transaction.
        reversed_: The capture as it was reversed.
        amount: Minor units that are captured now.
        currency: Of that amount.

    Raises:
        Refused: ``refund-exceeds-payment`` or ``wrong-currency``.
    """
    payment, known = reversed_.payment, reversed_.currency
    taken = tx.rows[RefundedPayment][payment,]
    if taken is None:
        return
    if currency != known:
        raise Refused(
            "wrong-currency",
            f"The payment {payment} is being refunded, or was, in the currency it was captured in.",
            expected=known,
            got=currency,
        )
    used = taken.requested + taken.paid
    if amount < used:
        raise Refused(
            "refund-exceeds-payment",
            f"The refunds of one payment never exceed it: of {payment}, {money(used, known)} is or "
            "is being refunded. State first which refunds failed.",
            expected=f"at least {money(used, known)}",
            got=money(amount, currency),
        )


def count(tx: Transaction, payment: str, requested: int, paid: int) -> None:
    """Add to what of ``payment`` is being refunded, and to what was."""
    taken = tx.rows[RefundedPayment][payment,]
    if taken is not None:
        requested, paid = taken.requested + requested, taken.paid + paid
    row = RefundedPayment(payment, requested, paid) if requested or paid else None
    tx.set(RefundedPayment, (payment,), row)
