"""Calendars: a year's days without business and worked weekends, declared and accepted.

The institution declares a version of a year, and it holds once everybody it asks has accepted the
same days: the platform, and whom genesis names. From then on it says when everything falls due that
is not paid out. No row changes with it: what is due is kept by the capture's business date. What
held before stays, so that history is explained by it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations
from ledger.calendar import BusinessDays, Day, Year, YearDays, fault_of
from ledger.contracts import agreements
from ledger.errors import Refused
from ledger.expectations import CALENDAR_ACCEPTANCE, Expectation
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX, YEAR_DAYS_MAX
from ledger.records import Record, Rule
from ledger.state import NEVER, Key, Keys, Row, Transaction

VersionState = Literal["founded", "declared", "in-force", "replaced"]
"""What holds of a version: genesis has it, not all have accepted it, it holds, a later one does."""

NONE = 0
"""The version of a year of which none is accepted: it is as genesis has it, or not decided."""

WARNING_DAYS = 60
"""How long before the decided years end that is said."""

_SHOWN_DAYS = 6

Version = Annotated[
    int, Meta(ge=1, le=SAFE_INTEGER_MAX, description="1 for the year's first declaration")
]
Dates = Annotated[tuple[Day, ...], Meta(max_length=YEAR_DAYS_MAX)]


class CalendarDays(Record, frozen=True, kw_only=True):
    """The days of a year, which its declaration and its acceptance share.

    ``holidays`` are days without business, ``workdays`` weekend days that are worked (调休).
    """

    year: Year
    version: Version
    holidays: Dates = ()
    workdays: Dates = ()


class CalendarDeclared(CalendarDays, frozen=True, kw_only=True, tag="calendar.declared"):
    """The institution declares the business days of a year, or amends them.

    Refused unless the days are of the year, in order and each once, and the worked ones weekend
    days; the year begins within ten years; the version is the one after that which holds.
    """

    CODES = ("calendar-days", "calendar-version", "effective-too-late")


class CalendarAccepted(CalendarDays, frozen=True, kw_only=True, tag="calendar.accepted"):
    """A party that is asked states the days that it accepts.

    Stated by the platform, or a party that genesis names in the calendar's `accepted_by`.

    Refused unless the author is asked; the version is declared, does not hold yet, and the author
    has not accepted it.
    """

    CODES = ("already-accepted", "calendar-days", "unknown-calendar", "wrong-author")


class CalendarVersion(Row, frozen=True):
    """One declared version of a year. ``entry`` stated it last.

    ``accepted`` are the parties that have accepted it. ``accepted_entry`` put it in force, or −1.
    """

    TABLE: ClassVar[str] = "calendar_versions"
    KEY: ClassVar[int] = 2

    year: int
    version: int
    holidays: tuple[str, ...]
    workdays: tuple[str, ...]
    accepted: tuple[str, ...]
    entry: int
    accepted_entry: int = NEVER


class CalendarYear(Row, frozen=True):
    """The version of a year that holds; 0 while none is accepted."""

    TABLE: ClassVar[str] = "calendar_years"

    year: int
    held: int

    def leads_to(self) -> Keys:
        """Return the key of the version that holds."""
        return [(CalendarVersion, (self.year, self.held))] if self.held else ()


def business_days(tx: Transaction) -> BusinessDays:
    """Return the business days by the calendar that holds now."""
    founded, rows = tx.genesis.calendar.founded, tx.rows

    def decided(year: int) -> YearDays | None:
        head = rows[CalendarYear][year,]
        if head is None or not head.held:
            return founded.get(year)
        return rows[CalendarVersion][year, head.held]

    return BusinessDays(decided)


def last_known(is_decided: Callable[[int], bool], today: str) -> str:
    """Return the last date up to which every year from today's on is decided, or nothing."""
    year = int(today[:4])
    if not is_decided(year):
        return ""
    while is_decided(year + 1):
        year += 1
    return f"{year}-12-31"


def warning_of(last: str, today: str) -> str:
    """Return what is to be said when the decided years end soon, or nothing.

    Args:
        last: The last date that is known, by :func:`last_known`.
        today: The present business date.
    """
    if not last:
        return f"the business days of {today[:4]} are not declared: only its weekends are known"
    left = (date.fromisoformat(last) - date.fromisoformat(today)).days
    if left >= WARNING_DAYS:
        return ""
    year = int(last[:4]) + 1
    return (
        f"the business days of {year} are not declared and accepted, and it begins in {left + 1} "
        "days: what falls due in it is provisional"
    )


def year_keys(*years: int) -> list[tuple[type[Row], Key]]:
    """Return the keys of what holds for years."""
    return [(CalendarYear, (year,)) for year in years]


def refuse_unknown(tx: Transaction, days: BusinessDays, resting: tuple[date, date, str]) -> None:
    """Return if what is due on a date cannot change by a year that is still to be declared.

    A consortium that was founded without a calendar goes by the weekends until it has declared the
    year before.

    Args:
        tx: The record's transaction.
        days: The business days by the calendar that holds.
        resting: A business date, what is due of it, and the cycle.

    Raises:
        Refused: ``calendar-undeclared``.
    """
    year = days.unknown(*resting)
    if year and (tx.genesis.calendar.years or days.decides(year - 1)):
        raise Refused(
            "calendar-undeclared",
            f"Only the weekends of {year} are known, so nobody can say what is due in it: declare "
            "the year with calendar.declared and let it be accepted. What is due by the last date "
            "before can be paid out at once, with that as cut-off date.",
            expected=f"a date that rests on declared years, such as {year - 1}-12-31",
            got=resting[1].isoformat(),
        )


