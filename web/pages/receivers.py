"""One receiver: what is due to it by date, how its money moved, and whether it is paid at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from api.business import STATEMENT_PLACES
from api.named import no_such_receiver
from api.paging import Cursor, Name, cursor_of, place_of
from api.receiver_statement import Sums, receiver_line, running_lines
from ledger.contracts.receivers import Receiver
from node.storage.books import BookReader
from views import cells
from views.calendars import DueDates, today
from views.disputes import DisputeView
from views.due import DuePayout
from views.expectations import expectations_on
from views.labels import labels_of
from views.listing import Column
from views.receivers import ReceiverLine, receiver_view
from web import timeline
from web.page import Pages, Visit

LINES = 25


def _movement(field: str) -> Column:
    """Return the column of a sum: what an entry changed of it, with its sign, or nothing."""

    def text(item: Mapping[str, Any]) -> str:
        change = item[f"{field}_change"]
        return (
            f"{'+' if change > 0 else ''}{cells.money(change, item['currency'])}" if change else ""
        )

    return Column(labels_of(ReceiverLine)[f"{field}_change"], text=text)


_COLUMNS = (
    ("date", "entry"),
    ("type", "subject"),
    *((_movement(name), name) for name in ("due", "in_transit", "paid", "arrived")),
)


def add_to(pages: Pages) -> None:
    """Add the page of a receiver."""
    pages.add("/receivers/{receiver}", "receiver.html", receiver_page)


def receiver_page(visit: Visit, *, receiver: Name, cursor: Cursor = "") -> Mapping[str, Any]:
    """Show one receiver, with a page of its statement.

    Raises:
        Problem: ``no-such-receiver``, ``bad-parameter``.
    """
    reader, genesis = visit.reader, visit.genesis
    row = reader.row(Receiver, (receiver,))
    if row is None:
        raise no_such_receiver(reader, receiver)
    judged = (today(reader, genesis, visit.now_ms), DueDates(reader, genesis))
    view = receiver_view(reader, row, judged)
    entry, *sums = place_of(visit.request, cursor, STATEMENT_PLACES) or (-1, 0, 0, 0, 0)
    lines, more = running_lines(BookReader(reader, genesis), row, (entry, Sums(*sums)), LINES)
    last = (lines[-1].entry.index, *lines[-1].after) if more else None
    goes_on = cursor_of(visit.request, last) if last else ""
    subjects = [f"dispute:{each.dispute}" for each in view.disputes]
    awaited = expectations_on(reader, subjects, visit.now_ms)
    return {
        "receiver": view,
        "lines": [receiver_line(each) for each in lines],
        "is_first": not cursor,
        "next_address": goes_on and f"{visit.request.url.path}?{urlencode({'cursor': goes_on})}",
        "timeline": timeline.drawn(visit, view.timeline, awaited),
        "due_view": DuePayout,
        "line_view": ReceiverLine,
        "line_columns": _COLUMNS,
        "dispute_view": DisputeView,
        "twin": f"/v1/receivers/{receiver}",
        "live": "" if cursor else f"/live?subject=receiver:{receiver}",
    }
