"""Reads where nodes listen and are reached from the command line."""

from __future__ import annotations

from urllib.parse import urlsplit

from cli.errors import UsageError
from cli.parties import is_every_address, refuse_bad_host
from node.home.config import PORT_MAX
from node.home.founding import Listen

_SCHEMES = ("ws", "wss", "http", "https")
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


def parse_address(option: str, text: str) -> int:
    """Return the port of an address at which others reach a node: ``host:port``, or a URL.

    Raises:
        UsageError: ``bad-address``, or ``bad-host``.
    """
    is_url = "://" in text
    parts = urlsplit(text if is_url else f"ws://{text}")
    try:
        port = parts.port or (_PORTS.get(parts.scheme) if is_url else None)
    except ValueError:
        port = None
    plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in _SCHEMES or port is None or not plain or (parts.path and not is_url):
        raise UsageError(
            "bad-address",
            f"{option}: expected host:port, or a ws, wss, http or https URL, got {text!r}",
            "write an IPv6 address in brackets: [2001:db8::1]:8800",
        )
    host = parts.hostname or ""
    refuse_bad_host(option, host)
    if is_every_address(host):
        raise UsageError(
            "bad-host",
            f"{option}: nobody reaches a node at {host}, which stands for every address",
            "name the host by which the others reach it; --listen may be every address",
        )
    return port


def parse_listen(text: str, address: str, port: int) -> Listen:
    """Return where a node listens: as given, or at every address of the kind it is reached at.

    Args:
        text: What was given, or an empty text.
        address: Where others reach it, as :func:`parse_address` takes it.
        port: The port of that.

    Raises:
        UsageError: ``bad-address`` or ``bad-host``.
    """
    if not text:
        return Listen("::" if "[" in address else "0.0.0.0", port)
    host, _, number = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (number.isascii() and number.isdecimal() and 0 < int(number) <= PORT_MAX and host):
        raise UsageError(
            "bad-address",
            f"--listen: expected host:port with a port of 1 to {PORT_MAX}, got {text!r}",
            "for example --listen 0.0.0.0:8800",
        )
    refuse_bad_host("--listen", host)
    return Listen(host, int(number))
