"""Calendars by record: declared, accepted, amended within a year, and the first New Year."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.calendar import Calendar
from ledger.contracts.calendars import (
    CalendarVersion,
    CalendarYear,
    last_known,
    warning_of,
)
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket, Receiver
from ledger.expectations import CALENDAR_ACCEPTANCE, Expectation
from tests.ledger.calendar_kit import (
    NEW_YEAR,
    accept,
    accepted,
    amendment,
    as_announced,
    day_before,
    declared,
    due_on,
    founded,
    in_the_new_year,
    mainland,
    trade,
    trading,
    year_of,
)
from tests.ledger.ledger_kit import GENESIS, Ledger, make_genesis, payout_of

FEN = "{} ({}.00 CNY) for {} legs"


def due(amount: int, legs: int) -> str:
    return FEN.format(amount, amount // 100, legs)


def acceptance(ledger: Ledger, party: str = "platform", version: int = 1) -> Expectation:
    return ledger.row(Expectation, CALENDAR_ACCEPTANCE, f"calendar:2027-{version}/{party}")


def test_a_consortium_founded_for_2026_pays_out_rightly_in_january_2027() -> None:
    ledger = trading(make_genesis(calendar=mainland(range(2026, 2027))), "2026-11-20")
    accept(ledger, NEW_YEAR)
    for number, day in enumerate(("2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02")):
        trade(ledger, f"P{number}", day)
    assert due_on(ledger, "2026-12-31") == due(1000, 1)
    assert due_on(ledger, "2027-01-01") == due(1000, 1)
    assert due_on(ledger, "2027-01-02") == due(3000, 3), "the Saturday is worked"
    ledger.create("O1", 3000, cutoff_date="2027-01-02", legs=3)
    assert due_on(ledger, "2027-01-03") == "nothing-due"
    ledger.create("O2", 1000, cutoff_date="2027-01-04", legs=1)
    assert ledger.row(Receiver, "shop").open_buckets == ()


def test_without_a_declaration_what_is_certainly_due_is_paid_out_and_no_more() -> None:
    ledger = founded()
    trade(ledger, "P0", "2026-12-30")
    ledger.wait_for("2027-01-04")
    fields = payout_of(amount=1000, cutoff_date="2027-01-04")
    refused = ledger.refuse("calendar-undeclared", "institution", "settlement.created", **fields)
    assert "2026-12-31" in refused.expected
    ledger.create("O1", 1000, cutoff_date="2026-12-31")
    accept(ledger, NEW_YEAR)
    ledger.create("O2", 1000, cutoff_date="2027-01-04")


def test_calendar_days_need_no_declaration() -> None:
    ledger = trading(make_genesis(calendar=mainland(range(2026, 2027))), "2026-12-31", "D+2")
    trade(ledger, "P1", "2026-12-31")
    ledger.create("O1", 1000, cutoff_date="2027-01-02")


def test_a_consortium_without_a_calendar_goes_by_the_weekends() -> None:
    ledger = trading(GENESIS, "2026-12-31")
    trade(ledger, "P1", "2026-12-31")
    ledger.create("O1", 1000, cutoff_date="2027-01-01")


def test_a_consortium_without_a_calendar_declares_the_next_year_once_it_has_declared_one() -> None:
    ledger = trading(GENESIS, "2026-12-30")
    accept(ledger, NEW_YEAR)
    trade(ledger, "P1", "2027-12-31")
    ledger.wait_for("2028-01-04")
    fields = payout_of(amount=1000, cutoff_date="2028-01-04")
    refused = ledger.refuse("calendar-undeclared", "institution", "settlement.created", **fields)
    assert "2027-12-31" in refused.expected


def test_a_year_before_those_that_were_founded_is_undeclared_too() -> None:
    ledger = trading(make_genesis(calendar=mainland(range(2026, 2027))), "2025-12-29")
    trade(ledger, "P1", "2025-12-29")
    ledger.wait_for("2025-12-30")
    fields = payout_of(amount=1000, cutoff_date="2025-12-30")
    ledger.refuse("calendar-undeclared", "institution", "settlement.created", **fields)


@pytest.mark.parametrize(
    ("day", "not_yet", "falls_due"), [("2020-01-23", "2020-01-30", "2020-01-31")]
)
def test_spring_festival_2020_before_the_amendment(day: str, not_yet: str, falls_due: str) -> None:
    ledger = trading(as_announced(2020), day)
    trade(ledger, "P1", day)
    assert due_on(ledger, not_yet) == "nothing-due"
    assert due_on(ledger, falls_due) == due(1000, 1)


def test_the_amendment_of_27_january_2020_moves_what_is_not_paid_out() -> None:
    ledger = trading(as_announced(2020), "2020-01-23")
    trade(ledger, "P1", "2020-01-23")
    before = {
        kind: rows for kind, rows in ledger.rows().items() if kind in ("buckets", "receivers")
    }
    accept(ledger, amendment(2020), at="2020-01-27")
    after = {kind: rows for kind, rows in ledger.rows().items() if kind in before}
    assert after == before, "a change of the calendar rewrites no row of what is due"
    assert due_on(ledger, "2020-01-31") == "nothing-due"
    assert due_on(ledger, "2020-02-02") == "nothing-due"
    assert due_on(ledger, "2020-02-03") == due(1000, 1)


def test_the_amendment_of_22_march_2019_splits_what_was_due_on_29_april() -> None:
    plain, amended = (trading(as_announced(2019), "2019-03-22") for _ in range(2))
    accept(amended, amendment(2019))
    for ledger in (plain, amended):
        for number, day in enumerate(("2019-04-26", "2019-04-27", "2019-04-28")):
            trade(ledger, f"P{number}", day)
    assert due_on(plain, "2019-04-28") == "nothing-due"
    assert due_on(plain, "2019-04-29") == due(3000, 3)
    assert due_on(amended, "2019-04-28") == due(2000, 2)
    amended.create("O1", 2000, cutoff_date="2019-04-28", legs=2)
    assert due_on(amended, "2019-04-29") == due(1000, 1)


def test_what_is_paid_out_stays_as_it_was() -> None:
    ledger = trading(as_announced(2020), "2020-01-22")
    trade(ledger, "P1", "2020-01-22")
    ledger.create("O1", 1000, cutoff_date="2020-01-23")
    before = (ledger.row(Payout, "O1"), ledger.row(Bucket, "shop", 1))
    accept(ledger, amendment(2020), at="2020-01-27")
    assert (ledger.row(Payout, "O1"), ledger.row(Bucket, "shop", 1)) == before


def test_what_comes_back_falls_due_by_the_calendar_that_holds_now() -> None:
    ledger = trading(as_announced(2020), "2020-01-23")
    trade(ledger, "P1", "2020-01-23")
    ledger.create("O1", 1000, cutoff_date="2020-01-31")
    accept(ledger, amendment(2020))
    ledger.apply("institution", "settlement.returned", payout="O1", reason="account closed")
    assert due_on(ledger, "2020-01-31") == "nothing-due"
    assert due_on(ledger, "2020-02-03") == due(1000, 1)


def test_a_declaration_awaits_its_acceptance_and_holds_from_then_on() -> None:
    ledger = declared()
    assert acceptance(ledger).state == "open"
    assert acceptance(ledger).awaited == "platform"
    assert ledger.get(CalendarYear, 2027) is None
    entry = ledger.apply("platform", "calendar.accepted", **NEW_YEAR)
    assert acceptance(ledger).state == "met"
    assert ledger.row(CalendarYear, 2027) == CalendarYear(2027, 1)
    assert ledger.row(CalendarVersion, 2027, 1).accepted_entry == entry


def test_a_year_may_be_amended_and_the_version_that_held_stays() -> None:
    ledger = accepted()
    second = {**NEW_YEAR, "version": 2, "holidays": ["2027-01-01", "2027-02-05"]}
    accept(ledger, second)
    assert ledger.row(CalendarYear, 2027).held == 2
    assert ledger.row(CalendarVersion, 2027, 1).holidays == ("2027-01-01",)
    assert ledger.row(CalendarVersion, 2027, 2).holidays == ("2027-01-01", "2027-02-05")


@pytest.mark.parametrize(
    ("stated", "detail"),
    [
        (year_of([]), "holidays: only declared 2027-01-01"),
        (
            year_of(["2027-01-01"], ["2027-01-02", "2027-01-03"]),
            "workdays: only accepted 2027-01-03",
        ),
        (
            year_of(["2027-01-04"], []),
            "holidays: only declared 2027-01-01; holidays: only accepted 2027-01-04; "
            "workdays: only declared 2027-01-02",
        ),
    ],
)
def test_an_acceptance_of_other_days_conflicts_and_says_which(
    stated: dict[str, Any], detail: str
) -> None:
    ledger = declared()
    ledger.apply("platform", "calendar.accepted", **stated)
    assert (acceptance(ledger).state, acceptance(ledger).detail) == ("conflicting", detail)
    assert ledger.get(CalendarYear, 2027) is None
    ledger.apply("platform", "calendar.accepted", **NEW_YEAR)
    assert acceptance(ledger).state == "met"


def test_a_declaration_is_corrected_under_its_version_until_it_is_accepted() -> None:
    ledger = declared()
    right = {**NEW_YEAR, "holidays": ["2027-01-01", "2027-02-05"]}
    ledger.apply("institution", "calendar.declared", **right)
    ledger.apply("platform", "calendar.accepted", **NEW_YEAR)
    assert acceptance(ledger).detail == "holidays: only declared 2027-02-05"
    ledger.apply("platform", "calendar.accepted", **right)
    assert ledger.row(CalendarVersion, 2027, 1).holidays == ("2027-01-01", "2027-02-05")


def test_genesis_may_name_more_who_accept_and_all_of_them_have_to() -> None:
    calendar = Calendar(accepted_by=("funder",), years=(2026,))
    ledger = Ledger(make_genesis(calendar=calendar))
    ledger.apply("institution", "calendar.declared", **NEW_YEAR)
    assert {acceptance(ledger, party).state for party in ("platform", "funder")} == {"open"}
    ledger.apply("funder", "calendar.accepted", **NEW_YEAR)
    ledger.refuse("already-accepted", "funder", "calendar.accepted", **NEW_YEAR)
    ledger.refuse("wrong-author", "auditor", "calendar.accepted", **NEW_YEAR)
    assert ledger.get(CalendarYear, 2027) is None
    ledger.apply("institution", "calendar.declared", **year_of([]))
    assert acceptance(ledger, "funder").state == "open", "other days are accepted anew"
    ledger.apply("institution", "calendar.declared", **NEW_YEAR)
    for party in ("funder", "platform"):
        ledger.apply(party, "calendar.accepted", **NEW_YEAR)
    assert ledger.row(CalendarYear, 2027).held == 1


@pytest.mark.parametrize(
    ("today", "last", "said"),
    [
        ("2026-11-01", "2026-12-31", ""),
        (
            "2026-11-02",
            "2026-12-31",
            "2027 are not declared and accepted, and it begins in 60 days",
        ),
        ("2026-12-31", "2026-12-31", "it begins in 1 days"),
        ("2027-01-01", "", "2027 are not declared"),
    ],
)
def test_the_end_of_the_declared_years_is_said_60_days_before(
    today: str, last: str, said: str
) -> None:
    assert last_known({2025, 2026}.__contains__, today) == last
    warning = warning_of(last, today)
    assert said in warning if said else not warning


def test_a_day_of_the_old_year_is_known_when_the_new_one_is_not() -> None:
    assert day_before("2027-01-01") == "2026-12-31"
    assert due_on(in_the_new_year(), "2026-12-31") == "nothing-due"
