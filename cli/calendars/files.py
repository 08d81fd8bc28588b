"""Files that announce a year's holidays and worked weekends: the usual public forms.

* JSON as the public collections of Chinese holidays have it: ``{"year": 2027, "days": [{"date":
  "2027-01-01", "isOffDay": true}, …]}``, or ``{"holiday": {"01-01": {"date": …, "holiday":
  true}}}``; or plain: ``{"year": 2027, "holidays": […], "workdays": […]}``; or a list of such.
* ICS (RFC 5545): events of whole days, which say 休 or 假 of a day off, 班 of a worked weekend.

A notice on one year may name days of December before it. Such a year is not announced as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, MINYEAR, date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from cli.errors import UsageError
from cli.inputs import bytes_of
from ledger.calendar import Calendar

SHIPPED, NONE = "cn", "none"
_DECEMBER = 12
_DAY = timedelta(days=1)
_EVENT_DAYS_MAX = 60
_NEXT = 'write it as {"year": 2027, "holidays": ["2027-01-01"], "workdays": []}'

Days = dict[date, bool]
"""Whether a day is off, by day; a weekend day that is not off is worked."""


class Announced(msgspec.Struct, frozen=True):
    """What a file says: the years it announces as a whole, and the days it names."""

    years: tuple[int, ...]
    days: Days

    def of(self, year: int) -> tuple[list[str], list[str]]:
        """Return a year's days off and its worked weekend days, as ISO dates in order."""
        own = sorted(day for day in self.days if day.year == year)
        off = [day.isoformat() for day in own if self.days[day]]
        return off, [day.isoformat() for day in own if not self.days[day]]


def read_announced(path: str | Path) -> Announced:
    """Read a file of holidays.

    Raises:
        UsageError: ``unreadable-file``, or ``bad-calendar-file``: it has none of the forms.
    """
    return announced_by(bytes_of(path), str(path))


def shipped() -> Announced:
    """Return the shipped calendar of mainland China, whose notices stand in the file."""
    name = f"{SHIPPED}.json"
    return announced_by(resources.files("cli.calendars").joinpath(name).read_bytes(), name)


def calendar_for(choice: str) -> Calendar:
    """Return the calendar to found with: ``cn``, ``none``, or that of a file.

    Raises:
        UsageError: as :func:`read_announced`.
    """
    if choice == NONE:
        return Calendar()
    found = shipped() if choice == SHIPPED else read_announced(choice)
    listed = [found.of(year) for year in found.years]
    return Calendar(
        holidays=tuple(day for off, _ in listed for day in off),
        workdays=tuple(day for _, worked in listed for day in worked),
        years=found.years,
    )


def announced_by(data: bytes, name: str) -> Announced:
    """Return what the bytes of a file announce.

    Raises:
        UsageError: ``bad-calendar-file``.
    """
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("BEGIN:VCALENDAR"):
            return _whole((), _events(text))
        return _of_json(msgspec.json.decode(text.encode()))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        said = f"{name} announces no holidays in a form that is known: {error}"
        raise UsageError("bad-calendar-file", said, _NEXT) from None


def _of_json(value: Any) -> Announced:
    years: list[int] = []
    named: list[tuple[date, bool]] = []
    for each in value if isinstance(value, list) else [value]:
        if "year" in each:
            years.append(_year(each["year"]))
        named += _named(each)
    return _whole(years, named)


def _named(value: dict[str, Any]) -> Iterator[tuple[date, bool]]:
    if sum(form in value for form in ("days", "holiday", "holidays")) > 1:
        raise ValueError("it names its days in two forms")
    if "days" in value:
        for each in value["days"]:
            yield date.fromisoformat(each["date"]), _flag(each["isOffDay"])
    elif "holiday" in value:
        for each in value["holiday"].values():
            yield date.fromisoformat(each["date"]), _flag(each["holiday"])
    else:
        for day in value["holidays"]:
            yield date.fromisoformat(day), True
        for day in value.get("workdays", ()):
            yield date.fromisoformat(day), False


def _year(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"a year is a number, got {value!r}")
    if not MINYEAR < value < MAXYEAR:
        raise ValueError(f"a year lies between {MINYEAR} and {MAXYEAR}, got {value}")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"whether a day is off is true or false, got {value!r}")
    return value


def _whole(years: Iterable[int], named: Iterable[tuple[date, bool]]) -> Announced:
    """Return what is announced; without named years, those of which more than December is said."""
    days: Days = {}
    for day, off in named:
        if day in days:
            raise ValueError(f"{day} is named twice")
        if not off and day.weekday() < 5:
            raise ValueError(f"{day} is a weekday, which is worked anyway")
        days[day] = off
    told = sorted(set(years)) or sorted({day.year for day in days if day.month != _DECEMBER})
    if not told:
        raise ValueError("it names no day")
    others = {day for day in days if day.year not in told}
    if strange := sorted(
        day
        for day in others
        if (day.month, day.year + 1) not in {(_DECEMBER, year) for year in told}
    ):
        raise ValueError(f"{strange[0]} is of another year than {', '.join(map(str, told))}")
    return Announced(tuple(told), days)


def _events(text: str) -> Iterator[tuple[date, bool]]:
    """Yield the days of the events of an ICS file."""
    event: dict[str, str] = {}
    inside: list[str] = []
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        name, _, value = line.partition(":")
        key, said = name.partition(";")[0].upper(), value.strip().upper()
        if key == "BEGIN":
            inside.append(said)
            event = {} if said == "VEVENT" else event
        elif key == "END":
            if inside[-1:] != [said]:
                raise ValueError(f"END:{value} ends nothing")
            inside.pop()
            if said == "VEVENT":
                yield from _days_of(event)
        elif inside[-1:] == ["VEVENT"]:  # not what stands inside an event, as an alarm does
            event[key] = value


def _days_of(event: dict[str, str]) -> Iterator[tuple[date, bool]]:
    summary, first = event.get("SUMMARY", ""), _day(event["DTSTART"])
    if event.get("STATUS", "").upper() == "CANCELLED":
        return
    if strange := sorted({"RRULE", "RDATE", "EXDATE", "DURATION"} & event.keys()):
        raise ValueError(
            f"the event {summary!r} has {strange[0]}: write its days as DTSTART and DTEND"
        )
    end = _day(event["DTEND"]) if "DTEND" in event else first + _DAY
    if "班" in summary:
        off = False
    elif "休" in summary or "假" in summary:
        off = True
    else:
        raise ValueError(f"the event {summary!r} on {first} says neither 休 or 假 nor 班")
    if not 0 < (end - first).days <= _EVENT_DAYS_MAX:
        raise ValueError(f"the event {summary!r} lasts from {first} to {end}")
    yield from ((first + n * _DAY, off) for n in range((end - first).days))


def _day(text: str) -> date:
    found = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", text)
    if found is None:
        raise ValueError(f"{text} is no whole day, such as 20270101")
    return date(*map(int, found.groups()))
