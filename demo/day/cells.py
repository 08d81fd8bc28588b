"""Cells of a day's files: how the fields of records are written there, and read.

Times are ISO 8601 with an offset, ``2025-12-31T09:15:03.120+08:00``. Several things in one cell are
joined by semicolons, and the fields of each by colons, ``1:shop-7:goods:9950``. What a record
leaves out is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from demo.day.lines import moment, stamp
from ledger import canonical, currencies, forms
from ledger.contracts import decode_record
from ledger.errors import DecodeError
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import Record, type_name
from ledger.texts import strict

_DIGITS_MAX = len(str(SAFE_INTEGER_MAX)) - 1
_WORDS = {forms.shut(form): words for form, words in forms.WORDS.items()}
"""What the forms of fields want in words."""
_TIME = "a time with its offset, as 2025-12-31T09:15:03.120+08:00"


def written(record: Record) -> dict[str, str]:
    """Return the cells of a record by their fields; what it leaves out has none."""
    said = msgspec.to_builtins(record)
    return {name: _text(name, getattr(record, name, said[name])) for name in said}


def _text(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return ";".join(each if isinstance(each, str) else _joined(each) for each in value)
    return stamp(value) if _is_time(name) and isinstance(value, int) else str(value)


def _joined(item: msgspec.Struct) -> str:
    said = msgspec.to_builtins(item)
    return ":".join(str(said.get(name, "")) for name in item.__struct_fields__).rstrip(":")


def record_of(kind: type[Record], cells: dict[str, str]) -> Record:
    """Return the record of a kind that cells hold.

    Raises:
        ValueError: a field is not of its form, or missing, or none of this kind; the message
            names it.
    """
    try:
        return decode_record(canonical.encode({"type": type_name(kind), **_said(kind, cells)}))
    except DecodeError as error:
        raise ValueError(error.message) from None


def _said(kind: type[msgspec.Struct], cells: dict[str, str]) -> dict[str, Any]:
    known = _fields(kind)
    missing = [name for name in known if known[name].required and not cells.get(name)]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    said = {name: text for name, text in cells.items() if text}
    return {
        **said,
        **{name: _value(name, known[name].type, said[name]) for name in said.keys() & known},
    }


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    info = inspect.type_info(strict(kind))
    assert isinstance(info, inspect.StructType)
    return {field.name: field for field in info.fields}


def _value(name: str, kind: inspect.Type, text: str) -> Any:
    """Return what a cell, or one of several things in it, is as a value of a kind."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.VarTupleType):
        return _items(name, kind.item_type, text)
    if isinstance(kind, inspect.IntType):
        return _parsed(moment, name, _TIME, text) if _is_time(name) else number(name, text)
    if isinstance(kind, inspect.LiteralType) and text not in kind.values:
        if set(kind.values) == set(currencies.CODES):
            raise ValueError(f"{name}: {currencies.refusal(text[:40])}")
        raise _is_not(name, " or ".join(map(str, kind.values)), text)
    if isinstance(kind, inspect.StrType) and kind.pattern:
        if not re.search(kind.pattern, text):
            raise _is_not(name, _WORDS[kind.pattern], text)
        if kind.pattern == forms.shut(forms.DAY):
            _parsed(date.fromisoformat, name, forms.WORDS[forms.DAY], text)
    return text


def _items(name: str, kind: inspect.Type, text: str) -> list[Any]:
    parts = text.split(";")
    if not isinstance(kind, inspect.StructType):
        return [_value(name, kind, part) for part in parts]
    names = list(_fields(kind.cls))
    try:
        return [_said(kind.cls, _named(names, part.split(":"))) for part in parts]
    except ValueError:
        raise _is_not(name, f"{':'.join(names)}, joined by semicolons", text) from None


def _named(names: list[str], texts: list[str]) -> dict[str, str]:
    return dict(zip(names, texts + [""] * (len(names) - len(texts)), strict=True))


def number(name: str, text: str) -> int:
    """Return a number that a record can hold. Python's ``int`` takes more: ``1_0``, `` 1``.

    Raises:
        ValueError: it is none; the message names the column.
    """
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    raise _is_not(name, f"a whole number of 1 to {_DIGITS_MAX} digits", text)


def _parsed(parse: Callable[[str], Any], name: str, wanted: str, text: str) -> Any:
    try:
        return parse(text)
    except (TypeError, ValueError, OverflowError):
        raise _is_not(name, wanted, text) from None


def _is_time(name: str) -> bool:
    return name == "at" or name.endswith("_at")


def _is_not(name: str, wanted: str, text: str) -> ValueError:
    return ValueError(f"{name} is {wanted}, got {text[:40]!r}")
