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
CheckState = Annotated[
    bool,
    typer.Option("--check-state", help="Execute the whole log again and compare every row first."),
]
FastStart = Annotated[
    bool, typer.Option("--fast-start", help="Do not check the whole database at the start.")
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
    fast_start: FastStart = False,
    check_state: CheckState = False,
    simulator: WithSimulator = False,
    until_eof: UntilEof = False,
) -> None:
    """Run one party's node until Ctrl-C or SIGTERM.

    The log in the database is checked first, unless --fast-start says otherwise; with
    --check-state the books and all other rows too, which takes longer. A node that was killed
    recovers by itself. With --rebuild the database is set aside and everything is fetched from
    the peers; such a node has lost its votes and never votes again, it follows.

    \b
    Examples:
      tongzhang node net/platform
      tongzhang node net/platform --rebuild
      tongzhang node net/platform --simulator
    """
    from cli.serving import Checked, run_node, stop_at_end_of_input

    if until_eof:
        stop_at_end_of_input()
    trusted: Checked = "nothing" if fast_start else "log"
    checked: Checked = "state" if check_state else trusted
    run_node(home, rebuild=rebuild, checked=checked, simulator=simulator)
