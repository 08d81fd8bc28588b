"""Query parameters that several routes share."""

from __future__ import annotations

import time
from datetime import date
from typing import Annotated

from fastapi import Query
from msgspec import UNSET, UnsetType

from api.problems import Problem
from ledger.limits import SAFE_INTEGER_MAX

AsOf = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="Judge what is overdue at this time, in ms."),
]
Id = Annotated[
    str, Query(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:-]{0,63})?$", description="Only of this id.")
]
PartyFilter = Annotated[str, Query(pattern=r"^([a-z][a-z0-9-]{0,31})?$")]
Word = Annotated[str, Query(pattern=r"^[a-z-]{0,32}$")]
CurrencyFilter = Annotated[
    str, Query(pattern=r"^([A-Z]{3})?$", description="Only in this currency, an ISO 4217 code.")
]
DayFilter = Annotated[str, Query(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
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
