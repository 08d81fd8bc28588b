"""The rows of a business day's files. A file's header is its row's field names, in this order.

Amounts are integers in minor units (fen). Times are ISO 8601 with the institution's fixed offset,
``2025-12-31T09:15:03.120+08:00``. ``delay`` is how long a notification took in ms, or ``lost``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from demo.day.dates import Dates

LOST = "lost"
ACTIVE, SUSPENDED = "active", "suspended"
INSTRUCT, AMEND, WITHDRAW = "instruct", "amend", "withdraw"
FIXED, RATIO = "fixed", "ratio"
CAPTURE, REVERSE = "capture", "reverse"
PAID, RETURNED, FAILED = "paid", "returned", "failed"
DEPOSIT, CONFIRM = "deposit", "confirm"

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


class FloatRow(NamedTuple):
    """``floats.csv``: money put aside for refunds. The institution moves it, the platform confirms.

    ``action`` is deposit, withdraw or confirm.
    """

    party: str
    action: str
    movement: str
    amount: int
    currency: str
    stated_at: str


class RefundRow(NamedTuple):
    """``refunds.csv``, kept by the platform: what it wants to go back to buyers."""

    record: str
    refund: str
    payment: str
    order: str
    amount: int
    currency: str
    reason: str
    requested_at: str


class RefundResultRow(NamedTuple):
    """``refund-results.csv``, kept by the institution: how each refund ended."""

    record: str
    refund: str
    result: str
    bank_reference: str
    stated_at: str
    reason: str


class TermsRow(NamedTuple):
    """``terms.csv``: the fee agreements, which institution and platform both sign.

    An empty ``channel`` is for all channels. The fee of a payment is bounded by ``minimum`` and
    ``maximum``; 0 is no bound.
    """

    agreement: str
    channel: str
    currency: str
    rate_ppm: int
    minimum: int
    maximum: int
    effective_from: str
    agreed_at: str
    accepted_at: str


class FeeRow(NamedTuple):
    """``fees.csv``, kept by the institution: the fee it charges for a payment."""

    record: str
    payment: str
    agreement: str
    amount: int
    currency: str
    charged_at: str


class InvoiceRow(NamedTuple):
    """``invoices.csv``: a month's fees, invoiced by the institution, settled by the platform."""

    invoice: str
    period: str
    amount: int
    currency: str
    charges: int
    invoiced_at: str
    bank_reference: str
    paid_at: str


class ProfitRow(NamedTuple):
    """``profits.csv``: one recipient's part of an invoice's income, as agreed and as shared.

    ``accepted_at`` and ``received_at`` are empty for the institution, which shares its own income.
    """

    agreement: str
    effective_from: str
    delay: str
    party: str
    ppm: int
    agreed_at: str
    accepted_at: str
    share: str
    invoice: str
    amount: int
    currency: str
    shared_at: str
    received_at: str


class DisputeRow(NamedTuple):
    """``disputes.csv``: what a party contests, and the answer. An empty outcome: none yet."""

    dispute: str
    party: str
    subject: str
    against: str
    reason: str
    raised_at: str
    outcome: str
    answer: str
    resolved_at: str


class Leg(NamedTuple):
    """One leg of an order row. ``share`` is an amount, or parts per million in ratio mode."""

    leg: int
    receiver: str
    share: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Day:
    """One business day and what follows from it: the files, the calendar, and the planted trouble.

    ``troubles`` names, by kind of trouble, the payments (or payouts) that it was planted in.
    """

    business_date: str
    dates: Dates
    platform: str
    institution: str
    seed: int
    receivers: tuple[ReceiverRow, ...]
    orders: tuple[OrderRow, ...]
    captures: tuple[CaptureRow, ...]
    payouts: tuple[PayoutRow, ...]
    confirmations: tuple[ConfirmationRow, ...]
    floats: tuple[FloatRow, ...]
    refunds: tuple[RefundRow, ...]
    refund_results: tuple[RefundResultRow, ...]
    terms: tuple[TermsRow, ...]
    fees: tuple[FeeRow, ...]
    invoices: tuple[InvoiceRow, ...]
    profits: tuple[ProfitRow, ...]
    disputes: tuple[DisputeRow, ...]
    troubles: dict[str, tuple[str, ...]]

    @property
    def parties(self) -> set[str]:
        """Who states anything on this day, or owns a receiver."""
        named = {self.platform, self.institution}
        named |= {row.party for row in self.confirmations} | {row.party for row in self.floats}
        named |= {row.party for row in self.profits} | {row.party for row in self.disputes}
        named |= {row.against for row in self.disputes}
        return named | {row.owner for row in self.receivers if row.owner}


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
