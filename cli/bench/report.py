"""The report of all measurements: taken, written as JSON and shown."""

from __future__ import annotations

import asyncio
import json as jsonlib
import tempfile
from pathlib import Path
from typing import Any

from cli.bench import in_process, real
from cli.bench.machine import machine
from cli.errors import unwrapped, writing
from cli.files import write_files
from cli.output import note, say, say_json
from demo.stage.network import found_network
from demo.stage.processes import stop_all

_MIB = 2**20


def run_bench(
    *, kinds: tuple[bool, bool], sizes: tuple[int, int, int], out: Path | None, json: bool
) -> None:
    """Measure, write and show.

    Args:
        kinds: Whether to measure in this process, and with four processes.
        sizes: Records of a bulk run, single submissions, bulk runs.
        out: Where to write the results as JSON.
        json: Show them as JSON.

    Raises:
        UsageError: the file cannot be written.
        CheckFailed: a measurement did not come to its end.
    """
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="tongzhang-bench-") as folder:
        if kinds[0]:
            results["in_process"] = _in_process(Path(folder), sizes)
        if kinds[1]:
            results["processes"] = _processes(Path(folder), sizes)
    if out is not None:
        _write(out, results)
    if json:
        say_json(results)
    else:
        _show(results)


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


def _processes(folder: Path, sizes: tuple[int, int, int]) -> dict[str, Any]:
    parties = list(in_process.PARTIES.items())
    network = found_network(folder / "net", "bench", parties, in_process.QUORUM)
    note("four node processes are starting")
    try:
        with unwrapped():
            return asyncio.run(real.measure(network, sizes, folder / "log.ndjson", note))
    finally:
        stop_all(network.nodes)


def _write(out: Path, results: dict[str, Any]) -> None:
    with writing(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_files({out: f"{jsonlib.dumps(results, indent=2)}\n".encode()})


def _show(results: dict[str, Any]) -> None:
    machine_facts = results["machine"]
    say(f"{machine_facts['cpu']}, {machine_facts['cores']} cores, Python {machine_facts['python']}")
    inside = results.get("in_process")
    if inside:
        say()
        say("four hosts in one process, real SQLite files")
        say(f"  bulk          {inside['records_per_s']:,} records/s final on all four (median)")
        say(f"  single        {_latency(inside['single_ms'])}")
    outside = results.get("processes")
    if outside:
        memory = max(outside["memory_bytes"].values()) / _MIB
        proof = outside["verification"]
        say()
        say("four node processes over HTTP and WebSocket")
        say(f"  bulk          {outside['records_per_s']['median']:,} records/s (median)")
        say(f"  single        {_latency(outside['single_ms'])}")
        say(f"  memory        {memory:.0f} MiB at most, after {outside['entries']:,} entries")
        say(f"  verification  {proof['entries_per_s']:,} entries/s offline")
        say(f"  with replay   {proof['replayed_entries_per_s']:,} entries/s")


def _latency(times: dict[str, Any]) -> str:
    return f"{times['median']:.1f} ms median, {times['p95']:.1f} ms p95 of {times['count']}"
