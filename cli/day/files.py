"""Reads and writes a day's folder. Files are UTF-8 with LF, whatever the machine's habits."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import msgspec

from cli.day.outcome import outcome
from cli.day.rows import (
    CaptureRow,
    ConfirmationRow,
    Day,
    DisputeRow,
    FeeRow,
    FloatRow,
    InvoiceRow,
    OrderRow,
    PayoutRow,
    ProfitRow,
    ReceiverRow,
    RefundResultRow,
    RefundRow,
    TermsRow,
)
from cli.errors import UsageError
from cli.files import write_files
from ledger.calendar import Calendar

EXPECTED = "expected.json"
ROWS: dict[str, type[NamedTuple]] = {
    "receivers": ReceiverRow,
    "orders": OrderRow,
    "captures": CaptureRow,
    "payouts": PayoutRow,
    "confirmations": ConfirmationRow,
    "floats": FloatRow,
    "refunds": RefundRow,
    "refund_results": RefundResultRow,
    "terms": TermsRow,
    "fees": FeeRow,
    "invoices": InvoiceRow,
    "profits": ProfitRow,
    "disputes": DisputeRow,
}
"""The tables of a day, in the order in which the day uses them."""


def file_of(name: str) -> str:
    """Return the file of a table of :data:`ROWS`."""
    return f"{name.replace('_', '-')}.csv"


def write_day(day: Day, folder: Path) -> None:
    """Write the day's files and its ``expected.json`` into ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = json.dumps(outcome(day), indent=2, sort_keys=True, ensure_ascii=True)
    tables = {folder / file_of(name): _table(day, name, row) for name, row in ROWS.items()}
    write_files({folder / EXPECTED: expected.encode() + b"\n", **tables})


def _table(day: Day, name: str, row: type[NamedTuple]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(row._fields)
    writer.writerows(getattr(day, name))
    return text.getvalue().encode()


def read_day(folder: Path) -> Day:
    """Read a day's folder.

    Raises:
        UsageError: a file is missing or malformed; the message names file and line.
    """
    head = _read_expected(folder)
    tables: dict[str, Any] = {name: _read_rows(folder, name, row) for name, row in ROWS.items()}
    return Day(
        business_date=head["business_date"],
        calendar=_calendar(folder, head["calendar"]),
        platform=head["platform"],
        institution=head["institution"],
        seed=head["seed"],
        troubles={name: tuple(names) for name, names in head["troubles"].items()},
        **tables,
    )


def read_expected(folder: Path) -> dict[str, Any]:
    """Read ``expected.json`` of a day's folder.

    Raises:
        UsageError: it is missing or malformed.
    """
    return _read_expected(folder)


def _read_expected(folder: Path) -> dict[str, Any]:
    path = folder / EXPECTED
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _bad_file(path, str(error)) from None
    known = {field.name for field in fields(Day)} - set(ROWS)
    missing = sorted(known - set(document)) if isinstance(document, dict) else sorted(known)
    if missing:
        raise _bad_file(path, f"it lacks {', '.join(missing)}")
    return dict(document)


def _calendar(folder: Path, document: object) -> Calendar:
    try:
        return msgspec.convert(document, Calendar)
    except msgspec.ValidationError as error:
        raise _bad_file(folder / EXPECTED, f"calendar: {error}") from None


def _read_rows(folder: Path, name: str, row: type[Any]) -> tuple[Any, ...]:
    path = folder / file_of(name)
    numbers = [field for field, kind in get_type_hints(row).items() if kind is int]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != row._fields:
                raise _bad_file(path, f"its header must be {','.join(row._fields)}")
            rows = []
            for values in reader:
                try:
                    rows.append(row(**{**values, **{f: int(values[f]) for f in numbers}}))
                except (TypeError, ValueError) as error:
                    raise _bad_file(path, f"line {reader.line_num}: {error}") from None
    except OSError as error:
        raise _bad_file(path, str(error)) from None
    return tuple(rows)


def _bad_file(path: Path, reason: str) -> UsageError:
    return UsageError(
        "bad-day",
        f"{path.name} cannot be read as part of a day: {reason}",
        "write a good one with: tongzhang sample --out DIR",
    )
