"""Legs: how far the money of each share of a payment has got, and in which payout it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from api.business.calendars import DueDates
from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.disputes import shown_state
from ledger.contracts.payouts import Payout, leg_state
from ledger.contracts.receivers import Bucket, Receiver
from node.storage.queries import standing_disputes
from node.storage.reads import Reader

ARRIVED = "arrived"
PAID = "paid"
VOID = "void"


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """One leg and how far its money has got.

    ``state`` is one of instructed, allocated, in-payout, paid, arrived, returned, disputed,
    nothing-due, or void where the split that it was part of no longer holds. ``ends_at`` is the
    last state this leg can reach: ``paid`` where no party owns the receiver and so nobody can state
    the arrival. ``due_date`` is by the calendar that holds, or held when its payout was created;
    it is ``provisional`` while it rests on a year that is not declared.
    """

    payment: str
    leg: int
    receiver: str
    amount: int
    purpose: str
    state: str
    ends_at: str
    ppm: int | UnsetType = UNSET
    due_date: str | UnsetType = UNSET
    provisional: bool | UnsetType = UNSET
    payout: str | UnsetType = UNSET
    returned_payout: str | UnsetType = UNSET


def leg_views(reader: Reader, legs: Sequence[Leg], dates: DueDates) -> list[LegView]:
    """Return legs as they are shown. ``dates`` says when they fall, or fell, due."""
    receivers = reader.rows_under(Receiver, [(leg.receiver,) for leg in legs])
    buckets = buckets_of(reader, legs)
    names = {bucket.payout for bucket in buckets.values() if bucket.payout}
    payouts = reader.rows_under(Payout, [(name,) for name in sorted(names)])
    disputes = standing_disputes(reader, sorted({f"payment:{leg.payment}" for leg in legs}))
    views = []
    for leg in legs:
        bucket = buckets.get((leg.receiver, leg.bucket))
        payout = payouts.get((bucket.payout,)) if bucket is not None else None
        far = leg_state(leg, bucket, payout)
        state = shown_state(far, disputes.get(f"payment:{leg.payment}", ()), leg.leg)
        view = _view(leg, receivers.get((leg.receiver,)), state)
        views.append(
            view if bucket is None else replace(view, **_place(bucket, dates.of(bucket, payout)))
        )
    return views


def buckets_of(reader: Reader, legs: Sequence[Leg]) -> dict[tuple[str, int], Bucket]:
    """Return the buckets in which legs fall due, by receiver and number."""
    found = reader.rows_under(Bucket, [(leg.receiver, leg.bucket) for leg in legs if leg.bucket])
    return {(bucket.receiver, bucket.seq): bucket for bucket in found.values()}


def former_leg_views(reader: Reader, legs: Sequence[FormerLeg], payout: str) -> list[LegView]:
    """Return legs that a payout carried, and whose split no longer holds, as they are shown."""
    receivers = reader.rows_under(Receiver, [(leg.receiver,) for leg in legs])
    views = (_view(leg, receivers.get((leg.receiver,)), VOID) for leg in legs)
    return [replace(view, returned_payout=payout) for view in views]


def money_by_state(legs: Sequence[LegView]) -> dict[str, int]:
    """Return what legs amount to by their state, so that a failed leg shows; void ones do not."""
    money: dict[str, int] = {}
    for leg in (each for each in legs if each.state != VOID):
        money[leg.state] = money.get(leg.state, 0) + leg.amount
    return money


def _view(leg: Leg | FormerLeg, receiver: Receiver | None, state: str) -> LegView:
    return LegView(
        payment=leg.payment,
        leg=leg.leg,
        receiver=leg.receiver,
        amount=leg.amount,
        purpose=leg.purpose,
        state=state,
        ends_at=_end(receiver),
        ppm=leg.ppm or UNSET,
    )


def _place(bucket: Bucket, due: tuple[str, bool]) -> dict[str, str | bool | UnsetType]:
    """Return when a leg falls due, and in which payout it is or came back with."""
    return {
        "due_date": due[0],
        "provisional": due[1] or UNSET,
        "payout": bucket.payout or UNSET,
        "returned_payout": bucket.returned or UNSET,
    }


def _end(receiver: Receiver | None) -> str:
    return ARRIVED if receiver is not None and receiver.owner else PAID
