"""Business dates: cut-off, weekends, holidays and worked weekends, from genesis alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.calendar import DUE_DATES_MAX, Calendar, DueDates
from ledger.errors import Refused

HOUR_MS = 3_600_000
CHINA = Calendar()
CUTOFF_2300 = Calendar(cutoff_minute=23 * 60)
# National Day 2025: holiday 1 to 8 October, Sunday 28 September and Saturday 11 October are worked.
# Source: State Council notice Guobanfa Mingdian [2024] No. 12.
OCTOBER = Calendar(
    holidays=tuple(f"2025-10-0{day}" for day in range(1, 9)),
    workdays=("2025-09-28", "2025-10-11"),
)


def at(text: str, offset_hours: int = 8) -> int:
    """Return ms since the epoch of a local time, ``2026-01-05 10:00``."""
    local = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return round(local.timestamp()) * 1000 - offset_hours * HOUR_MS


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
        ("2026-01-10 10:00", "T+1", "2026-01-13"),
        ("2026-01-10 10:00", "D+1", "2026-01-11"),
        ("2026-01-05 10:00", "D+30", "2026-02-04"),
        ("2024-02-28 10:00", "D+1", "2024-02-29"),
    ],
)
def test_due_date_counts_business_or_calendar_days(captured: str, cycle: str, due: str) -> None:
    assert CHINA.due_date(at(captured), cycle) == due


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
    assert OCTOBER.due_date(at(captured), cycle) == due


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 30))
def test_t_plus_n_falls_on_a_business_day_and_never_before_d_plus_n(time_ms: int, n: int) -> None:
    due = OCTOBER.due_date(time_ms, f"T+{n}")
    assert OCTOBER.is_business_day(date.fromisoformat(due))
    assert due >= OCTOBER.due_date(time_ms, f"D+{n}")


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 30))
def test_t_plus_n_agrees_with_counting_days_one_by_one(time_ms: int, n: int) -> None:
    day = date.fromisoformat(OCTOBER.business_date(time_ms))
    worked = 0
    while worked < n + 1:
        worked += OCTOBER.is_business_day(day)
        day += timedelta(days=1)
    assert OCTOBER.due_date(time_ms, f"T+{n}") == (day - timedelta(days=1)).isoformat()


@given(st.integers(0, 3_000_000_000_000), st.integers(0, HOUR_MS * 48))
def test_business_date_never_goes_back(time_ms: int, later: int) -> None:
    earlier = CUTOFF_2300.business_date(time_ms)
    assert earlier <= CUTOFF_2300.business_date(time_ms + later)


def test_a_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        CHINA.business_date(2**53 - 1)
    assert caught.value.code == "date-out-of-range"


@given(st.lists(st.tuples(st.integers(-300, 30_000), st.sampled_from(["T+0", "T+1", "D+3"]))))
def test_due_dates_that_are_kept_are_those_of_the_calendar(asked: list[tuple[int, str]]) -> None:
    kept = DueDates(OCTOBER)
    for day, cycle in asked + asked:
        assert (kept.get((day, cycle)) or kept.reckon(day, cycle)) == OCTOBER.due_after(day, cycle)


@given(st.integers(-(2**41), 2**41), st.sampled_from(["T+0", "T+1", "D+3"]))
def test_a_time_finds_the_due_date_that_the_calendar_gives(time_ms: int, cycle: str) -> None:
    for calendar in (OCTOBER, CHINA, CUTOFF_2300):
        assert DueDates(calendar).after(time_ms, cycle) == calendar.due_date(time_ms, cycle)


def test_only_so_many_due_dates_are_kept() -> None:
    kept = DueDates(CHINA)
    for day in range(DUE_DATES_MAX + 10):
        kept.reckon(day, "D+0")
    assert len(kept) <= DUE_DATES_MAX
