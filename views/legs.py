"""Legs: how far the money of each share of a payment has got, and in which payout it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from msgspec.structs import replace

from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.disputes import shown_state
from ledger.contracts.payouts import LegState, leg_state
from ledger.contracts.payouts import Payout as PayoutRow
from ledger.contracts.receivers import Bucket
from ledger.contracts.receivers import Receiver as ReceiverRow
from views.calendars import DueDates
from views.labels import Amount, Currency, DueDate, Label, Payment, Payout, Provisional, Receiver
from views.reader import Reader
from views.standing import standing_disputes
from views.view import ViewStruct

ARRIVED: Final = "arrived"
PAID: Final = "paid"
VOID: Final = "void"

LEG_WORDS = {
    "instructed": "已指示",
    "allocated": "已入账",
    "in-payout": "结算中",
    "paid": "已付款",
    "arrived": "已到账",
    "returned": "已退回",
    "disputed": "有争议",
    "nothing-due": "无应付",
    "void": "已失效",
}


class LegView(ViewStruct, frozen=True, kw_only=True):
    """One leg and how far its money has got.

    ``ends_at`` is the last state this leg can reach: ``paid`` where no party owns the receiver and
    so nobody can state the arrival. ``due_date`` is by the calendar that holds, or held when its
    payout was created; it is ``provisional`` while it rests on a year that is not declared.
    """

    payment: Payment
    leg: Annotated[int, Label("leg", "分账行", "count")]
    receiver: Receiver
    amount: Amount
    purpose: Annotated[str, Label("purpose", "用途")]
    state: Annotated[LegState, Label("state", "状态", words=LEG_WORDS)]
    ends_at: Annotated[LegState, Label("ends at", "终态", words=LEG_WORDS)]
    currency: Currency = ""
    ppm: Annotated[int, Label("share", "比例", "ppm")] = 0
    due_date: DueDate = ""
    provisional: Provisional = False
    payout: Payout = ""
    returned_payout: Annotated[str, Label("came back with", "退回结算单", link="payout")] = ""


def leg_views(reader: Reader, legs: Sequence[Leg], dates: DueDates) -> list[LegView]:
    """Return legs as they are shown. ``dates`` says when they fall, or fell, due."""
    receivers = reader.rows_under(ReceiverRow, [(leg.receiver,) for leg in legs])
    buckets = buckets_of(reader, legs)
    names = {bucket.payout for bucket in buckets.values() if bucket.payout}
    payouts = reader.rows_under(PayoutRow, [(name,) for name in sorted(names)])
    disputes = standing_disputes(reader, sorted({f"payment:{leg.payment}" for leg in legs}))
    views = []
    for leg in legs:
        bucket = buckets.get((leg.receiver, leg.bucket))
        payout = payouts.get((bucket.payout,)) if bucket is not None else None
        far = leg_state(leg, bucket, payout)
        state: Any = shown_state(far, disputes.get(f"payment:{leg.payment}", ()), leg.leg)
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
    receivers = reader.rows_under(ReceiverRow, [(leg.receiver,) for leg in legs])
    views = (_view(leg, receivers.get((leg.receiver,)), VOID) for leg in legs)
    return [replace(view, returned_payout=payout) for view in views]


def money_by_state(legs: Sequence[LegView]) -> dict[str, int]:
    """Return what legs amount to by their state, so that a failed leg shows; void ones do not."""
    money: dict[str, int] = {}
    for leg in (each for each in legs if each.state != VOID):
        money[leg.state] = money.get(leg.state, 0) + leg.amount
    return money


def _view(leg: Leg | FormerLeg, receiver: ReceiverRow | None, state: LegState) -> LegView:
    return LegView(
        payment=leg.payment,
        leg=leg.leg,
        receiver=leg.receiver,
        amount=leg.amount,
        purpose=leg.purpose,
        state=state,
        ends_at=_end(receiver),
        currency="" if receiver is None else receiver.currency,
        ppm=leg.ppm,
    )


def _place(bucket: Bucket, due: tuple[str, bool]) -> dict[str, Any]:
    """Return when a leg falls due, and in which payout it is or came back with."""
    return {
        "due_date": due[0],
        "provisional": due[1],
        "payout": bucket.payout,
        "returned_payout": bucket.returned,
    }


def _end(receiver: ReceiverRow | None) -> LegState:
    return ARRIVED if receiver is not None and receiver.owner else PAID
