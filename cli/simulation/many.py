"""Many runs: a progress bar, the seeds that failed, and the sum of the others."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping

import msgspec
import typer

from cli.errors import BAD, UsageError
from cli.output import note, plural, progress, say, say_json, table
from cli.signals import INTERRUPTED
from cli.simulation.choices import Choices, base_plan, reproduce, seeds_of
from simulator.campaign import JOBS_MAX, Death, add_up, campaign
from simulator.run import RunOutcome
from simulator.verdict import WIDTH

TOGETHER = "\u00a0"
"""Stands for a space at which no line is broken."""


def run_many(choices: Choices) -> None:
    """Run every seed, say what came of it; exit 1 if a run was bad, or could not be judged."""
    seeds = seeds_of(choices.seeds)
    base = msgspec.structs.replace(base_plan(choices), expect=None, story="", story_zh="")
    jobs = (os.cpu_count() or 1) if choices.jobs is None else choices.jobs
    if not 1 <= jobs <= JOBS_MAX:
        raise UsageError("usage", f"--jobs is 1 to {JOBS_MAX}, got {jobs}")
    runs = campaign(base, seeds, min(jobs, len(seeds)), calm=choices.is_exact)
    done = Done()
    was_cut = _collect(runs, done, len(seeds), choices.json)
    if choices.json:
        say_json(_json(choices, done, was_cut))
    else:
        report(choices, done)
    if was_cut:
        note(f"interrupted after {done.count} of {plural(len(seeds), 'seed')}")
        raise typer.Exit(INTERRUPTED)
    if done.failed or done.not_judged:
        raise typer.Exit(BAD)


class Done:
    """What a campaign has come to so far."""

    def __init__(self) -> None:
        self.outcomes: list[RunOutcome] = []
        self.failed: list[RunOutcome] = []
        """Those of them that broke an invariant."""
        self.not_judged: list[Death] = []
        """The last deaths at seeds that no worker lived through."""

    @property
    def count(self) -> int:
        """How many seeds are done with."""
        return len(self.outcomes) + len(self.not_judged)

    def take(self, one: RunOutcome | Death) -> None:
        """Take what the campaign has yielded."""
        if isinstance(one, RunOutcome):
            self.outcomes.append(one)
            if not one.is_good:
                self.failed.append(one)
            return
        if not one.again:
            self.not_judged.append(one)
        then = "it is run again" if one.again else "it is not judged"
        note(f"seed {one.seed}: the worker died ({one.how}); {then}")


def _collect(runs: Iterator[RunOutcome | Death], done: Done, count: int, json: bool) -> bool:
    """Take what comes; return whether somebody pressed Ctrl-C before all was there."""
    with progress(quiet=json) as bar:
        task = bar.add_task("seeds", total=count)
        try:
            for one in runs:
                done.take(one)
                failed = len(done.failed)
                said = f"seeds, {failed} failed" if failed else "seeds"
                bar.update(task, completed=done.count, description=said)
        except KeyboardInterrupt:
            return True
        finally:
            runs.close()  # type: ignore[attr-defined]
    return False


def report(choices: Choices, done: Done) -> None:
    """Print the seeds that failed, with what reproduces them, and then the totals."""
    totals, failed, not_judged = add_up(done.outcomes), done.failed, done.not_judged
    for death in sorted(not_judged, key=_seed):
        say(f"seed {death.seed}: not judged: its worker died twice, at last {death.how}")
        say(f"  reproduce: {reproduce(choices, death.seed)}")
    for outcome in sorted(failed, key=_seed):
        if outcome.finding is not None:
            found = outcome.finding
            say(f"seed {outcome.seed}: {found.invariant} at {found.at_ms} ms: {found.text}")
            say(f"  reproduce: {reproduce(choices, outcome.seed)}")
    if failed or not_judged:
        say()
    good = totals.seeds - len(failed)
    unknown = f", {len(not_judged):,} not judged" if not_judged else ""
    say(f"{plural(done.count, 'seed')}: {good:,} good, {len(failed):,} failed{unknown}")
    say()
    _facts(
        {
            "blocks": f"{totals.blocks:,}, at least {totals.blocks_min:,} a run",
            "entries": f"{totals.entries:,}",
            "skipped slots": f"{totals.skipped_slots:,}",
            "simulated": f"{totals.simulated_ms // 60_000:,} minutes",
            "crashes": f"{totals.crashes:,}, {totals.recoveries:,} recovered",
            "faults": _counted(totals.faults),
            "lies": _counted(totals.lies),
            "convictions": _counted(totals.convictions),
            "halts": _counted(totals.halts),
            "forks": f"{totals.forks:,}",
            "all final": f"in {totals.settled:,} of {plural(totals.seeds, 'run')}",
        }
    )
    names = ("held", "broken", "not owed", "not judged")
    rows = [
        (invariant, *(standings.get(name, 0) for name in names))
        for invariant, standings in sorted(totals.verdict.items())
    ]
    table(("invariant", *names), rows, right=(1, 2, 3, 4))


def _facts(facts: Mapping[str, str]) -> None:
    """Print names and values in two columns, together at most ``WIDTH`` wide."""
    width = max(map(len, facts)) + 2
    for name, text in facts.items():
        lines = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=f"{name:<{width}}",
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            say(line.replace(TOGETHER, " "))


def _counted(counts: Mapping[str, int]) -> str:
    each = (f"{count:,}{TOGETHER}{name}" for name, count in sorted(counts.items()))
    return ", ".join(each) or "none"


def _json(choices: Choices, done: Done, was_cut: bool) -> dict[str, object]:
    return {
        "interrupted": was_cut,
        "failed": [_with_command(choices, each) for each in sorted(done.failed, key=_seed)],
        "not_judged": [_with_command(choices, each) for each in sorted(done.not_judged, key=_seed)],
        "totals": msgspec.to_builtins(add_up(done.outcomes)),
    }


def _seed(one: RunOutcome | Death) -> int:
    return one.seed


def _with_command(choices: Choices, one: RunOutcome | Death) -> dict[str, object]:
    return {**msgspec.to_builtins(one), "reproduce": reproduce(choices, one.seed)}
