"""Genesis: the document that founds a consortium. Its hash is the ledger's name."""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ledger import canonical, domains
from ledger.calendar import Calendar, fault_of
from ledger.errors import GenesisError
from ledger.keys import PUBLIC_KEY_BYTES, Verifier
from ledger.limits import (
    GENESIS_BYTES_MAX,
    LEGS_CEILING,
    MEMBERS_MAX,
    RECORD_BYTES_MAX,
    SAFE_INTEGER_MAX,
)
from ledger.log.checkpoint import origin

Role = Literal["platform", "institution", "funder", "guarantor", "merchant", "auditor"]
ROLES: tuple[str, ...] = (
    "platform",
    "institution",
    "funder",
    "guarantor",
    "merchant",
    "auditor",
)
SOLE_ROLES: tuple[Role, ...] = ("platform", "institution")

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$(?!\n)")]
Natural = Annotated[int, Meta(ge=0, le=SAFE_INTEGER_MAX)]
Positive = Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX)]

AMOUNT_DEFAULT = 10**13
"""What one record may move unless genesis says otherwise, in minor units: 100 billion yuan."""

DAY_MS = 86_400_000
DUE_MS: dict[str, int] = {
    "capture": 30 * 60_000,
    "instruction": 30 * 60_000,
    "reversal": DAY_MS,
    "payout-result": DAY_MS,
    "arrival": 2 * DAY_MS,
    "float-confirmation": DAY_MS,
    "refund-result": 3 * DAY_MS,
    "dispute": 7 * DAY_MS,
    "fee-acceptance": 7 * DAY_MS,
    "fee-reversal": DAY_MS,
    "fee-settlement": 10 * DAY_MS,
    "profit-acceptance": 7 * DAY_MS,
    "profit-confirmation": 2 * DAY_MS,
    "calendar-acceptance": 7 * DAY_MS,
}
"""How long each kind of expectation may stay open, in ms, unless genesis says otherwise."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party: its name, its role and its Ed25519 public key (base64)."""

    key: str
    name: Name
    role: Role

    @property
    def public_key(self) -> bytes:
        """The 32-byte public key."""
        return b64decode(self.key)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the consortium allows at most. Bytes, counts, and the clock drift in ms.

    ``amount`` bounds the money of one record that comes from outside, in minor units: far above
    any payment there is, and far below what an account of the books can hold.
    """

    amount: Positive = AMOUNT_DEFAULT
    batch_bytes: Annotated[int, Meta(ge=2 * RECORD_BYTES_MAX, le=16 * 2**20)] = 512 * 1024
    batch_records: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    block_bytes: Annotated[int, Meta(ge=2 * RECORD_BYTES_MAX, le=64 * 2**20)] = 2 * 2**20
    block_records: Annotated[int, Meta(ge=1, le=50_000)] = 2000
    drift_ms: Positive = 300_000
    legs: Annotated[int, Meta(ge=1, le=LEGS_CEILING)] = 10


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Slot timer: where it starts and how far it may grow, in ms."""

    base_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    cap_ms: Annotated[int, Meta(ge=10, le=600_000)] = 8000


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The founding document. Construct with :func:`found` or read with :func:`read`."""

    calendar: Calendar
    created_at: Natural
    due_ms: dict[str, Positive]
    limits: Limits
    members: tuple[Member, ...]
    name: Name
    quorum: Natural
    timeouts: Timeouts
    version: Literal[1] = 1

    @cached_property
    def raw(self) -> bytes:
        """The canonical bytes of the document."""
        return canonical.encode(_plain(self))

    @cached_property
    def hash(self) -> bytes:
        """The 32-byte hash that names the ledger."""
        return domains.genesis_hash(self.raw)

    @cached_property
    def ledger(self) -> str:
        """The ledger's name in signed documents: the hash in hex."""
        return self.hash.hex()

    @cached_property
    def origin(self) -> str:
        """The checkpoint origin, ``tongzhang/<name>/<16 hex>``."""
        return origin(self.name, self.hash)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Party names in genesis order, which is also the leader rotation."""
        return tuple(member.name for member in self.members)

    @cached_property
    def verifiers(self) -> dict[str, Verifier]:
        """One signature verifier per party."""
        return {m.name: Verifier(m.public_key) for m in self.members}

    @cached_property
    def roles(self) -> dict[str, str]:
        """Role by party name."""
        return {m.name: m.role for m in self.members}

    @cached_property
    def soles(self) -> dict[str, str]:
        """The one party by each role that only one may hold (platform, institution)."""
        return {m.role: m.name for m in self.members if m.role in SOLE_ROLES}

    def sole(self, role: Role) -> str:
        """Return the one party in a role that only one may hold."""
        return self.soles[role]

    @cached_property
    def due_after_ms(self) -> dict[str, int]:
        """How long an expectation may stay open before it is overdue, by kind."""
        return {**DUE_MS, **self.due_ms}


_decoder = msgspec.json.Decoder(Genesis)


def _plain(genesis: Genesis) -> object:
    return msgspec.to_builtins(genesis)


def read(raw: bytes) -> Genesis:
    """Decode and check a genesis document.

    Raises:
        GenesisError: the consortium could not work; the message says why.
        DecodeError: the bytes are not a canonical genesis document.
    """
    if len(raw) > GENESIS_BYTES_MAX:
        raise GenesisError("genesis-too-large", f"at most {GENESIS_BYTES_MAX} bytes are allowed")
    genesis = canonical.decode(raw, _decoder, "genesis")
    check(genesis)
    return genesis


def found(
    name: str, members: tuple[Member, ...], quorum: int, created_at: int, **choices: object
) -> Genesis:
    """Return a checked genesis with default limits, calendar and timeouts.

    Args:
        name: The consortium's name, lower case.
        members: The parties, in leader order.
        quorum: How many equal votes make a certificate.
        created_at: Founding time, ms since the epoch.
        choices: ``calendar``, ``limits``, ``timeouts`` or ``due_ms`` instead of the defaults.

    Raises:
        GenesisError: the consortium could not work.
    """
    fields: dict[str, object] = {
        "calendar": Calendar(),
        "due_ms": DUE_MS,
        "limits": Limits(),
        "timeouts": Timeouts(),
        **choices,
    }
    genesis = Genesis(
        members=members,
        name=name,
        quorum=quorum,
        created_at=created_at,
        **fields,  # type: ignore[arg-type]
    )
    return read(genesis.raw)


def check(genesis: Genesis) -> None:
    """Return if the consortium can work.

    Raises:
        GenesisError: with the rule that is broken.
    """
    _refuse_member_count(genesis)
    _refuse_members(genesis)
    _refuse_quorum(len(genesis.members), genesis.quorum)
    if genesis.timeouts.cap_ms < genesis.timeouts.base_ms:
        raise GenesisError("bad-timeouts", "cap_ms must be at least base_ms")
    if genesis.limits.batch_records > genesis.limits.block_records:
        raise GenesisError("bad-limits", "a block must be able to hold one whole batch")
    if genesis.limits.batch_bytes > genesis.limits.block_bytes:
        raise GenesisError("bad-limits", "a block must be able to hold one whole batch")
    _refuse_calendar(genesis)
    _refuse_kinds(genesis.due_ms)


def _refuse_calendar(genesis: Genesis) -> None:
    calendar = genesis.calendar
    fault = fault_of(calendar.years, calendar.holidays, calendar.workdays)
    if list(calendar.years) != sorted(set(calendar.years)):
        fault = "years come in order and each once"
    voters = {m.name for m in genesis.members if m.role not in SOLE_ROLES}
    if not voters.issuperset(calendar.accepted_by):
        fault = (
            "accepted_by names parties besides platform and institution, whose words count anyway"
        )
    if len(set(calendar.accepted_by)) != len(calendar.accepted_by):
        fault = "accepted_by names a party once"
    if fault:
        raise GenesisError("bad-calendar", fault)


def _refuse_kinds(due_ms: dict[str, int]) -> None:
    for kind in due_ms:
        if kind not in DUE_MS:
            raise GenesisError(
                "bad-due-ms",
                f"due_ms has the kinds {', '.join(DUE_MS)}; no expectation is of kind {kind!r}",
            )


def _refuse_member_count(genesis: Genesis) -> None:
    count = len(genesis.members)
    if not 1 <= count <= MEMBERS_MAX:
        raise GenesisError("bad-member-count", f"1 to {MEMBERS_MAX} parties, got {count}")


def _refuse_members(genesis: Genesis) -> None:
    names = genesis.names
    if len(set(names)) != len(names):
        raise GenesisError("duplicate-member", "every party needs a name of its own")
    if len({m.key for m in genesis.members}) != len(names):
        raise GenesisError("duplicate-key-material", "every party needs a key of its own")
    for member in genesis.members:
        if b64encode(_key_bytes(member)).decode() != member.key:
            raise GenesisError("bad-member-key", f"the key of {member.name} is not base64")
    for role in SOLE_ROLES:
        count = sum(m.role == role for m in genesis.members)
        if count != 1:
            raise GenesisError(
                "bad-roles",
                f"a consortium has exactly one {role}, this one has {count}; "
                "name a party after its role, or write name:role",
            )


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


def _refuse_quorum(voters: int, quorum: int) -> None:
    if not voters // 2 < quorum <= voters:
        raise GenesisError(
            "bad-quorum",
            f"with {voters} parties the quorum must be {voters // 2 + 1} to {voters}, got {quorum}",
        )


def default_quorum(voters: int) -> int:
    """Return the smallest quorum that survives a liar where the number of voters allows it.

    That is ⌈(n+f+1)/2⌉ with f = ⌊(n−1)/3⌋: 3 of 4, 5 of 7; and a bare majority below 4.
    """
    faulty = (voters - 1) // 3
    return (voters + faulty) // 2 + 1


def tolerance(voters: int, quorum: int) -> tuple[str, ...]:
    """Say in plain words what ``voters`` and ``quorum`` survive.

    Returns:
        One sentence per line: crashes, liars, and what a fork costs the liars.
    """
    crashes = voters - quorum
    overlap = 2 * quorum - voters
    liars = min(overlap - 1, crashes)
    lines = [
        f"{voters} parties, quorum {quorum}: every entry is cosigned by at least {quorum} parties.",
        f"Up to {crashes} may be down and the ledger goes on."
        if crashes
        else "Nobody may be down: one silent party stops the ledger (nothing is lost).",
    ]
    if overlap > 1:
        lines.append(f"Nobody can fork it with fewer than {overlap} lying parties.")
    else:
        lines.append("One lying party can fork it, and is convicted by its own signatures.")
    if liars > 0:
        lines.append(
            f"Any {liars} may fail in any way, lying included, and it stays safe and live."
        )
    lines.append(f"A fork always exposes at least {overlap} of the signers, by name.")
    return tuple(lines)
