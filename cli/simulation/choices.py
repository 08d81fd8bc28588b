"""Choices made on the command line, and the plan that follows from them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from cli.errors import UsageError
from cli.inputs import text_of
from ledger.advice import refusal_of
from simulator import library
from simulator.errors import SimulatorError
from simulator.liars import LIES
from simulator.plan import Fault, LineConditions, Plan, check, read
from simulator.swarm import draw

SEED = 7
BLOCKS = 300
"""How long a log a run makes if nothing is said about it."""
RECORDS_MAX = 10_000


class Choices(NamedTuple):
    """The options of ``tongzhang simulate`` by its parameters, None or empty if not given."""

    seed: int | None = None
    seeds: str = ""
    jobs: int | None = None
    nodes: int | None = None
    quorum: int | None = None
    records: int | None = None
    blocks: int | None = None
    until: int | None = None
    byzantine: str = ""
    trouble: str = ""
    faults: Path | None = None
    calm: bool = False
    scenario: str = ""
    plan: Path | None = None
    trace: Path | None = None
    replay: Path | None = None
    diagram: Path | None = None
    html: Path | None = None
    recording: Path | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    nodes_shown: Sequence[str] = ()
    events_shown: Sequence[str] = ()
    coverage: bool = False
    no_shrink: bool = False
    json: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether nothing is drawn: a scenario, a plan, or a calm run."""
        return bool(self.calm or self.scenario or self.plan)


HOLDS = "a faults file holds faults, network and liars; --plan takes a whole plan"


class FaultFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file for ``--faults`` may hold."""

    faults: tuple[Fault, ...] = ()
    network: LineConditions = LineConditions()
    liars: dict[str, str] = {}


def base_plan(choices: Choices) -> Plan:
    """Return what all runs that were asked for have in common.

    Raises:
        SimulatorError: what was asked for is not possible.
    """
    plan = _named(choices)
    changes = {
        "seed": _number("--seed", choices.seed, "seed"),
        "nodes": _number("--nodes", choices.nodes, "nodes"),
        "quorum": _number("--quorum", choices.quorum, "quorum"),
        "records": _number("--records", choices.records, "records"),
        "blocks": _number("--blocks", choices.blocks, "blocks"),
        "until_ms": _number("--until", choices.until, "until_ms"),
    }
    given = {name: value for name, value in changes.items() if value is not None}
    plan = msgspec.structs.replace(plan, **given)
    if choices.faults is not None:
        plan = _merged(plan, choices.faults)
        if not plan.faults and not choices.is_exact:
            raise SimulatorError(
                "bad-plan", f"{choices.faults} names no fault; for a run without any add --calm"
            )
    if choices.byzantine:
        plan = msgspec.structs.replace(plan, liars={**plan.liars, **_liars(choices.byzantine)})
    check(plan, tuple(LIES))
    return plan


def one_plan(choices: Choices) -> Plan:
    """Return the one run that was asked for."""
    only, plan = trouble_of(choices), base_plan(choices)
    return plan if choices.is_exact else draw(plan.seed, plan, only)


def trouble_of(choices: Choices) -> tuple[str, ...]:
    """Return the kinds of trouble that were named."""
    named = tuple(part.strip() for part in choices.trouble.split(",") if part.strip())
    if named and (choices.is_exact or choices.faults is not None):
        raise UsageError("usage", "--trouble says what is drawn; with a given plan nothing is")
    return named


def _named(choices: Choices) -> Plan:
    if choices.scenario and choices.plan:
        raise UsageError("usage", "name a --scenario or a --plan, not both")
    if choices.scenario:
        return library.load(choices.scenario)
    if choices.plan is not None:
        return read(text_of(choices.plan), Plan, str(choices.plan))
    if choices.records is not None:
        return Plan(seed=SEED)
    return Plan(seed=SEED, records=RECORDS_MAX, blocks=BLOCKS)


def _number(option: str, value: int | None, field: str) -> int | None:
    """Return the value of an option that sets a field of the plan, if it is within its bounds."""
    refusal = "" if value is None else refusal_of(value, Plan, field)
    if refusal:
        raise SimulatorError("bad-plan", f"{option} is {refusal}")
    return value


def _merged(plan: Plan, path: Path) -> Plan:
    found = read(text_of(path), FaultFile, str(path), HOLDS)
    return msgspec.structs.replace(
        plan,
        faults=(*plan.faults, *found.faults),
        network=found.network if found.network != LineConditions() else plan.network,
        liars={**plan.liars, **found.liars},
    )


def _liars(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        party, equals, lie = part.strip().partition("=")
        if not equals:
            raise UsageError("usage", f"--byzantine wants PARTY=LIE, got {part!r}")
        if party in found:
            raise UsageError("usage", f"--byzantine names {party!r} twice; a party tells one lie")
        found[party] = lie
    return found


def seeds_of(text: str) -> range:
    """Return the seeds that ``A..B`` means, both included.

    Raises:
        SimulatorError: ``bad-seeds``.
    """
    first, dots, last = text.partition("..")
    if not dots:
        last = first
    if not (_is_number(first) and _is_number(last)) or int(first) > int(last):
        raise SimulatorError("bad-seeds", f"--seeds wants a range such as 1..1000, got {text!r}")
    return range(int(first), int(last) + 1)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 2**53


def reproduce(choices: Choices, seed: int | None = None) -> str:
    """Return the command that does the same again, for one seed if that is given."""
    words: list[str] = ["tongzhang", "simulate"]
    given: dict[str, object] = {
        "--scenario": choices.scenario or None,
        "--plan": choices.plan,
        "--seed": seed if seed is not None else choices.seed,
        "--nodes": choices.nodes,
        "--quorum": choices.quorum,
        "--records": choices.records,
        "--blocks": choices.blocks,
        "--until": choices.until,
        "--byzantine": choices.byzantine or None,
        "--trouble": choices.trouble or None,
        "--faults": choices.faults,
    }
    for name, value in given.items():
        if value is not None:
            words += [name, shlex.quote(str(value))]
    return " ".join((*words, *(["--calm"] if choices.calm else [])))
