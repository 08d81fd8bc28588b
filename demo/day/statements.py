"""Turns a day into what a ledger is told: its calendar, and records as canonical JSON bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from demo.day.dates import DeclaredYear
from demo.day.phases import order_at
from demo.day.rows import (
    AMEND,
    FIXED,
    REVERSE,
    WITHDRAW,
    CaptureRow,
    ConfirmationRow,
    Day,
    OrderRow,
    PayoutRow,
    ReceiverRow,
    moment,
    parse_legs,
)
from ledger import canonical
from ledger.calendar import Calendar

_MINUTE_MS = 60_000
_CANCELLED = "order cancelled"
_VOID = "capture was void"
_UNDER_REVIEW = "under review"


def calendar_of(day: Day) -> Calendar:
    """Return the calendar that a genesis for the day needs: as founded, before any declaration."""
    founded = msgspec.to_builtins(day.dates)
    del founded["declared"]
    return msgspec.convert(founded, Calendar)


def calendar_record(row: DeclaredYear, said: str, at: str) -> bytes:
    """Return what is ``declared`` or ``accepted`` of a year's calendar."""
    return canonical.encode(
        {
            "type": f"calendar.{said}",
            "id": f"calendar-{row.year}-{row.version}.{said}",
            "at": moment(at),
            "year": row.year,
            "version": row.version,
            **{name: days for name, days in _days(row).items() if days},
        }
    )


def _days(row: DeclaredYear) -> dict[str, list[str]]:
    days = {"holidays": row.holidays, "workdays": row.workdays}
    return {name: [day.isoformat() for day in found] for name, found in days.items()}


def registered(row: ReceiverRow, at_ms: int) -> bytes:
    """Return the institution's registration of a receiver."""
    optional = {"held_at": row.held_at, "owner": row.owner}
    return canonical.encode(
        {
            "type": "receiver.registered",
            "id": f"reg-{row.receiver}",
            "at": at_ms,
            "receiver": row.receiver,
            "kind": row.kind,
            "commitment": row.account_commitment,
            "last4": row.last4,
            "cycle": row.cycle,
            "currency": row.currency,
            **{name: value for name, value in optional.items() if value},
        }
    )


def suspended(row: ReceiverRow, at_ms: int) -> bytes:
    """Return the institution's suspension of a receiver."""
    return canonical.encode(
        {
            "type": "receiver.suspended",
            "id": f"sus-{row.receiver}",
            "at": at_ms,
            "receiver": row.receiver,
            "reason": _UNDER_REVIEW,
        }
    )


def order_record(row: OrderRow) -> bytes:
    """Return what the platform states by an order row."""
    head = {"id": row.record, "at": order_at(row), "payment": row.payment}
    if row.action == WITHDRAW:
        return canonical.encode({"type": "split.withdrawn", **head, "reason": _CANCELLED})
    share = "amount" if row.mode == FIXED else "ppm"
    record: dict[str, Any] = {
        "type": "split.amended" if row.action == AMEND else "split.instructed",
        **head,
        "order": row.order,
        "amount": row.amount,
        "currency": row.currency,
        "mode": row.mode,
        "legs": [
            {"leg": leg.leg, "receiver": leg.receiver, share: leg.share, "purpose": leg.purpose}
            for leg in parse_legs(row.legs)
        ],
    }
    if row.tail_leg:
        record["tail_leg"] = int(row.tail_leg)
    return canonical.encode(record)


def capture_record(row: CaptureRow) -> bytes:
    """Return what the institution states by a capture row.

    A notification that comes twice carries the same bytes: its time is the capture's own.
    """
    head = {"id": row.record, "at": moment(row.captured_at), "payment": row.payment}
    if row.action == REVERSE:
        return canonical.encode({"type": "payment.reversed", **head, "reason": _VOID})
    return canonical.encode(
        {
            "type": "payment.captured",
            **head,
            "order": row.order,
            "amount": row.amount,
            "currency": row.currency,
            "channel": row.channel,
            "captured_at": moment(row.captured_at),
        }
    )


def payout_created(row: PayoutRow) -> bytes:
    """Return the institution's creation of a payout."""
    return canonical.encode(
        {
            "type": "settlement.created",
            "id": f"{row.payout}.created",
            "at": moment(row.paid_at) - _MINUTE_MS,
            "payout": row.payout,
            "receiver": row.receiver,
            "cutoff_date": row.cutoff_date,
            "amount": row.amount,
            "currency": row.currency,
            "legs": row.legs,
        }
    )


def payout_result(row: PayoutRow) -> bytes:
    """Return how the payout ended, as the institution states it."""
    head = {"id": f"{row.payout}.{row.result}", "at": moment(row.paid_at), "payout": row.payout}
    if row.reason:
        return canonical.encode({"type": "settlement.returned", **head, "reason": row.reason})
    return canonical.encode(
        {
            "type": "settlement.paid",
            **head,
            "bank_reference": row.bank_reference,
            "paid_at": moment(row.paid_at),
        }
    )


def confirmed(row: ConfirmationRow) -> bytes:
    """Return an owner's word on what reached its account."""
    return canonical.encode(
        {
            "type": "settlement.confirmed",
            "id": f"{row.payout}.arrived",
            "at": moment(row.received_at),
            "payout": row.payout,
            "amount": row.amount,
            "currency": row.currency,
            "received_at": moment(row.received_at),
        }
    )
