"""Lists of a node, page after page, and what people type as amounts, ages, dates and ids."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import UsageError
from cli.output import note
from ledger import currencies, forms
from views.texts import gettext

if TYPE_CHECKING:
    from cli.client import Client

PAGE_MAX = 1000

_PINNED = ("as_of", "on")
"""What the first page was judged by, and the pages after it are too."""

_AGES_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}

Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, help="How many to show at most.")
]


def follow(client: Client, path: str, items: str, limit: int, **query: object) -> dict[str, Any]:
    """Return the first page's document with up to ``limit`` items of it and the pages after it.

    Args:
        client: The node.
        path: The list's address.
        items: The member that holds the items.
        limit: How many items at most; ``more`` says whether there are others.
        query: Parameters; what is None is left out.
    """
    found: list[dict[str, Any]] = []
    first: dict[str, Any] = {}
    for page in _pages(client, path, limit + 1, query):
        first = first or page
        found += page[items]
        if len(found) > limit:
            break
    first.pop("next", None)  # it goes on after more than is shown
    return {**first, items: found[:limit], "more": len(found) > limit}


def follow_to_end(client: Client, path: str, items: str, limit: int) -> dict[str, Any]:
    """Return as :func:`follow` does, but the last ``limit`` items of the whole list."""
    kept: deque[dict[str, Any]] = deque(maxlen=limit)
    first: dict[str, Any] = {}
    count = 0
    for page in _pages(client, path, PAGE_MAX, {}):
        first = first or page
        kept.extend(page[items])
        count += len(page[items])
    first.pop("next", None)
    return {**first, items: list(kept), "more": count > limit}


def _pages(
    client: Client, path: str, size: int, query: dict[str, object]
) -> Iterator[dict[str, Any]]:
    """Yield page after page, all judged by what the first was judged by."""
    given = dict(query)
    cursor: str | None = None
    while True:
        page = client.get(path, **given, cursor=cursor, limit=min(size, PAGE_MAX))
        yield page
        given |= {name: page[name] for name in _PINNED if name in page}
        cursor = page.get("next")
        if cursor is None:
            return


def note_more(page: dict[str, Any], limit: int, advice: str = "") -> None:
    """Say on stderr that a list was cut, and what else than raising the limit helps."""
    if page["more"]:
        said = gettext("there are more than {limit:,}: raise --limit")
        note(f"{said.format(limit=limit)}{advice}")


def identifier(text: str) -> str:
    """Return an id that a person typed: it stands in an address as it is.

    Raises:
        UsageError: ``bad-format``.
    """
    if not re.fullmatch(forms.IDENTIFIER, text):
        words = forms.WORDS[forms.IDENTIFIER]
        raise UsageError("bad-format", f"{text!r} is not {words}")
    return text


def displayed(text: str) -> str:
    """Return an amount that a person typed as it is displayed: ``1,234.50`` or ``1,000 JPY``.

    Raises:
        UsageError: ``bad-amount``.
    """
    if currencies.shown(text) is None:
        code = text[-3:]
        unknown = code.isalpha() and code not in currencies.CODES
        said = currencies.refusal(code) if unknown else "write 123.45, or 1,000 JPY"
        raise UsageError("bad-amount", f"{text!r} is no amount: {said}")
    return text


def age_ms(text: str) -> int:
    """Return an age that a person typed, such as ``90m``, ``12h`` or ``3d``, in ms.

    Raises:
        UsageError: ``bad-age``.
    """
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if found is None:
        raise UsageError("bad-age", f"{text!r} is no age: write 90m, 12h or 3d")
    return int(found[1]) * _AGES_MS[found[2]]


def day(text: str) -> str:
    """Return a date that a person typed.

    Raises:
        UsageError: ``bad-date``.
    """
    if not _is_day(text):
        raise UsageError("bad-date", f"{text!r} is no date: write YYYY-MM-DD, such as 2026-03-31")
    return text


def month(text: str) -> str:
    """Return a month that a person typed.

    Raises:
        UsageError: ``bad-month``.
    """
    if not _is_day(f"{text}-01"):
        raise UsageError("bad-month", f"{text!r} is no month: write YYYY-MM, such as 2026-03")
    return text


def place(text: str) -> str:
    """Return a place in the log that a person typed: a block's height, or a date.

    Raises:
        UsageError: ``bad-place``.
    """
    if not re.fullmatch(r"[0-9]{1,16}", text) and not _is_day(text):
        raise UsageError(
            "bad-place",
            f"{text!r} is no block's height and no date: write 1200, or 2026-03-31",
        )
    return text


def _is_day(text: str) -> bool:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
