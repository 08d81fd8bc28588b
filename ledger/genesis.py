"""Genesis: the document that founds a consortium. Its hash is the ledger's name."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from ledger import canonical, domains
from ledger.batch import Natural, Positive
from ledger.calendar import Calendar, fault_of
from ledger.errors import GenesisError
from ledger.keys import Verifier
from ledger.limits import (
    GENESIS_BYTES_MAX,
    LEGS_CEILING,
    MEMBERS_MAX,
    PARTY_RECORDS_MAX,
    RECORD_BYTES_MAX,
)
from ledger.log.checkpoint import origin
from ledger.members import ROLES as ROLES
from ledger.members import SOLE_ROLES, SUPERVISOR, Name, refuse_bad_members
from ledger.members import Member as Member
from ledger.members import Role as Role

FORMAT: Final = 2
"""Of genesis, and so of everything that names a ledger by its hash: logs, homes, databases."""

COST_LIMIT_PPM_DEFAULT = 240_000
"""What a loan may cost a year at most, in parts per million, unless genesis says otherwise."""

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
    "loan-acceptance": 2 * DAY_MS,
    "loan-funding": DAY_MS,
    "compensation": 2 * DAY_MS,
}
"""How long each kind of expectation may stay open, in ms, unless genesis says otherwise."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most that the consortium allows. Bytes, counts, and the clock drift in ms.

    ``amount`` bounds the money of one record that comes from outside, in minor units: far above
    any payment there is, and far below what an account of the books can hold. ``party_records``
    is a party's quota: records a minute beyond which others' blocks leave its batches waiting.
    """

    amount: Positive = AMOUNT_DEFAULT
    batch_bytes: Annotated[int, Meta(ge=2 * RECORD_BYTES_MAX, le=16 * 2**20)] = 512 * 1024
    batch_records: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    block_bytes: Annotated[int, Meta(ge=2 * RECORD_BYTES_MAX, le=64 * 2**20)] = 2 * 2**20
    block_records: Annotated[int, Meta(ge=1, le=50_000)] = 2000
    drift_ms: Positive = 300_000
    legs: Annotated[int, Meta(ge=1, le=LEGS_CEILING)] = 10
    party_records: Annotated[int, Meta(ge=1, le=PARTY_RECORDS_MAX)] = PARTY_RECORDS_MAX


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Slot timer: where it starts and how far it may grow, in ms."""

    base_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    cap_ms: Annotated[int, Meta(ge=10, le=600_000)] = 8000


class Governance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reserved for rules by which the parties change what is agreed; empty in this version."""


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The founding document. Construct with :func:`found` or read with :func:`read`."""

    calendar: Calendar
    cost_limit_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]
    created_at: Natural
    due_ms: dict[str, Positive]
    governance: Governance
    limits: Limits
    members: tuple[Member, ...]
    name: Name
    quorum: Natural
    timeouts: Timeouts
    version: Literal[2] = FORMAT

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
        """The checkpoint origin, ``tongzhang/<name>/<64 hex of the hash>``."""
        return origin(self.name, self.hash)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Party names in genesis order."""
        return tuple(member.name for member in self.members)

    @cached_property
    def voters(self) -> tuple[str, ...]:
        """Parties that vote, in genesis order, which is also the leader rotation."""
        return tuple(member.name for member in self.members if member.role != SUPERVISOR)

    @property
    def spare(self) -> int:
        """How many voters a quorum does without; if more vote otherwise, there is none."""
        return len(self.voters) - self.quorum

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
        """The time in ms after which an open expectation is overdue, by kind."""
        return {**DUE_MS, **self.due_ms}


class _Numbered(msgspec.Struct):
    version: int


_decoder = msgspec.json.Decoder(Genesis)
_numbered = msgspec.json.Decoder(_Numbered)


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
    _refuse_other_format(raw)
    genesis = canonical.decode(raw, _decoder, "genesis")
    check(genesis)
    return genesis


def _refuse_other_format(raw: bytes) -> None:
    """Refuse the documents of older versions by their number, before their fields are judged."""
    try:
        version = _numbered.decode(raw).version
    except (msgspec.DecodeError, ValueError, RecursionError):
        return  # what else is wrong with it, the decoder says
    if version == 1:
        raise GenesisError(
            "format-1",
            "this ledger was founded by version 0.1 of tongzhang, and only version 0.1 reads it; "
            f"this version reads format {FORMAT} and converts none",
        )


def found(
    name: str, members: tuple[Member, ...], quorum: int, created_at: int, **choices: object
) -> Genesis:
    """Return a checked genesis with default limits, calendar and timeouts.

    Args:
        name: The consortium's name, lower case.
        members: The parties, in leader order.
        quorum: How many equal votes make a certificate.
        created_at: Founding time, ms since the epoch.
        choices: ``calendar``, ``cost_limit_ppm``, ``limits``, ``timeouts`` or ``due_ms``
            instead of the defaults.

    Raises:
        GenesisError: the consortium could not work.
    """
    fields: dict[str, object] = {
        "calendar": Calendar(),
        "cost_limit_ppm": COST_LIMIT_PPM_DEFAULT,
        "due_ms": DUE_MS,
        "governance": Governance(),
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
    refuse_bad_members(genesis.members)
    _refuse_quorum(len(genesis.voters), genesis.quorum)
    if genesis.timeouts.cap_ms < genesis.timeouts.base_ms:
        raise GenesisError("bad-timeouts", "cap_ms must be at least base_ms")
    if genesis.limits.batch_records > genesis.limits.block_records:
        raise GenesisError("bad-limits", "a block must be able to hold one whole batch")
    if genesis.limits.batch_bytes > genesis.limits.block_bytes:
        raise GenesisError("bad-limits", "a block must be able to hold one whole batch")
    if genesis.limits.batch_records > genesis.limits.party_records:
        raise GenesisError("bad-limits", "a party's quota must allow one whole batch a minute")
    _refuse_calendar(genesis)
    _refuse_kinds(genesis.due_ms)


def _refuse_calendar(genesis: Genesis) -> None:
    calendar = genesis.calendar
    fault = fault_of(calendar.years, calendar.holidays, calendar.workdays)
    if list(calendar.years) != sorted(set(calendar.years)):
        fault = "years come in order and each once"
    roles = genesis.roles
    others = {name for name in genesis.voters if roles[name] not in SOLE_ROLES}
    if not others.issuperset(calendar.accepted_by):
        fault = (
            "accepted_by names voters besides platform and institution, whose words count anyway; "
            "a supervisor accepts nothing"
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


def _refuse_quorum(voters: int, quorum: int) -> None:
    if not voters // 2 < quorum <= voters:
        raise GenesisError(
            "bad-quorum",
            f"with {voters} voting parties the quorum must be {voters // 2 + 1} to {voters}, "
            f"got {quorum}",
        )
