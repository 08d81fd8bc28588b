"""Pages: query parameters that cut a list, and cursors that say where the next page begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Path, Query, Request
from msgspec import UNSET, Meta, UnsetType

from api.limits import PAGE_MAX
from api.problems import Problem
from ledger import forms
from ledger.limits import SAFE_INTEGER_MAX
from views.listing import foreign_place

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most.")]
Start = Annotated[int, Query(ge=0, le=SAFE_INTEGER_MAX, description="The first one wanted.")]
Index = Annotated[int, Path(ge=0, le=SAFE_INTEGER_MAX)]
Name = Annotated[str, Path(pattern=forms.IDENTIFIER)]
Cursor = Annotated[
    str, Query(max_length=512, description="`next` of the page before; left out for the first.")
]

Whole = Annotated[int, Meta(ge=-SAFE_INTEGER_MAX, le=SAFE_INTEGER_MAX)]
"""An integer in a cursor."""

TWO_TEXTS = msgspec.json.Decoder(tuple[str, str])
"""The shape of a place of two texts."""

MARK_BYTES = 8
"""How long the mark of a list is at the beginning of its cursors."""

_NO_FILTERS = ("cursor", "limit", "format", "as_of", "on", "min_height", "columns")

P = TypeVar("P")


def cursor_of(request: Request, key: tuple[Any, ...] | None) -> str | UnsetType:
    """Return the cursor after which the list that was asked for goes on; UNSET at its end.

    It is the base64 of a mark of the list, :func:`mark_of`, and of the key as JSON.
    """
    if key is None:
        return UNSET
    raw = _mark(request) + msgspec.json.encode(key)
    return urlsafe_b64encode(raw).decode().rstrip("=")


def key_of(request: Request, cursor: str) -> tuple[str, str] | None:
    """Return the key of two texts that a cursor stands for; None for the beginning.

    Raises:
        Problem: ``bad-parameter``.
    """
    return place_of(request, cursor, TWO_TEXTS)


def place_of(request: Request, cursor: str, shape: msgspec.json.Decoder[P]) -> P | None:
    """Return the place that a cursor stands for; None for the beginning.

    Args:
        request: Asks for the list.
        cursor: What :func:`cursor_of` made of a request for the same list.
        shape: Decodes the place: a tuple of texts and :data:`Whole` numbers.

    Raises:
        Problem: ``bad-parameter``, also for a cursor that another list or other filters made: the
            place in one list says nothing in another.
    """
    if not cursor:
        return None
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if raw[:MARK_BYTES] != _mark(request):
            raise ValueError
        return shape.decode(raw[MARK_BYTES:])
    except (ValueError, msgspec.DecodeError):
        raise Problem("bad-parameter", foreign_place()) from None


def mark_of(path: str, filters: Iterable[tuple[str, str]]) -> bytes:
    """Return what tells a list from others: a hash of its address and of its filters.

    How a page is cut and shown, and as of when it is judged, may change from page to page.
    """
    used = sorted((name, value) for name, value in filters if name not in _NO_FILTERS)
    return sha256(msgspec.json.encode((path, used))).digest()[:MARK_BYTES]


def _mark(request: Request) -> bytes:
    return mark_of(request.url.path, request.query_params.multi_items())
