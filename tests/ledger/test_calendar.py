"""Business dates: cut-off, weekends, holidays and worked weekends, from genesis alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, to_builtins

from demo.day.dates import PlainCalendar
from ledger.calendar import Calendar, fault_of
from ledger.contracts.receivers import CYCLES
from ledger.errors import Refused
from tests.ledger.calendar_kit import FIRST, LAST, mainland

HOUR_MS = 3_600_000
CHINA = Calendar()
CUTOFF_2300 = Calendar(cutoff_minute=23 * 60)
# National Day 2025: holiday 1 to 8 October, Sunday 28 September and Saturday 11 October are worked.
# Source: State Council notice Guobanfa Mingdian [2024] No. 12.
OCTOBER = Calendar(
    holidays=tuple(f"2025-10-0{day}" for day in range(1, 9)),
    workdays=("2025-09-28", "2025-10-11"),
    years=(2025,),
)


def at(text: str, offset_hours: int = 8) -> int:
    """Return ms since the epoch of a local time, ``2026-01-05 10:00``."""
    local = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return round(local.timestamp()) * 1000 - offset_hours * HOUR_MS


def due_date(calendar: Calendar, time_ms: int, cycle: str) -> str:
    """Return when money captured at a time is due."""
    day = date.fromisoformat(calendar.business_date(time_ms))
    return calendar.business_days.due(day, cycle).isoformat()


def test_day_begins_at_local_midnight_without_a_cutoff() -> None:
    assert CHINA.business_date(at("2026-01-05 00:00")) == "2026-01-05"
    assert CHINA.business_date(at("2026-01-05 00:00") - 1) == "2026-01-04"
    assert CHINA.business_date(at("2026-01-05 23:59")) == "2026-01-05"


def test_what_comes_past_the_cutoff_is_on_the_next_day() -> None:
    assert CUTOFF_2300.business_date(at("2026-01-05 22:59")) == "2026-01-05"
    assert CUTOFF_2300.business_date(at("2026-01-05 23:00") - 1) == "2026-01-05"
    assert CUTOFF_2300.business_date(at("2026-01-05 23:00")) == "2026-01-06"
    assert CUTOFF_2300.business_date(at("2026-12-31 23:30")) == "2027-01-01"


def test_offset_moves_the_date_in_both_directions() -> None:
    noon_utc = at("2026-01-05 12:00", 0)
    assert Calendar(utc_offset_minutes=840).business_date(noon_utc) == "2026-01-06"
    assert Calendar(utc_offset_minutes=-840).business_date(noon_utc) == "2026-01-04"


@pytest.mark.parametrize(
    ("captured", "cycle", "due"),
    [
        ("2026-01-05 10:00", "T+0", "2026-01-05"),  # a Monday
        ("2026-01-05 10:00", "T+1", "2026-01-06"),
        ("2026-01-09 10:00", "T+1", "2026-01-12"),  # a Friday
        ("2026-01-10 10:00", "T+0", "2026-01-12"),  # a Saturday counts as the Monday
        ("2026-01-10 10:00", "T+1", "2026-01-12"),
        ("2026-01-11 10:00", "T+1", "2026-01-12"),
        ("2026-03-14 12:00", "T+1", "2026-03-16"),  # a Saturday
        ("2026-03-14 12:00", "T+2", "2026-03-17"),
        ("2026-01-10 10:00", "D+1", "2026-01-11"),
        ("2026-01-05 10:00", "D+30", "2026-02-04"),
        ("2024-02-28 10:00", "D+1", "2024-02-29"),
    ],
)
def test_due_date_counts_business_or_calendar_days(captured: str, cycle: str, due: str) -> None:
    assert due_date(CHINA, at(captured), cycle) == due


@pytest.mark.parametrize(
    ("captured", "cycle", "due"),
    [
        ("2025-09-30 10:00", "T+1", "2025-10-09"),  # over the whole holiday
        ("2025-10-01 10:00", "T+0", "2025-10-09"),
        ("2025-10-10 10:00", "T+1", "2025-10-11"),  # a worked Saturday
        ("2025-09-26 10:00", "T+1", "2025-09-28"),  # a worked Sunday
        ("2025-10-03 10:00", "D+1", "2025-10-04"),
    ],
)
def test_due_date_follows_holidays_and_worked_weekends(captured: str, cycle: str, due: str) -> None:
    assert due_date(OCTOBER, at(captured), cycle) == due


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 30))
def test_t_plus_n_falls_on_a_business_day_and_never_before_d_plus_n(time_ms: int, n: int) -> None:
    due = due_date(OCTOBER, time_ms, f"T+{n}")
    assert OCTOBER.business_days.is_business_day(date.fromisoformat(due))
    assert due >= due_date(OCTOBER, time_ms, f"D+{n}")


@given(st.integers(0, 4_000_000_000_000), st.integers(1, 30))
def test_t_plus_n_leaves_n_business_days_after_the_capture(time_ms: int, n: int) -> None:
    day = date.fromisoformat(OCTOBER.business_date(time_ms))
    due = date.fromisoformat(due_date(OCTOBER, time_ms, f"T+{n}"))
    after = [day + timedelta(days=1 + k) for k in range((due - day).days)]
    assert sum(map(OCTOBER.business_days.is_business_day, after)) == n
    assert OCTOBER.business_days.is_business_day(due)


@given(st.integers(0, 4_000_000_000_000))
def test_t_plus_0_is_the_captures_date_or_the_next_business_day(time_ms: int) -> None:
    day = date.fromisoformat(OCTOBER.business_date(time_ms))
    if OCTOBER.business_days.is_business_day(day):
        assert due_date(OCTOBER, time_ms, "T+0") == day.isoformat()
    else:
        assert due_date(OCTOBER, time_ms, "T+0") == due_date(OCTOBER, time_ms, "T+1")


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 30), st.sampled_from("TD"))
def test_the_days_second_account_dates_as_the_ledger_does(time_ms: int, n: int, kind: str) -> None:
    for calendar in (CHINA, OCTOBER, CUTOFF_2300):
        founded = to_builtins(calendar)
        del founded["accepted_by"]
        dates = convert(founded, PlainCalendar)
        cycle = f"{kind}+{n}"
        assert dates.due_date(time_ms, cycle) == due_date(calendar, time_ms, cycle)
        assert dates.business_date(time_ms).isoformat() == calendar.business_date(time_ms)


def known_days() -> list[date]:
    return [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


@pytest.mark.parametrize(
    ("captured", "cycle", "due"),
    [
        ("2018-04-06", "T+1", "2018-04-08"),  # a holiday on a Friday; Sunday the 8th is worked
        ("2019-04-26", "T+1", "2019-04-28"),  # the 28th, a Sunday, became a workday on 22 March
        ("2019-04-27", "T+1", "2019-04-28"),
        ("2019-04-28", "T+1", "2019-04-29"),
        ("2020-01-23", "T+1", "2020-02-03"),  # the holiday was made longer on 27 January
        ("2026-01-02", "T+1", "2026-01-04"),  # a holiday on a Friday; Sunday the 4th is worked
        ("2026-10-03", "T+1", "2026-10-08"),
        ("2026-10-03", "T+0", "2026-10-08"),
        ("2026-10-03", "D+1", "2026-10-04"),
    ],
)
def test_due_dates_over_chinas_holidays(captured: str, cycle: str, due: str) -> None:
    assert due_date(mainland(), at(f"{captured} 12:00"), cycle) == due


def test_a_third_opinion_gives_the_same_business_days_and_due_dates_from_2018_to_2026() -> None:
    calendar = mainland()
    days = known_days()
    worked = [day for day in days if chinese_calendar.is_workday(day)]
    assert [day for day in days if calendar.business_days.is_business_day(day)] == worked
    compared = 0
    for day in days:
        later = worked[bisect_right(worked, day) :]
        expected = {f"T+{n}": later[n - 1] for n in (1, 2, 5, 30) if n <= len(later)}
        if day in worked or later:
            expected["T+0"] = worked[bisect_left(worked, day)]
        for cycle, due in expected.items():
            assert calendar.business_days.due(day, cycle) == due, (day, cycle)
            compared += 1
    assert compared > 5 * (len(days) - 60)


@given(st.integers(0, 3_000_000_000_000), st.integers(0, HOUR_MS * 48))
def test_business_date_never_goes_back(time_ms: int, later: int) -> None:
    earlier = CUTOFF_2300.business_date(time_ms)
    assert earlier <= CUTOFF_2300.business_date(time_ms + later)


def test_a_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        CHINA.business_date(2**53 - 1)
    assert caught.value.code == "date-out-of-range"


@given(st.dates(FIRST, date(2035, 1, 1)), st.sampled_from(CYCLES))
def test_the_latest_date_that_is_due_is_the_due_date_backwards(due: date, cycle: str) -> None:
    for days in (mainland().business_days, CHINA.business_days):
        latest = days.latest(due, cycle)
        assert days.due(latest, cycle) <= due < days.due(latest + timedelta(days=1), cycle)


@pytest.mark.parametrize("cycle", ["T+0", "T+30", "D+30"])
@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-02", "1998-12-31"])
def test_what_is_due_by_a_date_before_all_money_is_looked_for_nowhere(day: str, cycle: str) -> None:
    latest = CHINA.business_days.latest(date.fromisoformat(day), cycle)
    assert latest < date(2000, 1, 1)


@pytest.mark.parametrize(
    ("day", "cycle", "unknown"),
    [
        ("2026-12-30", "T+1", 0),
        ("2026-12-31", "T+1", 2027),
        ("2026-12-31", "T+0", 0),
        ("2027-01-01", "T+0", 2027),
        ("2026-12-31", "D+30", 0),
        ("2017-12-31", "T+1", 0),  # a Sunday; what follows it is all in 2018
        ("2017-12-31", "T+0", 2017),
    ],
)
def test_a_due_date_rests_on_the_years_of_its_days(day: str, cycle: str, unknown: int) -> None:
    days, start = mainland().business_days, date.fromisoformat(day)
    assert days.unknown(start, days.due(start, cycle), cycle) == unknown


@pytest.mark.parametrize(
    ("holidays", "workdays", "fault"),
    [
        (("2026-02-30",), (), "2026-02-30 is none"),
        (("2026-01-01", "2026-01-01"), (), "2026-01-01 does not"),
        (("2026-01-02", "2026-01-01"), (), "2026-01-01 does not"),
        (("2027-01-01",), (), "2027-01-01 is of another one"),
        ((), ("2026-01-05",), "2026-01-05 is a weekday"),
        (("2026-01-04",), ("2026-01-04",), "2026-01-04 is in holidays and in workdays"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said(
    holidays: tuple[str, ...], workdays: tuple[str, ...], fault: str
) -> None:
    assert fault in fault_of((2026,), holidays, workdays)


def test_chinas_calendar_has_no_fault() -> None:
    china = mainland()
    assert fault_of(china.years, china.holidays, china.workdays) == ""
