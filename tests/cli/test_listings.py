"""Lists on the command line: CSV for people, all fields, minor units, zones, and Chinese."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli import main
from cli.books.spreadsheet import _csv_row
from cli.listings import csv_text as csv_for_people
from ledger.currencies import decimal
from ledger.posted import PostedEntry, PostedLine
from tests.api.queries_kit import Kept, month_on
from views import cells, texts
from views.agreements import FEE_AGREEMENTS, PROFIT_AGREEMENTS
from views.cells import Style
from views.disputes import DISPUTES
from views.due import DUE_PAYOUTS
from views.expectations import EXPECTATIONS, UNMET_SUMS
from views.fees import CHARGES, FEES
from views.labels import Label, Language, labels_of
from views.listing import Listing
from views.payouts import PAYOUTS
from views.refund_float import MOVEMENTS
from views.refunds import REFUNDS

Capture = pytest.CaptureFixture[str]

LISTS: dict[str, Listing] = {
    "payouts": PAYOUTS,
    "payouts --due 2026-01-06 --upcoming": DUE_PAYOUTS,
    "refunds": REFUNDS,
    "float": MOVEMENTS,
    "fees": FEES,
    "fees --period 2026-01": CHARGES,
    "disputes": DISPUTES,
    "agreements --kind fee": FEE_AGREEMENTS,
    "agreements --kind profit": PROFIT_AGREEMENTS,
    "expectations": EXPECTATIONS,
    "expectations --summary": UNMET_SUMS,
}
MEMBERS = {
    "agreements --kind fee": "fee",
    "agreements --kind profit": "profit",
    "fees --period 2026-01": "charges",
}
WITHOUT_AMOUNTS = ("agreements --kind fee", "agreements --kind profit", "disputes")
TABLES = [line for line in LISTS if not line.startswith("agreements")]
"""Lists whose tables are drawn by their declaration; that of agreements says more."""
CHINESE = re.compile(r"[一-鿿]")
ZONE_MINUTES = 8 * 60

kept = month_on()
each_list = pytest.mark.parametrize("line", LISTS)
each_table = pytest.mark.parametrize("line", TABLES)


def in_csv(label: Label, language: Language = "en") -> str:
    """Return the head of a column of a CSV file, in which ages are in seconds."""
    return f"{label.text(language)} (s)" if label.unit == "age" else label.text(language)


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*main.LANGUAGE_VARIABLES, "TONGZHANG_HOME", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield
    cells.choose(Style())


@pytest.fixture
def said(kept: Kept, capsys: Capture) -> Callable[[str], str]:
    """What a command line prints that must be good; its options before the command stay there."""

    def run(line: str) -> str:
        words = [*line.split(), "--url", kept.server.url, "--token", kept.token]
        assert main.run(words) == 0
        return capsys.readouterr().out

    return run


Said = Callable[[str], str]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def items_of(said: Said, line: str) -> list[dict[str, Any]]:
    found = json.loads(said(f"{line} --json"))[MEMBERS.get(line, LISTS[line].items_name)]
    assert found
    return list(found)


def currency_of(name: str, item: dict[str, Any]) -> str:
    """Return the currency of an amount: one that is said of it alone, or the item's."""
    own = f"{name.removesuffix('amount')}currency"
    return str(item.get(own) or item["currency"])


# -- CSV ------------------------------------------------------------------------------------------


@each_list
def test_csv_has_all_fields_under_their_labels_and_a_mark_for_spreadsheets(
    said: Said, line: str
) -> None:
    listing = LISTS[line]
    text = said(f"{line} --csv")
    assert text.startswith("\ufeff")
    assert text.count("\ufeff") == 1
    assert text.endswith("\r\n")
    heads = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [head.partition(" (UTC")[0] for head in heads] == [
        in_csv(labels_of(listing.view)[name]) for name in listing.view.__struct_fields__
    ]
    assert len(rows_of(text)) == len(items_of(said, line))


@each_list
def test_amounts_in_csv_are_as_people_write_them_or_in_minor_units(said: Said, line: str) -> None:
    labels = labels_of(LISTS[line].view)
    items = items_of(said, line)
    shown, minor = rows_of(said(f"{line} --csv")), rows_of(said(f"{line} --csv --minor"))
    seen = 0
    for item, row, bare in zip(items, shown, minor, strict=True):
        for name, label in labels.items():
            if label.unit == "minor" and name in item:
                assert row[label.en] == decimal(item[name], currency_of(name, item))
                assert bare[label.en] == str(item[name])
                seen += 1
    assert seen or line in WITHOUT_AMOUNTS


@each_list
def test_what_csv_leaves_out_is_an_empty_cell(said: Said, line: str) -> None:
    labels = labels_of(LISTS[line].view)
    rows = rows_of(said(f"{line} --csv --minor"))
    for item, row in zip(items_of(said, line), rows, strict=True):
        there = {name for name, label in labels.items() if row[in_csv(label)]}
        assert there <= set(item)
        assert {name for name, value in item.items() if value not in ("", [])} <= there


def test_csv_of_an_empty_list_has_its_heads_alone(said: Said) -> None:
    assert said("refunds --payment P9 --csv").count("\r\n") == 1


