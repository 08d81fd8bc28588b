"""``tongzhang join``: the last step of a founding, which each party takes by itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cli.errors import CheckFailed, UsageError, writing
from cli.genesis import read_file, spoken
from cli.inputs import beginning_of
from cli.options import Json, path
from cli.output import note, say, say_json

if TYPE_CHECKING:
    from ledger.genesis import Genesis

HomePath = Annotated[
    Path,
    typer.Argument(
        metavar="HOME",
        help="The home in which `tongzhang key new` made the key.",
        show_default=False,
        parser=path,
    ),
]
GenesisFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--genesis",
        metavar="FILE",
        help="The genesis that was made of all requests.",
        show_default=False,
        parser=path,
    ),
]
Hash = Annotated[
    str,
    typer.Option(
        "--hash",
        metavar="HASH",
        help="The hash as it came by another way than the file, instead of a question.",
        show_default=False,
    ),
]
SignatureFiles = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(
        "--signature",
        metavar="FILE",
        help="A signature file of another party; may be given several times.",
        show_default=False,
        parser=path,
    ),
]


def join(
    home: HomePath,
    *,
    genesis: GenesisFile = None,
    hash: Hash = "",  # noqa: A002 - the option's name
    signature: SignatureFiles = None,
    json: Json = False,
) -> None:
    """Join a consortium: sign its genesis, and collect the signatures of the others.

    The genesis must hold your own request unchanged. Its hash is shown; compare it with the
    others by another way than the one the file came by, such as the telephone. Your signature is
    written beside your key for you to hand to the others, and theirs are added with --signature.
    A node starts when all have signed.

    \b
    Examples:
      tongzhang join home --genesis genesis.json
      tongzhang join home --genesis genesis.json --hash 3f2a91bc…
      tongzhang join home --signature platform.signature.json --signature funder.signature.json
    """
    from ledger.limits import SIGNATURES_BYTES_MAX
    from node.home.founding import SIGNATURE_SUFFIX, add
    from node.home.founding import join as sign
    from node.home.home import load_config, load_genesis

    if genesis is None and not signature:
        raise UsageError("usage", "name a --genesis to join, or a --signature to add", "--help")
    party = load_config(home).party
    files = [beginning_of(file, SIGNATURES_BYTES_MAX) for file in signature or ()]
    with writing(home):
        if genesis is not None:
            founded = read_file(genesis)
            refuse_other_request(home, founded)
            _compare(founded, hash, quiet=json)
            missing = sign(home, founded, files)
        else:
            missing = add(home, files)
    founded = load_genesis(home)
    own = home / f"{party}{SIGNATURE_SUFFIX}"
    if json:
        said = {"ledger": founded.ledger, "missing": missing, "signature": str(own)}
        say_json({"party": party, "home": str(home), **said})
        return
    if genesis is not None:
        say(f"{party} has joined {founded.name}; hand this file to the others:  {own}")
    if missing:
        say(f"not yet signed by {', '.join(missing)}")
        say(f"add what they hand you:  tongzhang join {home} --signature FILE")
        return
    say(f"all {len(founded.names)} parties have signed; start the node:  tongzhang node {home}")


def refuse_other_request(home: Path, genesis: Genesis) -> None:
    """Return if a genesis holds a home's own request, before anybody is asked anything."""
    from node.home.founding import read_request, refuse_other_terms
    from node.home.home import load_config

    refuse_other_terms(read_request(home, load_config(home).party), genesis)


def _compare(genesis: Genesis, given: str, *, quiet: bool) -> None:
    """Return if whoever joins has compared the hash with the others.

    Raises:
        CheckFailed: ``wrong-hash``.
        UsageError: ``hash-not-compared``.
    """
    if given:
        digits = "".join(given.split()).lower()
        if digits != genesis.ledger:
            raise CheckFailed(
                "wrong-hash",
                f"expected a genesis of hash {digits}, the file has {genesis.ledger}; "
                "nothing is signed",
                "find out whose file is another one before anybody signs",
            )
        return
    if quiet or not sys.stdin.isatty():
        raise UsageError(
            "hash-not-compared",
            f"this genesis has the hash {genesis.ledger}; nothing is signed before it was compared",
            "ask another party for the hash by another way, and give it with --hash",
        )
    note(f"the genesis of {genesis.name} has this hash:")
    for line in spoken(genesis.ledger):
        note(f"  {line}")
    note("read it to the others by another way than the one the file came by, such as a telephone")
    if input("do all of them read the same? write yes: ").strip().lower() != "yes":
        raise UsageError("hash-not-compared", "nothing is signed", "compare the hash, then join")
