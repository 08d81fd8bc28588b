"""Loans on the command line: 80 columns in both languages, JSON, CSV, and wrong words."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from cli import main
from cli.layout import width_of
from tests.api.loans_kit import KeptLoans, portfolio_on
from tests.cli.test_queries_cli import SAME_IN_CHINESE, words_of

Capture = pytest.CaptureFixture[str]
NOW = "--as-of 2026-04-20"
LISTS = (
    f"loans {NOW}",
    f"loans --funder fund-a --state active {NOW}",
    f"overdue {NOW}",
    f"repayments {NOW}",
    "compensations",
    f"compensations --due {NOW}",
)
LINES = (
    *LISTS,
    f"loan L1 {NOW}",
    f"loan show L2 {NOW}",
    f"loan L3 {NOW}",
    f"loan L7 {NOW}",
    f"loan L8 {NOW}",
    "loan allocate L2 --amount 9,000.00 --date 2026-05-05",
    "payment P-L2-A1",
    "payment P-C1",
    "search --loan L1",
    "expectations --kind loan-funding",
)

kept = portfolio_on()


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def run(kept: KeptLoans, line: str) -> int:
    return main.run([*line.split(), "--url", kept.server.url, "--token", kept.token])


def shown(kept: KeptLoans, line: str, capsys: Capture) -> str:
    assert run(kept, line) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("line", LINES)
def test_every_answer_about_loans_fits_80_columns(
    kept: KeptLoans, line: str, capsys: Capture
) -> None:
    out = shown(kept, line, capsys)
    assert max(map(width_of, out.splitlines())) <= 80
    assert "CNY" in out


@pytest.mark.parametrize("line", LINES)
def test_in_chinese_every_word_about_loans_but_what_was_stated_is_chinese(
    kept: KeptLoans, line: str, capsys: Capture
) -> None:
    stated = words_of(_texts(json.loads(shown(kept, f"{line} --json", capsys))))
    out = shown(kept, f"--lang zh {line}", capsys)
    assert words_of(out) - stated - SAME_IN_CHINESE == set()
    assert re.search(r"[\u4e00-\u9fff]", out)
    assert max(map(width_of, out.splitlines())) <= 80


def test_components_and_methods_have_their_usual_names_in_chinese(
    kept: KeptLoans, capsys: Capture
) -> None:
    line = "loan allocate L2 --amount 9,000.00 --date 2026-05-05"
    components = {
        each["component"] for each in json.loads(shown(kept, f"{line} --json", capsys))["parts"]
    }
    out = shown(kept, f"--lang zh {line}", capsys)
    assert {"principal", "interest"} <= components
    assert ("本金" in out, "利息" in out) == (True, True)
    assert not {"principal", "interest", "penalty", "early-fee"} & words_of(out)
    assert "等额本息" in shown(kept, f"--lang zh loan L1 {NOW}", capsys)


def _texts(value: Any, key: str = "") -> str:
    if isinstance(value, dict):
        return " ".join(_texts(each, name) for name, each in value.items())
    if isinstance(value, list):
        return " ".join(_texts(each, key) for each in value)
    return "" if key in ("state", "kind", "role", "split", "method") else str(value)


@pytest.mark.parametrize("line", LISTS)
def test_lists_of_loans_are_had_as_csv(kept: KeptLoans, line: str, capsys: Capture) -> None:
    page = json.loads(shown(kept, f"{line} --json", capsys))
    (items,) = (value for value in page.values() if isinstance(value, list))
    text = shown(kept, f"{line} --csv", capsys).removeprefix("\ufeff")
    head, *rows = csv.reader(io.StringIO(text))
    assert len(rows) == len(items) > 0
    assert {len(row) for row in rows} == {len(head)}


def test_a_loan_says_in_one_look_what_was_split_wrongly(kept: KeptLoans, capsys: Capture) -> None:
    out = shown(kept, f"loan L2 {NOW}", capsys)
    for words in (
        "loan L2: active",
        "6,000.00 CNY at 12 % a year\n",
        "6 by equal-instalment, days by 30/360\n",
        "2,098.72 CNY, 46 days past due, M2",
        "conflicting",
        "517.50  510.00       -7.50",
        "6.00   27.00      +21.00",
        "instruction of payment:P-L2-A1 by platform: conflicting",
    ):
        assert words in out
    first = shown(kept, f"loan L1 {NOW}", capsys)
    for words in (
        "new schedule from 2026-04-20 on: proposed, accepted by fund-a",
        "dispute D1 about loan:L1: open",
        "insufficient-funds",
        "allocation-differs",
        "fund-a, fund-b, fund-c,",
    ):
        assert words in first


def test_a_loan_is_shown_with_and_without_the_word_show(kept: KeptLoans, capsys: Capture) -> None:
    said = shown(kept, f"loan show L1 {NOW}", capsys)
    assert shown(kept, f"loan L1 {NOW}", capsys) == said
    assert shown(kept, f"loan {NOW} L1", capsys) == said
    assert main.run(["loan", "--help"]) == 0
    out = capsys.readouterr().out
    for words in ("show", "allocate", "schedule", "`tongzhang loan ID`"):
        assert words in out
    assert main.run(["loan", "show", "--help"]) == 0
    assert "Examples:" in capsys.readouterr().out


def test_legs_of_an_allocation_are_json_that_a_split_takes(
    kept: KeptLoans, capsys: Capture
) -> None:
    line = "loan allocate L2 --amount 1,041.00 --date 2026-05-05"
    found = json.loads(shown(kept, f"{line} --json", capsys))
    assert {tuple(leg) for leg in found["legs"]} == {("leg", "receiver", "purpose", "amount")}
    out = shown(kept, line, capsys)
    assert "1,041.00 CNY for loan L2 on 2026-05-05" in out
    assert re.search(r"fund-a-main +517\.51 CNY", out)


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        ("loan L9", "no-such-loan", 1),
        ("loan schedul", "no-such-loan", 1),
        ("loan L/1", "bad-format", 2),
        ("loan L1 --as-of 2026-02-30", "bad-date", 2),
        ("loan L1 --as-of tomorrow", "bad-date", 2),
        ("loan L1 --height 99999", "no-such-block", 1),
        ("loan L1 --height x", "usage", 2),
        ("loan allocate L9 --amount 1", "no-such-loan", 1),
        ("loan allocate L2 --amount 0", "bad-amount", 2),
        ("loan allocate L2 --amount 1.005", "bad-parameter", 2),
        ("loan allocate L2 --amount 5,00", "bad-amount", 2),
        ("loan allocate L2", "usage", 2),
        ("loan allocate L3 --amount 1.00", "loan-settled", 1),
        ("loan allocate L4 --amount 1.00", "loan-not-disbursed", 1),
        ("loans --state lost", "usage", 2),
        ("loans --funder nobody", "no-such-party", 2),
        ("loans --as-of 2026-13-01", "bad-date", 2),
        ("loans --height 99999", "no-such-block", 1),
        ("loans --due-from 2026-03-02 --due-to 2026-03-01", "bad-parameter", 2),
        ("overdue --bucket M9", "usage", 2),
        ("repayments --loan L9", "no-such-loan", 1),
        ("repayments --json --csv", "usage", 2),
        ("compensations --due --state stated", "usage", 2),
        ("compensations --funder fund-a", "usage", 2),
        ("compensations --as-of 2026-04-20", "usage", 2),
    ],
)
def test_what_was_typed_wrongly_is_said_with_its_code(
    kept: KeptLoans, line: str, code: str, exit_code: int, capsys: Capture
) -> None:
    assert run(kept, line) == exit_code
    assert capsys.readouterr().err.startswith(f"error: {code}: ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("loans --state settled --as-of 2026-01-06", "no loans"),
        ("overdue --as-of 2026-01-06", "nothing is overdue"),
        ("repayments --from 2026-12-01", "no repayments"),
        ("compensations --state reversed", "no compensations"),
        ("compensations --due --as-of 2026-01-06", "nothing is due that is not stated"),
    ],
)
def test_an_empty_list_says_so(kept: KeptLoans, line: str, words: str, capsys: Capture) -> None:
    assert shown(kept, line, capsys) == f"{words}\n"
