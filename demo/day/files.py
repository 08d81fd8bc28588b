"""Reads and writes a day's folder. Files are UTF-8 with LF, whatever the machine's habits."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from cli.errors import UsageError
from cli.files import write_files
from cli.inputs import bytes_of
from demo.day.dates import Dates
from demo.day.forms import cell
from demo.day.outcome import outcome
from demo.day.rows import (
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

T = TypeVar("T")

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


class _Head(msgspec.Struct):
    """What ``expected.json`` says of the day itself; all else in it is its outcome."""

    business_date: str
    dates: Dates = msgspec.field(name="calendar")
    platform: str
    institution: str
    seed: int
    troubles: dict[str, tuple[str, ...]]


def read_day(folder: Path) -> Day:
    """Read a day's folder.

    Raises:
        UsageError: a file is missing or malformed, then the message names file, line and column;
            or the files contradict one another.
    """
    head = _decoded(folder / EXPECTED, _Head)
    _refuse_bad_head(folder / EXPECTED, head)
    tables: dict[str, Any] = {name: _read_rows(folder, name, row) for name, row in ROWS.items()}
    day = Day(**msgspec.structs.asdict(head), **tables)
    try:
        made = outcome(day)
    except (ValueError, LookupError, OverflowError) as error:
        raise _bad_file(folder, f"its files do not fit together: {error}") from None
    _refuse_other_form(folder / EXPECTED, made, read_expected(folder))
    return day


def _refuse_other_form(path: Path, made: dict[str, Any], said: dict[str, Any]) -> None:
    """Return if an outcome is said in the form of one; whether it comes true is seen later."""
    for name, value in made.items():
        if type(said.get(name)) is not type(value):
            raise _bad_file(path, f"it lacks {name!r}, or says it in another form")
    for part in ("business", "records"):
        lacking = sorted(made[part].keys() - said[part].keys())
        if lacking:
            raise _bad_file(path, f"its {part!r} lacks {lacking[0]!r}")


def _refuse_bad_head(path: Path, head: _Head) -> None:
    if head.platform == head.institution:
        raise _bad_file(path, f"platform and institution are both {head.platform!r}")
    try:
        head.dates.after_month(head.business_date)
    except (ValueError, OverflowError):
        said = f"business_date is a date, as 2025-12-31, got {head.business_date!r}"
        raise _bad_file(path, said) from None


def read_expected(folder: Path) -> dict[str, Any]:
    """Read ``expected.json`` of a day's folder.

    Raises:
        UsageError: it is missing or malformed.
    """
    return _decoded(folder / EXPECTED, dict[str, Any])


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(_read(path), type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _bad_file(path, str(error)) from None


def _read_rows(folder: Path, name: str, row: type[Any]) -> tuple[Any, ...]:
    path = folder / file_of(name)
    numbers = {field for field, kind in get_type_hints(row).items() if kind is int}
    try:
        reader = csv.DictReader(io.StringIO(_read(path).decode("utf-8-sig"), newline=""))
        if tuple(reader.fieldnames or ()) != row._fields:
            raise _bad_file(path, f"its header must be {','.join(row._fields)}")
        rows = []
        for values in reader:
            try:
                rows.append(_row(row, values, numbers))
            except ValueError as error:
                raise _bad_file(path, f"line {reader.line_num}: {error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad_file(path, str(error)) from None
    return tuple(rows)


def _row(row: type[Any], values: dict[str, Any], numbers: set[str]) -> Any:
    if None in values:
        raise ValueError(f"it has more than {len(row._fields)} cells")
    return row(*(cell(row, f, values[f], is_number=f in numbers) for f in row._fields))


def _read(path: Path) -> bytes:
    try:
        return bytes_of(path)
    except UsageError as error:
        raise _bad_file(path, error.message) from None


def _bad_file(path: Path, reason: str) -> UsageError:
    return UsageError(
        "bad-day",
        f"{path.name} cannot be read as part of a day: {reason}",
        "write a good one with: tongzhang sample --out DIR",
    )
