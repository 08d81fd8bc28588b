"""The calendar of a generated day: an evening cut-off (日切), and a holiday after the day."""

from __future__ import annotations

from datetime import date, timedelta

from ledger.calendar import Calendar

CUTOFF_TIME = "21:30:00"
_CUTOFF_MINUTE = 21 * 60 + 30
_HOLIDAY_DAYS = 3
_DAY = timedelta(days=1)


def calendar_after(day: str) -> Calendar:
    """Return a calendar in which the three days after ``day`` are a holiday.

    The fourth day is worked, weekend or not (调休). After 2025-12-31 this is the New Year holiday
    of 2026 as it really was: off until Saturday, Sunday 4 January worked.
    """
    days = [date.fromisoformat(day) + n * _DAY for n in range(1, _HOLIDAY_DAYS + 2)]
    return Calendar(
        cutoff_minute=_CUTOFF_MINUTE,
        holidays=tuple(each.isoformat() for each in days[:-1]),
        workdays=(days[-1].isoformat(),),
    )


def business_date_after(calendar: Calendar, day: str) -> str:
    """Return the first business date after ``day``."""
    following = date.fromisoformat(day) + _DAY
    while not calendar.is_business_day(following):
        following += _DAY
    return following.isoformat()


def business_date_after_month(calendar: Calendar, day: str) -> str:
    """Return the first business date after the month of ``day``: when its fees are invoiced."""
    first = date.fromisoformat(f"{day[:7]}-28") + 4 * _DAY
    return business_date_after(calendar, (first.replace(day=1) - _DAY).isoformat())
