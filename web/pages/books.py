"""Pages of the books: trial balance, accounts, the statement of one, and what an entry posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Query

from api.books import ACCOUNT_CHARS_MAX, AsOf, Kind, Party, Since
from api.books_questions import (
    Cut,
    Extent,
    OpenBooks,
    balances_of,
    known_kinds,
    open_books,
    postings_of,
    statement_of,
)
from api.books_views import IN_BOOKS_OF_OTHERS
from api.paging import Cursor, Index, cursor_of, key_of
from ledger import forms
from ledger.chart import CLASSES, OTHERS, class_of, parties_of
from views.texts import language
from web.page import Pages, Visit

PAGE_ROWS = 50

Account = Annotated[str, Query(max_length=ACCOUNT_CHARS_MAX)]
Currency = Annotated[str, Query(pattern=forms.CURRENCY)]


class AccountLine(NamedTuple):
    """An account of a list: who is a side of it, and its balance, debit positive."""

    account: str
    currency: str
    parties: tuple[str, ...]
    balance: int


def add_to(pages: Pages) -> None:
    """Add the pages of the books."""
    pages.add("/books", "books.html", books_page)
    pages.add("/books/accounts", "accounts.html", accounts_page)
    pages.add("/books/statement", "statement.html", statement_page)
    pages.add("/books/entries/{index}", "postings.html", postings_page)


def books_page(visit: Visit, as_of: AsOf = "", party: Party = "") -> Mapping[str, Any]:
    """Show the trial balance as of a place, of all or of one party.

    Raises:
        Problem: ``no-such-party``, or why there is no such place.
    """
    opened = open_books(visit.reader, visit.reading, as_of, party)
    found = balances_of(opened)
    return {
        **_frame(opened, as_of),
        "tables": [
            (total, [line for line in found.lines if line.currency == total.currency])
            for total in found.totals
        ],
        "others": OTHERS,
        "other_name": lambda kind: names_of(kind)[language() == "zh"],
        "csv": _address("/v1/books/trial-balance", as_of=as_of, party=party, format="csv"),
        "twin": _address("/v1/books/trial-balance", as_of=as_of, party=party),
        "live": "" if as_of else "/live",
    }


def accounts_page(
    visit: Visit, *, as_of: AsOf = "", party: Party = "", kind: Kind = "", cursor: Cursor = ""
) -> Mapping[str, Any]:
    """Show the accounts that have a balance, of one class or of all.

    Raises:
        Problem: ``no-such-party``, ``bad-parameter``, or why there is no such place.
    """
    opened = open_books(visit.reader, visit.reading, as_of, party)
    place, books = opened.place, opened.books
    size = None if place.size == opened.places.tip().size else place.size
    after = key_of(visit.request, cursor)
    found = books.standing(size, after, PAGE_ROWS + 1, known_kinds(kind))
    shown = [
        AccountLine(each.account, each.currency, _sides(opened, each.account), each.balance)
        for each in found[:PAGE_ROWS]
    ]
    last = (shown[-1].account, shown[-1].currency) if len(found) > PAGE_ROWS else None
    asked = {"as_of": as_of, "party": party, "kind": kind}
    goes_on = cursor_of(visit.request, last) if last else ""
    return {
        **_frame(opened, as_of),
        "kind": kind,
        "kinds": [(name, name_of(name)) for name in CLASSES],
        "accounts": shown,
        "next_address": _address("/books/accounts", **asked, cursor=goes_on) if goes_on else "",
        "first_address": _address("/books/accounts", **asked) if cursor else "",
        "twin": _address("/v1/books/accounts", **asked),
        "live": "" if as_of or cursor or goes_on else "/live",
    }


def statement_page(
    visit: Visit,
    *,
    account: Account = "reserve",
    currency: Currency = "CNY",
    since: Since = "",
    as_of: AsOf = "",
    party: Party = "",
    cursor: Cursor = "",
) -> Mapping[str, Any]:
    """Show the lines of an account with the running balance.

    Raises:
        Problem: ``no-such-account``, ``bad-parameter``, or why there is no such place.
    """
    opened = open_books(visit.reader, visit.reading, as_of, party)
    extent = Extent(account, currency, since, as_of)
    found = statement_of(visit.request, opened, extent, Cut(cursor, PAGE_ROWS))
    asked = {"account": account, "currency": currency, "since": since, "as_of": as_of}
    goes_on = found.next if isinstance(found.next, str) else ""
    own = {**asked, "party": party}
    return {
        **_frame(opened, as_of),
        "statement": found,
        "balance": opened.books.balance((account, currency), opened.place.size) or 0,
        "since": since,
        "next_address": _address("/books/statement", **own, cursor=goes_on) if goes_on else "",
        "first_address": _address("/books/statement", **own) if cursor else "",
        "csv": _address("/v1/books/statement", **asked, format="csv"),
        "twin": _address("/v1/books/statement", **asked),
        "live": "" if as_of or cursor or goes_on else "/live",
    }


def postings_page(visit: Visit, index: Index) -> Mapping[str, Any]:
    """Show what one entry posted.

    Raises:
        Problem: ``no-such-entry``.
    """
    found = postings_of(open_books(visit.reader, visit.reading, ""), index)
    entry = visit.reader.entry(index)
    sums: dict[str, list[int]] = {}
    for line in found.postings:
        sides = sums.setdefault(line.currency, [0, 0])
        sides[line.amount < 0] += abs(line.amount)
    return {
        "entry": entry,
        "postings": found.postings,
        "sums": sums,
        "name_of": account_name,
        "address_of": _statement_address,
        "twin": f"/v1/books/entries/{index}",
    }


def name_of(kind: str) -> str:
    """Return what a class of accounts is, in the reader's language."""
    zh, en = names_of(kind)
    return zh if language() == "zh" else en


def names_of(kind: str) -> tuple[str, str]:
    """Return what a class of accounts is, in Chinese and in English."""
    found = CLASSES.get(kind)
    return IN_BOOKS_OF_OTHERS if found is None else (found.zh, found.en)


def account_name(account: str) -> str:
    """Return what the class of an account is, in the reader's language."""
    return name_of(class_of(account).name)


def _sides(opened: OpenBooks, account: str) -> tuple[str, ...]:
    return parties_of(account, opened.genesis, opened.books.owner_of)


def _frame(opened: OpenBooks, as_of: str) -> dict[str, Any]:
    """Return what every page of the books shows: the place, whose books, and ways to others."""
    party = opened.party

    def kept(path: str, **asked: str) -> str:
        return _address(path, **asked, as_of=as_of, party=party)

    return {
        "place": opened.place,
        "as_of": as_of,
        "whose": party,
        "parties": opened.genesis.names,
        "kept": kept,
        "class_name": name_of,
        "name_of": account_name,
    }


def _statement_address(account: str, currency: str) -> str:
    return _address("/books/statement", account=account, currency=currency)


def _address(path: str, **asked: str) -> str:
    given = {name: value for name, value in asked.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
