"""Business dates from a fixed offset, a holiday list and a cut-off. No time-zone database.

Nodes must agree on every date, so nothing here depends on the machine: the offset, the holidays
and the working weekends (调休) stand in genesis.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from ledger import forms
from ledger.errors import Refused
from ledger.limits import HOLIDAYS_MAX

Day = Annotated[str, Meta(pattern=forms.DAY)]
Days = Annotated[tuple[Day, ...], Meta(max_length=HOLIDAYS_MAX)]

_MINUTE_MS = 60_000
_EPOCH = date(1970, 1, 1)
_DAY_MINUTES = 1440
_DAY_MS = _DAY_MINUTES * _MINUTE_MS
_CYCLE_DAYS_MAX = 30
DUE_DATES_MAX = 4096
_DATE_ORDINAL_MAX = date.max.toordinal() - 4000


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The institution's calendar.

    ``cutoff_minute`` is the minute of the local day at which the next business date begins (日切);
    1440 means midnight. ``workdays`` are weekend days that are worked.
    """

    cutoff_minute: Annotated[int, Meta(ge=1, le=_DAY_MINUTES)] = _DAY_MINUTES
    holidays: Days = ()
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 480
    workdays: Days = ()

    def business_date(self, time_ms: int) -> str:
        """Return the ISO date on whose books ``time_ms`` falls: past the cut-off, the next day."""
        return _day(self.day_number(time_ms)).isoformat()

    def day_number(self, time_ms: int) -> int:
        """Return the business date of ``time_ms`` as a count of days since the epoch."""
        return (time_ms + self.shift_ms) // _DAY_MS

    @property
    def shift_ms(self) -> int:
        """How long before the day of the same date, by UTC, a business date begins."""
        return (self.utc_offset_minutes + _DAY_MINUTES - self.cutoff_minute) * _MINUTE_MS

    def starts_at_ms(self, day: date) -> int:
        """Return the first ms of a business date: the cut-off of the day before."""
        return (day - _EPOCH).days * _DAY_MS - self.shift_ms

    def is_business_day(self, day: date) -> bool:
        """Return whether ``day`` is worked: a weekday that is no holiday, or a worked weekend."""
        text = day.isoformat()
        if text in self.workdays:
            return True
        return day.weekday() < 5 and text not in self.holidays

    def due_date(self, time_ms: int, cycle: str) -> str:
        """Return the ISO date on which money captured at ``time_ms`` is due under ``cycle``.

        Args:
            time_ms: When the money was captured, ms since the epoch.
            cycle: ``T+n`` is the n-th business day strictly after the capture's business date, and
                ``T+0`` that date, or the next business day where it is none; ``D+n`` counts
                calendar days.
        """
        return self.due_after(self.day_number(time_ms), cycle)

    def due_after(self, day_number: int, cycle: str) -> str:
        """Return the ISO date that lies a cycle after a business date, see :meth:`due_date`."""
        start = _day(day_number)
        count = int(cycle[2:])
        if cycle[0] == "D":
            return (start + timedelta(days=count)).isoformat()
        day = start if count else self._roll_forward(start)
        for _ in range(count):
            day = self._roll_forward(day + timedelta(days=1))
        return day.isoformat()

    def _roll_forward(self, day: date) -> date:
        for _ in range(HOLIDAYS_MAX):
            if self.is_business_day(day):
                return day
            day += timedelta(days=1)
        return day


class DueDates(dict[tuple[int, str], str]):
    """Due dates by business date (days since the epoch) and cycle, as far as they were asked for.

    It holds ``DUE_DATES_MAX`` at most.
    """

    __slots__ = ("_calendar", "_shift_ms")

    def __init__(self, calendar: Calendar) -> None:
        super().__init__()
        self._calendar = calendar
        self._shift_ms = calendar.shift_ms

    def reckon(self, day_number: int, cycle: str) -> str:
        """Return a due date by the calendar, and keep it: see :meth:`Calendar.due_after`."""
        if len(self) >= DUE_DATES_MAX:
            self.clear()
        due = self[day_number, cycle] = self._calendar.due_after(day_number, cycle)
        return due

    def after(self, time_ms: int, cycle: str) -> str:
        """Return what :meth:`Calendar.due_date` does."""
        key = ((time_ms + self._shift_ms) // _DAY_MS, cycle)
        return self.get(key) or self.reckon(*key)


def _day(days_since_epoch: int) -> date:
    ordinal = _EPOCH.toordinal() + days_since_epoch
    if not 1 <= ordinal <= _DATE_ORDINAL_MAX:
        raise Refused(
            "date-out-of-range",
            "The time does not fall on a date of the calendar. It is in milliseconds; check it.",
            expected=f"a date from {date.min.isoformat()} to "
            f"{date.fromordinal(_DATE_ORDINAL_MAX).isoformat()}",
            got=f"{days_since_epoch} days after {_EPOCH.isoformat()}",
        )
    return date.fromordinal(ordinal)
