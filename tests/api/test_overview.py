"""The overview says what the log says: entries and captures of a day, who owes what, the pace."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from api import overview
from api.overview import Overviews
from api.parameters import TIME_MS_MAX
from tests.api.queries_kit import DATABASES, DAY, month, refused
from tests.web.overview_kit import Shown

MINUTE = 60_000


@pytest.fixture(scope="module", params=DATABASES)
def kept(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Shown]:
    made = month(tmp_path_factory.mktemp("overview"), request.param, ledger=Shown)
    yield made
    made.close()


def days(kept: Shown) -> list[str]:
    calendar = kept.genesis.calendar
    return sorted({calendar.business_date(entry["time"]) for entry in kept.entries()})


def unmet(kept: Shown, as_of: int) -> list[dict[str, Any]]:
    items = kept.get("/v1/expectations", state="unmet", as_of=as_of, limit=1000)["expectations"]
    return sorted(items, key=lambda each: (each["opened_entry"], each["kind"]))


def test_each_party_has_its_role_and_its_newest_record(kept: Shown) -> None:
    found = {each["party"]: each for each in kept.get("/v1/overview")["parties"]}
    assert {name: each["role"] for name, each in found.items()} == kept.ROLES
    entries = kept.entries()
    for name, each in found.items():
        times = [entry["time"] for entry in entries if entry["party"] == name]
        assert each.get("stated_at", -1) == max(times, default=-1)
        assert each["votes"] == (name in kept.genesis.voters)
    assert {name for name, each in found.items() if "stated_at" not in each} == {"auditor"}


def test_it_says_where_the_log_ends_and_who_has_signed_that(kept: Shown) -> None:
    found = kept.get("/v1/overview")
    newest = kept.get(f"/v1/blocks/{found['height']}")
    assert (found["height"], found["size"]) == (kept.tip.height, kept.tip.size)
    assert found["time"] == newest["block"]["time"]
    assert found["cosigned"] == {"height": found["height"], "signers": newest["voters"]}
    assert found["evidence"] == []


def test_entries_and_captures_of_a_day_are_those_of_the_log_one_by_one(kept: Shown) -> None:
    business_date, found = kept.genesis.calendar.business_date, 0
    for day in days(kept):
        today = kept.get("/v1/overview", as_of=kept.ends_at(day))["today"]
        entries = [entry for entry in kept.entries() if business_date(entry["time"]) == day]
        assert (today["date"], today["entries"]) == (day, len(entries))
        assert today["counted"] == today["entries"]
        sums = {each["currency"]: (each["count"], each["amount"]) for each in today["captured"]}
        assert sums == kept.captured_on(day)
        found += len(sums)
    assert found >= 2


def test_a_day_on_which_nothing_came_has_nothing(kept: Shown) -> None:
    today = kept.get("/v1/overview", as_of=kept.now + 40 * DAY)["today"]
    assert (today["entries"], today["counted"], today["captured"]) == (0, 0, [])


def test_who_asks_of_other_days_makes_nobody_count_anew(kept: Shown) -> None:
    found = Overviews(kept.genesis)
    with kept.store.reader() as reader:
        before = found.of(reader, kept.now).today
        known = found._captured.copy()
        for number in range(1, 9):
            found.of(reader, kept.now - number * DAY)
            found.of(reader, kept.now + number * DAY)
        assert known and known.items() <= found._captured.items()
        assert len(found._captured) <= 2
        assert found.of(reader, kept.now).today == before


def test_what_each_party_owes_is_the_sum_of_what_is_not_met(kept: Shown) -> None:
    as_of = kept.now + DAY
    matters = unmet(kept, as_of)
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for each in matters:
        found = sums.setdefault((each["awaited"], each["currency"]), {"amount": 0})
        found[each["state"]] = found.get(each["state"], 0) + 1
        found["amount"] += each["amount"]
        found["oldest_at"] = min(found.get("oldest_at", each["opened_at"]), each["opened_at"])
    owed = kept.get("/v1/overview", as_of=as_of)["owed"]
    assert len(owed) == len(sums) >= 2
    for each in owed:
        expected = {"open": 0, "overdue": 0, "conflicting": 0}
        expected |= sums[each["awaited"], each["currency"]]
        assert {name: each[name] for name in expected} == expected
    assert {state for each in sums.values() for state in each} >= {"overdue", "conflicting"}


def test_the_oldest_halves_come_first_contradictions_among_them(kept: Shown) -> None:
    as_of = kept.now + DAY
    oldest = kept.get("/v1/overview", as_of=as_of)["oldest"]
    assert oldest == unmet(kept, as_of)[: overview.OLDEST_MAX]
    assert "conflicting" in {each["state"] for each in oldest}


def test_the_newest_entries_are_the_end_of_the_log(kept: Shown) -> None:
    newest = kept.get("/v1/overview")["newest"]
    assert newest == kept.entries()[::-1][: overview.NEWEST_MAX]


def test_the_pace_counts_entries_by_the_times_of_their_blocks(kept: Shown) -> None:
    times = [entry["time"] for entry in kept.entries()]
    for as_of in {times[-1], times[0] + 7_000, times[len(times) // 2], times[-1] + MINUTE}:
        pace = kept.get("/v1/overview", as_of=as_of)["pace"]
        ends = [as_of - step * pace["step_ms"] for step in range(len(pace["entries"]), -1, -1)]
        by_step = [sum(a < at <= b for at in times) for a, b in pairwise(ends)]
        assert pace["entries"] == by_step
        assert pace["last_minute"] == sum(as_of - MINUTE < at <= as_of for at in times)
        assert pace["until"] == as_of


def test_a_long_day_is_counted_in_steps_and_says_how_far_it_is(
    kept: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "COUNTED_MAX", 2)
    for number in range(81, 89):
        kept.capture(f"P{number}", 100)
    day = days(kept)[-1]
    found, as_of = Overviews(kept.genesis), kept.ends_at(day)
    counted, sums = [], []
    with kept.store.reader() as reader:
        while not counted or counted[-1] < found.of(reader, as_of).today.entries:
            today = found.of(reader, as_of).today
            counted.append(today.counted)
            sums.append(sum(each.amount for each in today.captured))
    assert len(counted) > 2
    assert all(0 < after - before <= 4 for before, after in pairwise(counted))
    assert sums == sorted(sums)
    monkeypatch.undo()
    with kept.store.reader() as reader:
        assert found.of(reader, as_of).today == Overviews(kept.genesis).of(reader, as_of).today


def test_one_look_serves_all_who_ask_within_a_second(kept: Shown) -> None:
    found = Overviews(kept.genesis)
    with kept.store.reader() as reader:
        first = found.of(reader, kept.now)
        assert found.of(reader, kept.now) is first
        assert found.of(reader, kept.now + 1) is not first


def test_an_older_snapshot_is_counted_as_what_it_is(kept: Shown) -> None:
    found = Overviews(kept.genesis)
    with kept.store.reader() as older:
        before = found.of(older, kept.now)
        kept.capture("P77", 7_700)
        with kept.store.reader() as newer:
            after = found.of(newer, kept.now)
        assert found.of(older, kept.now) == before
    assert after.today.entries == before.today.entries + 1
    assert _amount(after) - _amount(before) == 7_700
    with kept.store.reader() as newer:
        assert found.of(newer, kept.now) == after


def _amount(found: overview.Overview) -> int:
    return sum(each.amount for each in found.today.captured if each.currency == "CNY")


def test_it_warns_of_a_calendar_that_ends_as_the_calendar_itself_does(kept: Shown) -> None:
    found, calendar = kept.get("/v1/overview"), kept.get("/v1/calendar")
    assert found["calendar_until"] == calendar.get("known_until", "")
    assert found["calendar_warning"] == calendar.get("warning", "") != ""


def test_a_wrong_time_is_refused(kept: Shown) -> None:
    for wrong in ("soon", "-1", str(2**53 - 1), str(TIME_MS_MAX + 1)):
        refused(kept.client.get("/v1/overview", params={"as_of": wrong}), 400, "bad-parameter")
    assert kept.get("/v1/overview", as_of=TIME_MS_MAX)["today"]["entries"] == 0
