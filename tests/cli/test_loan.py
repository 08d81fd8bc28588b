"""``tongzhang loan schedule``: the table, the JSON, and what is no loan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.cli_kit import run

USUAL = {
    "--principal": "5000.00", "--rate": "12%", "--instalments": "18",
    "--disbursed": "2022-11-01", "--first-due": "2022-12-01", "--unit": "1.00",
}  # fmt: skip

Capture = pytest.CaptureFixture[str]


def schedule(*more: str, **changed: str) -> int:
    options = USUAL | {f"--{name.replace('_', '-')}": text for name, text in changed.items()}
    return run("loan", "schedule", *(word for each in options.items() for word in each), *more)


def test_the_table_has_rows_totals_and_the_cost(capsys: Capture) -> None:
    assert schedule() == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines()]
    assert ["1", "2022-12-01", "255.00", "50.00", "305.00", "4,745.00"] in rows
    assert ["18", "2024-05-01", "300.22", "3.00", "303.22", "0.00"] in rows
    assert ["total", "5,000.00", "488.22", "5,488.22"] in rows
    assert "5,488.22 CNY, 488.22 CNY more than was lent" in said
    assert "within 24.0000 % a year" in said


def test_the_command_of_the_documentation_is_the_one_that_is_tested(capsys: Capture) -> None:
    page = (Path(__file__).parents[2] / "docs" / "loans.md").read_text("utf-8")
    text = page.replace("\\\n", " ")
    (command,) = [line.split() for line in text.splitlines() if "loan schedule --principal" in line]
    assert command[:3] == ["tongzhang", "loan", "schedule"]
    assert run(*command[1:], "--json") == 0
    assert json.loads(capsys.readouterr().out)["totals"]["interest"] == 48_822


def test_json_has_minor_units_and_parts_per_million(capsys: Capture) -> None:
    fees = ("--fee", "platform=1%", "--fee", "channel=280.00", "--json")
    flat = {"principal": "14,000.00", "rate": "6.5%", "instalments": "12", "unit": "0.01"}
    assert schedule(*fees, method="flat", **flat) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schedule"][11] == {
        "number": 12, "due": "2023-11-01", "principal": 116_663, "interest": 7_587,
        "fees": {"platform": 1_163, "channel": 2_337}, "total": 127_750, "balance": 0,
    }  # fmt: skip
    assert found["totals"]["fees"] == {"platform": 14_000, "channel": 28_000}
    assert found["cost"] == {
        "monthly_times_12_ppm": 170_953, "compounded_ppm": 185_005,
        "limit_ppm": 240_000, "within_limit": True,
    }  # fmt: skip


def test_a_dear_loan_is_said_to_be_above_the_limit(capsys: Capture) -> None:
    assert schedule("--fee", "service=20%") == 0
    assert "above 24.0000 % a year" in capsys.readouterr().out


def test_a_currency_without_decimals(capsys: Capture) -> None:
    assert schedule(currency="JPY", principal="500000", unit="") == 0
    assert "500,000 JPY" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("rate", "12", "bad-rate"),
        ("rate", "12.34567%", "bad-rate"),
        ("rate", "101%", "terms-out-of-range"),
        ("fee", "service", "bad-fee"),
        ("fee", "=2%", "bad-fee"),
        ("fee", "service=2.00.00", "bad-amount"),
        ("principal", "1.001", "bad-amount"),
        ("principal", "0", "bad-amount"),
        ("unit", "-1", "bad-amount"),
        ("currency", "RMB", "bad-currency"),
        ("disbursed", "2022-02-30", "bad-date"),
        ("first_due", "2022-11-01", "dates-out-of-order"),
        ("due_day", "5", "terms-contradict"),
        ("method", "bullet", "terms-contradict"),
        ("grace", "18", "terms-out-of-range"),
        ("unit", "10000.00", "schedule-does-not-close"),
        ("method", "balloon", "usage"),
        ("day_count", "30/365", "usage"),
        ("instalments", "121", "usage"),
    ],
)
def test_what_is_no_loan_is_refused(option: str, text: str, code: str, capsys: Capture) -> None:
    assert schedule(**{option: text}) == 2
    assert capsys.readouterr().err.startswith(f"error: {code}: ")
