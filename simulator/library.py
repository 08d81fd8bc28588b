"""The library of scenarios: short files, each with its story and the outcome that it expects."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ledger.advice import nearest
from simulator.errors import SimulatorError
from simulator.plan import Expect, Plan, read
from simulator.run import RunOutcome

SCENARIOS = files("simulator") / "scenarios"


@cache
def names() -> tuple[str, ...]:
    """Return the names of all scenarios, sorted."""
    found = (each.name for each in SCENARIOS.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load(name: str) -> Plan:
    """Return a scenario.

    Raises:
        SimulatorError: ``unknown-scenario``.
    """
    if name not in names():
        raise SimulatorError(
            "unknown-scenario", f"there is no scenario {name!r}; {nearest(name, names())}"
        )
    text = (SCENARIOS / f"{name}.toml").read_text("utf-8")
    return read(text, Plan, name)


def surprises(expect: Expect, outcome: RunOutcome) -> list[str]:
    """Return what of ``outcome`` is not as a scenario expects, one sentence each."""

    def is_honest(machine: str) -> bool:
        return machine.partition("~")[0] not in outcome.lies  # a twin's second machine, too

    found: list[str] = []
    pairs = (
        ("convicted", expect.convicted, tuple(sorted(outcome.evidence))),
        ("halted", expect.halted, tuple(sorted(filter(is_honest, outcome.halts)))),
        ("a fork", expect.fork, outcome.fork),
        ("progress", expect.progress, outcome.settled),
    )
    for what, wanted, got in pairs:
        if wanted is not None and _sorted(wanted) != got:
            found.append(f"{what}: expected {in_words(_sorted(wanted))}, got {in_words(got)}")
    if outcome.skips_in_a_row < expect.skips_min:
        skips = f"expected {expect.skips_min} or more in a row, got {outcome.skips_in_a_row}"
        found.append(f"skipped slots: {skips}")
    if 0 < expect.frame_bytes_max < outcome.frame_bytes:
        sizes = f"expected {expect.frame_bytes_max} bytes at most, got {outcome.frame_bytes}"
        found.append(f"the largest frame: {sizes}")
    return found


def _sorted(value: tuple[str, ...] | bool) -> tuple[str, ...] | bool:
    return value if isinstance(value, bool) else tuple(sorted(value))


def in_words(value: tuple[str, ...] | bool) -> str:
    """Return an expectation as people say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) or "nobody"
