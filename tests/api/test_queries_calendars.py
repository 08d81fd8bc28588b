"""Calendars in views: due dates by what holds, what held then, provisional marks, warnings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from ledger.calendar import Calendar
from tests.api.queries_kit import DATABASES, Kept, refused
from tests.ledger.calendar_kit import (
    NEW_YEAR,
    accept,
    amendment,
    before_notice,
    mainland,
    noon,
    trade,
    year_of,
)
from tests.ledger.ledger_kit import leg

Capture = pytest.CaptureFixture[str]


def kept_on(folder: Path, day: str, calendar: Calendar, kind: str = "file") -> Kept:
    made = Kept(folder, kind, calendar=calendar)
    made.now = noon(day)
    made.register("shop", cycle="T+1")
    return made


@pytest.fixture(params=DATABASES)
def spring(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kept]:
    """Keep a ledger of January 2020: P0 is paid out, P1 is due after the holiday."""
    holidays, workdays = before_notice(2020)
    calendar = Calendar(holidays=holidays, workdays=workdays, years=(2020,))
    made = kept_on(tmp_path, "2020-01-20", calendar, request.param)
    trade(made, "P0", "2020-01-20")
    made.create("O0", 1000, cutoff_date="2020-01-21")
    trade(made, "P1", "2020-01-23")
    yield made
    made.close()


@pytest.fixture
def founded(tmp_path: Path) -> Iterator[Kept]:
    """Keep a ledger that is founded for 2026 and owes the money of its last two days."""
    made = kept_on(tmp_path, "2026-12-30", mainland(range(2026, 2027)))
    made.register("daily", cycle="D+5")
    trade(made, "P1", "2026-12-30")
    trade(made, "P2", "2026-12-31")
    made.capture("P3", 500, captured_at=noon("2026-12-31"))
    made.instruct("P3", 500, legs=[leg(1, "daily", amount=500)])
    yield made
    made.close()


def due_dates(kept: Kept) -> list[tuple[str, bool]]:
    found = kept.get("/v1/payouts/due", on="2019-12-31", upcoming=True)["due"]
    return [(each["due_date"], each.get("provisional", False)) for each in found]


def leg_of(kept: Kept, payment: str) -> tuple[str, bool]:
    (found,) = kept.get(f"/v1/payments/{payment}")["legs"]
    return found["due_date"], found.get("provisional", False)


def test_due_dates_follow_the_calendar_and_paid_ones_what_held_then(spring: Kept) -> None:
    assert due_dates(spring) == [("2020-01-31", False)]
    assert leg_of(spring, "P1") == ("2020-01-31", False)
    accept(spring, amendment(2020), at="2020-01-27")
    assert due_dates(spring) == [("2020-02-03", False)]
    assert leg_of(spring, "P1") == ("2020-02-03", False)
    assert leg_of(spring, "P0") == ("2020-01-21", False)
    shown = spring.get("/v1/receivers/shop")["due"]
    assert [each["due_date"] for each in shown] == ["2020-02-03"]
    assert spring.get("/v1/payouts/due", on="2020-02-02")["due"] == []
    (one,) = spring.get("/v1/payouts/due", on="2020-02-03")["due"]
    assert (one["payout_amount"], one["payout_legs"]) == (1000, 1)


def test_a_payout_goes_on_showing_the_date_of_its_time_when_the_year_is_amended(
    spring: Kept,
) -> None:
    spring.create("O1", 1000, cutoff_date="2020-01-31")
    accept(spring, amendment(2020))
    assert leg_of(spring, "P1") == ("2020-01-31", False)
    (of_payout,) = spring.get("/v1/payouts/O1/legs")["legs"]
    assert of_payout["due_date"] == "2020-01-31"
    spring.apply("institution", "settlement.returned", payout="O1", reason="closed")
    assert leg_of(spring, "P1") == ("2020-02-03", False), "it is due again, by what holds now"


def states(view: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(each["year"], each["version"], each["state"]) for each in view["years"]]


def test_what_held_after_a_block_is_shown(spring: Kept) -> None:
    founded = spring.tip.height
    spring.apply("institution", "calendar.declared", **amendment(2020))
    declared = spring.tip.height
    spring.apply("platform", "calendar.accepted", **amendment(2020))
    before = spring.get("/v1/calendar", height=founded)
    assert states(before) == [(2020, 0, "founded")]
    assert "2020-01-31" not in before["years"][0]["holidays"]
    open_one = spring.get("/v1/calendar", height=declared)
    assert states(open_one) == [(2020, 0, "founded"), (2020, 1, "declared")]
    for query in ({}, {"height": spring.tip.height}):
        now = spring.get("/v1/calendar", **query)
        assert states(now) == [(2020, 0, "replaced"), (2020, 1, "in-force")]
        assert "2020-01-31" in now["years"][1]["holidays"]
    later = spring.client.get("/v1/calendar", params={"height": spring.tip.height + 1})
    refused(later, 404, "no-such-block")


def test_dates_that_rest_on_a_year_that_is_not_declared_are_provisional(founded: Kept) -> None:
    assert due_dates(founded) == [
        ("2027-01-05", False),
        ("2026-12-31", False),
        ("2027-01-01", True),
    ]
    assert leg_of(founded, "P2") == ("2027-01-01", True)
    accept(founded, NEW_YEAR)
    assert leg_of(founded, "P2") == ("2027-01-02", False)
    accept(founded, year_of(["2027-01-01"], [], version=2))
    assert leg_of(founded, "P2") == ("2027-01-04", False)


def test_lists_and_commands_mark_what_is_provisional(
    founded: Kept, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    table = founded.client.get("/v1/payouts/due", params={"upcoming": True, "format": "csv"}).text
    head, *rows = [line.split(",") for line in table.splitlines()]
    assert [row[head.index("provisional")] for row in rows] == ["", "", "true"]
    for line in ("payouts --due today --upcoming", "receiver shop", "payment P2"):
        assert run(founded, line) == 0
        assert "2027-01-01 provisional" in capsys.readouterr().out


def run(kept: Kept, line: str) -> int:
    return main.run([*line.split(), "--url", kept.server.url, "--token", kept.token])


def test_the_calendar_is_shown_with_what_was_declared(founded: Kept, capsys: Capture) -> None:
    accept(founded, NEW_YEAR)
    founded.apply("institution", "calendar.declared", **year_of([], version=2))
    assert run(founded, "calendar show --year 2027") == 0
    out = capsys.readouterr().out
    assert "in-force" in out
    assert "declared" in out
    assert "01-01" in out
    assert run(founded, f"calendar show --height {founded.tip.height - 2} --json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert states(shown) == [(2026, 0, "founded"), (2027, 1, "declared")]
    assert shown["known_until"] == "2026-12-31"
    assert run(founded, "calendar show --json") == 0
    assert json.loads(capsys.readouterr().out)["known_until"] == "2027-12-31"


def test_an_awaited_acceptance_has_no_amount(founded: Kept, capsys: Capture) -> None:
    founded.apply("institution", "calendar.declared", **NEW_YEAR)
    assert run(founded, "expectations --kind calendar-acceptance") == 0
    out = capsys.readouterr().out
    assert "calendar:2027-1/platform" in out
    assert "0.00" not in out


def test_status_and_calendar_warn_before_the_declared_years_end(
    tmp_path: Path, capsys: Capture
) -> None:
    today = Calendar().business_date(time.time_ns() // 1_000_000)
    year = int(today[:4])
    for years, known in (((year - 1,), None), ((year, year + 1), f"{year + 1}-12-31")):
        made = Kept(tmp_path / str(years[-1]), calendar=Calendar(years=years))
        try:
            shown = made.get("/v1/status")["calendar"]
            assert shown["known_until"] == known
            assert bool(shown["warning"]) == (known is None)
            assert made.get("/v1/calendar").get("warning") == shown["warning"]
            assert run(made, "status") == 0
            assert ("CALENDAR" in capsys.readouterr().out) == (known is None)
        finally:
            made.close()


def test_nothing_of_what_is_due_is_read_or_written_by_a_declaration(founded: Kept) -> None:
    before = founded.rows()
    founded.apply("institution", "calendar.declared", **NEW_YEAR)
    done = founded.state("platform", "calendar.accepted", **NEW_YEAR)
    changed = sorted(kind.TABLE for kind in done.changes)
    assert changed == [
        "batch_heads", "calendar_versions", "calendar_years", "expectations", "recorded",
    ]  # fmt: skip
    after = founded.rows()
    assert all(after[table] == before[table] for table in ("buckets", "receivers", "legs"))
