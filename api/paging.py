"""Pages: query parameters that cut a list, and cursors that say where the next page begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Path, Query
from msgspec import UNSET, Meta, UnsetType

from api.limits import PAGE_MAX, SCANNED_MAX
from api.problems import Problem
from ledger.limits import IDENTIFIER_CHARS_MAX, SAFE_INTEGER_MAX

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most.")]
Start = Annotated[int, Query(ge=0, le=SAFE_INTEGER_MAX, description="The first one wanted.")]
Index = Annotated[int, Path(ge=0, le=SAFE_INTEGER_MAX)]
Name = Annotated[str, Path(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]
Cursor = Annotated[
    str, Query(max_length=512, description="`next` of the page before; empty for the first.")
]

Whole = Annotated[int, Meta(ge=-SAFE_INTEGER_MAX, le=SAFE_INTEGER_MAX)]
"""An integer in a cursor."""

ONE_TEXT = msgspec.json.Decoder(tuple[str])
TWO_TEXTS = msgspec.json.Decoder(tuple[str, str])
"""Shapes of places."""

P = TypeVar("P")
T = TypeVar("T")


def cursor_of(key: tuple[Any, ...] | None) -> str | UnsetType:
    """Return the cursor after which a list goes on; UNSET at its end."""
    if key is None:
        return UNSET
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str) -> tuple[str, str] | None:
    """Return the key that a cursor stands for; None for the beginning.

    Raises:
        Problem: ``bad-parameter``.
    """
    if not cursor:
        return None
    try:
        return TWO_TEXTS.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise Problem("bad-parameter", "query.cursor: use `next` of the page before") from None


def place_of(cursor: str, shape: msgspec.json.Decoder[P]) -> P | None:
    """Return the place that a cursor stands for; None for the beginning.

    Args:
        cursor: What :func:`cursor_of` made.
        shape: Decodes the place: a tuple of texts and :data:`Whole` numbers.

    Raises:
        Problem: ``bad-parameter``.
    """
    if not cursor:
        return None
    try:
        return shape.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise Problem("bad-parameter", "query.cursor: use `next` of the page before") from None


def page_of(rows: Iterable[T], fits: Callable[[T], bool], limit: int) -> tuple[list[T], T | None]:
    """Return up to ``limit`` rows that fit, and the row after which to go on; None at the end.

    Never too many rows are looked through for one request, so a page may be short.
    """
    found: list[T] = []
    last: T | None = None
    for count, row in enumerate(rows):
        if len(found) == limit or count == SCANNED_MAX:
            return found, last
        last = row
        if fits(row):
            found.append(row)
    return found, None
