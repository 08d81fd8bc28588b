"""``tongzhang export``: the log as a file that verifies offline, and the books."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.errors import CheckFailed
from cli.export_books import export_books
from cli.files import whole
from cli.options import Home, Token, Url, path
from cli.output import note, plural, progress

Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="The file to write; standard output if left out.",
        show_default=False,
        parser=path,
    ),
]
_START_HELP = "The first block to export. A file that begins after block 1 does not verify alone."
Start = Annotated[int, typer.Option("--start", metavar="ENTRY", min=1, help=_START_HELP)]

app = typer.Typer(help="Export what a node holds.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def export() -> None:
    """Export what a node holds."""


@app.command("log")
def export_log(
    home: Home = None, url: Url = "", token: Token = "", out: Out = None, start: Start = 1
) -> None:
    """Export the log, one block a line, in a form that verifies offline.

    With --start the file continues an earlier export: it does not verify alone, but after the
    blocks before it. The file takes its name only when it is whole.

    \b
    Examples:
      tongzhang export log --home net/auditor --out log.ndjson
      tongzhang verify log log.ndjson --genesis net/auditor/genesis.json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    lines = _refuse_nothing(client.stream_lines("/v1/log", start=start), start)
    if out is None:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
        return
    with whole(out) as file, progress() as bar:
        task = bar.add_task("exporting", total=None)
        count = 0
        for count, line in enumerate(lines, 1):
            file.write(line + b"\n")
            bar.update(task, completed=count)
    note(f"{plural(count, 'line')} written to {out}")
    if start > 1:
        note(f"it begins at block {start}: it does not verify without the blocks before")


app.command("books")(export_books)


def _refuse_nothing(lines: Iterator[bytes], start: int) -> Iterator[bytes]:
    """Return the lines, unless there is no block before the checkpoint that ends them."""
    first = next(lines, b"")
    if not first or (start > 1 and first.startswith(b'{"checkpoint":')):
        raise CheckFailed(
            "nothing-to-export",
            f"the log has no final block {start} yet",
            "see how far it is with: tongzhang status",
        )
    return chain([first], lines)
