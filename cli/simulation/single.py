"""One run: the verdict, and if an invariant is broken the smallest plan that breaks it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NamedTuple

import typer

from cli.errors import BAD, UsageError, writing
from cli.output import note, progress, say, say_json
from cli.simulation.choices import Choices, one_plan, reproduce
from simulator import diagram
from simulator.library import surprises
from simulator.plan import Plan, write
from simulator.replay import Wanted, file_of, parse
from simulator.run import Outcome, Runner
from simulator.shrink import RUNS_MAX, shrink
from simulator.trace import Trace
from simulator.verdict import WIDTH, as_json, as_toml, is_good, told

LINES_SHOWN = 15


class _Files(NamedTuple):
    """Where a small violating plan and its trace were written, and how many runs it took."""

    plan: Path
    trace: Path
    small: Plan
    outcome: Outcome
    lines: tuple[str, ...]
    runs: int


def run_one(choices: Choices) -> None:
    """Run one plan and say how it ended; exit 1 if that is bad."""
    plan = one_plan(choices)
    _refuse_bad_name(choices.diagram)
    trace = Trace() if choices.trace is not None or choices.diagram is not None else None
    with Runner() as runner:
        outcome = _run(runner, plan, trace, choices.json)
        if trace is not None:
            _write_trace(choices, plan, trace)
        files = None if outcome.is_good else _shrunk(runner, plan, outcome, choices)
    _say(choices, plan, outcome, files)
    if not is_good(plan, outcome):
        raise typer.Exit(BAD)


def _run(runner: Runner, plan: Plan, trace: Trace | None, json: bool) -> Outcome:
    with progress(quiet=json) as bar:
        total = plan.blocks or plan.records // 2
        task = bar.add_task(f"seed {plan.seed}: blocks", total=total)
        return runner.run(
            plan, trace, lambda blocks: bar.update(task, completed=min(blocks, total))
        )


def _say(choices: Choices, plan: Plan, outcome: Outcome, files: _Files | None) -> None:
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


def _say_expectations(plan: Plan, outcome: Outcome) -> None:
    if plan.expect is None or not outcome.is_good:
        return
    found = surprises(plan.expect, outcome)
    say()
    say("The story ends as told." if not found else "The story ends otherwise:")
    for each in found:
        say(f"  {each}")


# -- files ----------------------------------------------------------------------------------------


def _write_trace(choices: Choices, plan: Plan, trace: Trace) -> None:
    if choices.trace is not None:
        with writing(choices.trace):
            choices.trace.write_text(file_of(plan, trace.lines), "utf-8")
        note(f"{len(trace.lines):,} events written to {choices.trace}")
    if choices.diagram is not None:
        write_diagram(choices, choices.diagram, plan, trace.lines)


def write_diagram(
    choices: Choices, path: Path, plan: Plan, lines: tuple[str, ...] | list[str]
) -> None:
    """Write a slice of a run as a sequence diagram: the one named, or the scenario's own."""
    begin, end = plan.show_ms
    wanted = Wanted(
        from_ms=begin if choices.from_ms is None else choices.from_ms,
        to_ms=(end or None) if choices.to_ms is None else choices.to_ms,
        nodes=choices.nodes_shown,
        events=choices.events_shown,
    )
    rows = [line for line in parse(lines) if wanted.takes(line)]
    shown = diagram.cut(rows, choices.nodes_shown or plan.parties)
    title = f"seed {plan.seed}, from {wanted.from_ms} ms"
    text = diagram.svg(shown, title) if path.suffix == ".svg" else diagram.mermaid(shown)
    with writing(path):
        path.write_text(text, "utf-8")
    note(f"a diagram of {len(rows):,} events written to {path}")


def _refuse_bad_name(path: Path | None) -> None:
    if path is not None and path.suffix not in (".svg", ".mmd"):
        raise UsageError("usage", f"--diagram writes FILE.svg or FILE.mmd, not {path.name!r}")


# -- violations -----------------------------------------------------------------------------------


def _shrunk(runner: Runner, plan: Plan, outcome: Outcome, choices: Choices) -> _Files:
    small, runs = plan, 0
    if choices.shrink:
        with progress(quiet=choices.json) as bar:
            task = bar.add_task("shrinking: runs", total=RUNS_MAX)

            def run(tried: Plan) -> Outcome:
                bar.advance(task)
                return runner.run(tried)

            found = shrink(plan, outcome, run)
        small, runs = found.plan, found.runs
    trace = Trace()
    again = runner.run(small, trace)
    stem = Path(f"violation-{plan.seed}")
    files = _Files(
        stem.with_suffix(".toml"),
        stem.with_suffix(".trace"),
        small,
        again,
        tuple(trace.lines),
        runs,
    )
    with writing(files.plan):
        files.plan.write_text(write(small), "utf-8")
    with writing(files.trace):
        files.trace.write_text(file_of(small, trace.lines), "utf-8")
    return files


def _say_violation(files: _Files, command: str) -> None:
    finding = files.outcome.finding
    say()
    if finding is None:
        say("A second run of the same plan broke nothing: the run is not deterministic.")
        return
    say(f"The smallest plan found ({files.runs} runs tried), in {files.plan}:")
    for line in as_toml(files.small):
        say(f"  {line}")
    say()
    say(f"First bad step: {finding.step:,}, at {finding.at_ms} ms: {finding.invariant}")
    say(f"  {finding.text}")
    say()
    say(f"The last {LINES_SHOWN} of {len(files.lines):,} events, in {files.trace}:")
    for line in files.lines[-LINES_SHOWN:]:
        say(f"  {line}")
    say()
    say(f"reproduce small: tongzhang simulate --plan {files.plan}")
    say(f"step by step:    tongzhang simulate --replay {files.trace}")


def _files_json(files: _Files | None) -> dict[str, object]:
    if files is None or files.outcome.finding is None:
        return {}
    return {
        "shrunk": {
            "runs": files.runs,
            "plan": str(files.plan),
            "trace": str(files.trace),
            "step": files.outcome.finding.step,
            "text": files.outcome.finding.text,
            "last_events": list(files.lines[-LINES_SHOWN:]),
        }
    }
