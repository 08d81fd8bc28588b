"""Payments: a box to search by whatever is known, the newest, and those with a missing half."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Query
from msgspec import UNSET

from api.listings import ListPage, list_page
from api.paging import Cursor
from api.problems import Problem
from ledger import forms
from ledger.currencies import shown
from ledger.expectations import CAPTURE, INSTRUCTION
from views.expectations import EXPECTATIONS, ExpectationView
from views.listing import Asked, page_of
from views.search import SEARCH, FoundPayment
from views.texts import gettext
from web.page import Pages, Visit

PAGE_ROWS = 25
MISSING_MAX = 10
"""Payments with a missing half that are shown of each kind."""

By = Literal["any", "payment", "order", "receiver", "amount_shown", "channel_number", "loan"]
_ANY = ("payment", "order", "channel_number", "receiver", "loan", "amount_shown")
"""In which order a text is tried where nothing says what it is."""
Text = Annotated[str, Query(max_length=128)]
Day = Annotated[str, Query(pattern=forms.DAY)]
From = Annotated[str, Query(alias="from", pattern=forms.DAY)]


def add_to(pages: Pages) -> None:
    """Add the page of all payments."""
    pages.add("/payments", "payments.html", payments_page)


def payments_page(
    visit: Visit,
    *,
    by: By = "any",
    q: Text = "",
    order: Text = "",
    receiver: Text = "",
    loan: Text = "",
    from_: From = "",
    to: Day = "",
    cursor: Cursor = "",
) -> Mapping[str, Any]:
    """Show the payments that are searched for; with nothing asked the newest, and what is missing.

    ``order``, ``receiver`` and ``loan`` are the same as ``by`` and ``q``, for links.
    """
    for name, value in (("order", order), ("receiver", receiver), ("loan", loan)):
        if value:
            by, q = name, value  # type: ignore[assignment]
    q = q.strip()
    dates = {"from_": from_, "to": to}
    asked = bool(q or from_ or to)
    found, used, complaint = _found(visit, by, q, dates | {"cursor": cursor})
    goes_on = found.next if found.next is not UNSET else ""
    return {
        "by": by,
        "q": q,
        "since": from_,
        "to": to,
        "ways": _ways(),
        "asked": asked,
        "complaint": complaint,
        "view": FoundPayment,
        "columns": SEARCH.columns,
        "found": found.items,
        "is_first": not cursor,
        "next_address": goes_on and _next_address(visit, goes_on),
        "missing": [] if asked or cursor else _missing(visit),
        "expectation_view": ExpectationView,
        "twin": _twin(used, q, from_, to),
        "live": "" if asked or cursor else "/live",
    }


def by_amount(visit: Visit, text: str) -> str:
    """Return the address of the payments of an amount; empty if it is none, or of no payment."""
    amount = text.strip()
    if shown(amount) is None:
        return ""
    found, _, _ = _found(visit, "amount_shown", amount, {})
    query = urlencode({"by": "amount_shown", "q": amount})
    return f"/payments?{query}" if found.items else ""


def _ways() -> Mapping[str, str]:
    """Return what a text may be, by its word in the address."""
    return {
        "any": gettext("Anything"),
        "payment": gettext("Payment id begins with"),
        "order": gettext("Order"),
        "receiver": gettext("Receiver"),
        "amount_shown": gettext("Amount"),
        "channel_number": gettext("Channel number"),
        "loan": gettext("Loan"),
    }


def _found(visit: Visit, by: str, q: str, others: Mapping[str, str]) -> tuple[ListPage, str, str]:
    """Return the first page that has something, what it was searched by, and a complaint."""
    nothing = ListPage([], {}, UNSET)
    if not q:
        by, ways = "", iter(("",))
    else:
        ways = _ways_of(q) if by == "any" else iter((by,))
    used = complaint = ""
    for used in ways:
        try:
            found = _page(visit, {used: q, **others})
        except Problem as problem:
            complaint = problem.detail if used == by else ""
            continue
        if found.items or found.next is not UNSET:
            return found, used, ""
    return nothing, used, complaint


def _ways_of(text: str) -> Iterator[str]:
    """Yield what a text can be, by its form."""
    is_name = re.match(forms.IDENTIFIER, text) is not None
    is_amount = shown(text) is not None
    for way in _ANY:
        if is_amount if way == "amount_shown" else is_name:
            yield way


def _page(visit: Visit, given: Mapping[str, Any]) -> ListPage:
    every = {**{each.keyword: "" for each in SEARCH.filters}, "limit": PAGE_ROWS, **given}
    asking = Asked(visit.reader, visit.genesis, every, None, 0, {})
    return list_page(SEARCH, visit.request, asking)


def _missing(visit: Visit) -> list[ExpectationView]:
    """Return payments of which one half is missing, or the halves differ: some of each kind."""
    found: list[ExpectationView] = []
    for kind in (INSTRUCTION, CAPTURE):
        given = {"state": "unmet", "kind": kind, "as_of": visit.now_ms}
        asked = Asked(visit.reader, visit.genesis, given, None, MISSING_MAX, {})
        found += page_of(EXPECTATIONS, asked).items
    return sorted(found, key=lambda each: each.opened_at)


def _next_address(visit: Visit, cursor: str) -> str:
    return f"/payments?{urlencode({**visit.request.query_params, 'cursor': cursor})}"


def _twin(used: str, q: str, since: str, to: str) -> str:
    given = {name: value for name, value in ((used, q), ("from", since), ("to", to)) if value}
    return f"/v1/search?{urlencode(given)}" if given else "/v1/search"
