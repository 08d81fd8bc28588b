"""A replay: the trace's plan run again, compared, and shown step by step."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cli.files import refuse_unwritable
from cli.inputs import text_of
from cli.output import note, progress, say, say_json
from cli.simulation.choices import Choices
from cli.simulation.slices import drawn, wanted_of, write_diagram
from simulator.replay import Line, TraceFile, height_of, parse, read_file, replay
from simulator.run import Runner, RunOutcome
from simulator.trace import clock

PROMPT = "Enter: next, a number: jump there, +N or -N: so many steps, q: quit > "


def show_replay(choices: Choices, path: Path) -> None:
    """Run the plan of a trace again, compare, and show the events that are wanted.

    Raises:
        TraceDiffers: the run is another one than the trace's.
    """
    trace = read_file(text_of(path), str(path))
    wanted, to_draw = wanted_of(choices, trace.plan), choices.diagram
    refuse_unwritable(to_draw)
    text = "" if to_draw is None else drawn(trace.plan, trace.lines, wanted, to_draw)
    outcome = _again(trace, choices.json)
    note(f"{len(trace.lines):,} events: the run is the same as its trace")
    if to_draw is not None:
        write_diagram(text, to_draw)
        return
    steps = [
        (number, line) for number, line in enumerate(parse(trace.lines), 1) if wanted.takes(line)
    ]
    if choices.json:
        say_json([{"step": number, **line._asdict()} for number, line in steps])
    elif sys.stdin.isatty() and sys.stdout.isatty():
        _walk(steps)
    else:
        for number, line in steps:
            say(_row(number, line))
    if outcome.finding is not None:
        note(f"{outcome.finding.invariant} is broken at the last step")


def _again(trace: TraceFile, json: bool) -> RunOutcome:
    with Runner() as runner, progress(quiet=json) as bar:
        task = bar.add_task("running again: blocks", total=height_of(trace))
        return replay(trace, runner, lambda blocks: bar.update(task, completed=blocks))


def _row(number: int, line: Line) -> str:
    time = clock(line.at_us)
    return f"{number:>7}  {time:>12}  {line.node:<13} {line.event:<9} {line.detail}".rstrip()


def _walk(steps: Sequence[tuple[int, Line]]) -> None:
    """Show one step after the other, as far as somebody asks for them."""
    place = 0
    while 0 <= place < len(steps):
        say(_row(*steps[place]))
        try:
            asked = input(PROMPT).strip()
        except EOFError:
            return
        if asked in ("q", "quit"):
            return
        place = _next(steps, place, asked)
    note("the end of the trace")


def _next(steps: Sequence[tuple[int, Line]], place: int, asked: str) -> int:
    """Return which step is shown next."""
    if not asked:
        return place + 1
    sign = asked[0] if asked[0] in "+-" else ""
    digits = asked.removeprefix(sign)
    if not (digits.isascii() and digits.isdecimal()):
        note(f"not understood: {asked!r}")
        return place
    count = int(digits)
    if sign:
        return max(0, place + (count if sign == "+" else -count))
    later = (at for at, (number, _) in enumerate(steps) if number >= count)
    return next(later, len(steps) - 1)
