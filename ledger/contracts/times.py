"""Times that authors claim, and the business dates on which times fall.

A claimed time may lie behind a block, and hardly ahead of it. Times are compared with the block's
alone, never with a clock, so that all nodes agree.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ledger.errors import Refused
from ledger.limits import AHEAD_MS_MAX
from ledger.state import Transaction

TIME_IN_FUTURE = "time-in-future"

_EPOCH = datetime(1970, 1, 1)


def refuse_future(tx: Transaction, name: str, time_ms: int) -> None:
    """Return if a claimed time is at most ``AHEAD_MS_MAX`` after the block's.

    Args:
        tx: The record's transaction.
        name: The field that claims it.
        time_ms: What it claims, ms since the epoch.

    Raises:
        Refused: ``time-in-future``.
    """
    if time_ms > tx.time_ms + AHEAD_MS_MAX:
        raise Refused(
            TIME_IN_FUTURE,
            f"What is stated has happened; {name} lies too far after the time of the block. "
            "It is in milliseconds; check the clock that it comes from.",
            expected=f"at most {shown(tx.time_ms + AHEAD_MS_MAX)}",
            got=shown(time_ms),
        )


def business_date(tx: Transaction, time_ms: int) -> str:
    """Return the ISO date on whose books ``time_ms`` falls, in the institution's calendar.

    Raises:
        Refused: ``date-out-of-range``.
    """
    return tx.genesis.calendar.business_date(time_ms)


def shown(time_ms: int) -> str:
    """Return a time as ISO 8601 says it in UTC, and its ms since the epoch."""
    try:
        said = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"after the year {date.max.year} ({time_ms} ms)"
    return f"{said.isoformat(timespec='milliseconds')}Z ({time_ms} ms)"
