"""Lists on the command line: full disks, minor units, marks, helps."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from cli import main
from tests.api.queries_kit import Kept, month_on
from tests.ledger import refund_kit
from tests.ledger.ledger_kit import leg

ROOT = Path(__file__).resolve().parents[2]
CURRENCIES = ("CNY", "JPY", "KWD")

kept = month_on()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A ledger with a payment and an unconfirmed deposit in each of three currencies."""
    made = Kept(tmp_path_factory.mktemp("mixed"))
    for code in CURRENCIES:
        made.register(f"shop-{code}", currency=code)
        made.capture(f"P-{code}", 123_456, currency=code)
        legs = [leg(1, f"shop-{code}", amount=123_456)]
        made.instruct(f"P-{code}", 123_456, currency=code, legs=legs)
        deposit = refund_kit.movement_of(f"M-{code}", 200_000, currency=code)
        made.apply("institution", "refund_float.deposited", **deposit)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*main.LANGUAGE_VARIABLES, "TONGZHANG_HOME", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def said(kept: Kept, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main.run([*words, "--url", kept.server.url, "--token", kept.token])
    return code, out.getvalue(), err.getvalue()


def process(
    kept: Kept, words: Sequence[str], stdout: int, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "cli", *words, "--url", kept.server.url]
    return subprocess.run(
        [*command, "--token", kept.token],
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


LISTS_AS_CSV = ["refunds", "payouts", "disputes", "fees", "expectations", "float"]


@pytest.mark.parametrize("name", LISTS_AS_CSV)
def test_csv_on_a_full_disk_fails_as_json_does_without_a_traceback(kept: Kept, name: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = process(kept, [name, "--csv"], full)
    finally:
        os.close(full)
    assert b"Traceback" not in done.stderr
    assert (done.returncode, b"output-failed" in done.stderr) == (1, True)


def test_csv_to_a_reader_that_went_away_says_no_word(kept: Kept) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process(kept, ["refunds", "--csv"], writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "ascii"])
def test_csv_begins_with_no_mark_written_out_where_the_output_is_not_utf_8(
    kept: Kept, encoding: str
) -> None:
    done = process(kept, ["refunds", "--csv"], subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert not done.stdout.startswith(b"\\ufeff")


def test_a_sum_is_oldest_since_the_same_time_in_minor_units(kept: Kept) -> None:
    _, text, _ = said(kept, "expectations", "--summary", "--json")
    _, table, _ = said(kept, "expectations", "--summary", "--minor")
    times = {str(each["oldest_at"]) for each in json.loads(text)["sums"]}
    shown = {line.split()[-1] for line in table.splitlines()[3:] if line.strip()}
    assert shown == times


def test_the_float_is_shown_in_every_currency_whatever_the_limit_of_movements(mixed: Kept) -> None:
    _, text, _ = said(mixed, "float", "--limit", "1", "--json")
    assert [each["currency"] for each in json.loads(text)["floats"]] == list(CURRENCIES)
    _, table, _ = said(mixed, "float", "--limit", "1")
    assert [code for code in CURRENCIES if code in table] == list(CURRENCIES)


@pytest.mark.parametrize("words", [("search", "--from", "2025-01-01"), ("float",)])
def test_minor_units_are_told_of_which_currency_they_are(mixed: Kept, words: Sequence[str]) -> None:
    """123456 of yen is a thousand times what 123456 of fils is; ids need not tell them apart."""
    _, table, _ = said(mixed, *words, "--minor")
    lines = [line.split() for line in table.splitlines()]
    for code in CURRENCIES:
        assert [line for line in lines if code in line], table


def test_csv_of_fees_has_one_unit_of_money(kept: Kept) -> None:
    """The parts of a month's profit stand in fen beside amounts with decimals."""
    _, text, _ = said(kept, "fees", "--json")
    month = next(each for each in json.loads(text)["periods"] if each.get("portions"))
    portion = max(each["amount"] for each in month["portions"])
    _, table, _ = said(kept, "fees", "--csv")
    assert f'""amount"":{portion}' not in table


def test_what_a_kind_of_agreement_may_be_is_completed_and_leads_to_the_help(kept: Kept) -> None:
    from typer.testing import CliRunner

    words = "tongzhang agreements --kind "
    environment = {
        "_TONGZHANG_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": "3",
    }
    found = CliRunner().invoke(main.app, [], prog_name="tongzhang", env=environment)
    assert found.stdout.split() == ["fee", "profit"]
    _, _, err = said(kept, "agreements", "--kind", "x")
    assert "tongzhang agreements --help" in err


def test_wide_is_refused_or_shows_more(kept: Kept) -> None:
    code, narrow, _ = said(kept, "agreements", "--kind", "fee")
    assert code == 0
    code, wide, _ = said(kept, "agreements", "--kind", "fee", "--wide")
    assert code != 0 or wide != narrow


def test_the_help_of_expectations_says_its_default_and_names_columns_that_are_there(
    kept: Kept,
) -> None:
    _, text, _ = said(kept, "expectations", "--help")
    state = text.partition("--state STATE")[2].partition("--awaited")[0]
    assert "default" in state
    _, table, _ = said(kept, "expectations")
    heads = table.partition("─")[0]
    for column in ("about", "since", "due", "why"):
        assert column in heads
        assert f"{column} " in text.partition("Examples:")[0].lower()


def test_remarks_are_chinese_as_the_table_is(kept: Kept) -> None:
    _, _, err = said(kept, "--lang", "zh", "payouts", "--limit", "1")
    assert err
    assert not err.isascii()


@pytest.mark.parametrize("items", [[7], [{"amount": "many", "currency": 3}], [None]])
@pytest.mark.parametrize("form", [(), ("--csv",)])
def test_items_that_no_node_shows_are_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, items: list[object], form: Sequence[str]
) -> None:
    page = {"refunds": items, "more": False}
    monkeypatch.setattr("cli.listings.follow", lambda *_, **__: page)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert (
            main.run(["refunds", *form, "--utc", "--url", "http://127.0.0.1:1", "--token", "t"])
            == 1
        )
    assert err.getvalue().startswith("error: unexpected-answer: ")
