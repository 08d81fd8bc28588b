"""What is due and upcoming: what a payout to each receiver would be, date by date."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.calendars import DueDates
from api.business.disputes import as_shown
from api.business.parameters import Id, day_of, now_ms
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.named import refuse_unknown_receiver
from api.openapi import describe_list
from api.paging import TWO_TEXTS, Cursor, Limit, cursor_of, foreign_cursor, place_of
from api.reading import Reading
from ledger import forms
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket, Receiver
from node.storage.queries import due_buckets, due_receivers
from node.storage.reads import Reader

DUE = "due"
UPCOMING = "upcoming"

Judged = tuple[str, DueDates]
"""The date that tells due from upcoming, and the calendars."""

On = Annotated[
    str,
    Query(
        pattern=forms.DAY,
        description="What is due on this date; today's business date if left out.",
    ),
]
Upcoming = Annotated[bool, Query(description="Also what falls due after that date.")]


class DuePayout(msgspec.Struct, frozen=True, kw_only=True):
    """What falls due to a receiver on one date and is in no payout.

    ``state`` is due or upcoming. The date is ``provisional`` while it rests on a year that is not
    declared: a declaration may move it. ``payout_amount`` and ``payout_legs`` sum all up to it:
    what `settlement.created` has to state with it as cut-off date, once that business date has
    begun. ``returned_payout`` is the last payout that came back, where that is why the money is
    due again.
    """

    receiver: str
    receiver_state: str
    due_date: str
    state: str
    amount: int
    leg_count: int
    currency: str
    payout_amount: int
    payout_legs: int
    provisional: bool | UnsetType = UNSET
    returned_payout: str | UnsetType = UNSET


class DuePage(msgspec.Struct, frozen=True, kw_only=True):
    """What is due by receiver and date. ``limit`` counts receivers.

    ``on`` is the date that was asked for. Go on while there is a ``next``.
    """

    on: str
    due: list[DuePayout]
    next: str | UnsetType = UNSET


def due_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route to what is due."""

    @router.get("/v1/payouts/due", **describe_list(DuePage, "no-such-receiver"))
    def list_due(
        *,
        request: Request,
        on: On = "",
        receiver: Id = "",
        upcoming: Upcoming = False,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List what is due to receivers on a date and not in a payout, oldest first."""
        day = day_of(on, "on").isoformat() if on else today(reading)
        after, of_day = place_of(request, cursor, TWO_TEXTS) or ("", day)
        if of_day != day:
            raise foreign_cursor()
        with reading.reader() as reader:
            refuse_unknown_receiver(reader, receiver)
            dates = DueDates(reader, reading.genesis)
            latest = None if upcoming else dates.latest(day)
            names = [receiver] if receiver else due_receivers(reader, latest, after, limit + 1)
            buckets = due_buckets(reader, latest, names[0], names[:limit][-1]) if names else []
            views = _due(reader, buckets, (day, dates))
        goes_on = cursor_of(request, (names[limit - 1], day) if len(names) > limit else None)
        page = DuePage(on=day, due=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, DuePayout, views, goes_on))


def today(reading: Reading) -> str:
    """Return the present business date of the institution's calendar: that of the next block.

    A block's time is never before that of the block before it, whatever this clock says.
    """
    with reading.reader() as reader:
        newest_ms = max(reader.block_times([reader.height()]).values(), default=0)
    return reading.genesis.calendar.business_date(max(now_ms(None), newest_ms))


def due_to(reader: Reader, receiver: Receiver, judged: Judged) -> list[DuePayout]:
    """Return what is due and upcoming to one receiver, judged on a date."""
    name = receiver.receiver
    buckets = due_buckets(reader, None, name, name)
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
            provisional=provisional or UNSET,
            state=DUE if date <= day else UPCOMING,
            amount=amounts,
            leg_count=counts,
            currency=receiver.currency,
            payout_amount=amount,
            payout_legs=legs,
            returned_payout=max(returned, key=came_back.__getitem__, default=UNSET),
        )
        views.append(view)
    return views
