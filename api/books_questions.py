"""Questions to the books: a place in the log is opened, and read as routes and pages show it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec
from fastapi import Request
from msgspec.structs import replace

from api.books_views import (
    AccountPage,
    AccountStatement,
    EntryPostings,
    TrialBalance,
    account_view,
    entry_postings,
    statement_page,
    trial_balance,
)
from api.log_views import log_size
from api.named import no_such_entry, refuse_unknown_party
from api.paging import Whole, cursor_of, key_of, place_of
from api.problems import Problem
from api.reading import Reading
from ledger.calendar import Calendar
from ledger.chart import ACCOUNT_FORMS, CLASSES, class_of, parties_of
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.posted import Place
from node.storage.books import BookReader
from node.storage.places import Places
from node.storage.queries import LedgerReader
from views.texts import gettext

_LINE = msgspec.json.Decoder(tuple[Whole, Whole])


class OpenBooks(NamedTuple):
    """Books as of a place, in one snapshot: those of a ``party``, or the common ones if empty."""

    books: BookReader
    places: Places
    place: Place
    genesis: Genesis
    party: str


class Cut(NamedTuple):
    """How a list is cut: the cursor, and how many at most."""

    cursor: str
    limit: int


class Extent(NamedTuple):
    """Of which account a statement is, and from after which place to which."""

    account: str
    currency: str
    since: str
    as_of: str


def open_books(reader: LedgerReader, reading: Reading, as_of: str, party: str = "") -> OpenBooks:
    """Return the books as of a height or a date; of the newest block if it is empty.

    Whoever opens them may ask for the past next: what is kept of it is brought up to date.

    Raises:
        Problem: ``no-such-party``, or why there is no such place.
    """
    genesis, past = reading.genesis, reading.past_balances
    refuse_unknown_party(party, genesis.names)
    places = Places(reader, genesis)
    place = _place(places, genesis.calendar, as_of)
    _refuse_before_founding(place, as_of)
    past.keep_up(log_size(reader))
    return OpenBooks(BookReader(reader, genesis, party, past), places, place, genesis, party)


def account_page(request: Request, opened: OpenBooks, kind: str, cut: Cut) -> AccountPage:
    """Return accounts with what was ever posted to them; of one class, if ``kind`` names it.

    Raises:
        Problem: ``bad-parameter``.
    """
    kinds = known_kinds(kind)
    books, place = opened.books, opened.place
    found = books.accounts(place.size, key_of(request, cut.cursor), cut.limit + 1, kinds)
    views = [account_view(books, opened.genesis, total) for total in found[: cut.limit]]
    last = (views[-1].account, views[-1].currency) if len(found) > cut.limit else None
    after = cursor_of(request, last)
    return AccountPage(as_of=place, party=opened.party, accounts=views, next=after)


def known_kinds(kind: str) -> Sequence[str]:
    """Return the classes that are asked for: one, or all if ``kind`` is empty.

    Raises:
        Problem: ``bad-parameter``.
    """
    if kind and kind not in CLASSES:
        said = gettext("query.kind: {kind!r} is no class; they are {known}")
        known = gettext(", ").join(CLASSES)
        raise Problem("bad-parameter", said.format(kind=kind, known=known))
    return [kind] if kind else list(CLASSES)


def balances_of(opened: OpenBooks, currency: str = "") -> TrialBalance:
    """Return the balances by class of accounts, in one currency or in all."""
    totals = opened.books.classes(opened.place.size, opened.places.tip().size)
    fitting = [each for each in totals if currency in ("", each.currency)]
    return trial_balance(opened.place, opened.party, fitting)


def statement_of(request: Request, opened: OpenBooks, asked: Extent, cut: Cut) -> AccountStatement:
    """Return a page of the statement of an account.

    Raises:
        Problem: ``no-such-account``, ``bad-parameter``, or why there is no such place.
    """
    account = (asked.account, asked.currency)
    _refuse_unknown_account(asked.account)
    after = place_of(request, cut.cursor, _LINE)
    books, places, place, genesis, _ = opened
    begin = _begin(places, genesis.calendar, asked.since, (asked.as_of, place))
    opening = _opening(account, books, begin)
    after = after or (begin - 1, SAFE_INTEGER_MAX)
    found = books.statement(account, place.size, after, cut.limit + 1)
    parties = parties_of(asked.account, genesis, books.owner_of)
    shown = found[: cut.limit]
    page = statement_page(place, account, shown, opening=opening, parties=parties)
    if len(found) > cut.limit:
        page = replace(page, next=cursor_of(request, (shown[-1].entry.index, shown[-1].line)))
    return page


def postings_of(opened: OpenBooks, index: int) -> EntryPostings:
    """Return what one entry posted.

    Raises:
        Problem: ``no-such-entry``.
    """
    size = opened.place.size
    if index >= size:
        raise no_such_entry(size)
    return entry_postings(opened.books, opened.genesis, index)


def _place(places: Places, calendar: Calendar, text: str) -> Place:
    """Return the place that a height or a date names; the newest block for the empty text."""
    tip = places.tip()
    if not text:
        return tip
    if text.isdigit():
        place = places.at_height(int(text)) if int(text) <= tip.height else None
        if place is None:
            said = gettext("heights are 0, before the first block, to {newest}; got {height}")
            raise Problem("no-such-block", said.format(newest=tip.height, height=int(text)))
        return place
    _refuse_bad_date(text)
    today = calendar.business_date(max(time.time_ns() // 1_000_000, tip.time))
    if text > today:
        said = gettext("the business date is {today}; {date} is yet to come")
        raise Problem("date-in-future", said.format(today=today, date=text))
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
        said = gettext("query.since: {since} is after `as_of`, {as_of}; swap them")
        raise Problem("bad-parameter", said.format(since=since, as_of=as_of))
    return place.size


def _refuse_before_founding(place: Place, as_of: str) -> None:
    """Refuse a date before all: its books would carry the date of the founding."""
    if place.height == 0 and "-" in as_of and as_of < place.date:
        said = gettext("the ledger was founded on {founded}; as of {date} there are no books yet")
        raise Problem("date-before-founding", said.format(founded=place.date, date=as_of))


def _refuse_bad_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        said = gettext("{text} is no date of the calendar")
        raise Problem("bad-parameter", said.format(text=text)) from None


def _refuse_unknown_account(account: str) -> None:
    try:
        class_of(account)
    except LookupError:
        said = gettext("{account!r} is no account; accounts are {known}")
        known = gettext(", ").join(ACCOUNT_FORMS)
        raise Problem("no-such-account", said.format(account=account, known=known)) from None


def _opening(account: tuple[str, str], books: BookReader, size: int) -> int:
    found = books.balance(account, size)
    if found is None:
        said = gettext("nothing was ever posted to {account} in {currency}")
        name, currency = account
        raise Problem("no-such-account", said.format(account=name, currency=currency))
    return found
