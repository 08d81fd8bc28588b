"""Calendars: which days of a year are worked by whose word, and the due dates that follow."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from ledger.calendar import BusinessDays, YearDays
from ledger.contracts.calendars import (
    CalendarVersion,
    VersionState,
    last_known,
    warning_of,
)
from ledger.contracts.payouts import DueTotal, Payout
from ledger.contracts.receivers import CYCLES, Bucket
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import NEVER, Walk
from views.labels import Entry, Label, state_label
from views.reader import Reader, walked
from views.view import ViewStruct

FOUNDED: Final = "founded"
DECLARED: Final = "declared"
IN_FORCE: Final = "in-force"
REPLACED: Final = "replaced"


class CalendarYearView(ViewStruct, frozen=True, kw_only=True):
    """A version of a year: its days without business, and its worked weekend days.

    ``state`` is founded (in genesis), declared (not accepted by all), in-force, or replaced by a
    later version. ``entry`` declared it last, ``accepted_entry`` put it in force.
    """

    year: Annotated[int, Label("year", "年度")]
    version: Annotated[int, Label("version", "版本")]
    state: Annotated[
        VersionState,
        state_label(founded="创世", declared="已公布", in_force="生效", replaced="已被替代"),
    ]
    holidays: Annotated[list[str], Label("holidays", "休息日")]
    workdays: Annotated[list[str], Label("worked weekend days", "调休上班日")]
    accepted: Annotated[list[str], Label("accepted by", "已接受")]
    entry: Entry = -1
    accepted_entry: Annotated[int, Label("in force since entry", "生效条目", "entry", "entry")] = -1


class CalendarView(ViewStruct, frozen=True, kw_only=True):
    """The institution's calendar at a height: every version of every year.

    ``on`` is today's business date. ``known_until`` is the last date up to which every year from
    today's on is decided; due dates that rest on later ones are provisional. ``warning`` says that
    this date is near, or that nothing is decided.
    """

    on: Annotated[str, Label("business date", "业务日", "date")]
    cutoff_minute: Annotated[int, Label("cut-off minute", "日切分钟")]
    utc_offset_minutes: Annotated[int, Label("minutes from UTC", "时区偏移（分钟）")]
    years: list[CalendarYearView]
    known_until: Annotated[str, Label("known until", "已知至", "date")] = ""
    warning: Annotated[str, Label("warning", "警告", "text")] = ""


class DueDates:
    """Due dates by the calendar that holds now, and by those that held.

    Args:
        reader: The snapshot.
        genesis: The consortium.
    """

    def __init__(self, reader: Reader, genesis: Genesis) -> None:
        self._founded = genesis.calendar.founded
        found = walked(reader, CalendarVersion, Walk({}, ("year", "version")))
        self._accepted = [row for row in found if row.accepted_entry != NEVER]
        self.now = self.at(SAFE_INTEGER_MAX)
        self._kept: dict[tuple[str, str], tuple[str, bool]] = {}

    def at(self, entry: int) -> BusinessDays:
        """Return the business days by the calendar that held when an entry was recorded."""
        held: dict[int, YearDays] = dict(self._founded)
        held.update((row.year, row) for row in self._accepted if row.accepted_entry < entry)
        return BusinessDays(held.get)

    def of(self, bucket: Bucket | DueTotal, payout: Payout | None = None) -> tuple[str, bool]:
        """Return when a bucket falls due, or fell due for its payout, and if that may change."""
        matter = (bucket.business_date, bucket.cycle)
        if payout is None:
            return self._kept.get(matter) or self._reckon(matter)
        held = self.at(payout.entry)
        return held.due(date.fromisoformat(matter[0]), matter[1]).isoformat(), False

    def _reckon(self, matter: tuple[str, str]) -> tuple[str, bool]:
        day, cycle = date.fromisoformat(matter[0]), matter[1]
        due = self.now.due(day, cycle)
        found = self._kept[matter] = (due.isoformat(), self.now.unknown(day, due, cycle) > 0)
        return found

    def latest(self, day: str) -> dict[str, str]:
        """Return by cycle the latest business date whose money is due by ``day``."""
        due = date.fromisoformat(day)
        return {cycle: self.now.latest(due, cycle).isoformat() for cycle in CYCLES}


def calendar_view(reader: Reader, genesis: Genesis, end: int, today: str) -> CalendarView:
    """Return the calendar as it was known after the first ``end`` entries.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        end: How many entries count.
        today: The present business date.
    """
    calendar = genesis.calendar
    rows = walked(reader, CalendarVersion, Walk({}, ("year", "version")))
    versions = [row for row in rows if row.entry < end]
    years = _years(calendar.founded, versions, end)
    held = {view.year for view in years if view.state in (FOUNDED, IN_FORCE)}
    last = last_known(held.__contains__, today)
    return CalendarView(
        on=today,
        cutoff_minute=calendar.cutoff_minute,
        utc_offset_minutes=calendar.utc_offset_minutes,
        years=years,
        known_until=last,
        warning=warning_of(last, today),
    )


def today(reader: Reader, genesis: Genesis, now_ms: int) -> str:
    """Return the present business date of the institution's calendar: that of the next block.

    A block's time is never before that of the block before it, whatever the clock says.
    """
    newest_ms = max(reader.block_times([reader.height()]).values(), default=0)
    return genesis.calendar.business_date(max(now_ms, newest_ms))


def _years(
    founded: dict[int, YearDays], versions: list[CalendarVersion], end: int
) -> list[CalendarYearView]:
    """Return every version by year: what genesis has, and what was declared before ``end``."""
    held = {row.year: row.version for row in versions if NEVER < row.accepted_entry < end}
    views = [
        CalendarYearView(
            year=year,
            version=0,
            state=REPLACED if year in held else FOUNDED,
            holidays=sorted(days.holidays),
            workdays=sorted(days.workdays),
            accepted=[],
        )
        for year, days in founded.items()
    ]
    state: VersionState
    for row in versions:
        is_accepted = NEVER < row.accepted_entry < end
        state = IN_FORCE if row.version == held.get(row.year) else REPLACED
        view = CalendarYearView(
            year=row.year,
            version=row.version,
            state=state if is_accepted else DECLARED,
            holidays=list(row.holidays),
            workdays=list(row.workdays),
            accepted=list(row.accepted) if is_accepted or end == SAFE_INTEGER_MAX else [],
            entry=row.entry,
            accepted_entry=row.accepted_entry if is_accepted else -1,
        )
        views.append(view)
    return sorted(views, key=lambda view: (view.year, view.version))
