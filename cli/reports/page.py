"""The sheet as one HTML file: it asks no network, and prints well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cli.reports.terminal import figure_amount
from views import cells
from views.labels import ROLE, labels_of
from views.sheets.views import (
    CompensationLine,
    ExceptionLine,
    OverdueLine,
    RepaymentLine,
)
from views.texts import harmless, language
from views.view import ViewStruct

_TEMPLATE = "sheet.html"


class Section(NamedTuple):
    """A list as a table of the page: its anchor, both names, what an item is, and the columns."""

    list: str
    names: tuple[str, str]
    view: type[ViewStruct]
    columns: tuple[str, ...]


SECTIONS = (
    Section(
        "exceptions",
        ("Exceptions", "例外"),
        ExceptionLine,
        (
            "kind", "party", "amount", "since", "age", "loan", "attempt", "payment", "payout",
            "receiver", "compensation", "detail", "entry", "receipt",
        ),
    ),
    Section(
        "repayments",
        ("Repayments", "还款"),
        RepaymentLine,
        (
            "loan", "instalments", "attempt", "state", "due", "captured", "split", "paid",
            "arrived", "missing", "reason", "payment", "payouts", "entries",
        ),
    ),
    Section(
        "overdue",
        ("Overdue", "逾期"),
        OverdueLine,
        ("loan", "bucket", "days", "due_since", "instalments", "amount", "entries"),
    ),
    Section(
        "compensations",
        ("Compensations", "代偿"),
        CompensationLine,
        (
            "loan", "compensation", "guarantor", "state", "since", "instalments", "amount", "due",
            "unpaid", "entries",
        ),
    ),
)  # fmt: skip


def write_html(sheet: dict[str, Any], file: BinaryIO) -> None:
    """Write a sheet as a page that needs nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(_TEMPLATE).render(
        sheet=dict(sheet),
        beyond=sheet.get("beyond", 0),
        language=language(),
        role=f"{sheet['role']} {ROLE.words.get(sheet['role'], '')}".rstrip(),
        figures=[_figure(each) for each in sheet["figures"]],
        sections=[_section(each, sheet[each.list]) for each in SECTIONS],
        judged=f"{cells.time(sheet['as_of'])} {cells.zone()}",
        point=_point(sheet.get("checkpoint")),
    )
    file.write(page.encode())


def _figure(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "shown": figure_amount(item)}


def _point(point: dict[str, Any] | None) -> dict[str, Any] | None:
    if point is None:
        return None
    return {**point, "shown": f"{cells.time(point['time'])} {cells.zone()}"}


def _section(section: Section, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a list as the template wants it: heads in both languages, and cells as texts.

    A column in which no row has anything is left out.
    """
    labels = labels_of(section.view)
    names = [
        name
        for name in section.columns
        if labels[name].unit == "minor" or any(each.get(name) not in (None, []) for each in items)
    ]
    zone = f" ({cells.zone()})"
    heads = [
        (
            labels[name].en + (zone if labels[name].unit == "ms" else ""),
            labels[name].zh,
            cells.is_figure(section.view, name),
        )
        for name in names
    ]
    rows = [[_cell(section.view, name, item) for name in names] for item in items]
    return {"list": section.list, "names": section.names, "heads": heads, "rows": rows}


def _cell(view: type[ViewStruct], name: str, item: dict[str, Any]) -> tuple[str, bool]:
    shown = item if name in item or labels_of(view)[name].unit != "minor" else {**item, name: 0}
    return harmless(cells.cell(view, name, shown)), cells.is_figure(view, name)
