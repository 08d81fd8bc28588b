"""The sheet on a terminal: exceptions, figures, overdue loans, compensations, repayments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.listings import show_rows
from cli.output import note, pairs, say
from views import cells
from views.labels import ROLE, Label, labels_of
from views.listing import Column, Shown
from views.sheets.figures import RATE
from views.sheets.views import (
    CompensationLine,
    ExceptionLine,
    FigureView,
    OverdueLine,
    RepaymentLine,
)
from views.texts import gettext, language
from views.view import ViewStruct

Columns = Sequence[Shown | tuple[Shown, ...]]


def figure_amount(item: Mapping[str, Any]) -> str:
    """Return what a figure comes to: an amount, or of the rate both rates."""
    if item["name"] != RATE:
        return cells.money(item["amount"], item["currency"])
    if "rate_count" not in item:
        return "-"
    by_count = gettext("{rate} by count").format(rate=rate(item["rate_count"]))
    return f"{rate(item['rate_amount'])}, {by_count}"


def rate(ppm: int) -> str:
    """Return a rate in millionths as a percentage with two decimals."""
    return f"{ppm / 10_000:.2f} %"


def _name(item: Mapping[str, Any]) -> str:
    return str(item[language()])


def _about(item: Mapping[str, Any]) -> str:
    return next((str(item[name]) for name in ("loan", "payout", "receiver") if name in item), "")


def _further(item: Mapping[str, Any]) -> str:
    names = ("attempt", "compensation", "receiver", "payment")
    found = next((str(item[name]) for name in names if name in item), "")
    return "" if found == _about(item) else found


def _reason_code(item: Mapping[str, Any]) -> str:
    return str(item.get("reason", "")).partition(":")[0]


def _amount(view: type[ViewStruct], name: str) -> Column:
    """Return a column of amounts that shows noughts too: those above it are not taken for it."""
    label = labels_of(view)[name]
    return Column(label, text=lambda item: cells.money(item.get(name, 0), item["currency"]))


_FIGURES: Columns = (
    Column(Label("figure", "指标"), text=_name),
    Column(Label("amount", "金额", "minor"), text=figure_amount),
    "count",
)
_EXCEPTIONS: Columns = (
    ("kind", "detail"),
    (
        Column(Label("about", "事项"), text=_about),
        Column(Label("further", "具体"), text=_further),
    ),
    "party",
    ("amount", "age"),
    ("entry", "record"),
)
_AMOUNTS = {
    name: _amount(RepaymentLine, name)
    for name in ("due", "captured", "split", "paid", "arrived", "missing")
}
_REPAYMENTS: Columns = (
    ("loan", "attempt"),
    ("state", Column(labels_of(RepaymentLine)["reason"], text=_reason_code)),
    (_AMOUNTS["due"], _AMOUNTS["captured"]),
    (_AMOUNTS["split"], _AMOUNTS["paid"]),
    (_AMOUNTS["arrived"], _AMOUNTS["missing"]),
)
_OVERDUE: Columns = ("loan", "bucket", "days", "due_since", "instalments", "amount")
_COMPENSATIONS: Columns = (
    ("loan", "compensation"),
    "state",
    "since",
    "instalments",
    (_amount(CompensationLine, "due"), _amount(CompensationLine, "unpaid")),
)


def show(sheet: dict[str, Any], limit: int) -> None:
    """Print a sheet; of each list at most ``limit`` rows."""
    said = gettext("sheet of {party} ({role}) for {date}, known at block {height}")
    role = ROLE.word(sheet["role"], language())
    say(said.format_map({**sheet, "role": role}))
    _say_checkpoint(sheet)
    say()
    if sheet["exceptions"]:
        _list(gettext("exceptions"), ExceptionLine, _EXCEPTIONS, sheet["exceptions"], limit)
        say(gettext("prove the record of an exception: tongzhang receipt RECORD --party PARTY"))
    else:
        say(gettext("no exceptions"))
    say()
    figures = [each for each in sheet["figures"] if each["count"] or not each.get("bucket")]
    _list(gettext("figures"), FigureView, _FIGURES, figures, len(figures))
    for title, view, columns, name in (
        (gettext("overdue"), OverdueLine, _OVERDUE, "overdue"),
        (gettext("compensations"), CompensationLine, _COMPENSATIONS, "compensations"),
        (gettext("repayments"), RepaymentLine, _REPAYMENTS, "repayments"),
    ):
        if sheet[name]:
            _list(title, view, columns, sheet[name], limit)


def _say_checkpoint(sheet: dict[str, Any]) -> None:
    point = sheet.get("checkpoint")
    if point is None:
        say(gettext("no checkpoint covers it: no block is final yet"))
        return
    facts = {
        gettext("checkpoint"): gettext("block {height}, {size:,} entries").format_map(point),
        gettext("root"): point["root"],
        gettext("time"): f"{cells.time(point['time'])} {cells.zone()}",
        gettext("cosigned by"): ", ".join(point["cosigned_by"]),
    }
    pairs(facts)
    if sheet.get("beyond"):
        said = gettext("{beyond:,} entries that are shown are not under the checkpoint yet")
        say(said.format_map(sheet))


def _list(
    title: str, view: type[ViewStruct], columns: Columns, items: list[dict[str, Any]], limit: int
) -> None:
    say(f"{title} ({len(items):,})")
    show_rows(view, columns, items[:limit])
    if len(items) > limit:
        note(gettext("there are more than {limit:,}: raise --limit").format(limit=limit))
