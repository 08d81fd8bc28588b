"""Payouts that are due and upcoming: what one to each receiver would be, date by date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any, Final, Literal, NamedTuple

from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket, Receiver, ReceiverState
from views import cells
from views.calendars import DueDates
from views.labels import Amount, Currency, DueDate, Label, Provisional, state_label
from views.labels import Receiver as ReceiverName
from views.listing import Asked, BadQuestion, Column, Filter, Listing, foreign_place
from views.reader import Reader
from views.standing import as_shown
from views.texts import gettext
from views.view import ViewStruct

DUE: Final = "due"
UPCOMING: Final = "upcoming"

Judged = tuple[str, DueDates]
"""The date that tells due from upcoming, and the calendars."""


_RECEIVER_STATE = state_label(True, active="正常", suspended="已暂停")
ShownReceiverState = Annotated[Literal[ReceiverState, "disputed"], _RECEIVER_STATE]


class DuePayout(ViewStruct, frozen=True, kw_only=True):
    """What falls due to a receiver on one date and is in no payout.

    The date is ``provisional`` while it rests on a year that is not declared: a declaration may
    move it. ``payout_amount`` and ``payout_legs`` sum all up to it: what `settlement.created` has
    to state with it as cut-off date, once that business date has begun. ``returned_payout`` is the
    last payout that came back, where that is why the money is due again.
    """

    receiver: ReceiverName
    receiver_state: Annotated[
        ShownReceiverState,
        replace(_RECEIVER_STATE, en="receiver's state", zh="收款方状态"),
    ]
    due_date: DueDate
    state: Annotated[
        Literal["due", "upcoming"],
        state_label(due="应付", upcoming="未到期"),
    ]
    amount: Amount
    leg_count: Annotated[int, Label("legs of the date", "当日笔数", "count")]
    currency: Currency
    payout_amount: Annotated[int, Label("payout by then", "累计应付", "minor")]
    payout_legs: Annotated[int, Label("legs", "累计笔数", "count")]
    provisional: Provisional = False
    returned_payout: Annotated[str, Label("came back with", "退回结算单", link="payout")] = ""


def due_date(item: Mapping[str, Any]) -> str:
    """Return when something falls due, and whether a year that is not declared may move it."""
    date = str(item.get("due_date", ""))
    return f"{date} {gettext('provisional')}" if item.get("provisional") else date


def _state(item: Mapping[str, Any]) -> str:
    if "returned_payout" in item:
        return gettext("again")
    return cells.word(DuePayout, "state", item["state"])


class DueReceiver(NamedTuple):
    """A receiver to which something is due on a date."""

    receiver: str
    on: str


def _rows(asked: Asked) -> Iterator[DueReceiver]:
    day = asked.given["on"]
    after, of_day = asked.after or ("", day)
    if of_day != day:
        raise BadQuestion(foreign_place())
    if "receiver" in asked.given:
        yield DueReceiver(asked.given["receiver"], day)
        return
    latest = _latest(asked)
    for name in asked.reader.due_receivers(latest, after, asked.limit + 1):
        yield DueReceiver(name, day)


def _latest(asked: Asked) -> dict[str, str] | None:
    """Return by cycle the last business date of captures that counts; None if all do."""
    if asked.given.get("upcoming"):
        return None
    return DueDates(asked.reader, asked.genesis).latest(asked.given["on"])


def _items(asked: Asked, rows: Sequence[DueReceiver]) -> list[DuePayout]:
    if not rows:
        return []
    reader = asked.reader
    buckets = reader.due_buckets(_latest(asked), rows[0].receiver, rows[-1].receiver)
    return _due(reader, buckets, (asked.given["on"], DueDates(reader, asked.genesis)))


DUE_PAYOUTS = Listing(
    name="due",
    title=Label("Payouts due", "应付结算"),
    path="/v1/payouts/due",
    row=DueReceiver,
    view=DuePayout,
    help="List what is due to receivers on a date, oldest first.",
    filters=(
        Filter(
            name="on",
            kind="business-date",
            judged=True,
            shown=True,
            help="What is due on this date.",
        ),
        Filter(name="receiver", kind="receiver", judged=True, help="Only to this receiver."),
        Filter(
            name="upcoming", kind="flag", judged=True, help="Also what falls due after that date."
        ),
    ),
    none=Label("nothing is due", "没有应付"),
    columns=(
        "receiver",
        Column(Label("due", "应付日"), text=due_date),
        Column(Label("state", "状态"), text=_state),
        "amount",
        "payout_amount",
        "payout_legs",
    ),
    order=("receiver", "on"),
    rows=_rows,
    items=_items,
)


def due_to(reader: Reader, receiver: Receiver, judged: Judged) -> list[DuePayout]:
    """Return what is due and upcoming to one receiver, judged on a date."""
    name = receiver.receiver
    buckets = reader.due_buckets(None, name, name)
    return _payouts(receiver, buckets, judged, _came_back(reader, buckets))


def _due(reader: Reader, buckets: list[Bucket], judged: Judged) -> list[DuePayout]:
    names = sorted({bucket.receiver for bucket in buckets})
    rows = reader.rows_under(Receiver, [(name,) for name in names]).values()
    receivers = {row.receiver: row for row in as_shown(reader, "receiver", list(rows))}
    came_back = _came_back(reader, buckets)
    views: list[DuePayout] = []
    for name, own in groupby(buckets, key=lambda bucket: bucket.receiver):
        views += _payouts(receivers[name], own, judged, came_back)
    return views


def _came_back(reader: Reader, buckets: Iterable[Bucket]) -> dict[str, int]:
    """Return in which entry each payout that buckets were in came back."""
    names = sorted({bucket.returned for bucket in buckets if bucket.returned})
    payouts = reader.rows_under(Payout, [(name,) for name in names])
    return {payout.payout: payout.last_entry for payout in payouts.values()}


def _payouts(
    receiver: Receiver, buckets: Iterable[Bucket], judged: Judged, came_back: dict[str, int]
) -> list[DuePayout]:
    """Return the dates on which something is due to a receiver, with running sums."""
    day, dates = judged
    views: list[DuePayout] = []
    amount = legs = 0
    for (date, provisional), own in groupby(buckets, key=dates.of):
        same = list(own)
        amounts, counts = sum(each.amount for each in same), sum(each.legs for each in same)
        amount, legs = amount + amounts, legs + counts
        returned = {each.returned for each in same if each.returned}
        view = DuePayout(
            receiver=receiver.receiver,
            receiver_state=receiver.state,
            due_date=date,
            provisional=provisional,
            state=DUE if date <= day else UPCOMING,
            amount=amounts,
            leg_count=counts,
            currency=receiver.currency,
            payout_amount=amount,
            payout_legs=legs,
            returned_payout=max(returned, key=came_back.__getitem__, default=""),
        )
        views.append(view)
    return views
