"""Query parameters that several routes share."""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated

from fastapi import Query
from msgspec import UNSET, UnsetType

from api.problems import Problem
from ledger import forms
from ledger.currencies import Shown, shown
from ledger.limits import SAFE_INTEGER_MAX

AsOf = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="Judge what is overdue at this time, in ms."),
]
Id = Annotated[str, Query(pattern=forms.IDENTIFIER, description="Only of this id.")]
PartyFilter = Annotated[str, Query(max_length=32, description="Only of this party.")]
CurrencyFilter = Annotated[
    str,
    Query(pattern=forms.CURRENCY, description="Only in this currency (ISO 4217)."),
]
DayFilter = Annotated[str, Query(pattern=forms.DAY)]
MinAmount = Annotated[
    int, Query(ge=0, le=SAFE_INTEGER_MAX, description="Only from this amount on, in minor units.")
]
Displayed = Annotated[
    str,
    Query(
        max_length=32,
        description="As it is displayed, `1,234.50`: in each currency by its own decimals, or in "
        "one, `1,000 JPY`.",
    ),
]


def now_ms(as_of: int | None) -> int:
    """Return the time that was asked for, or the present."""
    return int(time.time() * 1000) if as_of is None else as_of


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


def known(value: int) -> int | UnsetType:
    """Return a stored time or entry; UNSET for the −1 that stands for none."""
    return UNSET if value < 0 else value
