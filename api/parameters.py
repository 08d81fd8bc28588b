"""Parameters of questions: what is read from text, and places in the log."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from api.problems import Problem
from ledger.currencies import Shown, shown
from ledger.limits import SAFE_INTEGER_MAX
from views.settlement import DAYS_MAX
from views.texts import gettext

TIME_MS_MAX = 252_771_148_800_000
"""The begin of the year 9980: later times may be on no date of the calendar."""

AsOf = Annotated[
    int | None,
    Query(ge=0, le=TIME_MS_MAX, description="Judge what is overdue at this time, in ms."),
]

Height = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="What held after this block; now if left out."),
]

DAYS_DEFAULT = 14

Days = Annotated[
    int, Query(ge=1, le=DAYS_MAX, description="How many days back and ahead are shown by day.")
]


def day_of(text: str, name: str) -> date:
    """Return the date that a parameter names.

    Raises:
        Problem: ``bad-parameter``.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        said = gettext("query.{name}: {text} is no day of the calendar")
        raise Problem("bad-parameter", said.format(name=name, text=text)) from None


def shown_of(text: str, name: str) -> Shown:
    """Return the amount that a parameter names as it is displayed.

    Raises:
        Problem: ``bad-parameter``.
    """
    found = shown(text)
    if found is None:
        said = gettext(
            "query.{name}: {text!r} is not an amount as it is displayed, "
            "such as 1,234.50 or 1,000 JPY"
        )
        raise Problem("bad-parameter", said.format(name=name, text=text))
    return found
