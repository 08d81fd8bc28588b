"""The books as CSV and as a workbook: they add up, and no text is a formula."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.books import spreadsheet
from cli.books.source import Books
from tests.api.books_kit import Served, month_served
from tests.cli.export_kit import (
    csv_lines,
    export,
    exported,
    in_minor_units,
    stored_balances,
    stream_of,
    sums,
)
from views.cells import inert

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


served = month_served()


def test_csv_adds_up_to_the_balances(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.csv", "--format", "csv")
    assert sums(csv_lines(path)) == stored_balances(served.store)
    assert path.read_text().splitlines()[0] == ",".join(spreadsheet.COLUMNS)


def test_csv_goes_to_standard_output_too(
    served: Served, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = exported(served, tmp_path / "books.csv", "--format", "csv")
    capfdbinary.readouterr()
    assert export(served, "--format", "csv") == 0
    assert capfdbinary.readouterr().out == path.read_bytes()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_a_csv_file_is_a_formula(text: str) -> None:
    assert inert(text) == f"'{text}"
    lines = spread(text, spreadsheet.write_csv).decode().split("\n", 1)[1]
    (row,) = csv.reader(io.StringIO(lines, newline=""))
    assert row[3:8] == [f"'{text}"] * 5
    assert row[-1] == "-5"


def test_other_texts_of_a_csv_file_stay_as_they_are() -> None:
    assert [inert(text) for text in ("P1", "pending:a-b", "")] == [
        "P1",
        "pending:a-b",
        "",
    ]


def spread(text: str, write: Any, amount: int = -5) -> bytes:
    """Return a file of one posting whose texts are all ``text``."""
    file = io.BytesIO()
    list(write(Books(iter(stream_of(text, amount)), lambda _: {"accounts": []}), file))
    return file.getvalue()


def sheets(data: bytes) -> list[list[list[tuple[str, str]]]]:
    """Return the sheets' rows of cells, each with its type: ``n`` or a text's."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        trees = [ElementTree.fromstring(archive.read(name)) for name in sorted(names)]
    return [[[cell(each) for each in row] for row in tree.iter(f"{SHEET}row")] for tree in trees]


def cell(element: ElementTree.Element) -> tuple[str, str]:
    assert element.find(f"{SHEET}f") is None  # a formula
    return element.get("t", "n"), "".join(element.itertext())


def test_a_workbook_adds_up_to_the_balances(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.xlsx", "--format", "xlsx")
    balances, postings = sheets(path.read_bytes())
    assert [text for _, text in postings[0]][:2] == ["entry 序号", "height 区块"]
    lines = [(row[7][1], row[8][1], int(row[11][1])) for row in postings[1:]]
    assert sums(lines) == stored_balances(served.store)
    for row in postings[1:]:
        amount = Decimal(row[9][1]) - Decimal(row[10][1])
        assert in_minor_units(amount, row[8][1]) == int(row[11][1])
    told = [
        (row[0][1], row[1][1], in_minor_units(Decimal(row[2][1]) - Decimal(row[3][1]), row[1][1]))
        for row in balances[1:]
    ]
    assert sums(told) == stored_balances(served.store)


@pytest.mark.parametrize("text", ["=1+1", "@x", "http://x", "{=1}"])
def test_a_text_in_a_workbook_is_never_a_formula_or_a_link(text: str) -> None:
    data = spread(text, spreadsheet.write_xlsx)
    _, (_, row) = sheets(data)
    assert [row[column] for column in (3, 7)] == [("inlineStr", text)] * 2
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not [name for name in archive.namelist() if "rels/sheet" in name]


def test_amounts_beyond_a_cells_precision_are_texts() -> None:
    amount = 2**53 - 1
    _, (_, row) = sheets(spread("x", spreadsheet.write_xlsx, amount))
    assert row[9] == ("inlineStr", "90071992547409.91")
    assert row[11] == ("inlineStr", str(amount))
    _, (_, row) = sheets(spread("x", spreadsheet.write_xlsx, 10**15 - 1))
    assert row[9] == ("n", "9999999999999.99")


def test_a_full_sheet_goes_on_in_another(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "SHEET_ROWS_MAX", 31)
    path = exported(served, tmp_path / "books.xlsx", "--format", "xlsx")
    balances, *parts = sheets(path.read_bytes())
    assert [len(part) for part in parts] == [31, 16]
    assert parts[0][0] == parts[1][0]
    lines = [(row[7][1], row[8][1], int(row[11][1])) for part in parts for row in part[1:]]
    assert sums(lines) == stored_balances(served.store)
    assert len(balances) <= 31
