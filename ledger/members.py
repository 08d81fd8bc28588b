"""The parties of a consortium: what genesis holds of each, and what refuses a list of them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ledger.errors import GenesisError, VerificationError
from ledger.keys import PUBLIC_KEY_BYTES, refuse_unfit_key
from ledger.registration import refuse_bad_registration

Role = Literal[
    "platform", "institution", "funder", "guarantor", "merchant", "auditor", "supervisor"
]
DEALING_ROLES: tuple[str, ...] = (
    "platform",
    "institution",
    "funder",
    "guarantor",
    "merchant",
    "auditor",
)
"""Roles that may state money, where a record's own rule lets them. They vote."""

SUPERVISOR: Role = "supervisor"
"""The role that reads everything and may dispute, states no money and does not vote."""

ROLES: tuple[str, ...] = (*DEALING_ROLES, SUPERVISOR)
SOLE_ROLES: tuple[Role, ...] = ("platform", "institution")

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$(?!\n)")]
_LINE_OR_NOTHING = r"^[^\x00-\x1f\x7f]*$(?!\n)"
LegalName = Annotated[str, Meta(max_length=200, pattern=_LINE_OR_NOTHING)]
Address = Annotated[str, Meta(max_length=300, pattern=_LINE_OR_NOTHING)]


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party.

    Args:
        key: Its Ed25519 public key, base64.
        name: What it is called in the ledger.
        role: What it may state.
        address: ``host:port`` at which it was reached at the founding; ``node.toml`` says where
            it is reached now. May be empty.
        legal_name: What it is called before a court. May be empty.
        registration: Where it is registered, see :mod:`ledger.registration`. May be empty.
    """

    key: str
    name: Name
    role: Role
    address: Address = ""
    legal_name: LegalName = ""
    registration: str = ""

    @property
    def public_key(self) -> bytes:
        """The 32-byte public key."""
        return b64decode(self.key)


def refuse_bad_members(members: tuple[Member, ...]) -> None:
    """Return if these parties can make a consortium.

    Raises:
        GenesisError: ``duplicate-member``, ``duplicate-key-material``, ``bad-roles``, or as
            :func:`refuse_bad_member`.
    """
    names = [member.name for member in members]
    if len(set(names)) != len(names):
        raise GenesisError("duplicate-member", "every party needs a name of its own")
    if len({m.key for m in members}) != len(names):
        raise GenesisError("duplicate-key-material", "every party needs a key of its own")
    for member in members:
        refuse_bad_member(member)
    for role in SOLE_ROLES:
        count = sum(m.role == role for m in members)
        if count != 1:
            raise GenesisError(
                "bad-roles",
                f"a consortium has exactly one {role}, this one has {count}; "
                "name a party after its role, or write name:role",
            )


def refuse_bad_member(member: Member) -> None:
    """Return if a party may be in a genesis.

    Raises:
        GenesisError: ``bad-member-key`` or ``bad-registration``.
    """
    key = _key_bytes(member)
    if b64encode(key).decode() != member.key:
        raise GenesisError("bad-member-key", f"the key of {member.name} is not base64")
    try:
        refuse_unfit_key(key)
    except VerificationError as error:
        raise GenesisError("bad-member-key", f"the key of {member.name}: {error.message}") from None
    refuse_bad_registration(member.registration)


def _key_bytes(member: Member) -> bytes:
    try:
        key = member.public_key
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        raise GenesisError(
            "bad-member-key", f"the key of {member.name} is not {PUBLIC_KEY_BYTES} bytes in base64"
        )
    return key
