"""The second account of a day shares only records with the ledger: so it notices faults there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from demo.day.files import read_day, read_expected
from ledger.calendar import BusinessDays
from ledger.contracts import allocation
from ledger.contracts.allocation import MILLION, Allocation
from ledger.records import Record
from tests.demo.day_kit import Played
from tests.demo.test_sample import outcome_of, shown

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "day"
DAY = timedelta(days=1)


BESIDES_RECORDS = {
    "cast": {"Role", "account_commitment"},
    "cells": {
        "DecodeError",
        "SAFE_INTEGER_MAX",
        "canonical",
        "currencies",
        "decode_record",
        "forms",
        "strict",
        "type_name",
    },
    "conversations": {"RULES"},  # what a record is about
    "disputes": {"DisputeOutcome"},
    "fees": {"Portion", "Recipient"},
    "files": {"type_name"},
    "lines": {"canonical"},
    "phases": {"Calendar"},  # as it is founded
    "trade": {"SplitLeg"},
}
"""All that the day takes from the ledger but records: forms and names, neither sums nor dates.

The second account (the tallies, the dates, the accounts, the outcome) takes nothing else at all.
"""


@pytest.mark.parametrize("file", sorted((ROOT / "demo" / "day").glob("*.py")), ids=lambda f: f.stem)
def test_the_day_and_its_second_account_share_only_records_with_the_ledger(file: Path) -> None:
    others = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not {each.name.split(".")[0] for each in node.names} & {"ledger", "node"}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith(("ledger", "node")):
            module = import_module(str(node.module))
            for each in node.names:
                found = getattr(module, each.name, None) or import_module(f"ledger.{each.name}")
                if not (isinstance(found, type) and issubclass(found, Record)):
                    others.add(each.name)
    assert others == BESIDES_RECORDS.get(file.stem, set())


def rolled_first(self: BusinessDays, due: date, cycle: str) -> date:
    """Return what is due when a day that is none is rolled on first: the rule of before."""
    latest = due
    while _rolled(self, latest, cycle) > due:
        latest -= DAY
    return latest


def _rolled(days: BusinessDays, day: date, cycle: str) -> date:
    if cycle[0] == "D":
        return day + int(cycle[2:]) * DAY
    day = days.due(day, "T+0")
    return days.due(day, cycle) if cycle != "T+0" else day


def tail_to_the_last(amount: int, ppms: Sequence[int], tail_leg: int = 0) -> Allocation:
    """Return shares whose tail goes to the last leg, whatever the remainders."""
    amounts = [amount * ppm // MILLION for ppm in ppms]
    tail = amount - sum(amounts)
    amounts[(tail_leg or len(amounts)) - 1] += tail
    return Allocation(amounts, tail)


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [(BusinessDays, "latest", rolled_first), (allocation, "share", tail_to_the_last)],
)
def test_a_fault_planted_in_the_ledger_is_noticed_by_the_second_account(
    owner: object, name: str, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, fault)
    day = read_day(EXAMPLE)
    found, expected = outcome_of(Played(day, 1), day), shown(read_expected(EXAMPLE))
    assert found["records"] != expected["records"], "a payout is another than the ledger's"
    assert found["accounts"] != expected["accounts"]
