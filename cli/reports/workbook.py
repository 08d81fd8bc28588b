"""The sheet as an Excel workbook: real numbers and dates, frozen heads, filters, both languages.

Every text is written as a string, which nothing computes, whatever it begins with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple

from cli.books.spreadsheet import EXACT_MAX
from cli.errors import writing
from ledger.currencies import decimal, decimals_of
from views import cells
from views.labels import Label, labels_of
from views.sheets.figures import RATE
from views.sheets.views import (
    LISTS,
    CompensationLine,
    ExceptionLine,
    FigureView,
    OverdueLine,
    RepaymentLine,
)
from views.texts import harmless, language
from views.view import ViewStruct

_DAY_MS = 86_400_000
_WIDTH_MIN, _WIDTH_MAX = 10, 60
_EXPLANATIONS = "Explanations 说明"


class Tab(NamedTuple):
    """A sheet of the workbook: its name, the list of the report, and what an item is."""

    name: str
    list: str
    view: type[ViewStruct]


TABS = (
    Tab("Exceptions 例外", "exceptions", ExceptionLine),
    Tab("Repayments 还款", "repayments", RepaymentLine),
    Tab("Overdue 逾期", "overdue", OverdueLine),
    Tab("Compensations 代偿", "compensations", CompensationLine),
    Tab(_EXPLANATIONS, "figures", FigureView),
)


def write_xlsx(sheet: dict[str, Any], file: BinaryIO) -> None:
    """Write a sheet as a workbook.

    An archive that fails midway writes on when it is forgotten, so it gets a file of its own.

    Raises:
        UsageError: ``unwritable-file``: there is no room for temporary files.
    """
    import xlsxwriter  # type: ignore[import-untyped]
    from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

    with TemporaryDirectory(prefix="tongzhang-") as folder:
        made = Path(folder) / "sheet.xlsx"
        book = xlsxwriter.Workbook(made, {"in_memory": True})
        book.set_properties({"title": _title(sheet), "created": _local(sheet["as_of"])})
        formats = _Formats(book)
        for tab in TABS:
            _write_tab(book.add_worksheet(tab.name), formats, tab, sheet[tab.list])
        _write_origin(book.add_worksheet("Origin 来源"), formats, sheet)
        with writing(Path(folder)):
            try:
                book.close()
            except FileCreateError as error:
                raise OSError(str(error)) from None
            with made.open("rb") as whole:
                copyfileobj(whole, file)


class _Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[str, Any] = {}
        self.head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})

    def number(self, pattern: str) -> Any:
        """Return the format that shows numbers by a pattern."""
        if pattern not in self._made:
            shown = {"num_format": pattern, "valign": "top"}
            self._made[pattern] = self._book.add_format(shown)
        return self._made[pattern]


def _write_tab(page: Any, formats: _Formats, tab: Tab, items: Sequence[dict[str, Any]]) -> None:
    labels = labels_of(tab.view)
    names = list(tab.view.__struct_fields__)
    widths = []
    for column, name in enumerate(names):
        label = labels[name]
        page.write_string(0, column, _head(label), formats.head)
        widths.append(max(len(label.en), 2 * len(label.zh)) + 3)
    for row, item in enumerate(items, 1):
        for column, name in enumerate(names):
            width = _write(page, formats, (row, column), (tab.view, name, item))
            widths[column] = max(widths[column], width + 2)
    for column, width in enumerate(widths):
        page.set_column(column, column, min(max(width, _WIDTH_MIN), _WIDTH_MAX))
    page.set_row(0, 32)
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, max(len(items), 1), len(names) - 1)
    page.set_landscape()
    page.repeat_rows(0)
    page.fit_to_pages(1, 0)


def _head(label: Label) -> str:
    """Return a head in both languages, with the unit where it is not seen."""
    unit = {"ms": f" ({cells.zone()})", "age": " (d)"}.get(label.unit, "")
    return f"{label.en}{unit}\n{label.zh}"


def _write(
    page: Any,
    formats: _Formats,
    place: tuple[int, int],
    what: tuple[type[ViewStruct], str, dict[str, Any]],
) -> int:
    """Write a cell as what it is, and return how wide it is shown."""
    view, name, item = what
    value, unit = item.get(name), labels_of(view)[name].unit
    if view is FigureView and name == "amount" and item["name"] == RATE:
        return 0  # a rate has no amount
    if value is None and unit == "minor":
        value = 0
    if value is None:
        return 0
    if unit == "minor":
        return _write_amount(page, formats, place, (value, item["currency"]))
    if unit == "ms":
        page.write_datetime(*place, _local(value), formats.number("yyyy-mm-dd hh:mm:ss"))
        return 19
    if unit == "date":
        day = datetime.fromisoformat(value)
        page.write_datetime(*place, day, formats.number("yyyy-mm-dd"))
        return 10
    if unit == "age":
        page.write_number(*place, value / _DAY_MS, formats.number("0.00"))
        return 8
    if unit == "ppm":
        page.write_number(*place, value / 1_000_000, formats.number("0.00%"))
        return 8
    if isinstance(value, int):
        page.write_number(*place, value, formats.number("0"))
        return len(str(value))
    text = harmless(_summed(item) if name == "column" else cells.cell(view, name, item))
    page.write_string(*place, text, formats.text)
    return len(text)


def _summed(figure: dict[str, Any]) -> str:
    """Return the heads of the column that a figure sums up, as they stand on its page."""
    label = labels_of(LISTS[figure["list"]])[figure["column"]]
    return f"{label.en} {label.zh}"


def _write_amount(
    page: Any, formats: _Formats, place: tuple[int, int], amount: tuple[int, str]
) -> int:
    """Write an amount with the decimals of its currency; one without room in a number as text."""
    value, currency = amount
    places = decimals_of(currency)
    text = decimal(value, currency, group=",")
    if abs(value) >= EXACT_MAX:
        page.write_string(*place, text, formats.text)
    else:
        pattern = "#,##0" + ("." + "0" * places if places else "")
        page.write_number(*place, value / 10**places, formats.number(pattern))
    return len(text)


def _write_origin(page: Any, formats: _Formats, sheet: dict[str, Any]) -> None:
    """Write whose sheet it is, as of when, and what it can be checked against."""
    point = sheet.get("checkpoint", {})
    rows: list[tuple[str, str | int | datetime | date]] = [
        ("party 参与方", sheet["party"]),
        ("role 角色", sheet["role"]),
        ("business date 业务日", date.fromisoformat(sheet["date"])),
        ("known at block 已知区块", sheet["height"]),
        ("known entries 已知条目数", sheet["size"]),
        (f"judged at 判断时间 ({cells.zone()})", _local(sheet["as_of"])),
        ("entries beyond the checkpoint 检查点之后的条目", sheet.get("beyond", 0)),
    ]
    if point:
        rows += [
            ("checkpoint, block 检查点区块", point["height"]),
            ("checkpoint, entries 检查点条目数", point["size"]),
            ("checkpoint, root 检查点根哈希", point["root"]),
            (f"checkpoint, time 检查点时间 ({cells.zone()})", _local(point["time"])),
            ("cosigned by 共签方", ", ".join(point["cosigned_by"])),
        ]
    for row, (name, value) in enumerate(rows):
        page.write_string(row, 0, name, formats.head)
        if isinstance(value, str):
            page.write_string(row, 1, harmless(value))
        elif isinstance(value, datetime):
            page.write_datetime(row, 1, value, formats.number("yyyy-mm-dd hh:mm:ss"))
        elif isinstance(value, date):
            page.write_datetime(row, 1, value, formats.number("yyyy-mm-dd"))
        else:
            page.write_number(row, 1, value, formats.number("0"))
    page.set_column(0, 1, 48)


def _local(at_ms: int) -> datetime:
    """Return a time in the zone in which times are shown, as a workbook has it: without zone."""
    there = timedelta(minutes=cells.offset_minutes())
    return (datetime.fromtimestamp(at_ms // 1000, UTC) + there).replace(tzinfo=None)


def _title(sheet: dict[str, Any]) -> str:
    en, zh = (
        f"Sheet of {sheet['party']} for {sheet['date']}",
        f"{sheet['party']} {sheet['date']} 日报",
    )
    return zh if language() == "zh" else en
