"""The sheet as CSV: all lists one below the other, and the name of its list before each row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any, BinaryIO

from cli.output import BYTE_ORDER_MARK
from views import cells
from views.sheets.views import LISTS, ExceptionLine, FigureView
from views.texts import harmless
from views.view import ViewStruct


def write_csv(sheet: dict[str, Any], file: BinaryIO) -> None:
    """Write a sheet: exceptions first, figures, then the lists, amounts as people write them.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        text.write(BYTE_ORDER_MARK)
        rows = csv.writer(text)
        lists: dict[str, type[ViewStruct]] = {"exceptions": ExceptionLine, "figures": FigureView}
        for name, view in (lists | LISTS).items():
            names = view.__struct_fields__
            rows.writerow([name, *(cells.head(view, each) for each in names)])
            for item in sheet[name]:
                rows.writerow([name, *_row(view, item)])
            rows.writerow([])
    finally:
        text.detach()


def _row(view: type[ViewStruct], item: dict[str, Any]) -> Iterator[str]:
    for name in view.__struct_fields__:
        text = harmless(cells.cell(view, name, item))
        yield text if isinstance(item.get(name), int) else cells.inert(text)
