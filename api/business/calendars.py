"""Calendars: which days of a year are worked by whose word, and the due dates that follow."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.answers import json_answer
from api.business.parameters import now_ms
from api.openapi import describe
from api.problems import Problem
from api.reading import Reading
from ledger.calendar import BusinessDays, YearDays
from ledger.contracts.calendars import CalendarVersion, last_known, warning_of
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import CYCLES, Bucket
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import NEVER
from node.storage.queries import Walk, walked
from node.storage.reads import Reader

FOUNDED = "founded"
DECLARED = "declared"
IN_FORCE = "in-force"
REPLACED = "replaced"

Height = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="What held after this block; now if left out."),
]


class CalendarYearView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a year: its days without business, and its worked weekend days.

    ``state`` is founded (in genesis), declared (not accepted by all), in-force, or replaced by a
    later version. ``entry`` declared it last, ``accepted_entry`` put it in force.
    """

    year: int
    version: int
    state: str
    holidays: list[str]
    workdays: list[str]
    accepted: list[str]
    entry: int | UnsetType = UNSET
    accepted_entry: int | UnsetType = UNSET


class CalendarView(msgspec.Struct, frozen=True, kw_only=True):
    """The institution's calendar at a height: every version of every year.

    ``on`` is today's business date. ``known_until`` is the last date up to which every year from
    today's on is decided; due dates that rest on later ones are provisional. ``warning`` says that
    this date is near, or that nothing is decided.
    """

    on: str
    cutoff_minute: int
    utc_offset_minutes: int
    years: list[CalendarYearView]
    known_until: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET


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

    def of(self, bucket: Bucket, payout: Payout | None = None) -> tuple[str, bool]:
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


def calendar_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route to the calendar."""

    @router.get("/v1/calendar", **describe(CalendarView, "no-such-block"))
    def show_calendar(height: Height = None) -> Response:
        """Show which days are without business, by whose word, and up to when that is known."""
        calendar = reading.genesis.calendar
        with reading.reader() as reader:
            end = SAFE_INTEGER_MAX if height is None else _size_after(reader, height)
            rows = walked(reader, CalendarVersion, Walk({}, ("year", "version")))
            versions = [row for row in rows if row.entry < end]
        views = _years(calendar.founded, versions, end)
        held = {view.year for view in views if view.state in (FOUNDED, IN_FORCE)}
        today = calendar.business_date(now_ms(None))
        last = last_known(held.__contains__, today)
        view = CalendarView(
            on=today,
            cutoff_minute=calendar.cutoff_minute,
            utc_offset_minutes=calendar.utc_offset_minutes,
            years=views,
            known_until=last or UNSET,
            warning=warning_of(last, today) or UNSET,
        )
        return json_answer(view)


def _size_after(reader: Reader, height: int) -> int:
    """Return how many entries the log had after a block."""
    if height >= reader.height():
        if height > reader.height():
            raise Problem("no-such-block", f"the newest block is {reader.height()}, got {height}")
        return SAFE_INTEGER_MAX
    return reader.blocks(height + 1, 1)[0].first_index


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
            accepted_entry=row.accepted_entry if is_accepted else UNSET,
        )
        views.append(view)
    return sorted(views, key=lambda view: (view.year, view.version))
