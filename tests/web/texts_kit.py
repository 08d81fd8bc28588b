"""Fields of records that hold free text, found in the structs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec

from ledger.contracts import RECORD_TYPES
from ledger.records import Text


def free_texts(kind: type[msgspec.Struct]) -> Iterator[str]:
    """Yield the fields of a struct that are free text, with ``.`` for what is inside."""
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        yield from (f"{name}{inner}" for inner in _within(annotation))


def _within(annotation: Any) -> Iterator[str]:
    if annotation is Text:
        yield ""
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield from (f".{inner}" for inner in free_texts(annotation))
    else:
        for part in get_args(annotation):
            yield from _within(part)


def free_texts_of(record: dict[str, Any]) -> set[str]:
    """Return the free texts that a record, as JSON has it, states."""
    found: set[str] = set()
    for path in free_texts(RECORD_TYPES[record["type"]]):
        outer, _, inner = path.partition(".")
        values = record.get(outer, ()) if inner else (record,)
        found.update(each[inner or outer] for each in values if (inner or outer) in each)
    return found
