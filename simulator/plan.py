"""A plan: everything a run depends on, as one value and as TOML.

Two runs of one plan are the same to the byte. A scenario is a plan with a story and an expected
outcome; a swarm run is a plan drawn from its seed; shrinking makes a plan smaller.

Faults by kind, and the fields each of them reads besides ``at_ms``, ``for_ms`` and ``who``:

==============  ===================================================================================
``crash``       ``effect``, ``disk``, ``age_ms``: power off at an effect, on again after ``for_ms``
``partition``   ``toward``, ``one_way``, ``period_ms``: ``who`` cannot reach ``toward`` (the rest)
``network``     ``toward``, ``delay_ms``, ``jitter_ms``, ``loss_ppm``, ``duplicate_ppm``,
                ``reorder_ppm``, ``bandwidth_kib_s``, ``bytes_max``, ``period_ms``: a bad line from
                ``who``; larger frames get lost
``slow-disk``   ``latency_ms``: every write takes that long
``disk-full``   nothing more can be written until ``for_ms`` is over
``corrupt``     ``count``: power off, that many bytes of the file turn, on again after ``for_ms``
``clock``       ``by_ms``, ``drift_ppm``: the wall clock jumps, and the steady one drifts
``flood``       ``count``: the party's client submits that many records at once
==============  ===================================================================================
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from ledger.advice import advice, nearest
from ledger.limits import MEMBERS_MAX, PARTY_RECORDS_MAX
from ledger.members import SUPERVISOR
from simulator.errors import SimulatorError

Ms = Annotated[int, Meta(ge=0, le=86_400_000)]
Ppm = Annotated[int, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Names = tuple[str, ...]
FaultKind = Literal[
    "crash", "partition", "network", "slow-disk", "disk-full", "corrupt", "clock", "flood"
]
DiskAfter = Literal["kept", "torn", "lost", "backup"]

NODES_MIN = 2
"""A consortium has a platform and an institution."""

Cast = Literal["usual", "guaranteed", "co-lent"]
CASTS: dict[Cast, tuple[str, ...]] = {
    "usual": (
        "platform",
        "institution",
        "funder",
        "auditor",
        "guarantor",
        "merchant",
        "auditor-b",
    ),
    "guaranteed": (
        "platform",
        "institution",
        "funder",
        "guarantor",
        "funder-b",
        "auditor",
        "merchant",
    ),
    "co-lent": (
        "platform",
        "institution",
        "funder",
        "funder-b",
        "guarantor",
        "auditor",
        "merchant",
    ),
}
"""The parties of a simulated consortium of up to seven, in leader order; then ``auditor-c`` …

Of as many parties as the smallest one has, only one lends in the usual cast; in the others it has a
guarantor, or a second funder.
"""

FIELDS: dict[str, tuple[str, ...]] = {
    "crash": ("effect", "disk", "age_ms"),
    "partition": ("toward", "one_way", "period_ms"),
    "network": (
        "toward",
        "delay_ms",
        "jitter_ms",
        "loss_ppm",
        "duplicate_ppm",
        "reorder_ppm",
        "bandwidth_kib_s",
        "bytes_max",
        "period_ms",
    ),
    "slow-disk": ("latency_ms",),
    "disk-full": (),
    "corrupt": ("count",),
    "clock": ("by_ms", "drift_ppm"),
    "flood": ("count",),
}


class LineConditions(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Conditions on every line: delay and mean of the jitter in ms, rates in parts per million.

    ``bandwidth_kib_s`` of 0 is unlimited. A reordered frame takes ten times as long.
    """

    delay_ms: Ms = 2
    jitter_ms: Ms = 4
    loss_ppm: Ppm = 0
    duplicate_ppm: Ppm = 0
    reorder_ppm: Ppm = 0
    bandwidth_kib_s: Count = 0


class Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """One fault. ``who`` are parties (all, if empty); which other fields count depends on kind.

    ``effect`` counts the host's effects from ``at_ms`` on: the power fails at that one. ``disk``
    says what a crash leaves: everything, a torn last write, nothing, or a backup of ``age_ms`` ago.
    """

    kind: FaultKind
    at_ms: Ms
    for_ms: Ms = 0
    who: Names = ()
    toward: Names = ()
    one_way: bool = False
    period_ms: Ms = 0
    effect: Count = 0
    disk: DiskAfter = "kept"
    age_ms: Ms = 0
    delay_ms: Ms = 0
    jitter_ms: Ms = 0
    loss_ppm: Ppm = 0
    duplicate_ppm: Ppm = 0
    reorder_ppm: Ppm = 0
    bandwidth_kib_s: Count = 0
    bytes_max: Count = 0
    latency_ms: Ms = 0
    by_ms: Annotated[int, Meta(ge=-86_400_000, le=86_400_000)] = 0
    drift_ppm: Annotated[int, Meta(ge=-200_000, le=200_000)] = 0
    count: Count = 0


class Expect(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Promises of a scenario besides the invariants.

    ``convicted`` are the parties that evidence names in the end, no more and no fewer; ``halted``
    the honest ones that stopped for safety. ``fork`` says that two final blocks stood at one
    height, ``progress`` that in the end everything became final everywhere. ``skips_min`` slots in
    a row are skipped at least, and no honest frame is larger than ``frame_bytes_max`` (0: any).
    """

    convicted: Names | None = None
    halted: Names | None = None
    fork: bool = False
    progress: bool = True
    skips_min: Count = 0
    frame_bytes_max: Annotated[int, Meta(ge=0, le=2**30)] = 0


class Plan(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    dict=True,  # for the cached properties
):
    """All that a run depends on.

    ``story`` tells a scenario, ``story_zh`` the same in Chinese.
    ``records`` are submitted by the parties' clients, but no more once the log has ``blocks`` (0:
    however many). ``until_ms`` is when faults end and clients begin nothing new at the latest.
    ``nodes`` counts the voters, of the ``cast``; ``supervisor`` adds a party that is none.
    ``quota`` is a party's, in records a minute (0: that of genesis).
    ``liars`` names the lie of a party. ``skew_ms`` spreads the wall clocks; ``hurry`` is how many
    ms pass on them in one of the world's, so that months of business fit into a run.
    ``timeout_ms`` is the slots' first timeout, ``cap_ms`` the longest. ``verify_us`` is how long a
    machine takes to verify a signature, false ones too (0: no time at all). ``show_ms`` is the
    slice of a scenario that a picture shows.
    """

    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0
    story: str = ""
    story_zh: str = ""
    nodes: Annotated[int, Meta(ge=NODES_MIN, le=MEMBERS_MAX)] = 4
    cast: Cast = "usual"
    quorum: Annotated[int, Meta(ge=0, le=MEMBERS_MAX)] = 0
    supervisor: bool = False
    quota: Annotated[int, Meta(ge=0, le=PARTY_RECORDS_MAX)] = 0
    records: Count = 400
    blocks: Count = 0
    until_ms: Ms = 600_000
    think_ms: Ms = 30
    timeout_ms: Annotated[int, Meta(ge=10, le=60_000)] = 400
    cap_ms: Annotated[int, Meta(ge=10, le=600_000)] = 8000
    disk_us: Count = 300
    verify_us: Count = 0
    skew_ms: Ms = 50
    hurry: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    drift_ppm: Ppm = 100
    network: LineConditions = LineConditions()
    liars: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    expect: Expect | None = None
    show_ms: tuple[Ms, Ms] = (0, 0)

    @cached_property
    def voters(self) -> Names:
        """The parties that vote, ``nodes`` of them, in leader order."""
        more = (f"auditor-{chr(ord('c') + i)}" for i in range(MEMBERS_MAX))
        return (*CASTS[self.cast], *more)[: self.nodes]

    @cached_property
    def parties(self) -> Names:
        """All parties in the order of genesis: a supervisor stands among the voters."""
        watching = (SUPERVISOR,) if self.supervisor else ()
        return (*self.voters[:1], *watching, *self.voters[1:])

    @cached_property
    def needed(self) -> int:
        """The quorum: as given, or the smallest that tolerates liars as well as failures."""
        return self.quorum or (2 * self.nodes) // 3 + 1

    @cached_property
    def suspects(self) -> frozenset[str]:
        """Parties that may break promises: the liars."""
        return frozenset(self.liars)

    @cached_property
    def forgetful(self) -> frozenset[str]:
        """Parties whose disk is lost, damaged or set back: they have said more than they know."""
        faults = [f for f in self.faults if f.disk in ("backup", "lost") or f.kind == "corrupt"]
        return frozenset(who for fault in faults for who in fault.who or self.parties)


T = TypeVar("T", bound=msgspec.Struct)


def read(text: str, kind: type[T], name: str, holds: str = "") -> T:
    """Read a plan or a part of one from TOML.

    Args:
        text: The TOML.
        kind: What it is to be.
        name: What messages call it.
        holds: What such a file holds, for those who took it for another.

    Raises:
        SimulatorError: ``bad-plan``; the message says where, and what would be right.
    """
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise SimulatorError("bad-plan", f"{name}: {advice(str(error), kind, holds)}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise SimulatorError("bad-plan", f"{name} is not TOML: {error}") from None
    except RecursionError:
        raise SimulatorError("bad-plan", f"{name} is nested too deeply") from None


def write(plan: msgspec.Struct) -> str:
    """Return a plan or a part of one as TOML, a line a fault; reading it gives an equal one."""
    rows = (f"{name} = {_toml(value, 1)}" for name, value in msgspec.to_builtins(plan).items())
    return "".join(f"{row}\n" for row in rows)


def _toml(value: object, depth: int) -> str:
    if isinstance(value, dict):
        pairs = (f"{_key(name)} = {_toml(each, depth + 1)}" for name, each in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list | tuple):
        if depth == 1 and value and isinstance(value[0], dict):
            return "[\n" + "".join(f"  {_toml(each, 2)},\n" for each in value) + "]"
        return f"[{', '.join(_toml(each, depth + 1) for each in value)}]"
    text = json.dumps(value, ensure_ascii=False)  # a text, an integer, true or false
    return text.replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def check(plan: Plan, lies: tuple[str, ...]) -> None:
    """Return if a world can be made of ``plan``.

    Args:
        plan: The plan.
        lies: The names of the lies that there are.

    Raises:
        SimulatorError: ``bad-plan``, ``bad-quorum``, ``unknown-party``, ``unknown-lie`` or
            ``bad-fault``.
    """
    if plan.nodes < NODES_MIN:
        raise SimulatorError("bad-plan", "a consortium has a platform and an institution")
    if not plan.nodes // 2 < plan.needed <= plan.nodes:
        least = plan.nodes // 2 + 1
        raise SimulatorError(
            "bad-quorum",
            f"{plan.nodes} nodes need a quorum of {least} to {plan.nodes}, got {plan.quorum}; "
            f"the usual one is {2 * plan.nodes // 3 + 1}",
        )
    for party, lie in plan.liars.items():
        _refuse_unknown_party(party, plan)
        if lie not in lies:
            raise SimulatorError("unknown-lie", f"there is no lie {lie!r}; {nearest(lie, lies)}")
    for fault in plan.faults:
        _refuse_fault(fault, plan)
    if plan.expect is not None:
        _refuse_expectation(plan.expect, plan)


def _refuse_expectation(expect: Expect, plan: Plan) -> None:
    for party in (*(expect.convicted or ()), *(expect.halted or ())):
        _refuse_unknown_party(party, plan)
    for party in expect.halted or ():
        if party in plan.liars:
            honest = tuple(each for each in plan.parties if each not in plan.liars)
            raise SimulatorError(
                "bad-plan", f"halted are honest parties, and {party} lies; {nearest('', honest)}"
            )


def _refuse_fault(fault: Fault, plan: Plan) -> None:
    for party in (*fault.who, *fault.toward):
        _refuse_unknown_party(party, plan)
    allowed = ("kind", "at_ms", "for_ms", "who", *FIELDS[fault.kind])
    default = Fault(kind=fault.kind, at_ms=0)
    for name in fault.__struct_fields__:
        if name not in allowed and getattr(fault, name) != getattr(default, name):
            raise SimulatorError(
                "bad-fault",
                f"a fault of kind {fault.kind} has no {name}; it has {', '.join(allowed[1:])}",
            )
    if fault.disk == "backup" and fault.age_ms > fault.at_ms:
        raise SimulatorError(
            "bad-fault", f"a backup of {fault.age_ms} ms before {fault.at_ms} ms cannot be"
        )


def _refuse_unknown_party(name: str, plan: Plan) -> None:
    if name not in plan.parties:
        raise SimulatorError(
            "unknown-party", f"there is no party {name!r}; {nearest(name, plan.parties)}"
        )
