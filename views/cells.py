"""Cells: how the value of a field is written for people, and the head of its column.

How is chosen once, as the language is (:mod:`views.texts`): in which zone times are, and whether
amounts are in minor units.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from ledger.currencies import decimal
from views import texts
from views.labels import RIGHT, Label, labels_of, views_in
from views.listing import Column, Shown
from views.texts import gettext
from views.view import ViewStruct

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How texts begin that spreadsheets calculate."""
_PPM_OF_A_PERCENT = 10_000
_SYMBOLS = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥", "USD": "US$"}
_AGES = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"))
Item = Mapping[str, Any]
"""What is shown, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How values are written.

    Args:
        offset_minutes: Returns by how much the zone of times is before UTC; asked if one is shown.
        minor: Whether amounts are in minor units, and times in ms.
        grouped: Whether thousands of an amount are set apart, and its currency stands behind it.
        symbols: Whether the currency's symbol stands before an amount instead, ``¥1,234.56``.
    """

    offset_minutes: Callable[[], int] = lambda: 0
    minor: bool = False
    grouped: bool = True
    symbols: bool = False


_PLAIN_STYLE = Style()
_chosen: ContextVar[Style] = ContextVar("style", default=_PLAIN_STYLE)


def choose(style: Style) -> None:
    """Let all cells from now on be in a style."""
    _chosen.set(style)


def cell(view: type[ViewStruct], shown: Shown, item: Item) -> str:
    """Return what stands in a column for an item; nothing for what is left out of it."""
    if isinstance(shown, Column):
        if shown.text is not None:
            return shown.text(item)
        names = (name for name in shown.fields if item.get(name) is not None)
        absent = shown.absent.text(texts.language()) if shown.absent else ""
        return next((cell(view, name, item) for name in names), absent)
    if item.get(shown) is None:
        return ""
    inner = views_in(view).get(shown)
    if inner is not None:
        return "; ".join(
            _in_words(inner, {"currency": item.get("currency"), **each}) for each in item[shown]
        )
    return _written(shown, _label(view, shown), item)


def _in_words(view: type[msgspec.Struct], item: Item) -> str:
    """Return an item in one line: the cells of its fields, but for the currency."""
    names = (name for name in view.__struct_fields__ if name in item)
    return " ".join(_written(name, _label(view, name), item) for name in names)


def head(view: type[ViewStruct], shown: Shown) -> str:
    """Return the head of a column, with the zone of its times."""
    label = _label(view, shown)
    text = label.text(texts.language())
    if label.unit == "ms" and not _chosen.get().minor:
        return f"{text} ({zone()})"
    return f"{text} (s)" if label.unit == "age" and not _chosen.get().grouped else text


def is_figure(view: type[ViewStruct], shown: Shown) -> bool:
    """Return whether a column is one of figures, which stand at the right."""
    return _label(view, shown).unit in RIGHT


def money(amount: int, currency: str) -> str:
    """Return an amount for people, such as ``1,234.56 CNY``; nothing without a currency."""
    style = _chosen.get()
    if not currency:
        return ""
    if style.symbols:
        sign, symbol = "-" if amount < 0 else "", _SYMBOLS.get(currency, f"{currency} ")
        return f"{sign}{symbol}{decimal(abs(amount), currency, group=',')}"
    group = "," if style.grouped else ""
    text = str(amount) if style.minor else decimal(amount, currency, group=group)
    return f"{text} {currency}" if style.grouped else text


def time(at_ms: int) -> str:
    """Return a time for people, such as ``2026-03-02 09:00:00``, in the chosen zone.

    A party can sign any number as a time: what is on no day of the calendar is shown as it is.
    """
    if _chosen.get().minor:
        return str(at_ms)
    there = moment(at_ms)
    return f"{there:%Y-%m-%d %H:%M:%S}" if there else f"{at_ms:,} ms"


def date(at_ms: int) -> str:
    """Return the date of a time for people, in the chosen zone."""
    there = None if _chosen.get().minor else moment(at_ms)
    return f"{there:%Y-%m-%d}" if there else time(at_ms)


def moment(at_ms: int) -> datetime | None:
    """Return a time in the chosen zone; None if it is on no day of the calendar."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, timezone(timedelta(minutes=offset_minutes())))
    except (ValueError, OverflowError, OSError):
        return None


def zone() -> str:
    """Return the name of the chosen zone, such as ``UTC+08:00``."""
    return timezone(timedelta(minutes=offset_minutes())).tzname(None)


def offset_minutes() -> int:
    """Return by how much the chosen zone is before UTC."""
    return _chosen.get().offset_minutes()


def word(view: type[ViewStruct], name: str, value: str) -> str:
    """Return a word of a field, such as its state, in the language of who reads it."""
    return _label(view, name).word(value, texts.language())


def as_csv(rows: Iterable[Iterable[str]]) -> str:
    """Return rows as CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def inert(text: str) -> str:
    """Return a text for a spreadsheet; one that it would calculate begins with an apostrophe.

    Source: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _label(view: type[msgspec.Struct], shown: Shown) -> Label:
    if isinstance(shown, Column):
        return shown.label
    return labels_of(view).get(shown) or Label(shown, shown)


def _written(name: str, label: Label, item: Item) -> str:
    value = item[name]
    if label.unit == "minor":
        currency = item.get(f"{name.removesuffix('amount')}currency") or item.get("currency", "")
        return money(value, currency) if currency else str(value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return label.word(value, texts.language())
    write = None if _chosen.get().minor else _WRITTEN.get(label.unit)
    return str(value) if write is None else write(value)


def _age(age_ms: int) -> str:
    """Return an age in its two largest units, such as ``3d 4h``; for spreadsheets in seconds."""
    if not _chosen.get().grouped:
        return str(age_ms // 1000)
    parts: list[str] = []
    rest = age_ms
    for size, name in _AGES:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"


def percent(ppm: int) -> str:
    """Return a share or rate in millionths for people, such as ``0.38 %``."""
    return f"{ppm / _PPM_OF_A_PERCENT:g} %"


_WRITTEN: Mapping[str, Callable[[int], str]] = {"ms": time, "age": _age, "ppm": percent}
