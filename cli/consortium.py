"""``tongzhang init`` and ``tongzhang node``: found a consortium, run one party's node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.errors import writing
from cli.options import Json, path
from cli.output import pairs, say, say_json
from cli.parties import DEFAULT

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Where the homes are made; new or empty.",
        show_default=False,
        parser=path,
    ),
]
Parties = Annotated[
    str,
    typer.Option(
        "--parties",
        metavar="A,B:ROLE,…",
        help="The parties: a,b or a:role,b:role, in leader order.",
    ),
]
Quorum = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--quorum", metavar="N", help="Equal votes that make a block final.", show_default="safest"
    ),
]
BasePort = Annotated[
    int, typer.Option("--base-port", metavar="PORT", help="The first node's port.")
]
Host = Annotated[
    str, typer.Option("--host", metavar="HOST", help="The address on which the nodes listen.")
]
Hosts = Annotated[
    str,
    typer.Option(
        "--hosts",
        metavar="PARTY=HOST,…",
        help="Where the others reach a party: a=host,b=host.",
        show_default="--host",
    ),
]
Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="The consortium's name, lower case.")
]
CalendarChoice = Annotated[
    str,
    typer.Option(
        "--calendar",
        metavar="cn|none|FILE",
        help="The business days to found with: mainland China's, weekends only, or a file's.",
    ),
]
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

UntilEof = Annotated[
    bool,
    typer.Option(
        "--until-eof",
        help="Stop, too, when standard input ends: when whoever holds its other end is gone. "
        "A byte there lets the node go.",
    ),
]


def init(
    folder: Folder,
    *,
    parties: Parties = DEFAULT,
    quorum: Quorum = None,
    base_port: BasePort = 8800,
    host: Host = "127.0.0.1",
    hosts: Hosts = "",
    name: Name = "consortium",
    calendar: CalendarChoice = "cn",
    json: Json = False,
) -> None:
    """Found a consortium: one home for each party.

    All homes hold the same genesis. Says in plain words what the chosen parties and quorum
    survive. On one machine the homes can be used as they are; otherwise name the parties' hosts
    and hand each party its own home.

    \b
    Examples:
      tongzhang init net
      tongzhang init net --parties platform,institution,funder --quorum 2
      tongzhang init net --parties mall:platform,paybank:institution,fund:funder,eye:auditor
      tongzhang init net --calendar holidays-2027.json
      tongzhang init net --parties platform,institution --host 0.0.0.0 \\
        --hosts platform=ledger.mall.example,institution=ledger.bank.example
    """
    from cli.calendars.files import calendar_for
    from cli.parties import parse_hosts, parse_parties, quorum_of, refuse_bad_host, refuse_bad_name
    from ledger.quorum import tolerance
    from node.home.founding import create_consortium
    from node.home.home import read_address

    listed = parse_parties(parties)
    votes = quorum_of(listed, quorum)
    refuse_bad_name("--name", name)
    refuse_bad_host("--host", host)
    reached = parse_hosts(hosts, listed)
    founded = calendar_for(calendar)
    with writing(folder):
        homes = create_consortium(
            folder,
            listed,
            votes,
            base_port=base_port,
            host=host,
            name=name,
            hosts=reached,
            choices={"calendar": founded},
        )
    genesis = next(iter(homes.values())).genesis
    days = _business_days(calendar, founded.years)
    words = tolerance(len(genesis.voters), votes)
    addresses = {party: read_address(home.path) for party, home in homes.items()}
    if json:
        say_json(
            {
                "origin": genesis.origin,
                "ledger": genesis.ledger,
                "quorum": votes,
                "tolerance": list(words),
                "calendar": days,
                "nodes": [
                    {"party": party, "home": str(home.path), "url": addresses[party]}
                    for party, home in homes.items()
                ],
            }
        )
        return
    say(f"founded {genesis.origin}")
    for line in words:
        say(f"  {line}")
    say(f"  {days}")
    _say_how_to_start({party: home.path for party, home in homes.items()}, addresses)


def _business_days(choice: str, years: tuple[int, ...]) -> str:
    """Say which business days a consortium is founded with, and what comes after them."""
    if not years:
        return (
            "Business days are weekdays: no calendar is founded, tongzhang calendar declares one."
        )
    whose = "mainland China" if choice == "cn" else choice
    several = f"{years[0]} to {years[-1]}" if len(years) > 1 else f"{years[0]}"
    return (
        f"Business days are those of {whose} from {several}; "
        f"declare {years[-1] + 1} before it begins: tongzhang calendar import."
    )


def _say_how_to_start(homes: dict[str, Path], addresses: dict[str, str]) -> None:
    say()
    pairs({party: f"{addresses[party]}  home {path}" for party, path in homes.items()})
    say()
    say("start every node, each in a terminal of its own:")
    for home in homes.values():
        say(f"  tongzhang node {home}")
    first = next(iter(homes.values()))
    say(f"then ask one:  tongzhang status --home {first}")
    say(f"and who votes: tongzhang members --home {first}")


def node(
    home: HomePath,
    rebuild: Rebuild = False,
    fast_start: FastStart = False,
    check_state: CheckState = False,
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
    """
    from cli.serving import Checked, run_node, stop_at_end_of_input

    if until_eof:
        stop_at_end_of_input()
    trusted: Checked = "nothing" if fast_start else "log"
    run_node(home, rebuild=rebuild, checked="state" if check_state else trusted)
