"""Days as numbers, month ends, and the parts of a year that a period is.

A day's number counts days from 0001-01-01, which is 1. A part of a year is a pair of integers,
numerator and denominator; all periods of one loan have the same denominator.
"""

from __future__ import annotations

from functools import cache

MONTHS = 12
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_COMMON, _LEAP = 365, 366
_BANKERS_MONTH, _BANKERS_YEAR = 30, 360
_LONGEST_YEAR = 366

Part = tuple[int, int]
"""A part of a year: numerator and denominator."""

Civil = tuple[int, int, int]
"""Year, month, day of the month."""


def is_leap(year: int) -> bool:
    """Return whether ``year`` has 366 days."""
    return year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)


def month_days(year: int, month: int) -> int:
    """Return how many days a month has."""
    return _MONTH_DAYS[month - 1] + (month == 2 and is_leap(year))


@cache
def new_year(year: int) -> int:
    """Return the number of a year's first day."""
    before = year - 1
    leap_years = before // 4 - before // 100 + before // 400
    return before * _COMMON + leap_years + 1


@cache
def number(year: int, month: int, day: int) -> int:
    """Return the number of a day.

    Raises:
        ValueError: the calendar has no such day.
    """
    if not (1 <= month <= MONTHS and 1 <= day <= month_days(year, month)):
        raise ValueError(f"the calendar has no day {year}-{month}-{day}")
    return new_year(year) + sum(month_days(year, each) for each in range(1, month)) + day - 1


@cache
def civil(day: int) -> Civil:
    """Return year, month and day of a day's number."""
    year = day // _LONGEST_YEAR + 1
    while new_year(year + 1) <= day:
        year += 1
    rest, month = day - new_year(year) + 1, 1
    while rest > month_days(year, month):
        rest -= month_days(year, month)
        month += 1
    return year, month, rest


@cache
def read(text: str) -> int:
    """Return the number of a day written ``2022-11-01``.

    Raises:
        ValueError: the text is no ISO date.
    """
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdecimal() for part in parts):
        raise ValueError(f"{text!r} is not a date such as 2022-11-01")
    year, month, day = (int(part) for part in parts)
    return number(year, month, day)


@cache
def write(day: int) -> str:
    """Return a day's ISO text."""
    year, month, rest = civil(day)
    return f"{year:04d}-{month:02d}-{rest:02d}"


def months_on(first: Civil, months: int, anchor: int) -> Civil:
    """Return the anchor day so many months after ``first``, at the latest the month's last day."""
    year, month, _ = first
    for _each in range(months):
        year, month = (year, month + 1) if month < MONTHS else (year + 1, 1)
    return year, month, min(anchor, month_days(year, month))


def bankers(date: Civil, anchor: int | None = None) -> int:
    """Return a day's place in a calendar of 30-day months (30E/360), by an anchor if it has one."""
    year, month, day = date
    within = min(anchor or day, _BANKERS_MONTH)
    return year * _BANKERS_YEAR + month * _BANKERS_MONTH + within


def bankers_due(date: Civil, anchor: int) -> int:
    """Return a due date's place in it: as its anchor day, where it is that or the month's last."""
    year, month, day = date
    return bankers(date, anchor if day == min(anchor, month_days(year, month)) else None)


def year_days(day_count: str) -> int:
    """Return the denominator of a day count's parts of a year.

    Raises:
        ValueError: there is no such day count.
    """
    days = {"30/360": 360, "actual/360": 360, "actual/365": 365, "actual/actual": 365 * 366}
    if day_count not in days:
        raise ValueError(f"{day_count!r} is no day count; there are {', '.join(days)}")
    return days[day_count]


def weigh(amounts: list[int], first: int, day_count: str) -> int:
    """Return what daily amounts from day ``first`` on sum to, over the day count's denominator."""
    if day_count != "actual/actual":
        return sum(amounts)
    weighed, at = 0, first
    while at < first + len(amounts):
        year = civil(at)[0]
        until = min(new_year(year + 1), first + len(amounts))
        days = _COMMON if is_leap(year) else _LEAP  # 1/366 is 365 of 365*366 parts
        weighed += days * sum(amounts[at - first : until - first])
        at = until
    return weighed


def actual_part(start: int, end: int, day_count: str) -> Part:
    """Return the part of a year from ``start`` on to before ``end``, by the days that there are."""
    return weigh([1] * (end - start), start, day_count), year_days(day_count)
