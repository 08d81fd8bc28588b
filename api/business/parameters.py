"""Query parameters that several routes share."""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated

from fastapi import Query
from msgspec import UNSET, UnsetType

from api import forms
from api.problems import Problem
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


def known(value: int) -> int | UnsetType:
    """Return a stored time or entry; UNSET for the −1 that stands for none."""
    return UNSET if value < 0 else value
