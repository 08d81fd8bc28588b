"""``tongzhang node``: one party's node, run until it is ended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import path

HomePath = Annotated[
    Path,
    typer.Argument(
        metavar="HOME", help="The party's home directory.", show_default=False, parser=path
    ),
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Set the database aside and fetch all from the peers.")
]
FullCheck = Annotated[
    bool,
    typer.Option(
        "--full-check", help="Check the whole log, and every row of the state, before anything."
    ),
]
WithSimulator = Annotated[
    bool,
    typer.Option(
        "--simulator", help="Offer simulations on the page, each in a bounded process of its own."
    ),
]
UntilEof = Annotated[
    bool,
    typer.Option(
        "--until-eof",
        help="Stop, too, when standard input ends: when whoever holds its other end is gone. "
        "A byte there lets the node go.",
    ),
]


def node(
    home: HomePath,
    *,
    rebuild: Rebuild = False,
    full_check: FullCheck = False,
    simulator: WithSimulator = False,
    until_eof: UntilEof = False,
) -> None:
    """Run one party's node until Ctrl-C or SIGTERM.

    The log is checked first from where it was verified before. Then the node answers and votes,
    and goes on checking beside that, from genesis: the whole log, and every row of the books and
    of all else by executing everything again. What that finds stops the node. With --full-check
    all of it comes before the first answer. A node that was killed recovers by itself. With
    --rebuild the database is set aside and everything is fetched from the peers; such a node has
    lost its votes and never votes again, it follows.

    \b
    Examples:
      tongzhang node net/platform
      tongzhang node net/platform --full-check
      tongzhang node net/platform --rebuild
      tongzhang node net/platform --simulator
    """
    from cli.serving import run_node, stop_at_end_of_input

    if until_eof:
        stop_at_end_of_input()
    run_node(home, rebuild=rebuild, full_check=full_check, simulator=simulator)
