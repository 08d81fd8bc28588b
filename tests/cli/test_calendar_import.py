"""What ``tongzhang calendar import`` decides from a file and from what the ledger knows."""

from __future__ import annotations

from typing import Any

import pytest

from cli.calendars.command import decision
from cli.calendars.files import Announced, announced_by
from cli.errors import CheckFailed

NOTICE = b"""{"year": 2027, "holidays": ["2026-12-31", "2027-01-01"],
  "workdays": ["2026-12-26", "2027-01-02"]}"""
"""Like the notice on 2019, which took days of December 2018 for its New Year."""

DAYS_2027 = {"holidays": ["2027-01-01"], "workdays": ["2027-01-02"]}


def notice() -> Announced:
    return announced_by(NOTICE, "notice")


def known(*years: dict[str, Any]) -> dict[str, Any]:
    usual = {"version": 0, "state": "founded", "holidays": [], "workdays": [], "accepted": []}
    return {"years": [{**usual, **year} for year in years]}


def test_days_of_december_amend_what_holds_of_the_year_before() -> None:
    held = {"year": 2026, "holidays": ["2026-10-01", "2026-12-26"], "workdays": ["2026-10-10"]}
    made = decision(notice(), 2026, known(held), "")
    assert made is not None
    assert (made["type"], made["version"]) == ("calendar.declared", 1)
    assert made["holidays"] == ["2026-10-01", "2026-12-31"]
    assert made["workdays"] == ["2026-10-10", "2026-12-26"]


def test_days_of_december_of_a_year_that_nobody_has_decided_are_refused() -> None:
    with pytest.raises(CheckFailed) as caught:
        decision(notice(), 2026, known(), "")
    assert caught.value.code == "year-not-decided"


def test_a_year_that_holds_so_is_not_stated_again() -> None:
    held = {"year": 2027, "version": 2, "state": "in-force", **DAYS_2027}
    assert decision(notice(), 2027, known(held), "") is None
    assert decision(notice(), 2027, known(held), "platform") is None


def test_an_amendment_is_the_next_version() -> None:
    held = {"year": 2027, "version": 2, "state": "in-force", "holidays": ["2027-01-01"]}
    made = decision(notice(), 2027, known(held), "")
    assert made is not None
    assert made["version"] == 3


@pytest.mark.parametrize(("accepted", "is_said"), [([], True), (["funder"], False)])
def test_who_has_accepted_says_it_once(accepted: list[str], is_said: bool) -> None:
    declared = {"year": 2027, "version": 1, "state": "declared", "entry": 7, **DAYS_2027}
    made = decision(notice(), 2027, known({**declared, "accepted": accepted}), "funder")
    assert (made is not None) == is_said


def test_nothing_is_accepted_that_nobody_declared() -> None:
    with pytest.raises(CheckFailed) as caught:
        decision(notice(), 2027, known(), "platform")
    assert caught.value.code == "nothing-declared"


def test_what_is_said_again_is_the_same_record_and_other_days_are_another() -> None:
    declared = {"year": 2027, "version": 1, "state": "declared", "entry": 7}
    view = known({**declared, "holidays": ["2027-05-01"]})
    first, again = (decision(notice(), 2027, view, "platform") for _ in range(2))
    assert first == again
    other = announced_by(b'{"year": 2027, "holidays": ["2027-05-01"]}', "x")
    changed = decision(other, 2027, view, "platform")
    assert first is not None
    assert changed is not None
    assert first["id"] != changed["id"]
