"""``tongzhang export``: the log as a file that verifies offline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.errors import UsageError
from cli.options import Home, Token, Url
from cli.output import note, plural, progress

Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out", help="The file to write; standard output if left out.", show_default=False
    ),
]
Start = Annotated[int, typer.Option("--start", min=1, help="The first block to export.")]

app = typer.Typer(help="Export what a node holds.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def export() -> None:
    """Export what a node holds."""


@app.command("log")
def export_log(
    home: Home = None, url: Url = "", token: Token = "", out: Out = None, start: Start = 1
) -> None:
    """Export the log, one block a line, in a form that verifies offline.

    \b
    Examples:
      tongzhang export log --home net/auditor --out log.ndjson
      tongzhang verify log log.ndjson --genesis net/auditor/genesis.json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    lines = client.stream_lines("/v1/log", start=start)
    if out is None:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("wb") as file, progress() as bar:
            task = bar.add_task("exporting", total=None)
            count = 0
            for count, line in enumerate(lines, 1):
                file.write(line + b"\n")
                bar.update(task, completed=count)
    except OSError as error:
        raise UsageError("unwritable-file", f"{out}: {error.strerror or error}") from None
    note(f"{plural(count, 'line')} written to {out}")
