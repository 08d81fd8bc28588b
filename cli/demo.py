"""``tongzhang demo``: the whole thing, once, before your eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.options import Json, path

PAYMENTS, SEED = 500, 7
PARTIES = "platform,institution,funder,bank:funder,guarantor"
"""The smallest cast that lends together with a guarantor behind; all of them vote."""

Payments = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--payments", metavar="N", help="Payments of a generated day.", show_default=str(PAYMENTS)
    ),
]
Seed = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--seed", metavar="N", help="Seed of a generated day.", show_default=str(SEED)),
]
DayFolder = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--day",
        metavar="DIR",
        help="A day's folder, instead of a generated day.",
        show_default=False,
        parser=path,
    ),
]
Parties = Annotated[
    str, typer.Option("--parties", metavar="A,B:ROLE,…", help="The parties: a,b or a:role,b:role.")
]
Quorum = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--quorum", metavar="N", help="Equal votes that make a block final.", show_default="safest"
    ),
]
Folder = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--dir",
        metavar="DIR",
        help="Where to found the consortium.",
        show_default="a temporary one",
        parser=path,
    ),
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Leave the nodes running and say where they are.")
]
Open = Annotated[
    bool, typer.Option("--open", help="Leave the nodes running, and open a page in the browser.")
]
NoKill = Annotated[bool, typer.Option("--no-kill", help="Kill no node midway.")]


def demo(
    *,
    payments: Payments = None,
    seed: Seed = None,
    day: DayFolder = None,
    parties: Parties = PARTIES,
    quorum: Quorum = None,
    folder: Folder = None,
    keep: Keep = False,
    open_page: Open = False,
    no_kill: NoKill = False,
    json: Json = False,
) -> None:
    """Drive one business day and a funders' morning through real nodes.

    Founds a consortium, starts one node process a party, feeds the day to them over HTTP as the
    parties' own systems would, kills the leading node midway and restarts it, and shows at the
    end that all nodes hold the same and what the day left one-sided. Then a portfolio of loans is
    stated, and its last day: each party's sheet has to be what the second computation says. A
    cast without a funder or a guarantor has no morning. Exit code 1 if anything differs.

    \b
    Examples:
      tongzhang demo
      tongzhang demo --keep --open
      tongzhang demo --payments 2000 --seed 3
      tongzhang demo --parties platform,institution,funder --quorum 2 --keep
      tongzhang demo --day examples/day --json
    """
    from cli.parties import parse_parties, quorum_of
    from demo.run import DemoChoices, run_demo

    founding = parse_parties(parties)

    choices = DemoChoices(
        payments=payments,
        seed=seed,
        day=day,
        parties=founding,
        quorum=quorum_of(founding, quorum),
        folder=folder,
        keep=keep or open_page,
        kill=not no_kill,
        json=json,
    )
    home = run_demo(choices)
    if open_page:
        from cli.page import page

        page(home)
