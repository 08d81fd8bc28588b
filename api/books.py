"""Routes to the books: accounts, trial balance, statements, postings, and all of it as a stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from api.answers import IMMUTABLE, json_answer
from api.books_views import (
    AccountPage,
    AccountStatement,
    EntryPostings,
    TrialBalance,
    TrialLine,
    account_view,
    books_stream,
    entry_postings,
    statement_page,
    trial_balance,
)
from api.limits import PAGE_DEFAULT
from api.lists import Format, ListRequest, Page, list_answer
from api.named import refuse_unknown_party
from api.openapi import NDJSON, describe, describe_content, describe_list
from api.paging import Cursor, Index, Limit, Whole, cursor_of, key_of, place_of
from api.problems import Problem
from api.reading import Reading
from ledger import forms
from ledger.calendar import Calendar
from ledger.chart import class_of, parties_of
from ledger.genesis import Genesis
from ledger.limits import IDENTIFIER_CHARS_MAX, SAFE_INTEGER_MAX
from ledger.posted import BooksHead, Place
from node.storage.books import BookReader, posted_pages
from node.storage.places import Places

ACCOUNT_CHARS_MAX = 2 * IDENTIFIER_CHARS_MAX + 16

AsOf = Annotated[
    str,
    Query(
        pattern=forms.PLACE,
        description="A height, or a date: its last block. The newest block by default.",
    ),
]
Since = Annotated[
    str,
    Query(
        pattern=forms.PLACE,
        description="Only lines after this height, or after this date.",
    ),
]
Party = Annotated[str, Query(max_length=32, description="Only what this party is a side of.")]
Account = Annotated[str, Query(max_length=ACCOUNT_CHARS_MAX, description="Such as `reserve`.")]
Currency = Annotated[str, Query(pattern=forms.CURRENCY, description="ISO 4217 code.")]
OneCurrency = Annotated[str, Query(pattern=forms.CURRENCY, description="ISO 4217 code.")]

_LINE = msgspec.json.Decoder(tuple[Whole, Whole])
_PLACES = ("no-such-block", "date-before-founding", "date-in-future")


Opened = Callable[..., AbstractContextManager[tuple[BookReader, Places, Place]]]
"""``opened(as_of, party="")``: the books, the places and the place asked for, in one snapshot."""


def books_routes(reading: Reading) -> APIRouter:
    """Return the router that shows the books of a ledger."""
    router = reading.router("books")
    genesis = reading.genesis

    @contextmanager
    def opened(as_of: str, party: str = "") -> Iterator[tuple[BookReader, Places, Place]]:
        refuse_unknown_party(party, genesis.names)
        with reading.reader() as reader:
            places = Places(reader, genesis)
            place = _place(places, genesis.calendar, as_of)
            _refuse_before_founding(place, as_of)
            yield BookReader(reader, genesis, party), places, place

    _add_totals(router, genesis, opened)
    _add_statement(router, genesis, opened)
    _add_postings(router, reading, opened)
    return router


def _add_totals(router: APIRouter, genesis: Genesis, opened: Opened) -> None:
    @router.get("/v1/books/accounts", **describe(AccountPage, "no-such-party", *_PLACES))
    def list_accounts(
        *,
        request: Request,
        as_of: AsOf = "",
        party: Party = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> Response:
        """List the accounts that were ever posted to, with what was posted and their balances."""
        with opened(as_of, party) as (books, _, place):
            found = books.accounts(place.size, key_of(request, cursor), limit + 1)
            views = [account_view(books, genesis, total) for total in found[:limit]]
        last = (views[-1].account, views[-1].currency) if len(found) > limit else None
        page = AccountPage(as_of=place, party=party, accounts=views, next=cursor_of(request, last))
        return json_answer(page)

    @router.get("/v1/books/trial-balance", **describe_list(TrialBalance, "no-such-party", *_PLACES))
    def show_trial_balance(
        *,
        request: Request,
        as_of: AsOf = "",
        party: Party = "",
        currency: Currency = "",
        form: Format = None,
    ) -> Response:
        """Show the balances by class of accounts, debits beside credits."""
        with opened(as_of, party) as (books, places, place):
            totals = books.classes(place.size, places.tip().size)
        fitting = [each for each in totals if currency in ("", each.currency)]
        shown = trial_balance(place, party, fitting)
        return list_answer(ListRequest(request, form), Page(shown, TrialLine, shown.lines))


def _add_statement(router: APIRouter, genesis: Genesis, opened: Opened) -> None:
    @router.get("/v1/books/statement", **describe(AccountStatement, "no-such-account", *_PLACES))
    def show_statement(
        *,
        request: Request,
        account: Account,
        currency: OneCurrency,
        since: Since = "",
        as_of: AsOf = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> Response:
        """Show the lines of one account in the order of the log, with the running balance."""
        _refuse_unknown_account(account)
        after = place_of(request, cursor, _LINE)
        with opened(as_of) as (books, places, place):
            begin = _begin(places, genesis.calendar, since, (as_of, place))
            opening = _opening((account, currency), books, begin)
            after = after or (begin - 1, SAFE_INTEGER_MAX)
            found = books.statement((account, currency), place.size, after, limit + 1)
            parties = parties_of(account, genesis, books.owner_of)
        shown = found[:limit]
        page = statement_page(place, (account, currency), shown, opening=opening, parties=parties)
        if len(found) > limit:
            page = replace(page, next=cursor_of(request, (shown[-1].entry.index, shown[-1].line)))
        return json_answer(page)


def _add_postings(router: APIRouter, reading: Reading, opened: Opened) -> None:
    genesis = reading.genesis

    @router.get("/v1/books/entries/{index}", **describe(EntryPostings, "no-such-entry"))
    def show_postings(index: Index) -> Response:
        """Show what one entry posted."""
        with opened("") as (books, _, place):
            if index >= place.size:
                raise Problem("no-such-entry", f"the log has {place.size} entries, from 0")
            return json_answer(entry_postings(books, genesis, index), headers=IMMUTABLE)

    @router.get("/v1/books/postings", **describe_content(NDJSON, "no-such-party", *_PLACES))
    def export_postings(as_of: AsOf = "", party: Party = "") -> Response:
        """Export all postings as lines: a head, an entry a line, an end."""
        with opened(as_of, party) as (_, places, place):
            founded = places.founding().date
        head = BooksHead(
            origin=genesis.origin,
            ledger=genesis.ledger,
            founded=founded,
            party=party,
            as_of=place,
        )
        pages = posted_pages(reading.reader, genesis, place, party)
        return StreamingResponse(books_stream(head, pages), media_type=NDJSON)


def _place(places: Places, calendar: Calendar, text: str) -> Place:
    """Return the place that a height or a date names; the newest block for the empty text."""
    tip = places.tip()
    if not text:
        return tip
    if text.isdigit():
        place = places.at_height(int(text)) if int(text) <= tip.height else None
        if place is None:
            raise Problem(
                "no-such-block",
                f"heights are 0, before the first block, to {tip.height}; got {int(text)}",
            )
        return place
    _refuse_bad_date(text)
    today = calendar.business_date(max(time.time_ns() // 1_000_000, tip.time))
    if text > today:
        raise Problem("date-in-future", f"the business date is {today}; {text} is yet to come")
    return places.at_date(text)


def _begin(places: Places, calendar: Calendar, since: str, end: tuple[str, Place]) -> int:
    """Return the number of entries before the first that is asked for.

    Args:
        places: The places of the log.
        calendar: What dates are of.
        since: The height or date after which to begin; from the first entry on if empty.
        end: The height or date at which to end, and its place.
    """
    if not since:
        return 0
    place = _place(places, calendar, since)
    as_of, last = end
    both_dates = "-" in since and "-" in as_of
    if place.height > last.height or (both_dates and since > as_of):
        raise Problem("bad-parameter", f"query.since: {since} is after `as_of`, {as_of}; swap them")
    return place.size


def _refuse_before_founding(place: Place, as_of: str) -> None:
    """Refuse a date before all: its books would carry the date of the founding."""
    if place.height == 0 and "-" in as_of and as_of < place.date:
        raise Problem(
            "date-before-founding",
            f"the ledger was founded on {place.date}; as of {as_of} there are no books yet",
        )


def _refuse_bad_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Problem("bad-parameter", f"{text} is no date of the calendar") from None


def _refuse_unknown_account(account: str) -> None:
    try:
        class_of(account)
    except LookupError as error:
        raise Problem("no-such-account", str(error)) from None


def _opening(account: tuple[str, str], books: BookReader, size: int) -> int:
    found = books.balance(account, size)
    if found is None:
        raise Problem("no-such-account", f"nothing was ever posted to {' in '.join(account)}")
    return found
