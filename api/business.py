"""All routes that show what the records of the log add up to: listings, and single things."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_answer
from api.limits import PAGE_DEFAULT
from api.listings import add_listing, now_ms
from api.lists import Format, ListRequest, Page, list_answer
from api.loans import loan_routes
from api.named import (
    no_such_payment,
    no_such_payout,
    no_such_receiver,
    refuse_unknown_height,
)
from api.openapi import describe, describe_list
from api.overview import Overview
from api.paging import Cursor, Limit, Name, Whole, cursor_of, place_of
from api.parameters import DAYS_DEFAULT, AsOf, Days, Height
from api.reading import Reading
from api.receiver_statement import ReceiverStatement, Sums, receiver_line, running_lines
from api.subjects import subject_routes
from ledger.contracts.receivers import Receiver
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.books import BookReader
from node.storage.queries import LedgerReader
from views.calendars import CalendarView, DueDates, calendar_view, today
from views.listings import LISTINGS
from views.payments import PaymentView, payment_view
from views.payouts import PayoutView, payout_view
from views.receivers import ReceiverLine, ReceiverView, receiver_view
from views.settlement import SettlementView, settlement_view

STATEMENT_PLACES = msgspec.json.Decoder(tuple[Whole, Whole, Whole, Whole, Whole])
"""The shape of a place in a receiver's statement: an entry, and the four sums after it."""


def business_routes(reading: Reading) -> APIRouter:
    """Return the router that shows what the records of a ledger add up to."""
    router = reading.router("business")
    for listing in LISTINGS:  # those first whose addresses look like that of a single thing
        add_listing(router, reading, listing)
    for add in (
        _overview_route,
        _payment_route,
        _payout_route,
        _settlement_route,
        loan_routes,
        _receiver_routes,
        _calendar_route,
        subject_routes,
    ):
        add(router, reading)
    return router


def _overview_route(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/overview", **describe(Overview))
    def show_overview(as_of: AsOf = None) -> Response:
        """Show where the ledger stands: what came in today, and who owes which half."""
        with reading.reader() as reader:
            return json_answer(reading.overviews.of(reader, as_of))


def _payment_route(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/payments/{payment}", **describe(PaymentView, "no-such-payment"))
    def show_payment(payment: Name, as_of: AsOf = None) -> Response:
        """Show where a payment's money is: who stated what, what is awaited, and every leg."""
        with reading.reader() as reader:
            view = payment_view(reader, reading.genesis, payment, _judged_at(as_of))
        if view is None:
            raise no_such_payment(payment)
        return json_answer(view)


def _payout_route(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/payouts/{payout}", **describe(PayoutView, "no-such-payout"))
    def show_payout(payout: Name, as_of: AsOf = None) -> Response:
        """Show a payout and the legs that it settles."""
        with reading.reader() as reader:
            view = payout_view(reader, reading.genesis, payout, _judged_at(as_of))
        if view is None:
            raise no_such_payout(payout)
        return json_answer(view)


def _settlement_route(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/settlement", **describe(SettlementView))
    def show_settlement(days: Days = DAYS_DEFAULT) -> Response:
        """Show what is due, upcoming, in transit, paid and returned, by day and by receiver."""
        with reading.reader() as reader:
            return json_answer(settlement_view(reader, reading.genesis, days, now_ms()))


def _receiver_routes(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/receivers/{receiver}", **describe(ReceiverView, "no-such-receiver"))
    def show_receiver(receiver: Name) -> Response:
        """Show a receiver and what is due to it."""
        genesis = reading.genesis
        with reading.reader() as reader:
            row = _require(reader, receiver)
            judged = (today(reader, genesis, now_ms()), DueDates(reader, genesis))
            return json_answer(receiver_view(reader, row, judged))

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
        entry, *sums = place_of(request, cursor, STATEMENT_PLACES) or (-1, 0, 0, 0, 0)
        with reading.reader() as reader:
            row = _require(reader, receiver)
            account = BookReader(reader, reading.genesis)
            found, more = running_lines(account, row, (entry, Sums(*sums)), limit)
        views = [receiver_line(each) for each in found]
        last = (views[-1].entry, *found[-1].after) if more else None
        goes_on = cursor_of(request, last)
        page = ReceiverStatement(
            receiver=receiver, currency=row.currency, lines=views, next=goes_on
        )
        return list_answer(ListRequest(request, form), Page(page, ReceiverLine, views, goes_on))


def _calendar_route(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/calendar", **describe(CalendarView, "no-such-block"))
    def show_calendar(height: Height = None) -> Response:
        """Show which days are without business, by whose word, and up to when that is known."""
        genesis = reading.genesis
        with reading.reader() as reader:
            refuse_unknown_height(reader, height)
            end = SAFE_INTEGER_MAX if height is None else reader.size_after(height)
            day = genesis.calendar.business_date(now_ms())
            return json_answer(calendar_view(reader, genesis, end, day))


def _judged_at(as_of: int | None) -> int:
    return now_ms() if as_of is None else as_of


def _require(reader: LedgerReader, name: str) -> Receiver:
    row = reader.row(Receiver, (name,))
    if row is None:
        raise no_such_receiver(reader, name)
    return row


_ROUTES = (
    _payment_route,
    _payout_route,
    _settlement_route,
    loan_routes,
    _receiver_routes,
    _calendar_route,
)
