"""Output of commands: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from io import BufferedWriter, FileIO, TextIOWrapper
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from cli.errors import CliError, OutputFailed
from views.texts import gettext, harmless

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.progress import Progress, Task

    from cli.layout import Grid

STDOUT, STDERR = 1, 2
BYTE_ORDER_MARK = "\ufeff"
_SPACES = str.maketrans("\n\t", "  ")
"""What would tear a row apart."""


class _Stdout(FileIO):
    """Standard output, whose errors cannot be taken for those of another file."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of ``data``.

        Raises:
            OutputFailed: it takes no more.
            BrokenPipeError: whoever read it went away.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputFailed(error.strerror or str(error)) from None


def watch_output() -> None:
    """Let all that is printed from now on raise :class:`OutputFailed` where it cannot be.

    A closed standard output is like a full one; remarks for a closed standard error go nowhere.
    """
    _hold_closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process runs
    before = sys.stdout
    if before is None or isinstance(before, TextIOWrapper):  # else a caller has put its own there
        raw = _Stdout(before.fileno() if before else STDOUT, "wb", closefd=False)
        sys.stdout = TextIOWrapper(
            BufferedWriter(raw),
            encoding=before.encoding if before else "utf-8",
            errors="backslashreplace",  # what a terminal has no character for is written out
            line_buffering=bool(before and before.line_buffering),
        )


def _hold_closed() -> None:
    """Let no file that is opened later take the number of a closed stdin, stdout or stderr."""
    for number in range(STDERR + 1):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number: this one


def drop_output() -> None:
    """Forget what is printed from now on, and what was and did not get out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str = "") -> None:
    """Print one line of the result, without any markup."""
    print(harmless(text), flush=True)


_json_due = False
"""Whether whoever called waits for JSON on standard output, and has none yet."""


def expect_json(wanted: bool) -> None:
    """Say whether a JSON document shall stand on standard output, whatever happens."""
    global _json_due
    _json_due = wanted


def say_csv(text: str) -> None:
    """Print a CSV file, marked as UTF-8 if it is: spreadsheets take it for another code else."""
    print(BYTE_ORDER_MARK if _is_utf8() else "", text, sep="", end="", flush=True)


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"


def say_json(value: object) -> None:
    """Print a result as JSON, indented, keys in the order given.

    Where the output is not UTF-8, and for bytes of a file's name that are none, JSON's own escapes
    stand in it.
    """
    expect_json(False)
    print(json.dumps(value, indent=2, ensure_ascii=not _is_utf8()), flush=True)


def note(text: str) -> None:
    """Print a remark on stderr."""
    print(harmless(text), file=sys.stderr, flush=True)


def show_error(error: CliError) -> None:
    """Print ``error: code: message`` and the next step on stderr.

    Where JSON is expected and none was printed yet, the problem document goes to stdout.
    """
    note(f"{gettext('error')}: {error.code}: {error.message}")
    if error.next_step:
        note(f"  {gettext('next')}: {error.next_step}")
    if _json_due:
        say_json(error.problem())


def table(
    columns: Iterable[str | tuple[str, ...]],
    rows: Iterable[Iterable[object]],
    right: Iterable[int] = (),
) -> None:
    """Print rows in aligned columns, or one block a row where the terminal is too narrow for them.

    Without a terminal, and unless ``COLUMNS`` says how much room there is, a row is one line.

    Args:
        columns: Headings. Several in a tuple are columns that stand one above the other where
            there is no room for them side by side.
        rows: Cells; anything that has a text form, and tuples where the heading is one.
        right: 0-based columns of figures, which are aligned to the right.
    """
    from cli.layout import Grid, taken

    stacked = Grid(_cells(columns), [_cells(row) for row in rows], frozenset(right))
    flat = stacked.side_by_side()
    room = get_terminal_size((0, 0)).columns or taken(flat.widths())  # 0: no terminal, no COLUMNS
    say()
    for grid in (flat, stacked):
        widths = grid.widths_within(room)
        if widths is not None:
            _print_grid(grid, widths)
            return
    _print_blocks(flat)


def _cells(cells: Iterable[object]) -> list[tuple[str, ...]]:
    parts = (cell if isinstance(cell, tuple) else (cell,) for cell in cells)
    return [tuple(harmless(str(each)).translate(_SPACES) for each in cell) for cell in parts]


def _print_grid(grid: Grid, widths: list[int]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from cli.layout import taken

    shown = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for index, (heading, width) in enumerate(zip(grid.headings, widths, strict=True)):
        shown.add_column(
            _stack(heading),
            justify="right" if index in grid.right else "left",
            width=width,
            overflow="fold",
        )
    for row in grid.rows:
        shown.add_row(*map(_stack, row))
    console = Console(highlight=False, emoji=False, width=taken(widths), height=len(grid.rows))
    console.print(shown, markup=False)
    say()


def _stack(cell: tuple[str, ...]) -> str:
    return "\n".join(text for text in cell if text)


def _print_blocks(grid: Grid) -> None:
    for row in grid.rows:
        for (name,), (text,) in zip(grid.headings, row, strict=True):
            say(f"{name}: {text}".rstrip())
        say()


def progress(quiet: bool = False) -> Progress:
    """Return a progress display on stderr; it shows nothing when quiet or not on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Count(MofNCompleteColumn):
        """How many are done, and of how many where that is known."""

        def render(self, task: Task) -> Text:
            return super().render(task) if task.total is not None else Text(f"{task.completed:,}")

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        Count(),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )


def money(amount: int, currency: str) -> str:
    """Return an amount for people, such as ``1,234.56 CNY``; nothing without a currency."""
    if not currency:
        return ""
    from ledger.currencies import decimal

    return f"{decimal(amount, currency, group=',')} {currency}"


def utc(at_ms: int) -> str:
    """Return a time for people, such as ``2026-03-02 01:00:00``, in UTC; in ms beyond 9999."""
    try:
        return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{at_ms:,} ms"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, such as ``1 record`` or ``2 records``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def pairs(values: Mapping[str, object] | Sequence[tuple[str, object]]) -> None:
    """Print names and values in two columns."""
    from cli.layout import width_of

    rows = list(values.items() if isinstance(values, Mapping) else values)
    width = max((width_of(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{name}{' ' * (width - width_of(name))}  {value}")