def _declared(tx: Transaction, record: CalendarDeclared) -> None:
    _refuse_days(record)
    agreements.refuse_far(tx, str(record.year))
    held = _held(tx, record.year)
    if record.version != held + 1:
        raise Refused(
            "calendar-version",
            f"Versions of {record.year} follow one another; until one is accepted by all, the same "
            "is declared again.",
            expected=f"version {held + 1}",
            got=f"version {record.version}",
        )
    tx.put(
        CalendarVersion(
            year=record.year,
            version=record.version,
            holidays=record.holidays,
            workdays=record.workdays,
            accepted=(),
            entry=tx.entry,
        )
    )
    for party in _asked(tx.genesis):
        matter = (_acceptance(record, party), party)
        expectations.open_or_revise(tx, CALENDAR_ACCEPTANCE, matter, 0, "")


def _accepted(tx: Transaction, record: CalendarAccepted) -> None:
    version = _refuse_acceptance(tx, record)
    expectation = expectations.awaited(tx, CALENDAR_ACCEPTANCE, _acceptance(record, tx.author))
    detail = differences(version, record)
    if detail:
        expectations.conflict(tx, expectation, detail)
        return
    expectations.meet(tx, expectation)
    accepted = (*version.accepted, tx.author)
    if len(accepted) < len(_asked(tx.genesis)):
        tx.put(replace(version, accepted=accepted))
        return
    tx.put(replace(version, accepted=accepted, accepted_entry=tx.entry))
    tx.put(CalendarYear(record.year, record.version))


def differences(declared: CalendarVersion, stated: CalendarDays) -> str:
    """Return on which days a declaration and its acceptance differ, or the empty string."""
    found = []
    for name in ("holidays", "workdays"):
        ours, theirs = set(getattr(declared, name)), set(getattr(stated, name))
        for words, days in (("only declared", ours - theirs), ("only accepted", theirs - ours)):
            if days:
                found.append(f"{name}: {words} {_shown(sorted(days))}")
    return "; ".join(found)


def _shown(days: list[str]) -> str:
    more = len(days) - _SHOWN_DAYS
    return ", ".join(days[:_SHOWN_DAYS]) + (f" and {more} more" if more > 0 else "")


def _held(tx: Transaction, year: int) -> int:
    head = tx.rows[CalendarYear][year,]
    return NONE if head is None else head.held


def _refuse_days(record: CalendarDays) -> None:
    fault = fault_of((record.year,), record.holidays, record.workdays)
    if fault:
        raise Refused(
            "calendar-days",
            f"The days of {record.year} are not those of a calendar: {fault}.",
            expected=f"days of {record.year} in order, each once; workdays are weekend days",
            got=fault,
        )


def _refuse_acceptance(tx: Transaction, record: CalendarAccepted) -> CalendarVersion:
    asked = _asked(tx.genesis)
    if tx.author not in asked:
        raise Refused(
            "wrong-author",
            "A calendar is accepted by the parties that it asks.",
            expected=" or ".join(asked),
            got=tx.author,
        )
    version = tx.rows[CalendarVersion][record.year, record.version]
    if version is None:
        raise Refused(
            "unknown-calendar",
            f"No version {record.version} of {record.year} is declared.",
            expected=f"the version that is declared with calendar.declared, "
            f"{_held(tx, record.year) + 1}",
            got=f"version {record.version}",
        )
    if version.accepted_entry != NEVER or tx.author in version.accepted:
        raise Refused(
            "already-accepted",
            f"{tx.author} has accepted version {record.version} of {record.year} before.",
            expected="a version that awaits this acceptance",
            got=f"version {record.version}, accepted",
        )
    _refuse_days(record)
    return version


def _asked(genesis: Genesis) -> tuple[str, ...]:
    return (genesis.sole("platform"), *genesis.calendar.accepted_by)


def _acceptance(record: CalendarDays, party: str) -> str:
    """Return the subject of the acceptance that ``party`` owes."""
    return f"{_subject(record)}/{party}"


def _keys(record: CalendarDays, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    keys = year_keys(record.year)
    keys.append((CalendarVersion, (record.year, record.version)))
    for party in _asked(genesis):
        keys.append((Expectation, (CALENDAR_ACCEPTANCE, _acceptance(record, party))))
    return keys


def _subject(record: CalendarDays) -> str:
    return f"calendar:{record.year}-{record.version}"


ROWS: tuple[type[Row], ...] = (CalendarVersion, CalendarYear)
RULES = (
    Rule(CalendarDeclared, ("institution",), _declared, _keys, _subject),
    Rule(CalendarAccepted, (), _accepted, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    CalendarDeclared(
        at=1_760_000_000_040,
        id="inst-0040",
        year=2_026,
        version=1,
        holidays=("2026-01-01", "2026-01-02"),
        workdays=("2026-01-04",),
    ),
    CalendarAccepted(
        at=1_760_000_000_041,
        id="plat-0040",
        year=2_026,
        version=1,
        holidays=("2026-01-01", "2026-01-02"),
        workdays=("2026-01-04",),
    ),
)
