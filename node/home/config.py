"""Configuration of a node: its ``node.toml``, read and written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from node.errors import HomeError

CONFIG = "node.toml"
LOG_LEVELS = ("debug", "info", "warning", "error")
PORT_MAX = 65535

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Config:
    """What ``node.toml`` says.

    Args:
        party: Whose node this is.
        host: The address to listen on.
        port: The port to listen on, for clients and peers alike.
        peers: WebSocket address by party, such as ``ws://host:port/peer``.
        database: A database URL; empty for ``ledger.db`` in the home.
        log_level: One of :data:`LOG_LEVELS`.
        request_log: Whether the log has a line for each request with a token.
    """

    party: str
    host: str
    port: int
    peers: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    log_level: str = "info"
    request_log: bool = True

    def toml(self) -> str:
        """Return the file's text."""
        lines = [
            f"party = {_quoted(self.party)}",
            f"log_level = {_quoted(self.log_level)}",
            f"request_log = {'true' if self.request_log else 'false'}",
            "",
            "[listen]",
            f"host = {_quoted(self.host)}",
            f"port = {self.port}",
            "",
        ]
        if self.database:
            lines += ["[database]", f"url = {_quoted(self.database)}", ""]
        lines.append("[peers]")
        lines += [f"{_key(name)} = {_quoted(url)}" for name, url in self.peers.items()]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> Config:
        """Return what the text of a ``node.toml`` says.

        Raises:
            HomeError: ``bad-config``.
        """
        try:
            given = msgspec.convert(tomllib.loads(text), _Toml)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise bad_config(str(error)) from None
        if given.log_level not in LOG_LEVELS:
            raise bad_config(f"log_level is one of {', '.join(LOG_LEVELS)}")
        if not 0 <= given.listen.port <= PORT_MAX:
            raise bad_config(f"the port is 0 to {PORT_MAX}")
        return cls(
            party=given.party,
            host=given.listen.host,
            port=given.listen.port,
            peers=given.peers,
            database=given.database.url,
            log_level=given.log_level,
            request_log=given.request_log,
        )


class _Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    port: int


class _Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""


class _Toml(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    party: str
    listen: _Listen
    peers: dict[str, str] = {}
    database: _Database = _Database()
    log_level: str = "info"
    request_log: bool = True


def bad_config(problem: str) -> HomeError:
    """Return the error of a ``node.toml`` that cannot be used."""
    return HomeError("bad-config", f"{CONFIG} cannot be used: {problem}. Correct it and try again")


def _quoted(text: str) -> str:
    """Return a TOML basic string, which for JSON's escapes is JSON's string."""
    escaped = msgspec.json.encode(text).decode()
    return escaped.replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)
