"""The report of all measurements: taken, written as JSON or as a page, and shown."""

from __future__ import annotations

import asyncio
import json as jsonlib
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from api.server import loop_factory
from cli.bench import in_process, real
from cli.bench.machine import machine
from cli.bench.open_loop import ARRIVALS_MAX
from cli.bench.rates import measure_rates
from cli.bench.words import words
from cli.errors import UsageError, unwrapped, writing
from cli.files import refuse_unwritable, write_files
from cli.output import note, say, say_json
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import stop_all
from views.texts import gettext

_T = TypeVar("_T")


class Files(NamedTuple):
    """Files that were asked for: the results as JSON, and the report with charts."""

    out: Path | None
    html: Path | None


def run_bench(
    *, kinds: tuple[bool, bool], sizes: tuple[int, int, int], files: Files, json: bool
) -> None:
    """Measure bulk and single submissions, write and show.

    Args:
        kinds: Whether to measure in this process, and with four processes.
        sizes: Records of a bulk run, single submissions, bulk runs.
        files: Where to write what was measured.
        json: Show it as JSON.

    Raises:
        UsageError: a file cannot be written.
        CheckFailed: a measurement did not come to its end.
    """
    _refuse_unwritable(files)
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="tongzhang-bench-") as folder:
        if kinds[0]:
            results["in_process"] = _in_process(Path(folder), sizes)
        if kinds[1]:
            log = Path(folder) / "log.ndjson"
            results["processes"] = _on_nodes(
                Path(folder), lambda network: real.measure(network, sizes, log, note)
            )
    _report(results, files, json=json)


def run_rates(rates: Sequence[int], seconds: int, files: Files, *, json: bool) -> None:
    """Measure four node processes while records arrive on a schedule, write and show.

    Args:
        rates: Records a second, of one stretch each.
        seconds: How long a stretch is.
        files: Where to write what was measured.
        json: Show it as JSON.

    Raises:
        UsageError: a file cannot be written, or ``too-many-arrivals``.
        CheckFailed: a measurement did not come to its end.
    """
    if (count := sum(rates) * seconds) > ARRIVALS_MAX:
        raise UsageError(
            "too-many-arrivals",
            f"{count:,} records would arrive, at most {ARRIVALS_MAX:,} can be measured at once: "
            "lower --rate or --seconds",
        )
    _refuse_unwritable(files)
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="tongzhang-bench-") as folder:
        results["open_loop"] = _on_nodes(
            Path(folder), lambda network: measure_rates(network, rates, seconds, note)
        )
    _report(results, files, json=json)


def _in_process(folder: Path, sizes: tuple[int, int, int]) -> dict[str, Any]:
    records, singles, runs = sizes
    measured = []
    for run in range(runs):
        note(f"four hosts in one process, run {run + 1} of {runs}: {records:,} records")
        place = folder / f"in-process-{run}"
        place.mkdir()
        measured.append(in_process.measure(place, records, singles))
    measured.sort(key=lambda each: int(each["records_per_s"]))
    middle = measured[(len(measured) - 1) // 2]
    return {**middle, "runs": runs, "all": [each["records_per_s"] for each in measured]}


def _on_nodes(folder: Path, measure: Callable[[LocalNetwork], Awaitable[_T]]) -> _T:
    """Measure a consortium of four processes, which are stopped whatever happens."""

    async def measured() -> _T:
        return await measure(network)

    parties = list(in_process.PARTIES.items())
    network = found_network(folder / "net", "bench", parties, in_process.QUORUM)
    note("four node processes are starting")
    try:
        with unwrapped(), asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(measured())
    finally:
        stop_all(network.nodes)


def _refuse_unwritable(files: Files) -> None:
    """Refuse a file that could not be written, before anything is measured for it."""
    for path in filter(None, files):
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        refuse_unwritable(path)


def _report(results: dict[str, Any], files: Files, *, json: bool) -> None:
    made = {}
    if files.out is not None:
        made[files.out] = f"{jsonlib.dumps(results, indent=2)}\n".encode()
    if files.html is not None:
        from cli.bench.page import page

        made[files.html] = page(results)
    write_files(made)
    if json:
        say_json(results)
        return
    for line in words(results):
        say(line)
    if files.html is not None:
        note(gettext("the report with charts is in {path}").format(path=files.html))
