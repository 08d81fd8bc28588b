"""A day's folder, read and written. Files are UTF-8 with LF, whatever the machine's habits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cli.errors import UsageError
from cli.files import write_files
from cli.inputs import bytes_of
from demo.day.cells import number, record_of, written
from demo.day.dates import PlainCalendar
from demo.day.lines import TABLES, DayFiles, DayLine, records
from demo.day.outcome import outcome
from ledger.contracts.calendars import CalendarDeclared
from ledger.records import Record, type_name

T = TypeVar("T")

EXPECTED = "expected.json"
PARTY, HEARD_AFTER, TYPE = "party", "heard_after", "type"
LOST = "lost"
NOTIFIED = ("orders", "captures")
"""The tables of which a node is notified: only there may a line be late, or lost."""


def file_of(name: str) -> str:
    """Return the file of a table of :data:`demo.day.lines.TABLES`."""
    return f"{name}.csv"


def columns_of(name: str) -> tuple[str, ...]:
    """Return the columns that the file of a table may have: the fields of its records, and more."""
    fields = (field for kind in TABLES[name] for field in kind.__struct_fields__)
    story = (PARTY, HEARD_AFTER, TYPE) if name in NOTIFIED else (PARTY, TYPE)
    return tuple(dict.fromkeys((*story, "id", *fields)))


def write_day(day: DayFiles, folder: Path) -> None:
    """Write the day's files and its ``expected.json`` into ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = json.dumps(outcome(day), indent=2, sort_keys=True, ensure_ascii=True)
    tables = {folder / file_of(name): _table(name, getattr(day, name)) for name in TABLES}
    write_files({folder / EXPECTED: expected.encode() + b"\n", **tables})


def _table(name: str, lines: Iterable[DayLine[Record]]) -> bytes:
    """Return the file of a table, without the columns in which no line says anything."""
    cells = [_cells(line) for line in lines]
    filled = {PARTY, TYPE} | {column for line in cells for column, text in line.items() if text}
    text = io.StringIO()
    columns = [column for column in columns_of(name) if column in filled]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue().encode()


def _cells(line: DayLine[Record]) -> dict[str, str]:
    delay = LOST if line.delay_ms is None else str(line.delay_ms or "")
    return {PARTY: line.party, HEARD_AFTER: delay, **written(line.record)}


class _Head(msgspec.Struct):
    """Head of ``expected.json``: the day itself; all else in it is its outcome."""

    business_date: str
    dates: PlainCalendar = msgspec.field(name="calendar")
    platform: str
    institution: str
    seed: int
    troubles: dict[str, tuple[str, ...]]


def read_day(folder: Path) -> DayFiles:
    """Read a day's folder.

    Raises:
        UsageError: a file is missing or malformed, then the message names file, line and column;
            or the files contradict one another.
    """
    head = _decoded(folder / EXPECTED, _Head)
    _refuse_bad_head(folder / EXPECTED, head)
    tables: dict[str, Any] = {name: _read_lines(folder, name) for name in TABLES}
    day = DayFiles(**msgspec.structs.asdict(head), **tables)
    try:
        declared = records(day.calendars, CalendarDeclared)
        day = replace(day, dates=day.dates.declaring(declared))
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


def _read_lines(folder: Path, name: str) -> tuple[DayLine[Record], ...]:
    path, columns = folder / file_of(name), columns_of(name)
    kinds = {type_name(kind): kind for kind in TABLES[name]}
    try:
        reader = csv.DictReader(io.StringIO(_read(path).decode("utf-8-sig"), newline=""))
        header = reader.fieldnames or ()
        if not {PARTY, TYPE} <= {*header} <= {*columns} or len({*header}) < len(header):
            raise _bad_file(path, f"its header must be {','.join(columns)}")
        lines = []
        for cells in reader:
            try:
                lines.append(_line(kinds, cells))
            except ValueError as error:
                raise _bad_file(path, f"line {reader.line_num}: {error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad_file(path, str(error)) from None
    return tuple(lines)


def _line(kinds: dict[str, type[Record]], cells: dict[str | Any, Any]) -> DayLine[Record]:
    if None in cells:
        raise ValueError(f"it has more than {len(cells) - 1} cells")
    missing = [column for column, text in cells.items() if text is None]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    party, said, delay = cells.pop(PARTY), cells.pop(TYPE), cells.pop(HEARD_AFTER, "")
    if said not in kinds:
        raise ValueError(f"{TYPE} is {' or '.join(kinds)}, got {said[:40]!r}")
    delay_ms = None if delay == LOST else number(HEARD_AFTER, delay or "0")
    return DayLine(party, record_of(kinds[said], cells), delay_ms)


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
