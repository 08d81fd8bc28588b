"""Pages of lists: form, table, exports and the way to the next page, from their listings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import Query, params
from msgspec import UNSET

from api.listings import list_page, parameters
from api.problems import Problem
from views.labels import Label, labels_of
from views.listing import Asked, Filter, Kind, Listing
from views.listings import LISTINGS
from views.texts import gettext, language, translated
from web.page import Pages, Visit

PAGE_ROWS = 50
_SKIPPED: tuple[Kind, ...] = ("as-of", "age")
"""Kinds of filters that are for programs: a page judges at the present."""
_TYPES: Mapping[Kind, str] = {
    "day": "date",
    "business-date": "date",
    "month": "month",
    "height": "number",
    "positive": "number",
    "amount": "number",
}
_LABELS: Mapping[str, Label] = {
    "amount_shown": Label("amount", "金额"),
    "as_of": Label("as of", "截至"),
    "due_to": Label("due by", "最晚应还日"),
    "from": Label("from", "起"),
    "funder": Label("funder", "资金方"),
    "height": Label("as of block", "截至区块"),
    "min_amount_shown": Label("at least", "金额不低于"),
    "on": Label("on", "日期"),
    "party": Label("party", "参与方"),
    "prefix": Label("account begins with", "科目前缀"),
    "receiver": Label("receiver", "收款方"),
    "to": Label("to", "止"),
    "upcoming": Label("upcoming too", "包含未到期"),
}
"""Labels of filters that are no field of what is listed."""

Columns = Annotated[Literal["all"] | None, Query()]


class Field(NamedTuple):
    """A filter as a field of the form."""

    name: str
    label: str
    help: str
    type: str
    value: str
    options: list[tuple[str, str]]
    required: bool
    placeholder: str


def add_to(pages: Pages) -> None:
    """Add the page of every list, and the one that leads to them.

    A list whose page shows more has been added before, and that one is shown.
    """
    pages.add("/lists", "lists.html", lists_page)
    for listing in LISTINGS:
        pages.add(listing.address.removeprefix("/v1"), "list.html", page_of_list(listing))


def lists_page(visit: Visit) -> Mapping[str, Any]:
    """Lead to every list."""
    return {
        "lists": [
            {
                "title": each.heading.text(language()),
                "about": translated(each.about),
                "address": each.address.removeprefix("/v1"),
            }
            for each in LISTINGS
            if "{" not in each.address
        ]
    }


def page_of_list(listing: Listing) -> Callable[..., Mapping[str, Any]]:
    """Return the function of the page of a list.

    Its template is ``list.html``, or one that extends it with what stands above the list.
    """

    def page(visit: Visit, columns: str | None, **asked: Any) -> Mapping[str, Any]:
        return _shown(listing, visit, columns == "all", asked)

    first = Parameter("visit", Parameter.POSITIONAL_ONLY, annotation=Visit)
    more = Parameter("columns", Parameter.KEYWORD_ONLY, annotation=Columns, default=None)
    taken = [_optional(each) for each in parameters(listing)]
    page.__signature__ = Signature([first, more, *taken])  # type: ignore[attr-defined]
    page.__name__ = listing.name.replace("-", "_")
    return page


def _optional(each: Parameter) -> Parameter:
    """Return a parameter that may be left out, because a form is shown before it is filled in."""
    if each.name == "limit":
        return each.replace(default=PAGE_ROWS)
    if not isinstance(each.default, params.Query) or not each.default.is_required():
        return each
    return each.replace(annotation=each.annotation | None, default=Query(None, alias=each.name))


def _shown(listing: Listing, visit: Visit, wide: bool, asked: dict[str, Any]) -> dict[str, Any]:
    found = _found(listing, visit, asked)
    items = found.items if found else []
    view = listing.view
    columns: Any = listing.columns
    if wide or not columns:
        columns = view.__struct_fields__
    query = {k: v for k, v in visit.request.query_params.items() if k not in ("columns", "cursor")}
    path = visit.request.url.path
    twin = f"/v1{path}"
    goes_on = found.next if found and found.next is not UNSET else None
    return {
        "name": listing.name,
        "title": listing.heading.text(language()),
        "about": translated(listing.about),
        "view": view,
        "columns": columns,
        "views": items,
        "asked": found is not None,
        "nothing": listing.nothing.text(language()),
        "filters": list(_fields(listing, visit, asked)),
        "filtered": bool(query),
        "wide": wide,
        "earlier": "cursor" in visit.request.query_params,
        "next_address": goes_on and _address(path, visit.request.query_params, cursor=goes_on),
        "wide_address": _address(path, query, columns="all"),
        "narrow_address": _address(path, query),
        "csv_address": _address(twin, query, format="csv"),
        "twin": _address(twin, query) if found else "",
        "live": "" if goes_on or "cursor" in visit.request.query_params else "/live",
    }


def _found(listing: Listing, visit: Visit, asked: dict[str, Any]) -> Any:
    """Return the page that was asked for; None where nothing was, and something has to be."""
    needed = [each.keyword for each in listing.filters if each.required]
    if any(not asked.get(name) for name in needed):
        return None
    asking = Asked(visit.reader, visit.genesis, asked, None, 0, {})
    try:
        return list_page(listing, visit.request, asking)
    except Problem:
        if visit.request.query_params.keys() - {"columns"}:
            raise
        return None


def _address(path: str, query: Mapping[str, str], **more: Any) -> str:
    every = {**query, **more}
    return f"{path}?{urlencode(every)}" if every else path


def _fields(listing: Listing, visit: Visit, asked: Mapping[str, Any]) -> Iterator[Field]:
    names = {each.name for each in listing.filters}
    for each in listing.filters:
        displayed_too = f"{each.name}_shown" in names
        if each.kind in _SKIPPED or displayed_too or f"{{{each.name}}}" in listing.address:
            continue
        label = _label(listing, each)
        value = visit.request.query_params.get(each.name, "")
        yield Field(
            each.name,
            label.text(language()),
            translated(each.help),
            _TYPES.get(each.kind, "text"),
            value,
            _options(each, label, visit),
            each.required,
            gettext("amount") if each.kind == "displayed" else "",
        )


def _label(listing: Listing, each: Filter) -> Label:
    words = each.name.replace("_", " ")
    return labels_of(listing.view).get(each.name) or _LABELS.get(each.name) or Label(words, words)


def _options(each: Filter, label: Label, visit: Visit) -> list[tuple[str, str]]:
    if each.kind == "flag":
        return [("true", gettext("yes")), ("false", gettext("no"))]
    if each.kind == "party":
        return [(name, name) for name in visit.genesis.names]
    return [
        (word, gettext("unmet") if word == "unmet" else label.word(word, language()))
        for word in each.words
    ]
