"""The slice of a run that a replay or a diagram shows, and the diagram's file.

Whatever is wrong with it and can be seen before the run is said before the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.errors import UsageError
from cli.files import write_files
from cli.output import note
from cli.simulation.choices import Choices
from ledger.advice import nearest
from simulator import diagram
from simulator.errors import SimulatorError
from simulator.plan import Plan
from simulator.replay import TraceFilter, parse
from simulator.trace import EVENTS
from simulator.world import SETTLE_US

DIAGRAMS = (".svg", ".mmd")
DRAWN = ("send", *diagram.MARKS)
"""The events that a diagram shows."""


def refuse_bad_choice(choices: Choices) -> None:
    """Return if the options that choose a slice make sense together.

    Raises:
        UsageError: they do not, or nothing is shown that they could choose from.
        SimulatorError: ``unknown-event``.
    """
    begin, end = choices.from_ms, choices.to_ms
    given = {
        "--from": begin is not None,
        "--to": end is not None,
        "--node": bool(choices.nodes_shown),
        "--event": bool(choices.events_shown),
    }
    for name in (name for name, is_given in given.items() if is_given):
        if choices.replay is None and choices.diagram is None:
            raise UsageError("usage", f"{name} chooses what --replay or --diagram shows; name one")
    for name, at_ms in (("--from", begin), ("--to", end)):
        if at_ms is not None and at_ms < 0:
            raise UsageError("usage", f"{name} is a time in ms from 0 on, got {at_ms}")
    if begin is not None and end is not None and begin >= end:
        raise UsageError("usage", f"--from {begin} is not before --to {end}")
    for event in choices.events_shown:
        if event not in EVENTS:
            raise SimulatorError("unknown-event", f"no event {event!r}; {nearest(event, EVENTS)}")
    if choices.diagram is not None and choices.diagram.suffix not in DIAGRAMS:
        name = choices.diagram.name
        raise UsageError("usage", f"--diagram writes FILE.svg or FILE.mmd, not {name!r}")


def wanted_of(choices: Choices, plan: Plan) -> TraceFilter:
    """Return which events are wanted; a diagram of a scenario shows its own slice if none is named.

    Raises:
        SimulatorError: ``unknown-party``.
    """
    known = (*plan.parties, *(f"{party}~2" for party in plan.liars), "-")
    for name in choices.nodes_shown:
        if name not in known:
            raise SimulatorError("unknown-party", f"no machine {name!r}; {nearest(name, known)}")
    begin, end = plan.show_ms if choices.diagram is not None else (0, 0)
    return TraceFilter(
        from_ms=begin if choices.from_ms is None else choices.from_ms,
        to_ms=(end or None) if choices.to_ms is None else choices.to_ms,
        nodes=tuple(choices.nodes_shown),
        events=tuple(choices.events_shown),
    )


def refuse_hopeless(choices: Choices, plan: Plan, wanted: TraceFilter) -> None:
    """Return if a diagram of a run that is still to come may have something to show.

    Raises:
        UsageError: no slice was named.
        SimulatorError: ``bad-slice``: nothing can happen in it that a diagram shows.
    """
    named = (choices.from_ms, choices.to_ms, plan.show_ms[1] or None)
    if all(each is None for each in named) and not (wanted.nodes or wanted.events):
        raise UsageError(
            "usage",
            f"a whole run has more events than a diagram shows ({diagram.EVENTS_MAX}); "
            "name a slice, such as --from 0 --to 60",
        )
    last_ms = plan.until_ms + SETTLE_US // 1000
    if wanted.from_ms > last_ms:
        raise SimulatorError("bad-slice", f"the run ends at {last_ms} ms at the latest")
    if wanted.to_ms is not None and wanted.from_ms >= wanted.to_ms:
        raise SimulatorError(
            "bad-slice", f"the slice from {wanted.from_ms} to {wanted.to_ms} ms is empty"
        )
    if wanted.events and not set(wanted.events) & set(DRAWN):
        names = ", ".join(wanted.events)
        raise SimulatorError(
            "bad-slice", f"a diagram shows no {names}; it shows {', '.join(DRAWN)}"
        )


def drawn(plan: Plan, lines: Sequence[str], wanted: TraceFilter, path: Path) -> str:
    """Return a slice of a run as a sequence diagram: SVG, or Mermaid if ``path`` ends in .mmd.

    Raises:
        SimulatorError: ``bad-slice``: the slice is empty or too full.
    """
    rows = [line for line in parse(lines) if wanted.takes(line)]
    shown = diagram.cut(rows, wanted.nodes or plan.parties)
    title = f"seed {plan.seed}, from {wanted.from_ms} ms"
    return diagram.svg(shown, title) if path.suffix == ".svg" else diagram.mermaid(shown)


def write_diagram(text: str, path: Path) -> None:
    """Write a diagram to its file."""
    write_files({path: text.encode()})
    note(f"a diagram written to {path}")
