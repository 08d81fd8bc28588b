"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def path(text: str) -> Path:
    """Return a path. An empty one, as of a variable of a script that is not set, is none."""
    if not text:
        raise typer.BadParameter("it is empty; name a file or a folder")
    return Path(text)


# Typer reads these at run time and knows no `Path | None` inside Annotated before 0.9.
Home = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--home",
        metavar="DIR",
        envvar="TONGZHANG_HOME",
        help="The node's home directory: its address and the operator's token are read there.",
        show_default=False,
        parser=path,
    ),
]
Url = Annotated[
    str,
    typer.Option(
        "--url", metavar="URL", help="The node's address, instead of --home.", show_default=False
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="TONGZHANG_TOKEN",
        help="A bearer token, instead of the operator's.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets, with all fields.")]
Wide = Annotated[bool, typer.Option("--wide", help="Show all fields.")]
Minor = Annotated[
    bool, typer.Option("--minor", help="Amounts in minor units (fen), and times in ms.")
]
InUtc = Annotated[
    bool, typer.Option("--utc", help="Times in UTC, not in the zone of the calendar.")
]
GenesisFile = Annotated[
    Path,
    typer.Option(
        "--genesis",
        metavar="FILE",
        help="The consortium's genesis document.",
        show_default=False,
        parser=path,
    ),
]
