"""Advice to somebody who wrote a name that there is not, or a number out of bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

from ledger import currencies

_PLACE = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d*)")
_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_VALUE = re.compile(r"Invalid (?:enum )?value (?P<quote>['\"])(.*)(?P=quote)", re.DOTALL)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return a sentence that proposes the nearest of ``known``, or all of them."""
    return _close(name, known) or f"there are {', '.join(_grouped(known))}"


def _grouped(names: tuple[str, ...]) -> list[str]:
    """Return names, those with the same beginning before a dot as one: ``split.amended|withdrawn``.

    Whoever sends lines that name nothing is answered with this for each of them.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        kind, dot, rest = name.partition(".")
        found.setdefault(kind + dot, []).append(rest)
    return [kind + "|".join(rest) for kind, rest in found.items()]


def _close(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def advice(problem: str, kind: type[msgspec.Struct], holds: str = "") -> str:
    """Return what msgspec says of a value, with what would be right at that very place.

    Args:
        problem: What it says.
        kind: What the value was to be.
        holds: What such a file holds, for fields that are unknown and like none of its own.
    """
    path = _PLACE.search(problem)
    wanted = _type_at(inspect.type_info(kind), path[1] if path else "")
    place = path[0] if path else ""
    complaint = problem.removesuffix(place)
    if isinstance(wanted, inspect.StructType) and (field := _FIELD.fullmatch(complaint)):
        name, fields = field[1], tuple(each.name for each in wanted.fields)
        said = nearest(name, fields) if path or not holds else _close(name, fields) or holds
        return f"there is no field {name!r}{place}; {said}"
    if isinstance(wanted, inspect.LiteralType) and set(wanted.values) == set(currencies.CODES):
        value = _VALUE.fullmatch(complaint)
        return f"{currencies.refusal(value[2])}{place}" if value else problem
    if isinstance(wanted, inspect.LiteralType) and (value := _VALUE.fullmatch(complaint)):
        return f"{value[2]!r} is not possible{place}; {nearest(value[2], _choices(wanted))}"
    if "Expected `int` " in problem and isinstance(wanted, inspect.IntType):
        return f"{problem}; it is {_range(wanted)}"
    return problem


def out_of_range(problem: str, kind: type[msgspec.Struct], value: object) -> str:
    """Return what msgspec says of a number, with what it has to be, and what it is in ``value``.

    Where that cannot be told the problem is returned as it is.
    """
    path = _PLACE.search(problem)
    if path is None or not problem.startswith("Expected `int` "):
        return problem
    wanted = _type_at(inspect.type_info(kind), path[1], plain=False)
    bounds, meant = _plain(wanted), _description(wanted)
    if not isinstance(bounds, inspect.IntType):
        return problem
    for step in _STEP.finditer(path[1]):
        value = value[step[1] or int(step[2])]  # type: ignore[index]
    said = f"{value} is not possible{path[0]}; it is {_range(bounds)}"
    return f"{said}: {meant}" if meant else said


def _description(wanted: inspect.Type) -> str:
    extra = wanted.extra_json_schema if isinstance(wanted, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def unknown(complaint: str, what: str, known: tuple[str, ...]) -> str:
    """Return what msgspec says of a value that names nothing, with what is nearest to it."""
    value = _VALUE.match(complaint)
    return f"{value[2]!r} is no {what}; {nearest(value[2], known)}" if value else complaint


def refusal_of(value: int, kind: type[msgspec.Struct], name: str) -> str:
    """Return within which bounds a number field lies that ``value`` is outside of, or nothing."""
    wanted = _type_at(inspect.type_info(kind), f".{name}")
    if not isinstance(wanted, inspect.IntType) or wanted.ge is None or wanted.le is None:
        return ""
    return "" if wanted.ge <= value <= wanted.le else f"{_range(wanted)}, got {value}"


def _range(wanted: inspect.IntType) -> str:
    return f"{wanted.ge} to {wanted.le}"


def _type_at(wanted: inspect.Type, path: str, *, plain: bool = True) -> inspect.Type:
    """Return what belongs at a path such as ``.faults[0].disk``; not plain: as it is described."""
    for step in _STEP.finditer(path):
        wanted = _within(wanted, step[1] or "")
    return _plain(wanted) if plain else wanted


def _within(outer: inspect.Type, name: str) -> inspect.Type:
    outer = _plain(outer)
    if isinstance(outer, inspect.StructType):
        return next((each.type for each in outer.fields if each.name == name), inspect.AnyType())
    if isinstance(outer, inspect.VarTupleType):
        return outer.item_type
    if isinstance(outer, inspect.TupleType):
        return outer.item_types[0]
    return inspect.AnyType()


def _choices(wanted: inspect.LiteralType) -> tuple[str, ...]:
    return tuple(map(str, wanted.values))


def _plain(wanted: inspect.Type) -> inspect.Type:
    """Return what a value is to be if it is there at all."""
    if isinstance(wanted, inspect.Metadata):
        return _plain(wanted.type)
    if isinstance(wanted, inspect.UnionType):
        return next(each for each in wanted.types if not isinstance(each, inspect.NoneType))
    return wanted


def needless(stated: Any, shortest: Any) -> str:
    """Return which fields of a record are to be left out, after a semicolon; or nothing.

    Args:
        stated: The record as it came, parsed.
        shortest: The same as it is written canonically, parsed.
    """
    names = list(_more(stated, shortest, ""))
    return f"; of this record: {', '.join(names)}" if names else ""


def _more(stated: Any, shortest: Any, path: str) -> Iterator[str]:
    """Yield the paths of fields that only the first value has."""
    if isinstance(stated, dict):
        for name, value in stated.items():
            if name not in shortest:
                yield f"{path}{name}"
            else:
                yield from _more(value, shortest[name], f"{path}{name}.")
    elif isinstance(stated, list):
        for index, (value, other) in enumerate(zip(stated, shortest, strict=True)):
            yield from _more(value, other, f"{path}{index}.")
