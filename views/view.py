"""Views: what rows of the ledger add up to, as every interface shows it.

A view is a frozen struct whose fields say in their annotations what they are called and what they
are in (:mod:`views.labels`). A field that has its default is empty, and left out. A plain view is
converted from the row that has the same fields; one that combines rows is made by a function.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT


class ViewStruct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every view is."""


V = TypeVar("V", bound=msgspec.Struct)


def converted(view: type[V], row: object, **others: Any) -> V:
    """Return a row as a plain view.

    Args:
        view: Its fields are those of the row.
        row: The row.
        others: Fields that the row lacks, or has otherwise.
    """
    if not others:
        return msgspec.convert(row, view, from_attributes=True)
    names = view.__struct_fields__
    known = {name: getattr(row, name) for name in names if hasattr(row, name)}
    return msgspec.convert(known | others, view)


def views_of(view: type[V], rows: Iterable[object]) -> list[V]:
    """Return rows as plain views."""
    return [msgspec.convert(row, view, from_attributes=True) for row in rows]


def empty_values(view: type[msgspec.Struct]) -> dict[str, Any]:
    """Return by field the value with which it is left out."""
    pairs = zip(reversed(view.__struct_fields__), reversed(view.__struct_defaults__), strict=False)
    return {
        name: default.factory() if hasattr(default, "factory") else default
        for name, default in pairs
        if default is not NODEFAULT
    }
