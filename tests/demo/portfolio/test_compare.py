"""The comparison notices a fen, names where, and makes the case small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.portfolio import account, cases, compare
from tests.demo.portfolio.case_kit import case, repaid, terms

Plain = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]


def a_fen_off(found: Plain) -> Plain:
    """Return an answer whose every payment beyond what is owed is a fen more."""
    for each in found.get("events", []):
        each["overpaid"] = each.get("overpaid", 0) and each["overpaid"] + 1
    return found


def answer(given: Plain) -> Plain:
    """Return the account's answer a fen off: the other computation of these tests."""
    return a_fen_off(account.answer(given))


def test_the_computation_agrees_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    module = "demo.portfolio.account"
    assert compare.main(["--cases", "60", "--seed", "5", "--with", module, "--jobs", "2"]) == 0
    assert capsys.readouterr().out == "60 cases of seed 5 agree\n"


@pytest.mark.parametrize("arguments", [["--cases", "300"], ["--cases", "40", "--cost"]])
def test_the_ledger_computes_the_same(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments += ["--seed", "15", "--jobs", "1", "--with", "tests.ledger.lending.adapter"]
    assert compare.main(arguments) == 0, capsys.readouterr().out


def test_the_cost_counts_only_if_wanted() -> None:
    def other(each: Plain) -> Plain:
        found = account.answer(each)
        if "cost" in found:
            found["cost"]["within"] = not found["cost"]["within"]
        return found

    assert compare.difference(case(terms()), other) is None
    found = compare.difference(case(terms()), other, compare.Closeness(cost=True))
    assert found is not None and found[0] == ".cost.within"


def test_a_fen_is_noticed_and_its_case_made_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["--cases", "40", "--seed", "5", "--with", __name__, "--jobs", "1"]) == 1
    out = capsys.readouterr().out
    assert ".overpaid" in out
    shown = json.loads(out[out.index("{") : out.index("first difference")])
    assert len(shown["events"]) <= 2
    assert len(shown["funders"]) == 1
    assert shown["terms"]["fees"] == []


def test_all_differences_are_counted_by_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--cases", "40", "--seed", "5", "--with", __name__, "--jobs", "1", "--all"]
    assert compare.main(arguments) == 1
    first, second, *_ = capsys.readouterr().out.splitlines()
    count = int(second.split()[0])
    assert first == f"{count} of 40 cases differ; first in:"
    assert ".events[].overpaid (repayment), such as [" in second


def test_the_comparison_is_a_command() -> None:
    command = [sys.executable, "-m", "demo.portfolio.compare", "--cases", "4", "--jobs", "2"]
    command += ["--with", "demo.portfolio.account"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "4 cases of seed 1 agree\n"


def test_what_the_other_raises_is_a_difference() -> None:
    def raising(given: Plain) -> Plain:
        raise LookupError(given["platform"])

    found = compare.difference(case(terms()), raising)
    assert found is not None
    assert (found[0], found[2]) == ("raised", "LookupError: platform")


def test_codes_of_refusals_count_only_if_wanted() -> None:
    given = case(terms(), repaid("r1", "2022-10-01", 5))

    def other(each: Plain) -> Plain:
        return {**account.answer(each), "events": [{"refused": "something-else"}]}

    assert compare.difference(given, other) is None
    assert compare.difference(given, other, compare.Closeness(codes=True)) is not None


def test_zeros_of_divisions_and_the_order_of_legs_say_nothing() -> None:
    given = cases.draw_case(1, 1)

    def other(each: Plain) -> Plain:
        found = account.answer(each)
        for event in found["events"]:
            if "legs" in event:
                event["legs"].reverse()
        for row in found["schedule"]:
            row["shares"]["principal"]["nobody"] = 0
        return found

    assert compare.difference(given, other) is None


def test_cases_are_the_same_whichever_were_drawn_before() -> None:
    assert cases.draw_case(3, 4) == cases.draw_case(3, 4)
    assert cases.draw_case(3, 4) != cases.draw_case(3, 5)
    assert cases.draw_case(3, 4) != cases.draw_case(4, 4)


def test_legs_may_count_by_their_sums_only() -> None:
    given = case(terms(), repaid("r1", "2023-01-01", 61_000))

    def other(each: Plain) -> Plain:
        found = account.answer(each)
        for leg in found["events"][0]["legs"]:
            leg["instalment"] = 1
        return found

    assert compare.difference(given, other) is not None
    assert compare.difference(given, other, compare.Closeness(sums=True)) is None
