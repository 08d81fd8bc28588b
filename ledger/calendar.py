"""Business dates and business days: a fixed offset, a cut-off, and the years that are decided.

Nodes must agree on every date, so nothing here depends on the machine: the offset, the holidays
and the working weekends (调休) stand in genesis, and later years in the records that declare them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Annotated, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from ledger import forms
from ledger.errors import Refused
from ledger.limits import HOLIDAYS_MAX, YEAR_MAX, YEAR_MIN

Day = Annotated[str, Meta(pattern=forms.shut(forms.DAY))]
Days = Annotated[tuple[Day, ...], Meta(max_length=HOLIDAYS_MAX)]
Year = Annotated[int, Meta(ge=YEAR_MIN, le=YEAR_MAX, description="a calendar year")]
Party = Annotated[str, Meta(pattern=forms.shut(forms.PARTY))]

_MINUTE_MS = 60_000
_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)
_DAY_MINUTES = 1440
_DAY_MS = _DAY_MINUTES * _MINUTE_MS
_DATES_KEPT = 4096
_DATE_ORDINAL_MAX = date.max.toordinal() - 4000
_EARLIEST = date(YEAR_MIN - 1, 1, 1)
"""No money was captured so early, so nothing is looked for before it."""


class YearDays(Protocol):
    """The decided days of a year: those without business, and the weekend days with it."""

    @property
    def holidays(self) -> Collection[str]:
        """ISO dates without business."""

    @property
    def workdays(self) -> Collection[str]:
        """ISO dates of worked weekend days."""


class _Founded(NamedTuple):
    holidays: frozenset[str]
    workdays: frozenset[str]


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The institution's calendar, as far as it is founded.

    ``cutoff_minute`` is the minute of the local day at which the next business date begins (日切);
    1440 means midnight. ``years`` are those that are decided here, ``holidays`` their days without
    business, and ``workdays`` their weekend days that are worked. ``accepted_by`` names who has to
    accept what is declared later, besides the platform.
    """

    accepted_by: tuple[Party, ...] = ()
    cutoff_minute: Annotated[int, Meta(ge=1, le=_DAY_MINUTES)] = _DAY_MINUTES
    holidays: Days = ()
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 480
    workdays: Days = ()
    years: Annotated[tuple[Year, ...], Meta(max_length=YEAR_MAX - YEAR_MIN)] = ()

    def business_date(self, time_ms: int) -> str:
        """Return the ISO date on whose books ``time_ms`` falls: past the cut-off, the next day."""
        return _iso((time_ms + self.shift_ms) // _DAY_MS)

    @cached_property
    def shift_ms(self) -> int:
        """The time from the begin of a business date to that of its day by UTC, in ms."""
        return (self.utc_offset_minutes + _DAY_MINUTES - self.cutoff_minute) * _MINUTE_MS

    def starts_at_ms(self, day: date) -> int:
        """Return the first ms of a business date: the cut-off of the day before."""
        return (day - _EPOCH).days * _DAY_MS - self.shift_ms

    @cached_property
    def founded(self) -> dict[int, YearDays]:
        """The days that are decided here, by year."""
        return {
            year: _Founded(_of_year(self.holidays, year), _of_year(self.workdays, year))
            for year in self.years
        }

    @cached_property
    def business_days(self) -> BusinessDays:
        """The business days of the years that are decided here."""
        return BusinessDays(self.founded.get)


class BusinessDays:
    """Counts business days. Of a year that nobody has decided, only the weekends are known.

    Args:
        decided: Returns what is decided for a year, or None.
    """

    __slots__ = ("_decided",)

    def __init__(self, decided: Callable[[int], YearDays | None]) -> None:
        self._decided = decided

    def decides(self, year: int) -> bool:
        """Return whether somebody has decided a year."""
        return self._decided(year) is not None

    def is_business_day(self, day: date) -> bool:
        """Return whether ``day`` is worked: a weekday that is no holiday, or a worked weekend."""
        year = self._decided(day.year)
        if year is not None:
            text = day.isoformat()
            if text in year.workdays:
                return True
            if text in year.holidays:
                return False
        return day.weekday() < 5

    def due(self, day: date, cycle: str) -> date:
        """Return when money of a business date is due under ``cycle``.

        Args:
            day: The capture's business date.
            cycle: ``T+n`` is the n-th business day strictly after that date, and ``T+0`` that
                date, or the next business day where it is none; ``D+n`` counts calendar days.
        """
        count = int(cycle[2:])
        if cycle[0] == "D":
            return day + timedelta(days=count)
        if not count and not self.is_business_day(day):
            count = 1
        while count:
            day += _DAY
            count -= self.is_business_day(day)
        return day

    def latest(self, due: date, cycle: str) -> date:
        """Return the latest business date whose money is due by ``due``: :meth:`due` backwards."""
        count = int(cycle[2:])
        if cycle[0] == "D":
            return due - timedelta(days=count) if due > _EARLIEST else due
        left = count or 1
        while due > _EARLIEST:
            left -= self.is_business_day(due)
            if not left:
                return due - _DAY if count else due
            due -= _DAY
        return due

    def unknown(self, day: date, due: date, cycle: str) -> int:
        """Return the first year that nobody has decided and on which a due date rests, or 0.

        Args:
            day: A business date.
            due: What is due of it, by :meth:`due` or :meth:`latest`.
            cycle: Of calendar days nobody has to decide.
        """
        if cycle[0] == "D":
            return 0
        first = day if cycle == "T+0" else day + _DAY
        years = range(first.year, due.year + 1)
        return next((year for year in years if self._decided(year) is None), 0)


def fault_of(years: Collection[int], holidays: Sequence[str], workdays: Sequence[str]) -> str:
    """Return what is wrong with the days of a calendar, in words; the empty string if nothing is.

    Args:
        years: The years that it decides.
        holidays: Days without business.
        workdays: Weekend days that are worked.
    """
    for name, days in (("holidays", holidays), ("workdays", workdays)):
        for day in days:
            try:
                found = date.fromisoformat(day)
            except ValueError:
                return f"{name} are days of the calendar, such as 2026-10-01, and {day} is none"
            if found.year not in years:
                return f"{name} are days of a year that is decided, and {day} is of another one"
            if name == "workdays" and found.weekday() < 5:
                return f"workdays are worked weekend days, and {day} is a weekday"
        if list(days) != sorted(set(days)):
            return f"{name} come in order and each once, and {_misplaced(days)} does not"
    both = sorted(set(holidays) & set(workdays))
    return f"a day is worked or not, and {both[0]} is in holidays and in workdays" if both else ""


def _misplaced(days: Sequence[str]) -> str:
    return next(day for before, day in pairwise(days) if day <= before)


def _of_year(days: Iterable[str], year: int) -> frozenset[str]:
    return frozenset(day for day in days if day.startswith(f"{year}-"))


@lru_cache(maxsize=_DATES_KEPT)
def _iso(days_since_epoch: int) -> str:
    ordinal = _EPOCH.toordinal() + days_since_epoch
    if not 1 <= ordinal <= _DATE_ORDINAL_MAX:
        raise Refused(
            "date-out-of-range",
            "The time does not fall on a date of the calendar. It is in milliseconds; check it.",
            expected=f"a date from {date.min.isoformat()} to "
            f"{date.fromordinal(_DATE_ORDINAL_MAX).isoformat()}",
            got=f"{days_since_epoch} days after {_EPOCH.isoformat()}",
        )
    return date.fromordinal(ordinal).isoformat()
