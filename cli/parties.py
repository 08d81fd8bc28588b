"""Reads the parties and the quorum of a consortium from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cli.errors import UsageError
from ledger.genesis import ROLES, default_quorum

if TYPE_CHECKING:
    from ledger.genesis import Role

DEFAULT = "platform,institution,funder,auditor"
OWNER_ROLES = ("platform", "funder", "guarantor", "merchant")


def parse_parties(text: str) -> list[tuple[str, Role]]:
    """Return name and role of every party in ``a,b:role,…``. A bare name is its own role.

    Raises:
        UsageError: a part has no known role.
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
        parties.append((name, cast("Role", role)))
    return parties


def parse_hosts(text: str, parties: list[tuple[str, Role]]) -> dict[str, str]:
    """Return the host of every party named in ``a=host,b=host``.

    Raises:
        UsageError: a part names no party, or no host.
    """
    names = [name for name, _ in parties]
    hosts = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, host = part.partition("=")
        if name not in names or not host or "/" in host:
            raise UsageError(
                "bad-host",
                f"{part!r} is not party=host; the parties are {', '.join(names)}",
                "give a name or an address alone; the ports are --base-port and those after it",
            )
        hosts[name] = host
    return hosts


def quorum_of(parties: list[tuple[str, Role]], quorum: int | None) -> int:
    """Return the given quorum, or the one that survives a liar where possible."""
    return default_quorum(len(parties)) if quorum is None else quorum


def named(parties: list[tuple[str, Role]], role: str) -> str:
    """Return the first party in ``role``.

    Raises:
        UsageError: nobody has the role.
    """
    for name, its_role in parties:
        if its_role == role:
            return name
    raise UsageError(
        "bad-roles", f"a consortium has exactly one {role}, this one has none", "see --parties"
    )


def owners(parties: list[tuple[str, Role]]) -> tuple[str, ...]:
    """Return the parties that have accounts of their own, in their order."""
    return tuple(name for name, role in parties if role in OWNER_ROLES)
