"""``tongzhang report day``: what it prints and writes, in both languages, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from cli import main
from cli.layout import width_of
from cli.reports.table import write_csv
from cli.reports.workbook import TABS, write_xlsx
from tests.api.lending_kit import FEBRUARY, MARCH, CosignedLoans, lending_day

Capture = pytest.CaptureFixture[str]

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)")
INERT = "insufficient-funds: =cmd|' /C calc'!A0"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosignedLoans]:
    made = lending_day(tmp_path_factory.mktemp("report"))
    made.fail("L05-1", 100, MARCH, "L05", reason=EVIL)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def run(kept: CosignedLoans, *words: object, lang: str = "en") -> int:
    """Return the exit code of a sheet by the newest block: judged at its time."""
    at = ["--height", kept.tip.height, "--url", kept.server.url, "--token", kept.token]
    line = ["--lang", lang, "report", "day", "--party", "fund-a", "--date", MARCH, *words, *at]
    return main.run([str(each) for each in line])


def test_the_terminal_shows_exceptions_first_within_80_columns(
    kept: CosignedLoans, capsys: Capture
) -> None:
    assert run(kept) == 1
    out = capsys.readouterr().out
    assert max(map(width_of, out.splitlines())) <= 80
    places = [out.index(f"\n{name} (") for name in ("exceptions", "figures", "repayments")]
    assert places == sorted(places)
    assert re.search(r"split-differs +L02 +platform +517\.51 CNY", out)
    assert "cosigned by  fund-a, fund-b, institution, platform" in out
    assert re.search(r"missing +1,035\.02 CNY +2\n", out)


def test_a_nought_is_written_out_so_that_no_amount_stands_in_anothers_place(
    kept: CosignedLoans, capsys: Capture
) -> None:
    run(kept)
    lines = capsys.readouterr().out.partition("\nrepayments (")[2].splitlines()
    (place,) = (at for at, line in enumerate(lines) if line.startswith("L03-"))
    amounts = [re.findall(r"([0-9,.]+) CNY", line) for line in lines[place - 1 : place + 1]]
    assert amounts == [["517.51", "0.00", "0.00"], ["517.51", "0.00", "517.51"]]


def test_in_chinese_every_word_of_ours_is(kept: CosignedLoans, capsys: Capture) -> None:
    assert run(kept, lang="zh") == 1
    out = capsys.readouterr().out
    for word in (
        "例外",
        "分账不一致",
        "应代偿未声明",
        "按计划应还",
        "未还款",
        "检查点",
        "共签方",
        "日报",
        "fund-a（资金方）",
    ):
        assert word in out
    assert "exceptions" not in out
    assert max(map(width_of, out.splitlines())) <= 80


def test_json_is_the_nodes_answer(kept: CosignedLoans, capsys: Capture) -> None:
    assert run(kept, "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown == kept.sheet("fund-a", MARCH, height=kept.tip.height)


def test_the_exit_code_is_0_without_exceptions(kept: CosignedLoans, capsys: Capture) -> None:
    assert run(kept, "--date", FEBRUARY, "--party", "guarantor") == 0
    assert "no exceptions" in capsys.readouterr().out


def test_the_exit_code_is_2_where_it_is_called_wrongly(
    kept: CosignedLoans, capsys: Capture, tmp_path: Path
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    for words, code in (
        (("--date", "2026-02-30"), "bad-date"),
        (("--party", "nobody"), "no-such-party"),
        (("--out", tmp_path / "sheet.pdf"), "unknown-ending"),
        (("--out", there), "file-exists"),
        (("--out", tmp_path / "no" / "sheet.csv"), "unwritable-file"),
    ):
        assert run(kept, *words) == 2
        assert f"error: {code}: " in capsys.readouterr().err
    assert there.read_text() == "mine"


def test_a_file_is_replaced_by_force_alone_and_leaves_no_part(
    kept: CosignedLoans, tmp_path: Path
) -> None:
    for ending in ("xlsx", "html", "csv"):
        out = tmp_path / f"sheet.{ending}"
        out.write_bytes(b"mine")
        assert run(kept, "--out", out) == 2
        assert out.read_bytes() == b"mine"
        assert run(kept, "--out", out, "--force") == 1
        assert len(out.read_bytes()) > 1000
    assert len(list(tmp_path.iterdir())) == 3


def test_the_own_party_is_meant_if_none_is_named(kept: CosignedLoans, capsys: Capture) -> None:
    at = ["--url", kept.server.url, "--token", kept.token]
    assert main.run(["report", "day", "--date", MARCH, "--json", *at]) == 1
    assert json.loads(capsys.readouterr().out)["party"] == "fund-a"


# CSV


def lists_of(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return a CSV file's lists by name, each row by its heads."""
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    found: dict[str, list[dict[str, str]]] = {}
    heads: dict[str, list[str]] = {}
    for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")):
        if not row:
            continue
        name, *cells = row
        if name not in heads:
            heads[name], found[name] = cells, []
        else:
            found[name].append(dict(zip(heads[name], cells, strict=True)))
    return found