def test_json_and_csv_are_two_forms(kept: Kept, capsys: Capture) -> None:
    words = ["refunds", "--json", "--csv", "--url", kept.server.url, "--token", kept.token]
    assert main.run(words) == 2
    assert "--json and --csv are two forms" in capsys.readouterr().err


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "＝1", "＋1", "－1", "＠a"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_writer_of_csv_lets_a_text_be_a_formula(text: str) -> None:
    from api.lists import csv_text as csv_for_programs

    item: dict[str, Any] = {
        "refund": "R", "payment": "P", "order": "O", "state": "failed", "amount": -5,
        "currency": "CNY", "reason": text, "attempts": 1, "entry": 1, "last_entry": 1,
    }  # fmt: skip
    cells.choose(Style(grouped=False))
    (for_people,) = rows_of(csv_for_people(REFUNDS, [item]))
    assert (for_people["reason"], for_people["amount"]) == (f"'{text}", "-0.05")
    (for_programs,) = rows_of(csv_for_programs(REFUNDS.view, [REFUNDS.view(**item)]))
    assert (for_programs["reason"], for_programs["amount"]) == (f"'{text}", "-5")
    entry = PostedEntry(
        index=1, height=1, time=0, date="2026-01-05", party="platform", id=text,
        type="payment.captured", subject="payment:P", postings=[],
    )  # fmt: skip
    books = _csv_row(entry, PostedLine(account="suspense", currency="CNY", amount=-5))
    assert f"'{text}" in books
    assert text not in books


def test_what_would_steer_a_terminal_is_written_out_in_csv_too() -> None:
    item = {"refund": "R", "reason": "a\x1b[2Jb", "amount": 1, "currency": "CNY"}
    (row,) = rows_of(csv_for_people(REFUNDS, [item]))
    assert row["reason"] == "a\\x1b[2Jb"


# -- tables ---------------------------------------------------------------------------------------


def head_of(table: str, label: str) -> bool:
    return any(label in line for line in table.splitlines())


@each_list
def test_wide_shows_every_field_that_an_item_has(said: Said, line: str) -> None:
    listing, items = LISTS[line], items_of(said, line)
    labels = labels_of(listing.view)
    table = said(f"{line} --wide")
    assert not [name for item in items for name in item if not head_of(table, labels[name].en)]
    for item in items:
        for name in ("entry", "payment", "payout", "bank_reference", "subject", "detail"):
            assert str(item.get(name, "")) in table


def test_a_table_is_of_the_columns_that_the_list_declares(said: Said) -> None:
    table, wide = said("refunds"), said("refunds --wide")
    assert "bank reference" not in table
    assert "bank reference" in wide
    assert "why" in table


@each_list
def test_heads_and_words_are_chinese_where_that_is_asked_for(said: Said, line: str) -> None:
    listing, items = LISTS[line], items_of(said, line)
    labels = labels_of(listing.view)
    table = said(f"--lang zh {line} --wide")
    assert not [name for item in items for name in item if not head_of(table, labels[name].zh)]
    for item in items:
        for name, label in labels.items():
            if isinstance(item.get(name), str) and label.words:
                assert label.words[item[name]] in table


@each_table
def test_nothing_of_a_table_that_is_not_stated_by_a_party_is_english(said: Said, line: str) -> None:
    table = said(f"--lang zh {line}")
    heads = table.split("─")[0].splitlines()[-2:] if "─" in table else table.splitlines()[:3]
    assert CHINESE.search("".join(heads))
    english = {label.en for label in labels_of(LISTS[line].view).values()}
    words = {word for label in labels_of(LISTS[line].view).values() for word in label.words}
    told = set(re.split(r"\s{2,}|\n", table))
    assert not told & (english | words)


@each_list
def test_csv_has_chinese_heads_and_words_too(said: Said, line: str) -> None:
    labels = labels_of(LISTS[line].view)
    items = items_of(said, line)
    rows = rows_of(said(f"--lang zh {line} --csv --minor"))
    for item, row in zip(items, rows, strict=True):
        assert list(row) == [in_csv(label, "zh") for label in labels.values()]
        for name, label in labels.items():
            if name in item and label.words:
                assert row[label.zh] == label.words[item[name]]


def test_the_locale_says_the_language(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "退款" in said("refunds")
    assert "refund " in said("--lang en refunds")


def test_an_empty_list_is_said_in_either_language(said: Said) -> None:
    assert said("refunds --payment P9") == "no refunds\n"
    assert said("--lang zh refunds --payment P9") == "没有退款\n"


# -- times ----------------------------------------------------------------------------------------


def timed(line: str) -> list[tuple[str, Label]]:
    return [(n, label) for n, label in labels_of(LISTS[line].view).items() if label.unit == "ms"]


@each_list
@pytest.mark.parametrize("utc", [False, True])
def test_times_are_in_the_zone_of_the_calendar_or_in_utc(said: Said, line: str, utc: bool) -> None:
    items = items_of(said, line)
    rows = rows_of(said(f"{line} --csv{' --utc' if utc else ''}"))
    zone, offset = ("UTC", 0) if utc else ("UTC+08:00", ZONE_MINUTES)
    for item, row in zip(items, rows, strict=True):
        for name, label in timed(line):
            cell = row[f"{label.en} ({zone})"]
            if name not in item:
                assert cell == ""
                continue
            there = datetime.fromtimestamp(item[name] // 1000, UTC) + timedelta(minutes=offset)
            assert cell == there.strftime("%Y-%m-%d %H:%M:%S")


def test_with_minor_units_times_are_milliseconds_of_no_zone(said: Said) -> None:
    items = items_of(said, "expectations")
    rows = rows_of(said("expectations --csv --minor"))
    assert [row["since"] for row in rows] == [str(item["opened_at"]) for item in items]


def test_what_one_call_chooses_is_not_there_for_the_next(said: Said) -> None:
    said("--lang zh expectations --csv --minor")
    assert (texts.language(), cells.zone(), cells.money(-5, "CNY")) == ("en", "UTC", "-0.05 CNY")


def test_some_list_has_times(said: Said) -> None:
    assert {line for line in LISTS if timed(line)} >= {"payouts", "refunds", "expectations"}
