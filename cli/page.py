"""``tongzhang page``: a node's page in the browser, signed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Home

Print = Annotated[
    bool, typer.Option("--print", help="Print the address instead; it signs in whoever has it.")
]


def page(home: Home = None, print_only: Print = False) -> None:
    """Open a node's page in the browser, signed in with the operator's token.

    The token stands behind the # of the address: the browser's page has it, no server's log. Others
    sign in at the node's address with a token of their own: tongzhang token create.

    \b
    Examples:
      tongzhang page --home net/platform
      tongzhang page --home net/platform --print
    """
    from cli.errors import UsageError
    from cli.output import note, say

    if home is None:
        raise UsageError("no-node-named", "say which node: --home HOME", "or set TONGZHANG_HOME")
    if print_only:
        say(address_of(home))
    elif not open_page(home):
        note("no browser could be opened; this address signs in whoever has it:")
        say(address_of(home))


def address_of(home: Path) -> str:
    """Return the address of a home's page that signs in by itself.

    Raises:
        HomeError: the home cannot be read.
    """
    from urllib.parse import quote

    from node.home.home import read_address, read_operator_token

    return f"{read_address(home)}/sign-in#{quote(read_operator_token(home), safe='')}"


def open_page(home: Path) -> bool:
    """Open a home's page in the browser of this desktop; return whether there is one."""
    import webbrowser

    return webbrowser.open(address_of(home))
