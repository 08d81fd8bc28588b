"""The coverage of the workload: every record type with every outcome, and how often it came."""

from __future__ import annotations

import typer

from cli.errors import BAD
from cli.output import plural, say, say_json
from cli.simulation.choices import Choices, base_plan, seeds_of
from simulator import coverage
from simulator.plan import Plan


def show_coverage(choices: Choices) -> None:
    """Rehearse the workload, print the table; exit 1 if a cell of it is empty."""
    plan = base_plan(choices)
    records = coverage.RECORDS if choices.records is None else plan.records
    seeds = _seeds(choices, plan)
    nodes = coverage.NODES if choices.nodes is None else plan.nodes
    found = coverage.rehearse(seeds, records, nodes)
    empty = found.empty
    if choices.json:
        cells = [_cell(cell) for cell in found.cells()]
        say_json({"seeds": list(seeds), "records": records, "good": not empty, "cells": cells})
    else:
        for line in found.lines():
            say(line)
        say()
        count = len(list(found.cells()))
        said = f"{plural(len(empty), 'cell')} of {count} never came"
        say(f"{said} in {plural(len(seeds), 'rehearsal')} of {records:,} records")
    if empty:
        raise typer.Exit(BAD)


def _seeds(choices: Choices, plan: Plan) -> range:
    if choices.seeds:
        return seeds_of(choices.seeds)
    return coverage.SEEDS if choices.seed is None else range(plan.seed, plan.seed + 1)


def _cell(cell: coverage.CoverageCell) -> dict[str, object]:
    return {
        "type": cell.type,
        "outcome": cell.outcome,
        "before_signing": cell.before_signing,
        "in_log": cell.in_log,
    }
