"""``tongzhang init``: a consortium founded on one machine, one home a party."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cli.errors import writing
from cli.options import Json, path
from cli.output import pairs, say, say_json
from cli.parties import DEFAULT
from ledger.quorum import tolerance

if TYPE_CHECKING:
    from ledger.genesis import Genesis

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
    nodes = [
        {"party": party, "home": str(home.path), "url": read_address(home.path)}
        for party, home in homes.items()
    ]
    show = _show_json if json else _show
    show(next(iter(homes.values())).genesis, _business_days(calendar, founded.years), nodes)


def _show_json(genesis: Genesis, days: str, nodes: list[dict[str, str]]) -> None:
    say_json(
        {
            "origin": genesis.origin,
            "ledger": genesis.ledger,
            "quorum": genesis.quorum,
            "tolerance": list(tolerance(len(genesis.voters), genesis.quorum)),
            "calendar": days,
            "nodes": nodes,
        }
    )


def _show(genesis: Genesis, days: str, nodes: list[dict[str, str]]) -> None:
    say(f"founded {genesis.origin}")
    for line in (*tolerance(len(genesis.voters), genesis.quorum), days):
        say(f"  {line}")
    say()
    pairs({node["party"]: f"{node['url']}  home {node['home']}" for node in nodes})
    say()
    say("start every node, each in a terminal of its own:")
    for node in nodes:
        say(f"  tongzhang node {node['home']}")
    say(f"then ask one:  tongzhang status --home {nodes[0]['home']}")
    say(f"and who votes: tongzhang members --home {nodes[0]['home']}")


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
