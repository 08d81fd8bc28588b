"""Receivers: what is due to each, and a statement of how its money moved."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.responses import Response

from api.answers import json_answer
from api.business.calendars import DueDates
from api.business.disputes import DisputeView, disputes_about, shown
from api.business.due import DuePayout, Judged, due_to, today
from api.business.statement import RunningLine, Sums, running_lines
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.log_views import EntryView, timeline
from api.named import no_such_receiver
from api.openapi import describe, describe_list
from api.paging import Cursor, Limit, Name, Whole, cursor_of, place_of
from api.reading import Reading
from ledger import books
from ledger.contracts.receivers import Receiver
from node.storage.books import BookReader
from node.storage.reads import Reader

_places = msgspec.json.Decoder(tuple[Whole, Whole, Whole, Whole, Whole])


class ReceiverView(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver, what is due to it, and what the books hold of it (credits positive).

    ``state`` is active, disputed while a dispute stands, or suspended whatever is disputed, with
    the ``reason`` of that. ``on`` is the business date, today's, that tells what is due from
    what is upcoming.
    """

    receiver: str
    on: str
    state: str
    kind: str
    cycle: str
    currency: str
    last4: str
    commitment: str
    due: list[DuePayout]
    pending: int
    in_transit: int
    paid: int
    disputes: list[DisputeView]
    timeline: list[EntryView]
    timeline_whole: bool
    owner: str | UnsetType = UNSET
    held_at: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class ReceiverLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one entry changed for a receiver, and the sums after it.

    ``due`` is owed and in no payout, ``in_transit`` in payouts without a result, ``paid`` the sum
    of what was paid and did not come back, ``arrived`` what of it the owner has confirmed. ``date``
    is the business date of the entry's block.
    """

    entry: int
    time: int
    date: str
    party: str
    id: str
    type: str
    subject: str
    due_change: int
    in_transit_change: int
    paid_change: int
    arrived_change: int
    due: int
    in_transit: int
    paid: int
    arrived: int


class ReceiverStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The statement of a receiver in the order of the log, or a page of it.

    A page may be short: go on while there is a ``next``.
    """

    receiver: str
    currency: str
    lines: list[ReceiverLine]
    next: str | UnsetType = UNSET


def receiver_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to receivers."""

    @router.get("/v1/receivers/{receiver}", **describe(ReceiverView, "no-such-receiver"))
    def show_receiver(receiver: Name) -> Response:
        """Show a receiver and what is due to it."""
        with reading.reader() as reader:
            row = _require(reader, receiver)
            return json_answer(
                receiver_view(reader, row, (today(reading), DueDates(reader, reading.genesis)))
            )

    @router.get(
        "/v1/receivers/{receiver}/statement", **describe_list(ReceiverStatement, "no-such-receiver")
    )
    def show_receiver_statement(
        *,
        request: Request,
        receiver: Name,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """Show what became due to a receiver, went out and was paid, with running sums."""
        entry, *sums = place_of(request, cursor, _places) or (-1, 0, 0, 0, 0)
        with reading.reader() as reader:
            row = _require(reader, receiver)
            account = BookReader(reader, reading.genesis)
            found, more = running_lines(account, row, (entry, Sums(*sums)), limit)
        views = [_line(each) for each in found]
        last = (views[-1].entry, *found[-1].after) if more else None
        goes_on = cursor_of(request, last)
        page = ReceiverStatement(
            receiver=receiver, currency=row.currency, lines=views, next=goes_on
        )
        return list_answer(Asked(request, form), Page(page, ReceiverLine, views, goes_on))


def receiver_view(reader: Reader, row: Receiver, judged: Judged) -> ReceiverView:
    """Return what the log knows of a receiver; ``judged`` tells due from upcoming."""
    name = row.receiver
    subject = f"receiver:{name}"
    disputes = disputes_about(reader, [subject])
    row = replace(row, state=shown(row.state, disputes))
    subjects = [subject, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    return ReceiverView(
        receiver=name,
        on=judged[0],
        state=row.state,
        kind=row.kind,
        cycle=row.cycle,
        currency=row.currency,
        last4=row.last4,
        commitment=row.commitment,
        due=due_to(reader, row, judged),
        pending=_owed(reader, books.pending(name), row.currency),
        in_transit=_owed(reader, books.in_transit(name), row.currency),
        paid=_owed(reader, books.paid(name), row.currency),
        disputes=disputes,
        timeline=entries,
        timeline_whole=whole,
        owner=row.owner or UNSET,
        held_at=row.held_at or UNSET,
        reason=row.reason or UNSET,
    )


def _require(reader: Reader, name: str) -> Receiver:
    row = reader.row(Receiver, (name,))
    if row is None:
        raise no_such_receiver(reader, name)
    return row


def _owed(reader: Reader, account: str, currency: str) -> int:
    balance = reader.row(books.Balance, (account, currency))
    return 0 if balance is None else -balance.amount


def _line(line: RunningLine) -> ReceiverLine:
    entry, change, after = line
    return ReceiverLine(
        entry=entry.index,
        time=entry.time,
        date=entry.date,
        party=entry.party,
        id=entry.id,
        type=entry.type,
        subject=entry.subject,
        due_change=change.due,
        in_transit_change=change.in_transit,
        paid_change=change.paid,
        arrived_change=change.arrived,
        due=after.due,
        in_transit=after.in_transit,
        paid=after.paid,
        arrived=after.arrived,
    )
