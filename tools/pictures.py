"""One picture a scenario for ``docs/simulation/``: ``python -m tools.pictures DIRECTORY``."""

from __future__ import annotations

import sys
from pathlib import Path

from simulator import diagram, library
from simulator.plan import Plan
from simulator.replay import Line, TraceFilter, parse
from simulator.run import Runner
from simulator.trace import Trace


def picture(name: str, runner: Runner) -> str:
    """Return the slice of a scenario that its file names as an SVG document."""
    plan = library.load(name)
    trace = Trace()
    runner.run(plan, trace)
    return diagram.svg(diagram.cut(slice_of(plan, trace), plan.parties), f"{name}: {plan.story}")


def slice_of(plan: Plan, trace: Trace) -> list[Line]:
    """Return the events that a picture of a scenario shows."""
    begin, end = plan.show_ms
    wanted = TraceFilter(from_ms=begin, to_ms=end or None)
    return [line for line in parse(trace.lines) if wanted.takes(line)]


def main(directory: Path) -> None:
    """Write all pictures."""
    directory.mkdir(parents=True, exist_ok=True)
    with Runner() as runner:
        for name in library.names():
            (directory / f"{name}.svg").write_text(picture(name, runner), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
