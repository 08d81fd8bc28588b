"""Listings over HTTP: the route of each, its description, JSON, CSV and the ``Link`` header."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request
from msgspec import UNSET
from starlette.responses import Response

from api import named
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.lists import Format, ListRequest, Page, list_answer
from api.openapi import describe_list
from api.paging import Cursor, Limit, Whole, cursor_of, foreign_cursor, place_of
from api.parameters import day_of, shown_of
from api.problems import Problem
from api.reading import Reading
from ledger import forms
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import LedgerReader
from views.calendars import today
from views.listing import (
    Asked,
    BadQuestion,
    Filter,
    ForeignPlace,
    Found,
    Kind,
    Listing,
    page_of,
    page_struct,
)

_TEXTS: Mapping[Kind, dict[str, Any]] = {
    "id": {"pattern": forms.IDENTIFIER},
    "payment": {"pattern": forms.IDENTIFIER},
    "payout": {"pattern": forms.IDENTIFIER},
    "loan": {"pattern": forms.IDENTIFIER},
    "receiver": {"pattern": forms.IDENTIFIER},
    "party": {"max_length": 32},
    "expectation-kind": {"max_length": 32},
    "currency": {"pattern": forms.CURRENCY},
    "day": {"pattern": forms.DAY},
    "business-date": {"pattern": forms.DAY},
    "month": {"pattern": forms.MONTH},
    "displayed": {"max_length": 32},
    "text": {"max_length": 128},
}
_NUMBERS: Mapping[Kind, int] = {
    "as-of": 0, "amount": 0, "age": 0, "count": 0, "height": 0, "positive": 1
}  # fmt: skip
"""Those that are numbers, and the least that they may be."""
_FORMS: Mapping[Kind, str] = {
    "amount": ", in minor units",
    "positive": ", in minor units",
    "age": ", in ms",
    "as-of": ", in ms; the present if left out",
    "month": ", as `YYYY-MM`",
    "business-date": "; today's business date if left out",
    "flag": "; `false`: only the others",
    "displayed": ", as it is displayed, `1,234.50`: in each currency by its own decimals, or "
    "in one, `1,000 JPY`",
}
"""How what is given is written."""

_ABSENT: Mapping[Kind, str] = {
    "party": "no-such-party",
    "payment": "no-such-payment",
    "payout": "no-such-payout",
    "loan": "no-such-loan",
    "height": "no-such-block",
    "receiver": "no-such-receiver",
}
"""The code of what has to exist and does not."""


def add_listing(router: APIRouter, reading: Reading, listing: Listing) -> None:
    """Add the route of a listing."""
    page = page_struct(listing)
    types = tuple(Whole if kind is int else kind for kind in listing.place_types())
    places: msgspec.json.Decoder[Any] = msgspec.json.Decoder(tuple.__class_getitem__(types))

    def answer(request: Request, **asked: Any) -> Response:
        cursor, limit = asked.pop("cursor", ""), asked.pop("limit", PAGE_MAX)
        form = asked.pop("form")
        given = _given(listing.filters, asked)
        _refuse_unknown_names(listing.filters, given, reading.genesis.names)
        after = place_of(request, cursor, places)
        with reading.reader() as reader:
            _refuse_unknown_things(listing.filters, given, reader)
            for each in listing.filters:
                if each.kind == "business-date":
                    given.setdefault(each.name, today(reader, reading.genesis, now_ms()))
            found = _page(listing, Asked(reader, reading.genesis, given, after, limit, {}))
        goes_on = cursor_of(request, found.last)
        head = {each.name: given[each.name] for each in listing.filters if each.shown}
        items = {listing.items_name: found.items}
        whole = page(**head, **items, **({} if goes_on is UNSET else {"next": goes_on}))
        shown = Page(whole, listing.view, found.items, goes_on)
        return list_answer(ListRequest(request, form), shown)

    answer.__name__ = listing.operation or f"list_{listing.name.replace('-', '_')}"
    answer.__doc__ = cleandoc(listing.help).partition("\n\n")[0]
    answer.__signature__ = Signature(_parameters(listing))  # type: ignore[attr-defined]
    kinds = dict.fromkeys(each.kind for each in listing.filters)
    codes = [_ABSENT[kind] for kind in kinds if kind in _ABSENT]
    router.get(listing.address, **describe_list(page, *codes))(answer)


def _page(listing: Listing, asked: Asked) -> Found:
    try:
        return page_of(listing, asked)
    except ForeignPlace:
        raise foreign_cursor() from None
    except BadQuestion as error:
        raise Problem("bad-parameter", str(error)) from None


def now_ms() -> int:
    """Return the present."""
    return time.time_ns() // 1_000_000


def _parameters(listing: Listing) -> list[Parameter]:
    def keyword(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
        return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)

    paging = (keyword("cursor", Cursor, ""), keyword("limit", Limit, PAGE_DEFAULT))
    filters = [keyword(each.keyword, *_typed(each, listing)) for each in listing.filters]
    return [
        keyword("request", Request),
        *sorted(filters, key=lambda each: each.default is not Parameter.empty),
        *(() if listing.whole else paging),
        keyword("form", Format, None),
    ]


def _typed(each: Filter, listing: Listing) -> tuple[Any, ...]:
    """Return the annotation of a parameter and, unless it is required, its default."""
    if f"{{{each.name}}}" in listing.address:
        return (Annotated[str, Path(**_TEXTS[each.kind])],)
    about: dict[str, Any] = {"description": _description(each)}
    if each.keyword != each.name:
        about["alias"] = each.name
    kind: Any
    if each.kind == "choice":
        kind, asked = Literal[each.words] | None, Query(**about)
    elif each.kind == "flag":
        kind, asked = bool | None, Query(**about)
    elif each.kind in _NUMBERS:
        kind, asked = int | None, Query(ge=_NUMBERS[each.kind], le=SAFE_INTEGER_MAX, **about)
    else:
        kind, asked = str, Query(**_TEXTS[each.kind], **about)
    annotation = Annotated[kind, asked]
    if each.required:
        return (annotation,)
    return annotation, "" if kind is str else None


def _description(each: Filter) -> str:
    """Return what a parameter does, and in which form it is given."""
    words = f": {', '.join(each.words)}" if each.words and each.kind != "choice" else ""
    return f"{each.sentence.removesuffix('.')}{words or _FORMS.get(each.kind, '')}."


def _given(filters: tuple[Filter, ...], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters that were given, in their types.

    Raises:
        Problem: ``bad-parameter``.
    """
    by_name = {each.name: asked[each.keyword] for each in filters}
    given = {name: value for name, value in by_name.items() if value not in (None, "")}
    for each in filters:
        convert = _CONVERTED.get(each.kind)
        if each.name in given and convert is not None:
            given[each.name] = convert(given[each.name], each.name)
        elif each.kind == "as-of":
            given.setdefault(each.name, now_ms())
    return given


def _iso_day(text: str, name: str) -> str:
    return day_of(text, name).isoformat()


_CONVERTED: Mapping[Kind, Callable[[str, str], Any]] = {
    "day": _iso_day,
    "business-date": _iso_day,
    "displayed": shown_of,
}


def _refuse_unknown_names(
    filters: tuple[Filter, ...], given: Mapping[str, Any], names: tuple[str, ...]
) -> None:
    for each in filters:
        name = given.get(each.name, "")
        if each.kind == "party":
            named.refuse_unknown_party(name, names)
        elif each.kind == "expectation-kind":
            named.refuse_unknown_kind(name)


def _refuse_unknown_things(
    filters: tuple[Filter, ...], given: Mapping[str, Any], reader: LedgerReader
) -> None:
    for each in filters:
        refuse = _KNOWN.get(each.kind)
        if refuse is not None:
            refuse(reader, given.get(each.name))


_KNOWN: Mapping[Kind, Callable[[LedgerReader, Any], None]] = {
    "payment": named.refuse_unknown_payment,
    "payout": named.refuse_unknown_payout,
    "loan": named.refuse_unknown_loan,
    "height": named.refuse_unknown_height,
    "receiver": named.refuse_unknown_receiver,
}
