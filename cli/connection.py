"""The node that a command talks to: by its home directory, or by address and token."""

from __future__ import annotations

from pathlib import Path

from cli.client import Client
from cli.errors import UsageError
from cli.opened_log import Named, named, open_named, warn


def connect(home: Path | None, url: str, token: str) -> Client:
    """Return a client of the node, or of the log, that the options name.

    Args:
        home: The node's home directory; its address and operator token are used. The token goes
            to that address alone.
        url: The node's address; wins over the home's.
        token: A bearer token; wins over the home's.

    Raises:
        UsageError: neither a home nor an address was given, or the home cannot be read.
    """
    log = named.get()
    if log is not None and (log.log is not None or log.genesis is not None):
        return _of_log(log)
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


def _of_log(log: Named) -> Client:
    if log.log is None:
        raise UsageError(
            "no-log-named", "--genesis is that of a log", "name the log with --log LOG"
        )
    opened = open_named(log)
    warn(opened.summary)
    from api.opened import opened_app
    from cli.log_client import log_client

    return log_client(opened_app(opened), str(log.log))
