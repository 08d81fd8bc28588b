"""Turns a day's rows of refunds and disputes into the records that their parties state."""

from __future__ import annotations

from demo.day.rows import (
    CONFIRM,
    DEPOSIT,
    PAID,
    DisputeRow,
    FloatRow,
    RefundResultRow,
    RefundRow,
    moment,
)
from ledger import canonical


def float_moved(row: FloatRow) -> bytes:
    """Return a deposit, a withdrawal or its confirmation."""
    done = {DEPOSIT: "deposited", CONFIRM: "confirmed"}.get(row.action, "withdrawn")
    return canonical.encode(
        {
            "type": f"refund_float.{done}",
            "id": f"{row.movement}.{done}",
            "at": moment(row.stated_at),
            "movement": row.movement,
            "amount": row.amount,
            "currency": row.currency,
        }
    )


def refund_requested(row: RefundRow) -> bytes:
    """Return the platform's request of a refund."""
    return canonical.encode(
        {
            "type": "refund.requested",
            "id": row.record,
            "at": moment(row.requested_at),
            "refund": row.refund,
            "payment": row.payment,
            "order": row.order,
            "amount": row.amount,
            "currency": row.currency,
            "reason": row.reason,
        }
    )


def refund_result(row: RefundResultRow) -> bytes:
    """Return how a refund ended, as the institution states it."""
    head = {"id": row.record, "at": moment(row.stated_at), "refund": row.refund}
    if row.result != PAID:
        return canonical.encode({"type": "refund.failed", **head, "reason": row.reason})
    return canonical.encode(
        {
            "type": "refund.paid",
            **head,
            "bank_reference": row.bank_reference,
            "paid_at": moment(row.stated_at),
        }
    )


def dispute_raised(row: DisputeRow) -> bytes:
    """Return what a party contests."""
    return canonical.encode(
        {
            "type": "dispute.raised",
            "id": f"{row.dispute}.raised",
            "at": moment(row.raised_at),
            "dispute": row.dispute,
            "subject": row.subject,
            "against": row.against,
            "reason": row.reason,
        }
    )


def dispute_resolved(row: DisputeRow) -> bytes:
    """Return the answer to a dispute, or its withdrawal."""
    return canonical.encode(
        {
            "type": "dispute.resolved",
            "id": f"{row.dispute}.resolved",
            "at": moment(row.resolved_at),
            "dispute": row.dispute,
            "outcome": row.outcome,
            "reason": row.answer,
        }
    )
