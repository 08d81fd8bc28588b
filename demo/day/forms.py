"""What a cell of a day's files may hold: each column has one form, in whichever file it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from demo.day.rows import (
    ACTIVE,
    AMEND,
    CAPTURE,
    CONFIRM,
    DEPOSIT,
    FAILED,
    FIXED,
    INSTRUCT,
    LOST,
    PAID,
    RATIO,
    RETURNED,
    REVERSE,
    SUSPENDED,
    WITHDRAW,
    CaptureRow,
    DisputeRow,
    FloatRow,
    OrderRow,
    PayoutRow,
    ProfitRow,
    ReceiverRow,
    RefundResultRow,
    moment,
    parse_legs,
)
from ledger import currencies
from ledger.forms import CYCLE
from ledger.limits import SAFE_INTEGER_MAX

Row = type[NamedTuple]

_DIGITS_MAX = len(str(SAFE_INTEGER_MAX)) - 1

_WORDS: dict[tuple[Row, str], tuple[str, ...]] = {
    (ReceiverRow, "status"): (ACTIVE, SUSPENDED),
    (OrderRow, "action"): (INSTRUCT, AMEND, WITHDRAW),
    (OrderRow, "mode"): (FIXED, RATIO, ""),
    (CaptureRow, "action"): (CAPTURE, REVERSE),
    (PayoutRow, "result"): (PAID, RETURNED),
    (FloatRow, "action"): (DEPOSIT, WITHDRAW, CONFIRM),
    (RefundResultRow, "result"): (PAID, FAILED),
    (DisputeRow, "outcome"): ("upheld", "rejected", "withdrawn", ""),
}
_MAY_BE_EMPTY = {
    (OrderRow, "tail_leg"),
    (ProfitRow, "accepted_at"),
    (ProfitRow, "received_at"),
    (DisputeRow, "resolved_at"),
}


def cell(row: Row, field: str, text: str | None, *, is_number: bool) -> str | int:
    """Return what a cell holds.

    Args:
        row: The row of its file.
        field: Its column.
        text: What stands in it; None where the line is too short.
        is_number: Whether the row holds a number there.

    Raises:
        ValueError: it is not of the column's form; the message names the column.
    """
    if text is None:
        raise ValueError(f"{field} is missing")
    if is_number:
        return _number(field, text)
    if text or (row, field) not in _MAY_BE_EMPTY:
        _refuse_bad_text(row, field, text)
    return text


def _refuse_bad_text(row: Row, field: str, text: str) -> None:
    words = _WORDS.get((row, field), (text,))
    if text not in words:
        raise ValueError(f"{field} is {' or '.join(filter(None, words))}, got {text[:40]!r}")
    if field.endswith("_at") and field != "held_at":  # that one is a place
        _refuse(field, text, moment, "a time with its offset, as 2025-12-31T09:15:03.120+08:00")
    elif field == "cutoff_date":
        _refuse(field, text, date.fromisoformat, "a date, as 2025-12-31")
    elif field == "currency" and text not in currencies.CODES:
        raise ValueError(f"{field}: {currencies.refusal(text[:40])}")
    elif field == "cycle":
        _refuse(field, text, _parse_cycle, "T+n or D+n, n from 0 to 30")
    elif field == "legs":
        _refuse(field, text, _parse_legs, "leg:receiver:share:purpose, joined by semicolons")
    elif field == "tail_leg" or (field == "delay" and row is not ProfitRow and text != LOST):
        _number(field, text)


def _refuse(field: str, text: str, read: Callable[[str], object], wanted: str) -> None:
    try:
        read(text)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{field} is {wanted}, got {text[:40]!r}") from None


def _number(field: str, text: str) -> int:
    """Return a number that a record can hold. Python's ``int`` takes more: ``1_0``, `` 1``."""
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    raise ValueError(f"{field} is a whole number of 1 to {_DIGITS_MAX} digits, got {text[:40]!r}")


def _parse_cycle(text: str) -> None:
    if not re.fullmatch(CYCLE, text):
        raise ValueError(text)


def _parse_legs(text: str) -> None:
    for leg in parse_legs(text):
        _number("leg", str(leg.leg))
        _number("share", str(leg.share))
