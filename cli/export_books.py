"""``tongzhang export books``: the books as a file for Beancount, Excel and others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Optional

import typer

from cli.errors import UsageError
from cli.files import whole
from cli.options import Home, Token, Url, path
from cli.output import note, plural, progress
from cli.pages import place

if TYPE_CHECKING:
    from cli.books.source import Books
    from ledger.posted import PostedEntry


class Format(StrEnum):
    """A format that the books are written in."""

    BEANCOUNT = "beancount"
    CSV = "csv"
    XLSX = "xlsx"


OneFormat = Annotated[
    Format, typer.Option("--format", help="beancount, csv or xlsx.", metavar="FORMAT")
]
Party = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--party",
        metavar="PARTY",
        help="Only the postings that this party is a side of.",
        show_default=False,
    ),
]
AsOf = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--as-of",
        metavar="HEIGHT|DATE",
        help="Up to this block, or to the last block of this business date (YYYY-MM-DD).",
        show_default="the newest block",
    ),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="The file to write; standard output if left out, but for xlsx.",
        show_default=False,
        parser=path,
    ),
]


def export_books(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    out: Out = None,
    format: OneFormat = Format.BEANCOUNT,  # noqa: A002 - the name of the option
    party: Party = None,
    as_of: AsOf = None,
) -> None:
    """Export the books: every posting, and what it comes to.

    A Beancount file asserts the balance of every account, so that bean-check adds up all of it
    again. In the books of one party, what balances its entries in the books of others stands
    under others. The file takes its name only when it is whole.

    \b
    Examples:
      tongzhang export books --home net/institution --out books.beancount
      tongzhang export books --home net/funder --party funder --format csv --out funder.csv
      tongzhang export books --home net/platform --format xlsx --as-of 2026-03-31 --out march.xlsx
    """
    from cli.books.source import ask
    from cli.connection import connect

    if out is None and format is Format.XLSX:
        raise UsageError("out-needed", "a workbook goes to a file: name it with --out")
    as_of = None if as_of is None else place(as_of)
    books = ask(connect(home, url, token), as_of, party)
    if out is None:
        for _ in _writer(format)(books, sys.stdout.buffer):
            pass
        sys.stdout.buffer.flush()
        return
    with whole(out) as file:
        counts = _write(books, _writer(format)(books, file))
    end = books.head.as_of
    note(
        f"{plural(counts[1], 'posting')} of {plural(counts[0], 'record')} written to {out}, "
        f"as of block {end.height} ({end.date})"
    )


def _write(books: Books, written: Iterator[PostedEntry]) -> tuple[int, int]:
    """Write everything with a progress bar; return how many entries and postings there are."""
    count = postings = 0
    with progress() as bar:
        task = bar.add_task("exporting", total=books.head.as_of.size)
        for entry in written:
            count += 1
            postings += len(entry.postings)
            bar.update(task, completed=entry.index + 1)
    return count, postings


def _writer(chosen: Format) -> Callable[[Books, BinaryIO], Iterator[PostedEntry]]:
    if chosen is Format.BEANCOUNT:
        from cli.books import beancount

        return beancount.write
    from cli.books import spreadsheet

    return spreadsheet.write_csv if chosen is Format.CSV else spreadsheet.write_xlsx
