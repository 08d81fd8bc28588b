"""One run: the verdict, and if an invariant is broken the smallest plan that breaks it."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import typer

from cli.errors import BAD, CliError, UsageError
from cli.files import refuse_unwritable, write_files
from cli.inputs import beginning_of
from cli.output import note, progress, say, say_json
from cli.simulation.choices import Choices, one_plan, reproduce
from cli.simulation.recorded import tracer, write_recorded
from cli.simulation.slices import (
    drawn,
    refuse_hopeless,
    wanted_of,
    write_diagram,
)
from simulator.errors import SimulatorError
from simulator.library import surprises
from simulator.plan import Plan, write
from simulator.recording import Recorder
from simulator.replay import file_of
from simulator.run import Runner, RunOutcome
from simulator.shrink import RUNS_MAX, shrink
from simulator.trace import Trace
from simulator.verdict import WIDTH, as_json, as_toml, is_good, told

LINES_SHOWN = 15


class _Files(NamedTuple):
    """A small violating plan and its trace, if they could be written, and how many runs it took."""

    plan: Path
    trace: Path
    small: Plan
    outcome: RunOutcome
    lines: tuple[str, ...]
    runs: int
    are_written: bool


def run_one(choices: Choices) -> None:
    """Run one plan and say how it ended; exit 1 if that is bad."""
    plan = one_plan(choices)
    wanted = wanted_of(choices, plan)
    if choices.diagram is not None:
        refuse_hopeless(choices, plan, wanted)
    for path in (choices.trace, choices.diagram, choices.html, choices.recording):
        refuse_unwritable(path)
    trace = tracer(choices, plan)
    with Runner() as runner:
        outcome = _run(runner, plan, trace, choices.json)
        files = None if outcome.is_good else _shrunk(runner, plan, outcome, choices)
    _say(choices, plan, outcome, files)
    good = is_good(plan, outcome)
    if trace is not None and choices.trace is not None:
        with _verdict_first("trace", good=good):
            _write_trace(choices.trace, plan, trace)
    if trace is not None and choices.diagram is not None:
        with _verdict_first("diagram", good=good):
            write_diagram(drawn(plan, trace.lines, wanted, choices.diagram), choices.diagram)
    if isinstance(trace, Recorder):
        with _verdict_first("recording", good=good):
            write_recorded(choices, plan, trace, outcome)
    if not good:
        raise typer.Exit(BAD)


def _run(runner: Runner, plan: Plan, trace: Trace | None, json: bool) -> RunOutcome:
    with progress(quiet=json) as bar:
        total = plan.blocks or plan.records // 2
        task = bar.add_task(f"seed {plan.seed}: blocks", total=total)
        return runner.run(
            plan, trace, lambda blocks: bar.update(task, completed=min(blocks, total))
        )


def _say(choices: Choices, plan: Plan, outcome: RunOutcome, files: _Files | None) -> None:
    command = reproduce(choices, None if choices.is_exact else plan.seed)
    if choices.json:
        say_json({**as_json(plan, outcome, command), **_files_json(files)})
        return
    if plan.story:
        say(textwrap.fill(plan.story, WIDTH))
        say()
    for line in told(plan, outcome):
        say(line)
    _say_expectations(plan, outcome)
    say()
    say("What was run, as TOML:")
    for line in as_toml(plan):
        say(f"  {line}")
    if files is not None:
        _say_violation(files, command)
    elif outcome.finding is not None:
        say()
        say(f"{outcome.finding.invariant} at {outcome.finding.at_ms} ms: {outcome.finding.text}")
    say()
    say(f"reproduce: {command}")


def _say_expectations(plan: Plan, outcome: RunOutcome) -> None:
    if plan.expect is None or not outcome.is_good:
        return
    found = surprises(plan.expect, outcome)
    say()
    say("The story ends as told." if not found else "The story ends otherwise:")
    for each in found:
        say(f"  {each}")


# -- files ----------------------------------------------------------------------------------------


def _write_trace(path: Path, plan: Plan, trace: Trace) -> None:
    write_files({path: file_of(plan, trace.lines).encode()})
    note(f"{len(trace.lines):,} events written to {path}")


@contextmanager
def _verdict_first(what: str, *, good: bool) -> Iterator[None]:
    """Of a bad run the verdict matters more than a file that cannot be made or written."""
    try:
        yield
    except (SimulatorError, CliError) as error:
        if good:
            raise
        note(f"no {what}: {error.message}")


# -- violations -----------------------------------------------------------------------------------


def _shrunk(runner: Runner, plan: Plan, outcome: RunOutcome, choices: Choices) -> _Files:
    small, runs = plan, 0
    if not choices.no_shrink:
        with progress(quiet=choices.json) as bar:
            task = bar.add_task("shrinking: runs", total=RUNS_MAX)

            def run(tried: Plan) -> RunOutcome:
                bar.advance(task)
                return runner.run(tried)

            found = shrink(plan, outcome, run)
        small, runs = found.plan, found.runs
    trace = Trace()
    again = runner.run(small, trace)
    contents = write(small).encode(), file_of(small, trace.lines).encode()
    paths = _names(
        f"violation-{plan.seed}",
        contents,
        (choices.trace, choices.diagram, choices.html, choices.recording),
    )
    are_written = _write_violation(dict(zip(paths, contents, strict=True)))
    return _Files(*paths, small, again, tuple(trace.lines), runs, are_written)


def _names(
    stem: str, contents: tuple[bytes, bytes], kept: tuple[Path | None, ...]
) -> tuple[Path, Path]:
    """Return the first names at which nothing else stands, or will: the plan's own file may."""
    others = {os.path.realpath(path) for path in kept if path is not None}
    tails = chain([""], (f"-{number}" for number in count(2)))
    names = ((Path(f"{stem}{tail}.toml"), Path(f"{stem}{tail}.trace")) for tail in tails)
    return next(
        paths
        for paths in names
        if others.isdisjoint(map(os.path.realpath, paths)) and all(map(_is_free, paths, contents))
    )


