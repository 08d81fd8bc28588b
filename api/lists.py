"""Lists: pages that are answered as JSON, or as CSV for spreadsheets.

CSV is RFC 4180 in UTF-8: a header line, the fields of the items as columns, CRLF. Amounts are minor
units as in JSON. A text that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.answers import json_answer
from views import cells

CSV = "text/csv"
JSON = "application/json"

Format = Annotated[
    Literal["json", "csv"] | None,
    Query(alias="format", description="`json` or `csv`; as the `Accept` header says if left out."),
]


class ListRequest(NamedTuple):
    """How a list was asked for."""

    request: Request
    form: str | None


class Page(NamedTuple):
    """A page: the struct that JSON shows whole, and its items with their type, for CSV."""

    whole: msgspec.Struct
    kind: type[msgspec.Struct]
    items: Sequence[msgspec.Struct]
    next: str | UnsetType = UNSET


def list_answer(asked: ListRequest, page: Page) -> Response:
    """Return a page in the form that was asked for; a ``Link`` header leads to the next one."""
    headers = {"vary": "Accept"}
    if isinstance(page.next, str):
        url = asked.request.url.include_query_params(cursor=page.next)
        headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    if not _wants_csv(asked):
        return json_answer(page.whole, headers=headers)
    text = csv_text(page.kind, page.items)
    return Response(text, headers=headers, media_type=f"{CSV}; charset=utf-8")


def csv_text(kind: type[msgspec.Struct], items: Sequence[msgspec.Struct]) -> str:
    """Return structs of one type as CSV with a header line."""
    columns = kind.__struct_fields__
    rows = [[_cell(item.get(name)) for name in columns] for item in msgspec.to_builtins(items)]
    return cells.as_csv([columns, *rows])


def _wants_csv(asked: ListRequest) -> bool:
    if asked.form:
        return asked.form == "csv"
    accepted = [
        part.split(";")[0].strip().lower()
        for part in asked.request.headers.get("accept", "").split(",")
    ]
    return CSV in accepted and JSON not in accepted[: accepted.index(CSV)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return cells.inert(value)
    return msgspec.json.encode(value).decode()
