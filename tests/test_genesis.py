"""A founding document that cannot mean what it says founds nothing."""

from __future__ import annotations

import pytest

from ledger.calendar import Calendar
from ledger.errors import DecodeError, GenesisError
from ledger.expectations import KINDS
from ledger.genesis import DUE_MS, read
from tests.ledger_kit import GENESIS, make_genesis


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "2025-02-29", "0000-01-01"])
@pytest.mark.parametrize("name", ["holidays", "workdays"])
def test_a_day_that_there_is_not_is_no_holiday_and_not_worked(name: str, day: str) -> None:
    with pytest.raises(GenesisError, match=f"bad-calendar: {name} are .* {day} is none"):
        make_genesis(calendar=Calendar(**{name: (day,)}))


@pytest.mark.parametrize("day", ["٢٠٢٦-٠٢-١٧", "2026-2-17", "20260217", "2026-02-17\n"])
def test_a_day_is_written_in_plain_digits(day: str) -> None:
    with pytest.raises(DecodeError, match=r"bad-format: .*a date, such as 2026-03-31"):
        make_genesis(calendar=Calendar(holidays=(day,)))


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (Calendar(years=(2027, 2026)), "years come in order"),
        (Calendar(years=(2026, 2026)), "years come in order"),
        (Calendar(holidays=("2026-01-01",)), "2026-01-01 is of another one"),
        (Calendar(workdays=("2026-01-05",), years=(2026,)), "2026-01-05 is a weekday"),
        (Calendar(accepted_by=("platform",)), "besides platform and institution"),
        (Calendar(accepted_by=("stranger",)), "besides platform and institution"),
        (Calendar(accepted_by=("funder", "funder")), "names a party once"),
    ],
)
def test_a_founded_calendar_can_be_meant(calendar: Calendar, said: str) -> None:
    with pytest.raises(GenesisError, match=f"bad-calendar: .*{said}"):
        make_genesis(calendar=calendar)


@pytest.mark.parametrize("kind", ["captures", "payout_result", ""])
def test_only_what_can_be_awaited_has_a_due_time(kind: str) -> None:
    with pytest.raises(GenesisError, match=r"bad-due-ms: .*capture, .*payout-result, .*") as caught:
        make_genesis(due_ms={"capture": 60_000, kind: 60_000})
    assert repr(kind) in caught.value.message


def test_every_kind_of_expectation_may_have_a_due_time_and_need_not() -> None:
    assert {*DUE_MS} == {*KINDS}
    for kind in KINDS:
        assert make_genesis(due_ms={kind: 7}).due_after_ms[kind] == 7


def test_what_is_founded_is_read_back_and_read_is_as_strict() -> None:
    assert read(GENESIS.raw) == GENESIS
    with pytest.raises(GenesisError, match="bad-due-ms"):
        read(GENESIS.raw.replace(b'"dispute":', b'"disputes":'))