def _is_free(path: Path, content: bytes) -> bool:
    """Return whether nothing stands there, or the same already."""
    if not os.path.lexists(path):
        return True
    with suppress(UsageError):
        return path.is_file() and beginning_of(path, len(content)) == content
    return False


def _write_violation(files: dict[Path, bytes]) -> bool:
    """Write a small plan and its trace; return whether that worked."""
    with _verdict_first("small plan", good=False):
        write_files(files)
        return True
    return False


def _say_violation(files: _Files, command: str) -> None:
    finding = files.outcome.finding
    say()
    if finding is None:
        say("A second run of the same plan broke nothing: the run is not deterministic.")
        return
    in_plan, in_trace = (
        f", in {path}" if files.are_written else "" for path in (files.plan, files.trace)
    )
    say(f"The smallest plan found ({files.runs} runs tried){in_plan}:")
    for line in as_toml(files.small):
        say(f"  {line}")
    say()
    say(f"First bad step: {finding.step:,}, at {finding.at_ms} ms: {finding.invariant}")
    say(f"  {finding.text}")
    say()
    say(f"The last {LINES_SHOWN} of {len(files.lines):,} events{in_trace}:")
    for line in files.lines[-LINES_SHOWN:]:
        say(f"  {line}")
    if not files.are_written:
        return
    say()
    say(f"reproduce small: tongzhang simulate --plan {files.plan}")
    say(f"step by step:    tongzhang simulate --replay {files.trace}")


def _files_json(files: _Files | None) -> dict[str, object]:
    if files is None or files.outcome.finding is None:
        return {}
    return {
        "shrunk": {
            "runs": files.runs,
            "plan": str(files.plan) if files.are_written else None,
            "trace": str(files.trace) if files.are_written else None,
            "step": files.outcome.finding.step,
            "text": files.outcome.finding.text,
            "last_events": list(files.lines[-LINES_SHOWN:]),
        }
    }
