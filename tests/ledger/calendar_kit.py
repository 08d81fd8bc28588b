"""Calendars to test with: declarations, acceptances, the notices of 2019 and 2020, new years."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import chinese_calendar  # type: ignore[import-untyped]

from ledger.calendar import Calendar
from ledger.genesis import Genesis
from tests.ledger.ledger_kit import Ledger, leg, make_genesis, payout_of

Said = tuple[str, str, dict[str, Any]]

FIRST, LAST = date(2018, 1, 1), date(2026, 12, 31)
"""The years that the third opinion knows to be as they were, or as they are declared."""

NEW_YEAR: dict[str, Any] = {
    "year": 2027,
    "version": 1,
    "holidays": ["2027-01-01"],
    "workdays": ["2027-01-02"],
}
"""A declaration of 2027 with one holiday, a Friday, and a worked Saturday after it."""


def mainland(years: range = range(FIRST.year, LAST.year + 1)) -> Calendar:
    """Return mainland China's calendar of some years, from the lists of `chinesecalendar`."""

    def listed(days: Any) -> tuple[str, ...]:
        return tuple(sorted(day.isoformat() for day in days if day.year in years))

    return Calendar(
        holidays=listed(chinese_calendar.holidays),
        workdays=listed(chinese_calendar.workdays),
        years=tuple(years),
    )


def before_notice(year: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return holidays and workdays of a year as they were before its amendment.

    Source: the State Council's notices of 2018-12-06 (Labour Day 2019 is 1 May alone, and nothing
    is worked for it) and of 2019-11-21 (Spring Festival 2020 ends on 30 January; 19 January and 1
    February are worked).
    """
    now = mainland(range(year, year + 1))
    holidays, workdays = set(now.holidays), set(now.workdays)
    if year == 2019:
        holidays -= {"2019-05-02", "2019-05-03", "2019-05-04"}
        workdays -= {"2019-04-28", "2019-05-05"}
    if year == 2020:
        holidays -= {"2020-01-31", "2020-02-01", "2020-02-02"}
        workdays |= {"2020-02-01"}
    return tuple(sorted(holidays)), tuple(sorted(workdays))


def as_announced(year: int) -> Genesis:
    """Return a genesis that knows a year as it was before its amendment."""
    holidays, workdays = before_notice(year)
    return make_genesis(calendar=Calendar(holidays=holidays, workdays=workdays, years=(year,)))


def amendment(year: int) -> dict[str, Any]:
    """Return the fields of the amendment of a year as the notice has it."""
    now = mainland(range(year, year + 1))
    days = {"holidays": list(now.holidays), "workdays": list(now.workdays)}
    return {"year": year, "version": 1, **days}


def year_of(
    holidays: list[str], workdays: Sequence[str] = ("2027-01-02",), version: int = 1
) -> dict[str, Any]:
    """Return the fields of a declaration of 2027; lists that are empty are left out."""
    days = {"holidays": list(holidays), "workdays": list(workdays)}
    stated = {name: found for name, found in days.items() if found}
    return {"year": 2027, "version": version, **stated}


def noon(day: str) -> int:
    """Return noon of a day at UTC+8, ms since the epoch."""
    at = datetime.fromisoformat(f"{day}T04:00").replace(tzinfo=UTC)
    return round(at.timestamp()) * 1000


def day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def trading(genesis: Genesis, day: str, cycle: str = "T+1") -> Ledger:
    """Return a ledger on a day, with a receiver ``shop`` of a cycle."""
    ledger = Ledger(genesis, noon(day))
    ledger.register("shop", cycle=cycle)
    return ledger


def trade(ledger: Ledger, payment: str, day: str, amount: int = 1000) -> None:
    """Capture and split a payment of a day, all of it to ``shop``."""
    ledger.now = max(ledger.now, noon(day))
    ledger.capture(payment, amount, captured_at=noon(day))
    ledger.instruct(payment, amount, legs=[leg(1, "shop", amount=amount)])


def accept(ledger: Ledger, fields: dict[str, Any], *, at: str = "") -> int:
    """Have a calendar declared and accepted; return the acceptance's entry."""
    if at:
        ledger.now = noon(at)
    ledger.apply("institution", "calendar.declared", **fields)
    return ledger.apply("platform", "calendar.accepted", **fields)


def due_on(ledger: Ledger, day: str) -> str:
    """Return what the ledger says is due to ``shop`` on a date that has begun: amount and legs."""
    ledger.wait_for(day)
    fields = payout_of("probe", 9_999_999, cutoff_date=day)
    done = ledger.state("institution", "settlement.created", **fields)
    (refused,) = (refused for _, refused in done.refusals)
    return refused.expected if refused.code == "payout-differs" else refused.code


def founded() -> Ledger:
    """Return a ledger that is founded for 2026 and owes ``shop`` the money of New Year's Eve."""
    ledger = trading(make_genesis(calendar=mainland(range(2026, 2027))), "2026-12-31")
    trade(ledger, "P1", "2026-12-31")
    return ledger


def in_the_new_year() -> Ledger:
    """Return the ledger of :func:`founded` in January, and nobody has declared 2027."""
    ledger = founded()
    ledger.wait_for("2027-01-04")
    return ledger


def declared() -> Ledger:
    """Return a ledger in which 2027 is declared and awaits its acceptance."""
    ledger = founded()
    ledger.apply("institution", "calendar.declared", **NEW_YEAR)
    return ledger


def accepted() -> Ledger:
    """Return a ledger in which 2027 holds."""
    ledger = founded()
    accept(ledger, NEW_YEAR)
    return ledger


SAMPLES = {"calendar.declared": NEW_YEAR, "calendar.accepted": NEW_YEAR}
ANYBODY = {"calendar.accepted"}


def _said(author: str, said: str, **fields: Any) -> Said:
    return (author, f"calendar.{said}", {**NEW_YEAR, **fields})


_PAYOUT = payout_of(cutoff_date="2027-01-04", amount=1000)

REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "calendar-days": (
        founded,
        _said("institution", "declared", holidays=["2027-01-01", "2027-01-01"]),
    ),
    "calendar-version": (founded, _said("institution", "declared", version=2)),
    "calendar-undeclared": (in_the_new_year, ("institution", "settlement.created", _PAYOUT)),
    "unknown-calendar": (founded, _said("platform", "accepted")),
}

MORE_REFUSALS: list[tuple[str, Callable[[], Ledger], Said]] = [
    ("calendar-days", founded, _said("institution", "declared", holidays=["2026-12-31"])),
    ("calendar-days", founded, _said("institution", "declared", workdays=["2027-01-04"])),
    ("calendar-days", founded, _said("institution", "declared", workdays=["2027-02-30"])),
    ("calendar-days", founded, _said("institution", "declared", holidays=["2027-01-02"])),
    ("calendar-days", declared, _said("platform", "accepted", workdays=["2027-01-04"])),
    ("calendar-version", accepted, _said("institution", "declared")),
    ("calendar-version", accepted, _said("institution", "declared", version=3)),
    (
        "effective-too-late",
        founded,
        ("institution", "calendar.declared", {"year": 2037, "version": 1}),
    ),
    ("unknown-calendar", declared, _said("platform", "accepted", version=2)),
    ("unknown-calendar", accepted, _said("platform", "accepted", version=2)),
    ("already-accepted", accepted, _said("platform", "accepted")),
    ("wrong-author", declared, _said("funder", "accepted")),
    ("wrong-author", declared, _said("institution", "accepted")),
    ("wrong-author", declared, _said("platform", "declared")),
]
