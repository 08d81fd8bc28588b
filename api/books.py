"""Routes to the books: accounts, trial balance, statements, postings, and all of it as a stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from api.answers import IMMUTABLE, json_answer
from api.books_questions import (
    Cut,
    Extent,
    account_page,
    balances_of,
    open_books,
    postings_of,
    statement_of,
)
from api.books_views import (
    AccountPage,
    AccountStatement,
    EntryPostings,
    StatementLineView,
    TrialBalance,
    TrialLine,
    books_stream,
)
from api.limits import PAGE_DEFAULT
from api.lists import Format, ListRequest, Page, list_answer
from api.openapi import NDJSON, describe, describe_content, describe_list
from api.paging import Cursor, Index, Limit
from api.reading import Reading
from ledger import forms
from ledger.limits import IDENTIFIER_CHARS_MAX
from ledger.posted import BooksHead
from node.storage.books import posted_pages

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
Kind = Annotated[str, Query(max_length=32, description="Only accounts of this class.")]

_PLACES = ("no-such-block", "date-before-founding", "date-in-future")


def books_routes(reading: Reading) -> APIRouter:
    """Return the router that shows the books of a ledger."""
    router = reading.router("books")
    _add_totals(router, reading)
    _add_statement(router, reading)
    _add_postings(router, reading)
    return router


def _add_totals(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/books/accounts", **describe(AccountPage, "no-such-party", *_PLACES))
    def list_accounts(
        *,
        request: Request,
        as_of: AsOf = "",
        party: Party = "",
        kind: Kind = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> Response:
        """List the accounts that were ever posted to, with what was posted and their balances."""
        with reading.reader() as reader:
            opened = open_books(reader, reading, as_of, party)
            return json_answer(account_page(request, opened, kind, Cut(cursor, limit)))

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
        with reading.reader() as reader:
            shown = balances_of(open_books(reader, reading, as_of, party), currency)
        return list_answer(ListRequest(request, form), Page(shown, TrialLine, shown.lines))


def _add_statement(router: APIRouter, reading: Reading) -> None:
    @router.get(
        "/v1/books/statement", **describe_list(AccountStatement, "no-such-account", *_PLACES)
    )
    def show_statement(
        *,
        request: Request,
        account: Account,
        currency: OneCurrency,
        since: Since = "",
        as_of: AsOf = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """Show the lines of one account in the order of the log, with the running balance."""
        with reading.reader() as reader:
            opened = open_books(reader, reading, as_of)
            extent = Extent(account, currency, since, as_of)
            shown = statement_of(request, opened, extent, Cut(cursor, limit))
        page = Page(shown, StatementLineView, shown.lines, shown.next)
        return list_answer(ListRequest(request, form), page)


def _add_postings(router: APIRouter, reading: Reading) -> None:
    @router.get("/v1/books/entries/{index}", **describe(EntryPostings, "no-such-entry"))
    def show_postings(index: Index) -> Response:
        """Show what one entry posted."""
        with reading.reader() as reader:
            opened = open_books(reader, reading, "")
            return json_answer(postings_of(opened, index), headers=IMMUTABLE)

    @router.get("/v1/books/postings", **describe_content(NDJSON, "no-such-party", *_PLACES))
    def export_postings(as_of: AsOf = "", party: Party = "") -> Response:
        """Export all postings as lines: a head, an entry a line, an end."""
        genesis = reading.genesis
        with reading.reader() as reader:
            opened = open_books(reader, reading, as_of, party)
            place, founded = opened.place, opened.places.founding().date
        head = BooksHead(
            origin=genesis.origin,
            ledger=genesis.ledger,
            founded=founded,
            party=party,
            as_of=place,
        )
        pages = posted_pages(reading.reader, genesis, place, party)
        return StreamingResponse(books_stream(head, pages), media_type=NDJSON)
