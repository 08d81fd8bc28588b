"""Calendars: years that the institution declares or amends, and the platform accepts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from simulator.workload.drafts import about, anything, changed, spoilt
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownCalendarYear

DECLARES_PPM = 400_000
ACCEPTS_PPM = 800_000
DIFFERS_PPM = 150_000
"""Rate of acceptances of other days than were declared."""

_NO_VERSION = 99
_HOLIDAYS_MAX = 120
_WEEKENDS_MAX = 3
_DAYS = 365


def _declare(author: Author) -> Draft:
    year = author.find(author.known.calendar_years, lambda each: True)
    author.assume(author.chance.happens(DECLARES_PPM))
    fields = _days(author, year)

    def learn() -> None:
        year.declared = fields

    return Draft(fields, (year,), learn)


def _days(author: Author, year: KnownCalendarYear) -> Fields:
    first = date(year.number, 1, 1)
    days = [first + timedelta(days=n) for n in range(_DAYS)]
    weekends = [day for day in days if day.weekday() >= 5]
    chance = author.chance
    off = set(chance.some(days, chance.below(_HOLIDAYS_MAX)))
    worked = set(chance.some(weekends, chance.below(_WEEKENDS_MAX))) - off
    found = {"holidays": off, "workdays": worked}
    lists = {name: [day.isoformat() for day in sorted(own)] for name, own in found.items() if own}
    return {"year": year.number, "version": year.held + 1, **lists}


def _accept(author: Author) -> Draft:
    year = author.find(author.known.calendar_years, lambda each: bool(each.declared))
    author.assume(author.chance.happens(ACCEPTS_PPM))
    declared = year.declared
    if author.chance.happens(DIFFERS_PPM):
        return Draft({**declared, "holidays": [f"{year.number}-12-31"]}, (year,))

    def learn() -> None:
        if year.declared is declared:  # else it was declared anew meanwhile, and this conflicts
            year.hold()

    return Draft(declared, (year,), learn)


def _of_year(
    fits: Callable[[Author, KnownCalendarYear], bool],
    fields: Callable[[Author, KnownCalendarYear], Fields],
) -> Drafting:
    return about(lambda known: known.calendar_years, fits, fields)


def _last_declared(author: Author, year: KnownCalendarYear) -> Fields:
    return year.declared or year.accepted


_any_year = _of_year(anything, _days)


def _not_asked(author: Author) -> Draft:
    author.assume(author.party != author.known.platform)
    return _any_year(author)


def _twice(make: Drafting) -> Drafting:
    return changed(make, lambda made: {**made, "holidays": [f"{made['year']}-05-01"] * 2})


MOVES: Moves = {
    ("institution", "calendar.declared"): (
        valid(_declare, 2),
        refused("calendar-days", _twice(_any_year)),
        refused("calendar-version", spoilt(_any_year, version=_NO_VERSION)),
        refused("effective-too-late", lambda author: Draft({"year": 2100, "version": 1})),
    ),
    ("platform", "calendar.accepted"): (
        valid(_accept, 2),
        refused("unknown-calendar", spoilt(_any_year, version=_NO_VERSION)),
        refused(
            "already-accepted",
            _of_year(lambda _, each: bool(each.accepted) and not each.declared, _last_declared),
        ),
        refused(
            "calendar-days", _twice(_of_year(lambda _, each: bool(each.declared), _last_declared))
        ),
    ),
    (ANYBODY, "calendar.accepted"): (refused("wrong-author", _not_asked),),
}
