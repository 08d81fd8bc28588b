"""``tongzhang key``: the first step of a founding, which each party takes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError, writing
from cli.options import Json, path
from cli.output import say, say_json

app = typer.Typer(
    help="Make a party's key and its request to be founded.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NewHome = Annotated[
    Path,
    typer.Argument(
        metavar="HOME",
        help="The party's home: new, empty, or of an earlier try.",
        show_default=False,
        parser=path,
    ),
]
Party = Annotated[
    str,
    typer.Option("--party", metavar="NAME", help="The party's name in the ledger, lower case."),
]
Role = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="platform, institution, funder, guarantor, merchant, auditor or supervisor.",
        show_default="the name",
    ),
]
LegalName = Annotated[
    str, typer.Option("--legal-name", metavar="TEXT", help="The party's name before a court.")
]
Registration = Annotated[
    str,
    typer.Option(
        "--registration",
        metavar="CODE",
        help="A unified social credit code (统一社会信用代码), or register:number.",
    ),
]
Address = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Where the others reach the party's node; a ws or wss URL where a proxy is.",
    ),
]
ListenAt = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help="Where the node listens.",
        show_default="every address, and the port of --address",
    ),
]


@app.command("new")
def new_key(
    home: NewHome,
    *,
    party: Party,
    legal_name: LegalName,
    registration: Registration,
    address: Address,
    role: Role = "",
    listen: ListenAt = "",
    json: Json = False,
) -> None:
    """Make a key and a request to be founded, in a home of your own.

    The key stays in the home. The request holds what genesis shall say of the party, and proves
    that who asks has the key; hand it to whoever makes the genesis. Until the home has joined,
    the command may be repeated with other words: the key stays the same.

    \b
    Examples:
      tongzhang key new home --party institution --legal-name 某某支付有限公司 \\
        --registration 91350100M000100Y43 --address ledger.bank.example:8801
      tongzhang key new home --party fund --role funder --legal-name 'Fund SE' \\
        --registration lei:529900T8BM49AURSDO55 --address 10.0.0.7:8802 --listen 10.0.0.7:8802
    """
    from cli.addresses import parse_address, parse_listen
    from cli.parties import parse_parties
    from ledger.members import Member
    from node.home.founding import ask

    if "," in party:
        raise UsageError("bad-format", f"--party names one party, got {party!r}")
    ((name, its_role),) = parse_parties(f"{party}:{role}" if role else party, option="--party")
    if not legal_name.strip():
        raise UsageError("bad-format", "--legal-name is empty; write the party's name in full")
    if not registration:
        raise UsageError("bad-format", "--registration is empty; write a code or register:number")
    port = parse_address("--address", address)
    member = Member(
        key="",
        name=name,
        role=its_role,
        address=address,
        legal_name=legal_name,
        registration=registration,
    )
    with writing(home):
        request = ask(home, member, parse_listen(listen, address, port))
    if json:
        say_json({"party": name, "home": str(home), "request": str(request)})
        return
    say(f"the key of {name} is in {home} and stays there; whoever has it speaks for {name}")
    say(f"hand this file to whoever makes the genesis:  {request}")
    say("nothing in it is secret")
    say(f"then:  tongzhang join {home} --genesis FILE")
