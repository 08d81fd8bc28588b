"""Canonical JSON: the only text form in which anything is signed, hashed or stored.

The form is RFC 8785 (JCS) narrowed to what a ledger needs: objects with ASCII keys, arrays,
strings, booleans and integers within ±(2^53−1). No floats, no nulls, no duplicate keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from ledger import forms
from ledger.errors import DecodeError
from ledger.limits import NESTING_MAX, SAFE_INTEGER_MAX

T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="sorted")
_generic = msgspec.json.Decoder()
_INTEGER_CHARS_MAX = 20


def encode(value: object) -> bytes:
    """Return the canonical bytes of a struct, mapping or list.

    Hash-sized ``bytes`` values have no JSON form here: callers turn them into hex first.
    """
    return _encoder.encode(value)


def encode_lines(values: Sequence[object]) -> bytes:
    """Return the canonical bytes of each value, and a newline, which none of them holds."""
    return _encoder.encode_lines(values)


def decode(raw: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """Decode ``raw`` with a typed decoder, accepting canonical bytes only.

    The decoder's type bounds the integers and the nesting: an unbounded ``int`` or an ``Any`` in it
    would let more through than the form allows.

    Args:
        raw: The bytes, exactly as they were signed or sent.
        decoder: A msgspec decoder of the expected type.
        what: What the bytes claim to be, for messages.

    Raises:
        DecodeError: with the code that names the first thing wrong.
    """
    try:
        value = decoder.decode(raw)
    except (ValueError, RecursionError) as error:
        raise diagnose(raw, what, str(error)) from None
    if encode(value) != raw:
        raise diagnose(raw, what, "")
    return value


def diagnose(raw: bytes, what: str, detail: str) -> DecodeError:
    """Return the error that best explains why ``raw`` was not accepted.

    The order is from the bytes outwards: not JSON, nesting, duplicate keys, floats, integers out
    of range, nulls, torn characters, keys, the schema's own complaint, and last the canonical form.
    """
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_Pairs,
            parse_float=_Float,
            parse_constant=_Float,
            parse_int=_integer,
        )
    except RecursionError:
        return DecodeError("too-deep", f"{what} is nested deeper than {NESTING_MAX} levels")
    except ValueError as error:
        return DecodeError("not-json", f"{what} is not JSON in UTF-8: {error}")
    problem = _first_problem(value, 0)
    if problem is not None:
        return DecodeError(problem[0], f"{what}: {problem[1]}")
    if detail:
        return DecodeError(_schema_code(detail), f"{what}: {forms.in_words(detail)}")
    return DecodeError(
        "not-canonical",
        f"{what} is not in canonical form (RFC 8785): sort the keys, drop white space and "
        "needless escapes, leave out fields that are empty or say what holds without them",
    )


class _Pairs(list[tuple[str, Any]]):
    """An object as its list of pairs, so that duplicates stay visible."""


class _Float:
    """Stands for a number with a fraction or an exponent."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Huge:
    """Stands for an integer with too many digits to be worth converting."""

    def __init__(self, text: str) -> None:
        self.text = text


def _integer(text: str) -> int | _Huge:
    return int(text) if len(text) <= _INTEGER_CHARS_MAX else _Huge(text)


def _first_problem(value: object, depth: int) -> tuple[str, str] | None:
    if depth > NESTING_MAX:
        return "too-deep", f"nested deeper than {NESTING_MAX} levels"
    if isinstance(value, _Huge):
        return "integer-range", f"an integer of {len(value.text)} digits is outside ±(2^53−1)"
    if isinstance(value, _Float):
        return "float", f"{value.text} is not an integer; amounts are integers in minor units"
    if value is None:
        return "null", "null is not allowed; leave the field out"
    if isinstance(value, int) and abs(value) > SAFE_INTEGER_MAX:
        return "integer-range", f"{value} is outside ±(2^53−1)"
    if isinstance(value, _Pairs):
        return _key_problem(value) or _first_of([v for _, v in value], depth)
    if isinstance(value, list):
        return _first_of(value, depth)
    return _text_problem(value) if isinstance(value, str) else None


def _text_problem(text: str) -> tuple[str, str] | None:
    torn = next((sign for sign in text if "\ud800" <= sign <= "\udfff"), "")
    if not torn:
        return None
    return "lone-surrogate", f"\\u{ord(torn):04x} is half of a pair and no character by itself"


def _key_problem(pairs: _Pairs) -> tuple[str, str] | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return "duplicate-key", f"the key {key!r} stands twice in one object"
        if not key.isascii():
            return "key-not-ascii", f"the key {key!r} is not ASCII"
        seen.add(key)
    return None


def _first_of(values: list[Any], depth: int) -> tuple[str, str] | None:
    for value in values:
        problem = _first_problem(value, depth + 1)
        if problem is not None:
            return problem
    return None


_SCHEMA_CODES: tuple[tuple[str, str], ...] = (
    ("Object contains unknown field", "unknown-field"),
    ("Object missing required field", "missing-field"),
    ("Expected `str` of length <=", "too-long"),
    ("Expected `array` of length <=", "too-long"),
    ("Expected `object` of length <=", "too-long"),
    ("Expected `str` of length >=", "too-short"),
    ("Expected `array` of length >=", "too-short"),
    ("Expected `str` matching regex", "bad-format"),
    ("Expected `int` <=", "integer-range"),
    ("Expected `int` >=", "integer-range"),
    ("Integer value out of range", "integer-range"),
    ("Invalid enum value", "unknown-value"),
    ("Expected ", "wrong-type"),
)


def _schema_code(detail: str) -> str:
    if detail.startswith("Invalid value") and detail.endswith("- at `$.type`"):
        return "unknown-type"
    return next(
        (code for start, code in _SCHEMA_CODES if detail.startswith(start)), "invalid-field"
    )


def parse(raw: bytes) -> Any:
    """Return ``raw`` as plain Python values; for display of bytes already known to be canonical."""
    return _generic.decode(raw)
