"""The one thing that ``tongzhang simulate`` does: list, one run, many, a replay, coverage."""

from __future__ import annotations

import os
from pathlib import Path

from cli.errors import CliError, UsageError
from cli.output import say, say_json
from cli.simulation.choices import Choices, reproduce
from cli.simulation.slices import refuse_bad_choice
from simulator import library
from simulator.errors import SimulatorError, TraceDiffers

LIST = "list"
WRITTEN = ("--trace", "--diagram", "--html", "--recording")


def dispatch(choices: Choices) -> None:
    """Do what was asked for."""
    try:
        _dispatch(choices)
    except TraceDiffers as error:
        raise CliError(error.code, error.message) from None
    except SimulatorError as error:
        raise UsageError(error.code, error.message) from None


def _dispatch(choices: Choices) -> None:
    _refuse_mixtures(choices)
    _refuse_overwriting(choices)
    if choices.scenario == LIST:
        _list(choices.json)
    elif choices.replay is not None:
        from cli.simulation.replaying import show_replay

        show_replay(choices, choices.replay)
    elif choices.coverage:
        from cli.simulation.covering import show_coverage

        show_coverage(choices)
    elif choices.seeds:
        from cli.simulation.many import run_many

        run_many(choices)
    else:
        from cli.simulation.single import run_one

        run_one(choices)


def _refuse_mixtures(choices: Choices) -> None:
    single = {
        "--seed": choices.seed is not None,
        "--trace": choices.trace is not None,
        "--diagram": choices.diagram is not None,
        "--html": choices.html is not None,
        "--recording": choices.recording is not None,
        "--trouble": bool(choices.trouble),
        "--replay": choices.replay is not None,
    }
    for name, given in single.items():
        if choices.seeds and given:
            raise UsageError("usage", f"--seeds is for many runs, {name} for one")
    if choices.replay is not None and reproduce(choices) != reproduce(Choices()):
        raise UsageError("usage", "--replay runs the plan of the trace; leave out what changes it")
    if choices.replay is not None and choices.trace is not None:
        raise UsageError("usage", "--replay has a trace; leave out --trace")
    for name in ("--html", "--recording"):
        if choices.replay is not None and single[name]:
            raise UsageError("usage", f"--replay shows a trace; {name} is for a run: see --plan")
    for name in (*WRITTEN, "--replay"):
        if choices.coverage and single[name]:
            raise UsageError("usage", f"--coverage runs no machines; leave out {name}")
    if choices.jobs is not None and not choices.seeds:
        raise UsageError("usage", "--jobs is for --seeds")
    refuse_bad_choice(choices)


def _refuse_overwriting(choices: Choices) -> None:
    """Return if no file that is written is another one of the same command."""
    files = {
        "--plan": choices.plan,
        "--faults": choices.faults,
        "--replay": choices.replay,
        "--trace": choices.trace,
        "--diagram": choices.diagram,
        "--html": choices.html,
        "--recording": choices.recording,
    }
    seen: dict[str, str] = {}
    for name, path in files.items():
        if path is None or _is_device(path):
            continue
        other = seen.setdefault(os.path.realpath(path), name)
        if other != name and name in WRITTEN:
            raise UsageError("usage", f"{other} and {name} are the same file: {path}")


def _is_device(path: Path) -> bool:
    """Return whether a path is there and is no plain file: a terminal may be read and written."""
    return os.path.exists(path) and not os.path.isfile(path)


def _list(json: bool) -> None:
    stories = {name: " ".join(library.load(name).story.split()) for name in library.names()}
    if json:
        say_json(stories)
        return
    import textwrap

    for name, story in stories.items():
        say(name)
        for line in textwrap.wrap(story, 76):
            say(f"    {line}")
