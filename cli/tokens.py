"""``tongzhang token``: bearer tokens of a party's own node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError
from cli.options import Json
from cli.output import note, say, say_json, table

HomePath = Annotated[
    Path,
    typer.Option("--home", envvar="TONGZHANG_HOME", help="The node's home.", show_default=False),
]

app = typer.Typer(
    help="Create, list and revoke the bearer tokens of a node.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
