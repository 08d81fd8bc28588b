"""Many runs: a progress bar, the seeds that failed, and the sum of the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import msgspec
import typer

from cli.errors import BAD, UsageError
from cli.output import note, pairs, plural, progress, say, say_json, table
from cli.simulation.choices import Choices, base_plan, reproduce, seeds_of
from simulator.campaign import JOBS_MAX, Totals, add_up, campaign
from simulator.run import Outcome

INTERRUPTED = 130


def run_many(choices: Choices) -> None:
    """Run every seed, say what came of it; exit 1 if an invariant was broken."""
    seeds = seeds_of(choices.seeds)
    base = msgspec.structs.replace(base_plan(choices), expect=None, story="")
    jobs = (os.cpu_count() or 1) if choices.jobs is None else choices.jobs
    if not 1 <= jobs <= JOBS_MAX:
        raise UsageError("usage", f"--jobs is 1 to {JOBS_MAX}, got {jobs}")
    runs = campaign(base, seeds, min(jobs, len(seeds)), calm=choices.is_exact)
    outcomes, was_cut = _collect(runs, len(seeds), choices.json)
    totals = add_up(outcomes)
    if choices.json:
        say_json(_json(choices, totals, _failed(outcomes), was_cut))
    else:
        report(choices, totals, outcomes)
    if was_cut:
        note(f"interrupted after {totals.seeds} of {plural(len(seeds), 'seed')}")
        raise typer.Exit(INTERRUPTED)
    if totals.failed:
        raise typer.Exit(BAD)


def _collect(runs: Iterator[Outcome], count: int, json: bool) -> tuple[list[Outcome], bool]:
    """Return the outcomes, and whether somebody pressed Ctrl-C before all were there."""
    found: list[Outcome] = []
    failed = 0
    with progress(quiet=json) as bar:
        task = bar.add_task("seeds", total=count)
        try:
            for outcome in runs:
                found.append(outcome)
                failed += not outcome.is_good
                said = f"seeds, {failed} failed" if failed else "seeds"
                bar.update(task, advance=1, description=said)
        except KeyboardInterrupt:
            return found, True
        finally:
            runs.close()  # type: ignore[attr-defined]
    return found, False


def report(choices: Choices, totals: Totals, outcomes: list[Outcome]) -> None:
    """Print the seeds that failed, with what reproduces them, and then the totals."""
    failed = _failed(outcomes)
    for outcome in failed:
        if outcome.finding is not None:
            found = outcome.finding
            say(f"seed {outcome.seed}: {found.invariant} at {found.at_ms} ms: {found.text}")
            say(f"  reproduce: {reproduce(choices, outcome.seed)}")
    if failed:
        say()
    good = totals.seeds - len(failed)
    say(f"{plural(totals.seeds, 'seed')}: {good:,} good, {len(failed):,} failed")
    say()
    pairs(
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


def _failed(outcomes: list[Outcome]) -> list[Outcome]:
    bad = (outcome for outcome in outcomes if not outcome.is_good)
    return sorted(bad, key=lambda outcome: outcome.seed)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


def _json(
    choices: Choices, totals: Totals, failed: list[Outcome], was_cut: bool
) -> dict[str, object]:
    runs = [
        {**msgspec.to_builtins(each), "reproduce": reproduce(choices, each.seed)} for each in failed
    ]
    return {"interrupted": was_cut, "failed": runs, "totals": msgspec.to_builtins(totals)}
