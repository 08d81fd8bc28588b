"""The node that a command talks to: by its home directory, or by address and token."""

from __future__ import annotations

from pathlib import Path

from cli.client import Client
from cli.errors import UsageError


def connect(home: Path | None, url: str, token: str) -> Client:
    """Return a client of the node that the options name.

    Args:
        home: The node's home directory; its address and operator token are used. The token goes
            to that address alone.
        url: The node's address; wins over the home's.
        token: A bearer token; wins over the home's.

    Raises:
        UsageError: neither a home nor an address was given, or the home cannot be read.
    """
    if url and (token or home is None):
        return Client(url, token)
    if home is None:
        raise UsageError(
            "no-node-named",
            "say which node: --home HOME, or --url with --token",
            "or set TONGZHANG_HOME",
        )
    from node.home.home import read_address, read_operator_token

    own = read_address(home)
    if url and url.rstrip("/") != own:
        return Client(url, token)
    return Client(own, token or read_operator_token(home))
