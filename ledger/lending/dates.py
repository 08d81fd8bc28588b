"""Due dates and day counts, in whole parts of a year.

A day weighs ``PARTS / 360``, ``/ 365`` or ``/ 366`` parts, so that every period of every day count
is a whole number, and sums of periods are exact.

    30/360         30E/360: the 31st counts as the 30th; a due date counts as its anchor day
    actual/360     actual days, 360 to the year
    actual/365     actual days, 365 to the year
    actual/actual  ISDA: each day, start included and end excluded, in its own year

Source: ISDA 2006 Definitions section 4.16 (b), (d), (e), (g).
"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import date
from typing import Literal

DayCount = Literal["30/360", "actual/360", "actual/365", "actual/actual"]
DAY_COUNTS: tuple[DayCount, ...] = ("30/360", "actual/360", "actual/365", "actual/actual")

PARTS = 1_603_080
"""Parts of a year: the least common multiple of 360, 365 and 366."""

_A_DAY = {"30/360": PARTS // 360, "actual/360": PARTS // 360, "actual/365": PARTS // 365}
_LEAP_DAY, _COMMON_DAY = PARTS // 366, PARTS // 365
_MONTH_DAYS = 30


def due_date(first: date, anchor: int, months: int) -> date:
    """Return the due date ``months`` after the first one: the anchor day, or the month's last.

    Args:
        first: The first due date.
        anchor: Day of the month from 1 to 31.
        months: How many months later.

    Raises:
        ValueError: The year is beyond those that dates have.
    """
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, min(anchor, monthrange(year, month + 1)[1]))


def is_anchored(day: date, anchor: int) -> bool:
    """Return whether a date is the anchor day of its month, or its last day instead."""
    return day.day == min(anchor, monthrange(day.year, day.month)[1])


def days_360(start: date, end: date, start_day: int = 0, end_day: int = 0) -> int:
    """Return the days between two dates by 30E/360.

    Args:
        start: The first date.
        end: The second date.
        start_day: The day of the month that ``start`` counts as; 0 for its own.
        end_day: The same of ``end``.
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    first, last = start_day or start.day, end_day or end.day
    return months * _MONTH_DAYS + min(last, _MONTH_DAYS) - min(first, _MONTH_DAYS)


def actual_parts(day_count: DayCount, start: date, end: date) -> int:
    """Return the actual days from ``start`` to ``end`` in parts of the day count's year.

    Penalty counts so in every day count: 30/360 has a year of 360 days.
    """
    if day_count != "actual/actual":
        return (end - start).days * _A_DAY[day_count]
    whole = 0
    for year in range(start.year, end.year + 1):
        begin = max(start, date(year, 1, 1))
        until = min(end, date(year, 12, 31)).toordinal() + (year < end.year)
        whole += (until - begin.toordinal()) * (_LEAP_DAY if isleap(year) else _COMMON_DAY)
    return whole


def period_parts(day_count: DayCount, start: date, due: date, anchors: tuple[int, int]) -> int:
    """Return how long a period is, in parts of a year.

    Args:
        day_count: How days are counted.
        start: The due date before, or the date of disbursement.
        due: When the period ends.
        anchors: The days of the month that the two dates count as in 30/360; 0 for their own.
    """
    if day_count == "30/360":
        return days_360(start, due, *anchors) * _A_DAY[day_count]
    return actual_parts(day_count, start, due)


def half_up(numerator: int, denominator: int, unit: int = 1) -> int:
    """Return a ratio rounded half up (四舍五入) to a multiple of ``unit``; neither is negative."""
    size = denominator * unit
    return (2 * numerator + size) // (2 * size) * unit
