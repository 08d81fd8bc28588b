"""The books as tables: a CSV file of postings, and an Excel workbook with the balances before them.

Texts stay texts. Excel and others take a cell of a CSV file that begins with ``=``, ``+``, ``-``
or ``@`` for a formula, so such a text gets an apostrophe before it; amounts are numbers and get
none. In a workbook every text is written as a string, which nothing computes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from cli.books.source import Books, title
from cli.errors import writing
from ledger.currencies import decimal, decimals_of
from ledger.posted import PostedEntry, PostedLine
from views.cells import inert

COLUMNS = (
    "entry", "height", "date", "party", "type", "id", "subject",
    "account", "currency", "debit", "credit", "amount_minor",
)  # fmt: skip
SHEET_ROWS_MAX = 1_048_576
"""Rows of one sheet that Excel reads; the postings go on in another one."""

EXACT_MAX = 10**15
"""Up to here a cell's number has every digit of an amount; above, it is written as a text."""

_WIDTHS = {
    "date": 11, "type": 22, "id": 22, "subject": 24, "account": 30,
    "debit": 18, "credit": 18, "amount_minor": 18,
}  # fmt: skip
_CHINESE = {
    "entry": "序号", "height": "区块", "date": "业务日期", "party": "参与方", "type": "记录类型",
    "id": "记录号", "subject": "对象", "account": "科目", "currency": "币种", "debit": "借方",
    "credit": "贷方", "amount_minor": "金额(最小单位)",
}  # fmt: skip
_ACCOUNT_COLUMNS = ("account", "currency", "debit", "credit")


def write_csv(books: Books, file: BinaryIO) -> Iterator[PostedEntry]:
    """Write the postings to ``file``, a row each, and yield each entry that is written."""
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        rows = csv.writer(text)  # lines end in CR LF (RFC 4180), so that both are quoted
        rows.writerow(COLUMNS)
        for entry in books.entries():
            for line in entry.postings:
                rows.writerow(_csv_row(entry, line))
            yield entry
    finally:
        text.detach()


def write_xlsx(books: Books, file: BinaryIO) -> Iterator[PostedEntry]:
    """Write a workbook to ``file`` and yield each entry that is written.

    An archive that fails midway writes on when it is forgotten, so it gets a file of its own.

    Raises:
        UsageError: ``unwritable-file``: there is no room for temporary files.
    """
    with TemporaryDirectory(prefix="tongzhang-") as folder:
        made = Path(folder) / "books.xlsx"
        with writing(Path(folder)):
            yield from _write_workbook(books, made)
        with made.open("rb") as whole:
            copyfileobj(whole, file)


def _write_workbook(books: Books, path: Path) -> Iterator[PostedEntry]:
    import xlsxwriter  # type: ignore[import-untyped]
    from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

    book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": path.parent})
    made = datetime.fromisoformat(books.head.as_of.date)
    book.set_properties({"title": title(books.head), "created": made})
    sheets = _Sheets(book)
    sheets.begin("balances 科目余额", _ACCOUNT_COLUMNS)
    for each in books.accounts():
        sheets.row((each.account, each.currency), _sides(each.balance), each.currency)
    sheets.begin("postings 分录", COLUMNS)
    for entry in books.entries():
        for line in entry.postings:
            texts = (*_facts(entry), line.account, line.currency)
            sheets.row(texts, _sides(line.amount), line.currency, line.amount)
        yield entry
    try:
        book.close()
    except FileCreateError as error:
        raise OSError(str(error)) from None


class _Sheets:
    """Writes rows, one sheet after the other; a full sheet goes on in a next one."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._bold = book.add_format({"bold": True, "text_wrap": True})
        self._formats: dict[int, Any] = {}
        self._sheet: Any = None
        self._next = self._count = 0
        self._name = ""
        self._columns: Sequence[str] = ()

    def begin(self, name: str, columns: Sequence[str]) -> None:
        """Begin a sheet."""
        self._name, self._columns, self._count = name, columns, 0
        self._add()

    def row(
        self, facts: Sequence[str | int], amounts: Sequence[int], currency: str, *minor: int
    ) -> None:
        """Write a row: texts and counts, amounts in the currency's decimals, minor units."""
        if self._next == SHEET_ROWS_MAX:
            self._add()
        place, sheet = self._next, self._sheet
        for column, fact in enumerate(facts):
            if isinstance(fact, int):
                sheet.write_number(place, column, fact)
            else:
                sheet.write_string(place, column, fact)
        places = decimals_of(currency)
        for column, amount in enumerate(amounts, len(facts)):
            self._amount(column, amount, places, currency)
        for column, amount in enumerate(minor, len(facts) + len(amounts)):
            self._amount(column, amount, 0, currency)
        self._next += 1

    def _amount(self, column: int, amount: int, places: int, currency: str) -> None:
        if abs(amount) >= EXACT_MAX:
            text = decimal(amount, currency) if places else str(amount)
            self._sheet.write_string(self._next, column, text)
            return
        shown = self._formats.get(places)
        if shown is None:
            pattern = "#,##0" + ("." + "0" * places if places else "")
            shown = self._formats[places] = self._book.add_format({"num_format": pattern})
        self._sheet.write_number(self._next, column, amount / 10**places, shown)

    def _add(self) -> None:
        self._count += 1
        name = self._name if self._count == 1 else f"{self._name} {self._count}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for column, heading in enumerate(self._columns):
            self._sheet.set_column(column, column, _WIDTHS.get(heading, 10))
            self._sheet.write_string(0, column, f"{heading} {_CHINESE[heading]}", self._bold)
        self._next = 1


def _csv_row(entry: PostedEntry, line: PostedLine) -> tuple[object, ...]:
    texts = (*_facts(entry), line.account, line.currency)
    cells = [inert(each) if isinstance(each, str) else each for each in texts]
    sides = (decimal(each, line.currency) for each in _sides(line.amount))
    return (*cells, *sides, line.amount)


def _facts(entry: PostedEntry) -> tuple[str | int, ...]:
    return (
        entry.index,
        entry.height,
        entry.date,
        entry.party,
        entry.type,
        entry.id,
        entry.subject,
    )


def _sides(amount: int) -> tuple[int, int]:
    return max(amount, 0), max(-amount, 0)
