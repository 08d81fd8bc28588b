"""Views: what rows of the ledger add up to, as every interface shows it.

A view is a frozen struct whose fields say in their annotations what they are called and what they
are in (:mod:`views.labels`). A field that has its default is empty, and left out. A plain view is
converted from the row that has the same fields; one that combines rows is made by a function.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec


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
    names = view.__struct_fields__
    known = {name: getattr(row, name) for name in names if hasattr(row, name)}
    return msgspec.convert(known | others, view)


def views_of(view: type[V], rows: Iterable[object]) -> list[V]:
    """Return rows as plain views."""
    return [msgspec.convert(row, view, from_attributes=True) for row in rows]
