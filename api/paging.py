"""Pages: query parameters that cut a list, and cursors that say where the next page begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from fastapi import Path, Query
from msgspec import UNSET, UnsetType

from api.limits import PAGE_MAX
from api.problems import Problem
from ledger.limits import IDENTIFIER_CHARS_MAX, SAFE_INTEGER_MAX

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most.")]
Start = Annotated[int, Query(ge=0, le=SAFE_INTEGER_MAX, description="The first one wanted.")]
Index = Annotated[int, Path(ge=0, le=SAFE_INTEGER_MAX)]
Name = Annotated[str, Path(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]
Cursor = Annotated[
    str, Query(max_length=512, description="`next` of the page before; empty for the first.")
]

_texts = msgspec.json.Decoder(tuple[str, str])


def cursor_of(key: tuple[str, str] | None) -> str | UnsetType:
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
        return _texts.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise Problem("bad-parameter", "query.cursor: use `next` of the page before") from None
