"""Dates of a generated day: an evening cut-off (日切), a holiday after the day, what is due when.

The holiday is not founded: it is declared and accepted in the morning, with the year that follows.
All is counted day by day from the lists in the day's files, and shares nothing with the ledger's
calendar: so the second account of a day notices when either of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

CUTOFF_TIME = "21:30:00"
_CUTOFF_MINUTE = 21 * 60 + 30
_HOLIDAY_DAYS = 3
_DAY = timedelta(days=1)
_MIDNIGHT = 1440
_OFFSET_MAX = 840
_SATURDAY = 6
_EPOCH = datetime(1970, 1, 1)


class DeclaredYear(msgspec.Struct, frozen=True):
    """Days of a year that the institution declares and the platform accepts."""

    year: int
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


class PlainCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The institution's calendar, as the day's files state it.

    ``cutoff_minute`` is the minute of the local day at which the next business date begins.
    ``workdays`` are weekend days that are worked (调休). The consortium is founded with the days of
    ``years``; what is ``declared`` of a year takes the place of that before anything is paid out.
    """

    cutoff_minute: Annotated[int, Meta(ge=1, le=_MIDNIGHT)]
    holidays: tuple[date, ...]
    utc_offset_minutes: Annotated[int, Meta(ge=-_OFFSET_MAX, le=_OFFSET_MAX)]
    workdays: tuple[date, ...]
    years: tuple[int, ...]
    declared: tuple[DeclaredYear, ...] = ()

    def founded(self) -> dict[str, Any]:
        """Return the calendar as it was before any declaration, as JSON has it."""
        founded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        founded.pop("declared", None)
        return founded

    def declaring(self, records: Iterable[object]) -> PlainCalendar:
        """Return the dates with the declared years of a calendar's records.

        Raises:
            ValueError: a day is none.
        """
        declared = [msgspec.convert(each, DeclaredYear, from_attributes=True) for each in records]
        return msgspec.structs.replace(self, declared=tuple(declared))

    def business_date(self, time_ms: int) -> date:
        """Return the date on whose books a time falls: from the cut-off on, the next one."""
        local = _EPOCH + timedelta(milliseconds=time_ms, minutes=self.utc_offset_minutes)
        is_past = 60 * local.hour + local.minute >= self.cutoff_minute
        return local.date() + _DAY * is_past

    def is_worked(self, day: date) -> bool:
        """Return whether business is done on ``day``."""
        holidays, workdays = self.holidays, self.workdays
        for declared in self.declared:
            if declared.year == day.year:
                holidays, workdays = declared.holidays, declared.workdays
        return day in workdays if day.isoweekday() >= _SATURDAY else day not in holidays

    def due_date(self, captured_ms: int, cycle: str) -> str:
        """Return when money is due: ``D+n`` after n days, ``T+n`` on the n-th worked day after.

        ``T+0`` is the capture's business date, or the first worked day after it.
        """
        day = self.business_date(captured_ms)
        kind, count = cycle.split("+")
        left = int(count)
        if kind == "D":
            return (day + left * _DAY).isoformat()
        if not left and not self.is_worked(day):
            left = 1
        while left:
            day += _DAY
            left -= self.is_worked(day)
        return day.isoformat()

    def after(self, day: str) -> str:
        """Return the first business date after ``day``."""
        following = date.fromisoformat(day) + _DAY
        while not self.is_worked(following):
            following += _DAY
        return following.isoformat()

    def after_month(self, day: str) -> str:
        """Return the first business date after the month of ``day``: when its fees are invoiced."""
        first = date.fromisoformat(f"{day[:7]}-28") + 4 * _DAY
        return self.after((first.replace(day=1) - _DAY).isoformat())


def dates_around(day: str) -> PlainCalendar:
    """Return dates in which the three days after ``day`` are a holiday, as declared that morning.

    The fourth day is worked, weekend or not. After 2025-12-31 this is the New Year holiday of 2026
    as it really was: off until Saturday, Sunday 4 January worked.
    """
    *off, worked = [date.fromisoformat(day) + n * _DAY for n in range(1, _HOLIDAY_DAYS + 2)]
    weekend = [worked] if worked.isoweekday() >= _SATURDAY else []
    first = date.fromisoformat(day).year
    declared = tuple(
        DeclaredYear(
            year,
            tuple(each for each in off if each.year == year),
            tuple(each for each in weekend if each.year == year),
        )
        for year in (first, first + 1)
    )
    return PlainCalendar(_CUTOFF_MINUTE, (), 480, (), (first,), declared)
