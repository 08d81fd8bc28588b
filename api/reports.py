"""Routes to reports: the sheet of a party for a business date, success rates, the portfolio.

A sheet is tied to a cosigned checkpoint.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import date
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query
from msgspec.structs import replace
from starlette.responses import Response

from api.answers import json_answer
from api.listings import now_ms
from api.log_views import log_size
from api.named import refuse_unknown_height, refuse_unknown_party
from api.openapi import describe
from api.parameters import AsOf, Height, day_of
from api.reading import Reading
from consensus.messages import decode_certificate
from consensus.votes import checkpoint_for
from ledger import forms
from ledger.genesis import Genesis
from ledger.limits import AHEAD_MS_MAX, SAFE_INTEGER_MAX
from node.storage.queries import LedgerReader
from views.calendars import today
from views.loan_history import Vantage
from views.portfolio import PortfolioView, portfolio_view
from views.sheets.day import sheet
from views.sheets.part import Point
from views.sheets.success import SuccessView, success_view
from views.sheets.views import CheckpointView, SheetView

Party = Annotated[str, Query(min_length=1, description="Whose sheet.")]
Day = Annotated[
    str,
    Query(
        alias="date",
        pattern=forms.DAY,
        description="The business date; loans are as of it.",
    ),
]


def reports_routes(reading: Reading) -> APIRouter:
    """Return the router that makes reports."""
    router = reading.router("reports")
    genesis = reading.genesis

    @router.get("/v1/reports/day", **describe(SheetView, "no-such-party", "no-such-block"))
    def report_day(party: Party, on: Day, height: Height = None, as_of: AsOf = None) -> Response:
        """Make the sheet of a party for a business date, by what is known at a height."""
        day = day_of(on, "date")
        refuse_unknown_party(party, genesis.names)
        with reading.reader() as reader:
            return json_answer(day_sheet(reader, genesis, party, Asking(day, height, as_of)))

    @router.get("/v1/reports/success", **describe(SuccessView, "no-such-party", "no-such-block"))
    def report_success(party: Party, on: Day, height: Height = None) -> Response:
        """Tell the success rates of repayments, day by day up to a business date."""
        day = day_of(on, "date")
        refuse_unknown_party(party, genesis.names)
        with reading.reader() as reader:
            return json_answer(day_success(reader, genesis, party, Asking(day, height, None)))

    @router.get("/v1/reports/portfolio", **describe(PortfolioView))
    def report_portfolio() -> Response:
        """Tell how many loans there are, what is open of them, and how many are how late."""
        with reading.reader() as reader:
            day = day_of(today(reader, genesis, now_ms()), "as_of")
            return json_answer(portfolio_view(reader, day))

    return router


class Asking(NamedTuple):
    """Of which day a report is asked for: by what was known after a block, judged at a time."""

    day: date
    height: int | None
    as_of: int | None


def day_sheet(reader: LedgerReader, genesis: Genesis, party: str, asking: Asking) -> SheetView:
    """Return the sheet of a party with the checkpoint that it is tied to.

    Raises:
        Problem: ``no-such-block``.
    """
    point, place = _vantage(reader, genesis, asking)
    found = sheet(reader, genesis, party, point)
    size = min(point.known.size, log_size(reader))
    return _tied(reader, genesis, replace(found, height=place, size=size))


def day_success(reader: LedgerReader, genesis: Genesis, party: str, asking: Asking) -> SuccessView:
    """Return the success rates of the days up to one.

    Raises:
        Problem: ``no-such-block``.
    """
    return success_view(reader, genesis, party, _vantage(reader, genesis, asking)[0])


def _vantage(reader: LedgerReader, genesis: Genesis, asking: Asking) -> tuple[Point, int]:
    """Return what a report looks at, and the height by which it is known."""
    day, height, as_of = asking
    refuse_unknown_height(reader, height)
    end = SAFE_INTEGER_MAX if height is None else reader.size_after(height)
    place = reader.height() if height is None else height
    judged = _judged_at(reader, place) if as_of is None else as_of
    if height is None and as_of is None:
        judged = max(judged, now_ms())
    return _point(reader, genesis, Vantage(day, end), judged), place


def _judged_at(reader: LedgerReader, height: int) -> int:
    """Return the time of a block, in ms: a sheet by a height is the same whenever it is made."""
    return reader.block_times([height]).get(height, 0)


def _point(reader: LedgerReader, genesis: Genesis, known: Vantage, as_of_ms: int) -> Point:
    newest = _judged_at(reader, reader.height())
    latest = genesis.calendar.business_date(newest + AHEAD_MS_MAX)
    today = genesis.calendar.business_date(as_of_ms)
    return Point(known, as_of_ms, today, known.day.isoformat() < latest)


def _tied(reader: LedgerReader, genesis: Genesis, found: SheetView) -> SheetView:
    """Return a sheet with the checkpoint that it can be checked against.

    It is that of the sheet's block if it has one, else the newest, which covers it.
    """
    stored = reader.block(found.height) if found.height else None
    raw = None if stored is None else stored.certificate
    if raw is None:
        latest = reader.latest_certificate()
        raw = None if latest is None else latest[1]
    if raw is None:
        return replace(found, beyond=found.size)
    certificate = decode_certificate(raw)
    checkpoint = checkpoint_for(certificate.subject, genesis.origin)
    view = CheckpointView(
        height=checkpoint.height,
        size=checkpoint.size,
        root=b64encode(checkpoint.root).decode(),
        time=reader.block_times([checkpoint.height])[checkpoint.height],
        cosigned_by=list(certificate.voters),
    )
    return replace(found, checkpoint=view, beyond=max(0, found.size - view.size))
