"""The rows of a business day's files. A file's header is its row's field names, in this order.

Amounts are integers in minor units (fen). Times are ISO 8601 with the institution's fixed offset,
``2026-03-02T09:15:03.120+08:00``. ``delay`` is how long a notification took in ms, or ``lost``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

LOST = "lost"
ACTIVE, SUSPENDED = "active", "suspended"
INSTRUCT, AMEND, WITHDRAW = "instruct", "amend", "withdraw"
FIXED, RATIO = "fixed", "ratio"
CAPTURE, REVERSE = "capture", "reverse"
PAID, RETURNED = "paid", "returned"

ZONE = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class ReceiverRow(NamedTuple):
    """``receivers.csv``, kept by the institution: who may receive a leg."""

    receiver: str
    kind: str
    owner: str
    held_at: str
    account_commitment: str
    last4: str
    cycle: str
    currency: str
    status: str


class OrderRow(NamedTuple):
    """``orders.csv``, kept by the platform: split instructions, amendments and withdrawals.

    ``legs`` is ``leg:receiver:amount-or-ppm:purpose`` joined by semicolons.
    """

    record: str
    action: str
    payment: str
    order: str
    amount: int
    currency: str
    mode: str
    legs: str
    tail_leg: str
    instructed_at: str
    delay: str


class CaptureRow(NamedTuple):
    """``captures.csv``, kept by the institution: money taken from buyers, and captures undone."""

    record: str
    action: str
    payment: str
    order: str
    amount: int
    currency: str
    channel: str
    captured_at: str
    delay: str


class PayoutRow(NamedTuple):
    """``payouts.csv``, kept by the institution: one transfer per receiver, and how it ended."""

    payout: str
    receiver: str
    cutoff_date: str
    amount: int
    currency: str
    legs: int
    result: str
    bank_reference: str
    paid_at: str
    reason: str


class ConfirmationRow(NamedTuple):
    """``confirmations.csv``, kept by the receivers' owners: what reached their accounts."""

    party: str
    payout: str
    amount: int
    currency: str
    received_at: str


class Leg(NamedTuple):
    """One leg of an order row. ``share`` is an amount, or parts per million in ratio mode."""

    leg: int
    receiver: str
    share: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Day:
    """One business day: the five files, and which payments were planted with which trouble."""

    business_date: str
    platform: str
    institution: str
    seed: int
    receivers: tuple[ReceiverRow, ...]
    orders: tuple[OrderRow, ...]
    captures: tuple[CaptureRow, ...]
    payouts: tuple[PayoutRow, ...]
    confirmations: tuple[ConfirmationRow, ...]
    troubles: dict[str, tuple[str, ...]]


def moment(text: str) -> int:
    """Return the ms since the epoch of an ISO 8601 time with an offset."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MS


def stamp(time_ms: int) -> str:
    """Return ``time_ms`` as ISO 8601 with milliseconds and the offset +08:00."""
    return (_EPOCH + time_ms * _MS).astimezone(ZONE).isoformat(timespec="milliseconds")


def parse_legs(text: str) -> tuple[Leg, ...]:
    """Return the legs of an order row.

    Raises:
        ValueError: the text is not ``leg:receiver:share:purpose`` joined by semicolons.
    """
    legs = []
    for part in filter(None, text.split(";")):
        leg, receiver, share, purpose = part.split(":")
        legs.append(Leg(int(leg), receiver, int(share), purpose))
    return tuple(legs)


def format_legs(legs: tuple[Leg, ...]) -> str:
    """Return legs in the form that :func:`parse_legs` reads."""
    return ";".join(f"{leg.leg}:{leg.receiver}:{leg.share}:{leg.purpose}" for leg in legs)
