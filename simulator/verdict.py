"""The verdict of a run in words, at most 80 columns wide, and as a value for JSON."""

from __future__ import annotations

import textwrap
from typing import Any

import msgspec

from simulator.library import surprises
from simulator.plan import Plan, write
from simulator.run import RunOutcome

WIDTH = 80
NAMES = {
    "I1": "no two final blocks at one height",
    "I2": "no honest key signs a contradiction",
    "I3": "every final block is justified back to genesis",
    "I4": "what was acknowledged stays, once, in order",
    "I5": "equal height means equal log, state and books",
    "I6": "the books balance to zero at every height",
    "I7": "every valid record becomes final",
    "I8": "evidence names no honest key, and all of a fork",
    "history": "clients read what they were told, and never less",
    "loans": "claims of loans add up, in rows and in books",
    "code": "nothing is raised that nobody expects",
}
"""Invariants in words, as short as it goes."""


def told(plan: Plan, outcome: RunOutcome) -> list[str]:
    """Return the verdict as lines."""
    lines = [_headline(plan, outcome), ""]
    lines += [
        f"  {name:<8}{NAMES.get(name, ''):<54}{standing}"
        for name, standing in outcome.verdict.items()
    ]
    lines.append("")
    for name, text in _facts(plan, outcome).items():
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14
        )
    return lines


def _headline(plan: Plan, outcome: RunOutcome) -> str:
    size = f"{plan.nodes} nodes, quorum {plan.needed}"
    if outcome.finding is not None:
        return f"seed {plan.seed}: {outcome.finding.invariant} is broken ({size})"
    unexpected = plan.expect is not None and surprises(plan.expect, outcome)
    if unexpected:
        return f"seed {plan.seed}: every invariant held, the outcome is another one ({size})"
    return f"seed {plan.seed}: every invariant held ({size})"


def _facts(plan: Plan, outcome: RunOutcome) -> dict[str, str]:
    log = f"{outcome.blocks:,} blocks, {outcome.entries:,} entries"
    time = f"{outcome.simulated_ms / 1000:,.1f} s of simulated time"
    frames = f"{outcome.lost_frames:,} frames lost, {outcome.doubled_frames:,} doubled"
    crashes = "1 crash" if outcome.crashes == 1 else f"{outcome.crashes:,} crashes"
    return {
        "log": f"{log}, {outcome.skipped_slots:,} slots skipped",
        "throughput": f"{outcome.records_per_s:,} records/s over {time}",
        "faults": _counted(outcome.faults) or "none",
        "network": f"{frames}, {outcome.nonsense_frames:,} unreadable",
        "recoveries": f"{crashes}, {outcome.recoveries:,} recovered",
        "liars": ", ".join(f"{who} ({lie})" for who, lie in outcome.lies.items()) or "none",
        "evidence": _evidence(outcome),
        "shut out": _times(outcome.shut_out) or "nobody",
        "halts": ", ".join(f"{who} ({code})" for who, code in outcome.halts.items()) or "none",
        "fork": "two final histories" if outcome.fork else "none",
        "end": "everything final on every node" if outcome.settled else "not everything final",
    }


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _times(counts: dict[str, int]) -> str:
    return ", ".join(f"{who} {count:,} times" for who, count in counts.items())


def _evidence(outcome: RunOutcome) -> str:
    each = [f"against {who}: {_counted(kinds)}" for who, kinds in outcome.evidence.items()]
    each += [f"{who} said twice what nobody could tell it of" for who in outcome.remainder]
    return "; ".join(each) or "none"


def as_json(plan: Plan, outcome: RunOutcome, reproduce: str) -> dict[str, Any]:
    """Return the verdict as a JSON-able value."""
    value: dict[str, Any] = {"good": is_good(plan, outcome), **msgspec.to_builtins(outcome)}
    value["records_per_s"] = outcome.records_per_s
    if plan.expect is not None:
        value["unexpected"] = surprises(plan.expect, outcome)
    return {**value, "plan": msgspec.to_builtins(plan), "reproduce": reproduce}


def is_good(plan: Plan, outcome: RunOutcome) -> bool:
    """Return whether every invariant held, and the outcome is the one that was expected."""
    return outcome.is_good and not (plan.expect is not None and surprises(plan.expect, outcome))


def as_toml(plan: Plan) -> list[str]:
    """Return a plan as TOML, without its story: one line a fault where it fits."""
    return write(msgspec.structs.replace(plan, story="", story_zh="")).splitlines()
