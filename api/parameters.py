"""Parameters of questions: what is read from text, and places in the log."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from api.problems import Problem
from ledger.currencies import Shown, shown
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import LedgerReader

AsOf = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="Judge what is overdue at this time, in ms."),
]

Height = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="What held after this block; now if left out."),
]


def size_after(reader: LedgerReader, height: int) -> int:
    """Return how many entries the log had after a block; no bound where it is the newest.

    Raises:
        Problem: ``no-such-block``.
    """
    if height >= reader.height():
        if height > reader.height():
            raise Problem("no-such-block", f"the newest block is {reader.height()}, got {height}")
        return SAFE_INTEGER_MAX
    return reader.blocks(height + 1, 1)[0].first_index


def day_of(text: str, name: str) -> date:
    """Return the date that a parameter names.

    Raises:
        Problem: ``bad-parameter``.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem("bad-parameter", f"query.{name}: {text} is no day of the calendar") from None


def shown_of(text: str, name: str) -> Shown:
    """Return the amount that a parameter names as it is displayed.

    Raises:
        Problem: ``bad-parameter``.
    """
    found = shown(text)
    if found is None:
        said = f"{text!r} is not an amount as it is displayed, such as 1,234.50 or 1,000 JPY"
        raise Problem("bad-parameter", f"query.{name}: {said}")
    return found
