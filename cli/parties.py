"""Reads the parties and the quorum of a consortium from the command line."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

import msgspec

from cli.errors import UsageError
from ledger.members import ROLES, SUPERVISOR, Name
from ledger.quorum import default_quorum

if TYPE_CHECKING:
    from ledger.genesis import Role

DEFAULT = "platform,institution,funder,auditor"
_NEXT = "give a name or an address alone; the ports are --base-port and those after it"
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE | re.ASCII)


def parse_parties(text: str, *, option: str = "--parties") -> list[tuple[str, Role]]:
    """Return name and role of every party in ``a,b:role,…``. A bare name is its own role.

    Raises:
        UsageError: a part has no known role, or no name that a party can have.
    """
    parties = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, given = part.partition(":")
        role = given if colon else name
        if role not in ROLES:
            raise UsageError(
                "unknown-role",
                f"{part!r} has no known role; roles are {', '.join(ROLES)}",
                f"name the party after its role, or write {name}:role",
            )
        refuse_bad_name(option, name)
        parties.append((name, cast("Role", role)))
    return parties


def parse_hosts(text: str, parties: list[tuple[str, Role]]) -> dict[str, str]:
    """Return the host of every party named in ``a=host,b=host``.

    Raises:
        UsageError: a part names no party, one that has a host already, or nothing that others
            reach a party by.
    """
    names = [name for name, _ in parties]
    hosts: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, host = part.partition("=")
        if name not in names or not equals:
            known = ", ".join(names)
            raise UsageError(
                "bad-host", f"{part!r} is not party=host; the parties are {known}", _NEXT
            )
        if name in hosts:
            raise UsageError("bad-host", f"--hosts names {name} twice", "give a party one host")
        refuse_bad_host("--hosts", host)
        if is_every_address(host):
            raise UsageError(
                "bad-host",
                f"nobody reaches {name} at {host}, which stands for every address of a machine",
                "nodes listen there with --host; --hosts says where others reach them",
            )
        hosts[name] = host
    return hosts


def refuse_bad_name(option: str, name: str) -> None:
    """Return if a consortium or a party can be called that.

    Raises:
        UsageError: ``bad-format``.
    """
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError:
        raise UsageError(
            "bad-format",
            f"{option}: a name has 1 to 32 small letters, digits and -, "
            f"the first a letter; got {name!r}",
        ) from None


def refuse_bad_host(option: str, host: str) -> None:
    """Return if ``host`` is a name or an address, without port, brackets or path.

    Raises:
        UsageError: ``bad-host``.
    """
    if not (_is_address(host) or _is_name(host)):
        raise UsageError("bad-host", f"{option}: {host!r} is no host name and no address", _NEXT)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_every_address(host: str) -> bool:
    """Return whether an address stands for all of a machine's: others reach nobody there."""
    return _is_address(host) and ip_address(host).is_unspecified


def _is_name(host: str) -> bool:
    """Return whether ``host`` can be the name of a host; one that ends in a number is none."""
    try:
        labels = host.removesuffix(".").encode("idna").decode("ascii").split(".")
    except UnicodeError:  # a label is empty or too long
        return False
    return all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal() and len(host) <= 253


def quorum_of(parties: list[tuple[str, Role]], quorum: int | None) -> int:
    """Return the given quorum, or the one that survives a liar where possible.

    Raises:
        UsageError: ``bad-quorum``: there are not so many parties.
    """
    voters = sum(role != SUPERVISOR for _, role in parties)
    if quorum is None:
        return default_quorum(voters)
    if quorum > voters:
        raise UsageError("bad-quorum", f"{voters} voters cannot cast {quorum} equal votes")
    return quorum