def test_csv_has_every_list_with_amounts_that_people_read(
    kept: CosignedLoans, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.csv"
    assert run(kept, "--out", out) == 1
    found = lists_of(out)
    assert list(found) == ["exceptions", "figures", "repayments", "overdue", "compensations"]
    (row,) = (each for each in found["repayments"] if each["loan"] == "L03")
    assert (row["due by plan"], row["missing"], row["currency"]) == ("517.51", "517.51", "CNY")
    assert len(found["repayments"]) == 12


def test_csv_lets_no_spreadsheet_calculate_what_a_party_wrote(
    kept: CosignedLoans, tmp_path: Path
) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    line = {**sheet["exceptions"][0]}
    sheet["exceptions"] = [{**line, "detail": text} for text in FORMULAS]
    with (tmp_path / "sheet.csv").open("wb") as file:
        write_csv(sheet, file)
    details = [row["details"] for row in lists_of(tmp_path / "sheet.csv")["exceptions"]]
    assert details == [f"'{text}" for text in FORMULAS]


# HTML


class Page(HTMLParser):
    """What a page has: its elements, what they refer to, and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = ("src", "href", "action", "data", "poster", "srcset")
        self.references += [str(value) for name, value in attrs if name in named]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_is_one_file_that_asks_no_network(kept: CosignedLoans, tmp_path: Path) -> None:
    out = tmp_path / "sheet.html"
    assert run(kept, "--out", out) == 1
    text = out.read_text("utf-8")
    page = Page(text)
    assert page.references
    assert all(each.startswith("#") for each in page.references)
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert "@import" not in text
    assert not {"script", "link", "img", "iframe"} & {*page.tags}
    assert "default-src 'none'" in text
    assert "@media print" in text


def test_html_shows_what_a_party_wrote_as_text(kept: CosignedLoans, tmp_path: Path) -> None:
    out = tmp_path / "sheet.html"
    run(kept, "--out", out)
    assert any(EVIL in text for text in Page(out.read_text("utf-8")).texts)
    assert EVIL not in out.read_text("utf-8")


def test_html_has_both_languages_and_every_figure_leads_to_its_list(
    kept: CosignedLoans, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.html"
    run(kept, "--out", out, lang="zh")
    text = out.read_text("utf-8")
    assert '<html lang="zh">' in text
    assert '<span class="zh">funder 资金方</span>' in text
    sheet = kept.sheet("fund-a", MARCH, height=kept.tip.height)
    for each in sheet["figures"]:
        assert f'<a href="#{each["list"]}">{each["en"]}</a>' in text
        assert f'id="{each["list"]}"' in text
        assert each["zh"] in text
    assert sheet["checkpoint"]["root"] in text.replace("&#43;", "+")
    places = [text.index(f'<h2 id="{name}"') for name in ("exceptions", "figures", "repayments")]
    assert places == sorted(places)


def test_html_is_written_for_people(kept: CosignedLoans, tmp_path: Path) -> None:
    out = tmp_path / "sheet.html"
    run(kept, "--out", out)
    text = out.read_text("utf-8")
    sheet = kept.sheet("fund-a", MARCH, height=kept.tip.height)
    (differs,) = (each for each in sheet["exceptions"] if each["kind"] == "split-differs")
    assert ">517.51 CNY</td>" in text
    assert f">{differs['age'] // 1000}</td>" not in text
    assert re.search(r'<td class="number">([0-9]+[dhm] )?[0-9]+[hms]</td>', text)
    heads = text.partition('id="exceptions"')[2].partition("</thead>")[0]
    for name, head in (("loan", "loan"), ("payout", "payout"), ("compensation", "compensation")):
        has_any = any(name in each for each in sheet["exceptions"])
        assert (f"<th>{head}<span" in heads) == has_any


# The workbook


@pytest.fixture(scope="module")
def book(kept: CosignedLoans, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("book") / "sheet.xlsx"
    assert run(kept, "--out", out) == 1
    return openpyxl.load_workbook(out)


def rows_of(page: Any) -> list[dict[str, Any]]:
    """Return a page's rows by their English heads; the cells as openpyxl sees them."""
    heads = [cell.value.partition("\n")[0] for cell in page[1]]
    return [dict(zip(heads, row, strict=True)) for row in page.iter_rows(min_row=2)]


def test_the_workbook_has_its_pages_with_frozen_heads_and_filters(book: Any) -> None:
    assert book.sheetnames == [*(tab.name for tab in TABS), "Origin 来源"]
    assert [name.split()[0] for name in book.sheetnames] == [
        "Exceptions", "Repayments", "Overdue", "Compensations", "Explanations", "Origin",
    ]  # fmt: skip
    for tab in TABS:
        page = book[tab.name]
        assert page.freeze_panes == "B2"
        last = page.cell(max(page.max_row, 2), page.max_column).coordinate
        assert page.auto_filter.ref == f"A1:{last}"
        assert all("\n" in cell.value for cell in page[1])
        assert all(page.column_dimensions["A"].width >= 10 for _ in page[1])


def test_numbers_are_numbers_and_dates_are_dates(kept: CosignedLoans, book: Any) -> None:
    sheet = kept.sheet("fund-a", MARCH, height=kept.tip.height)
    rows = rows_of(book["Repayments 还款"])
    assert len(rows) == len(sheet["repayments"])
    for row, item in zip(rows, sheet["repayments"], strict=True):
        for head, name in (
            ("due by plan", "due"),
            ("captured", "captured"),
            ("missing", "missing"),
        ):
            assert row[head].data_type == "n"
            assert row[head].number_format == "#,##0.00"
            assert round(row[head].value * 100) == item.get(name, 0)
    (first, *_) = rows_of(book["Overdue 逾期"])
    assert first["due since"].value == datetime(2026, 2, 5)
    assert first["due since"].is_date
    assert (first["days past due"].value, first["days past due"].data_type) == (28, "n")
    (first, *_) = rows_of(book["Exceptions 例外"])
    assert first["since (UTC+08:00)"].is_date
    assert first["since (UTC+08:00)"].value == datetime(2026, 2, 5, 1)


def test_no_text_of_a_record_is_a_formula(book: Any) -> None:
    reasons = [row["reason"].value for row in rows_of(book["Repayments 还款"])]
    assert INERT in reasons
    for page in book.worksheets:
        for row in page.iter_rows():
            assert all(cell.data_type != "f" for cell in row)


def test_a_text_that_is_a_formula_from_its_beginning_is_a_text(
    kept: CosignedLoans, tmp_path: Path
) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    texts = (*FORMULAS, "http://example.com", "1e9", "{=1}")
    line = {**sheet["exceptions"][0]}
    sheet["exceptions"] = [{**line, "detail": text} for text in texts]
    with (tmp_path / "made.xlsx").open("wb") as file:
        write_xlsx(sheet, file)
    page = openpyxl.load_workbook(tmp_path / "made.xlsx")["Exceptions 例外"]
    found = [row["details"] for row in rows_of(page)]
    assert [(cell.value, cell.data_type) for cell in found] == [(text, "s") for text in texts]
    assert not any(cell.hyperlink for cell in found)


def test_every_figure_is_explained_with_what_it_comes_to(kept: CosignedLoans, book: Any) -> None:
    sheet = kept.sheet("fund-a", MARCH, height=kept.tip.height)
    rows = rows_of(book["Explanations 说明"])
    assert len(rows) == len(sheet["figures"])
    pages = {tab.list: {cell.value for cell in book[tab.name][1]} for tab in TABS}
    for row, figure in zip(rows, sheet["figures"], strict=True):
        assert row["column"].value.replace(" ", "") in {
            head.replace("\n", "").replace(" ", "") for head in pages[figure["list"]]
        }
    for row, item in zip(rows, sheet["figures"], strict=True):
        assert row["figure"].value == item["en"]
        assert row["figure in Chinese"].value == item["zh"]
        assert len(row["how it is made"].value) > 20
        assert row["how it is made, in Chinese"].value == item["explained_zh"]
        if item["name"] == "success-rate":
            assert row["amount"].value is None
            assert row["rate by count"].number_format == "0.00%"
        else:
            assert round(row["amount"].value * 100) == item["amount"]


def test_the_workbook_says_what_it_can_be_checked_against(kept: CosignedLoans, book: Any) -> None:
    told = {row[0].value: row[1].value for row in book["Origin 来源"].iter_rows()}
    point = kept.sheet("fund-a", MARCH, height=kept.tip.height)["checkpoint"]
    assert told["checkpoint, root 检查点根哈希"] == point["root"]
    assert told["checkpoint, block 检查点区块"] == point["height"]
    assert told["cosigned by 共签方"] == ", ".join(point["cosigned_by"])
    assert told["business date 业务日"] == datetime(2026, 3, 5)
