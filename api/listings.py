"""Listings over HTTP: the route of each, its description, JSON, CSV and the ``Link`` header."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from inspect import Parameter, Signature
from typing import Any, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Path, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api import named
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.lists import Format, ListRequest, Page, list_answer
from api.openapi import describe_list
from api.paging import Cursor, Limit, Whole, cursor_of, place_of
from api.parameters import day_of, shown_of
from api.problems import Problem
from api.reading import Reading
from views.calendars import today
from views.listing import FORMS, Asked, BadQuestion, Filter, Listing, page_of, page_struct

_ABSENT = ("party", "payment", "payout", "loan", "receiver")
"""Kinds of what has to exist; the code of what does not is made of the kind."""


class ListPage(NamedTuple):
    """A page of a list: its items, by what it was judged, and the cursor of the next one."""

    items: list[Any]
    given: dict[str, Any]
    next: str | UnsetType


def add_listing(router: APIRouter, reading: Reading, listing: Listing) -> None:
    """Add the route of a listing."""
    page = page_struct(listing)

    def answer(request: Request, form: str | None, **asked: Any) -> Response:
        with reading.reader() as reader:
            found = list_page(listing, request, Asked(reader, reading.genesis, asked, None, 0, {}))
        members = {each.name: found.given[each.name] for each in listing.filters if each.shown}
        members[listing.items_name] = found.items
        if found.next is not UNSET:
            members["next"] = found.next
        shown = Page(page(**members), listing.view, found.items, found.next)
        return list_answer(ListRequest(request, form), shown)

    answer.__name__ = listing.operation or f"list_{listing.name.replace('-', '_')}"
    answer.__doc__ = listing.about
    answer.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            _keyword("request", Request),
            *parameters(listing),
            _keyword("form", Format, None),
        ]
    )
    kinds = dict.fromkeys(each.kind for each in listing.filters)
    codes = [f"no-such-{kind}" for kind in kinds if kind in _ABSENT]
    if "height" in kinds:
        codes.append("no-such-block")
    router.get(listing.address, **describe_list(page, *codes))(answer)


def list_page(listing: Listing, request: Request, asking: Asked) -> ListPage:
    """Return the page of a list that a request asks for.

    Args:
        listing: The list.
        request: Its address and parameters are what a cursor belongs to.
        asking: ``given`` has the parameters as they came, by their names in Python.

    Raises:
        Problem: ``bad-parameter``, or the code of what does not exist.
    """
    asked = asking.given
    asking = asking._replace(limit=asked.get("limit", PAGE_MAX))
    given = _given(listing, asked, asking)
    after = place_of(request, asked.get("cursor", ""), _places(listing))
    try:
        items, last = page_of(listing, asking._replace(given=given, after=after))
    except BadQuestion as error:
        raise Problem("bad-parameter", str(error)) from None
    return ListPage(items, given, cursor_of(request, last))


@cache
def _places(listing: Listing) -> msgspec.json.Decoder[Any]:
    types = tuple(Whole if kind is int else kind for kind in listing.place_types())
    return msgspec.json.Decoder(tuple.__class_getitem__(types))


def now_ms() -> int:
    """Return the present."""
    return time.time_ns() // 1_000_000


def parameters(listing: Listing) -> list[Parameter]:
    """Return the parameters of a list, as FastAPI takes them."""
    paging = [_keyword("cursor", Cursor, ""), _keyword("limit", Limit, PAGE_DEFAULT)]
    filters = [_parameter(each, listing) for each in listing.filters]
    return filters if listing.whole else filters + paging


def _keyword(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _parameter(each: Filter, listing: Listing) -> Parameter:
    """Return the parameter of a filter: what it does, and in which form it is given."""
    form = FORMS[each.kind]
    if f"{{{each.name}}}" in listing.address:
        return _keyword(each.keyword, str, Path(**form.bounds))
    kind: Any = Literal[each.words] if each.kind == "choice" else form.value
    words = f": {', '.join(each.words)}" if each.words and each.kind != "choice" else ""
    about = f"{each.does}{words or form.over_http}."
    left_out: Any = "" if kind is str else None
    default = ... if each.required else left_out
    asked = Query(default, alias=each.name, description=about, **form.bounds)
    return _keyword(each.keyword, kind if kind is str else kind | None, asked)


def _given(listing: Listing, asked: Mapping[str, Any], asking: Asked) -> dict[str, Any]:
    """Return what was given, or stands for what was left out, by filter and in its type.

    Raises:
        Problem: ``bad-parameter``, or the code of what does not exist.
    """
    found: dict[str, Any] = {}
    for each in listing.filters:
        value = asked[each.keyword]
        if value not in (None, ""):
            found[each.name] = _read(each, value, asking)
        elif each.kind == "as-of":
            found[each.name] = now_ms()
        elif each.kind == "business-date":
            found[each.name] = today(asking.reader, asking.genesis, now_ms())
    return found


def _read(each: Filter, value: Any, asking: Asked) -> Any:
    match each.kind:
        case "day" | "business-date":
            return day_of(value, each.name).isoformat()
        case "displayed":
            return shown_of(value, each.name)
        case "party":
            named.refuse_unknown_party(value, asking.genesis.names)
        case "expectation-kind":
            named.refuse_unknown_kind(value)
        case "payment":
            named.refuse_unknown_payment(asking.reader, value)
        case "payout":
            named.refuse_unknown_payout(asking.reader, value)
        case "loan":
            named.refuse_unknown_loan(asking.reader, value)
        case "height":
            named.refuse_unknown_height(asking.reader, value)
        case "receiver":
            named.refuse_unknown_receiver(asking.reader, value)
    return value
