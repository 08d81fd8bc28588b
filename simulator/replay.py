"""Trace files, and runs compared with them line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from simulator.errors import SimulatorError, TraceDiffers
from simulator.plan import Plan, read, write
from simulator.run import Runner, RunOutcome
from simulator.trace import Trace

TITLE = "# tongzhang trace 1"
FINAL = re.compile(r"height ([0-9]{1,9}) ")
COLUMNS = "# columns: time in ms, node, event, detail"


class Line(NamedTuple):
    """One event of a trace. ``node`` is ``-`` for the world."""

    at_us: int
    node: str
    event: str
    detail: str


class TraceFile(msgspec.Struct, frozen=True):
    """The contents of a trace file: the plan of the run, and its lines."""

    plan: Plan
    lines: tuple[str, ...]


class TraceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of a trace's lines: from a time up to another, of nodes, of events."""

    from_ms: int = 0
    to_ms: int | None = None
    nodes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def takes(self, line: Line) -> bool:
        """Return whether a line is wanted; the world's own lines are of every node."""
        if line.at_us < 1000 * self.from_ms:
            return False
        if self.to_ms is not None and line.at_us >= 1000 * self.to_ms:
            return False
        if self.nodes and line.node not in (*self.nodes, "-") and _told(line) not in self.nodes:
            return False
        return not self.events or line.event in self.events


def _told(line: Line) -> str:
    return line.detail.partition(" ")[0] if line.event == "send" else ""


def file_of(plan: Plan, lines: Sequence[str]) -> str:
    """Return the text of a trace file."""
    head = [TITLE, "# plan:"]
    head += [f"#   {line}".rstrip() for line in write(plan).splitlines()]
    return "\n".join((*head, COLUMNS, *lines)) + "\n"


def read_file(text: str, name: str) -> TraceFile:
    """Read a trace file.

    Raises:
        SimulatorError: ``bad-trace``, or what is wrong with the plan in it.
    """
    rows = text.splitlines()
    if not rows or rows[0] != TITLE:
        raise SimulatorError("bad-trace", f"{name} does not begin with {TITLE!r}")
    if COLUMNS not in rows:
        raise SimulatorError("bad-trace", f"{name} has no line {COLUMNS!r} after its plan")
    begin = rows.index(COLUMNS)
    toml = "\n".join(row.removeprefix("#").strip() for row in rows[2:begin])
    lines = tuple(rows[begin + 1 :])
    for number, row in enumerate(lines, begin + 2):
        _parse(row, f"{name}:{number}")
    return TraceFile(read(toml, Plan, name), lines)


def parse(lines: Iterable[str]) -> Iterator[Line]:
    """Yield the events of lines of a trace.

    Raises:
        SimulatorError: ``bad-trace``.
    """
    for number, line in enumerate(lines, 1):
        yield _parse(line, f"line {number}")


def _parse(row: str, name: str) -> Line:
    parts = row.split(" ", 3)
    if len(parts) < 3:
        raise SimulatorError("bad-trace", f"{name}: {row!r} has no time, node and event")
    at_us = time_of(parts[0])
    if at_us is None:
        raise SimulatorError("bad-trace", f"{name}: {parts[0]!r} is no time such as 12.345")
    return Line(at_us, parts[1], parts[2], parts[3] if len(parts) > 3 else "")


def time_of(text: str) -> int | None:
    """Return a time of a trace in µs, or None if ``text`` is none."""
    whole, _, part = text.partition(".")
    digits = whole + part
    return int(digits) if len(part) == 3 and digits.isascii() and digits.isdecimal() else None


def height_of(trace: TraceFile) -> int:
    """Return how many blocks became final in a trace."""
    finals = (FINAL.match(line.detail) for line in parse(trace.lines) if line.event == "final")
    return max((int(found[1]) for found in finals if found), default=0)


def replay(
    trace: TraceFile, runner: Runner, on_blocks: Callable[[int], None] | None = None
) -> RunOutcome:
    """Run the plan of a trace again and compare.

    Args:
        trace: What it is to be.
        runner: Who runs it.
        on_blocks: Called with the height of the log whenever it has grown.

    Raises:
        TraceDiffers: ``trace-differs``, with the first line that is not the same.
        SimulatorError: the plan is not possible.
    """
    again = Trace()
    outcome = runner.run(trace.plan, again, on_blocks)
    count = max(len(again.lines), len(trace.lines))
    for place in range(count):
        wanted, got = _at(trace.lines, place), _at(again.lines, place)
        if wanted != got:
            raise TraceDiffers(
                "trace-differs",
                f"line {place + 1} of {count} differs\n  the trace: {wanted}\n  this run:  {got}",
            )
    return outcome


def _at(lines: Sequence[str], place: int) -> str:
    return lines[place] if place < len(lines) else "(ended before)"
