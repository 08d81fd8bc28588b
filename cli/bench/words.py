"""Measurements in words, line by line, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from views.texts import gettext

_MIB = 2**20


def words(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    cores = gettext("{cpu}, {cores} cores, Python {python}")
    yield cores.format_map(results["machine"])
    if "in_process" in results:
        yield ""
        yield from _in_process(results["in_process"])
    if "processes" in results:
        yield ""
        yield from _processes(results["processes"])
    if "open_loop" in results:
        yield ""
        yield from _open_loop(results["open_loop"])


def _in_process(found: Mapping[str, Any]) -> Iterator[str]:
    bulk = gettext("  bulk          {rate:,} records/s final on all four (median)")
    yield gettext("four hosts in one process, real SQLite files")
    yield bulk.format(rate=found["records_per_s"])
    yield _single(found["single_ms"])


def _processes(found: Mapping[str, Any]) -> Iterator[str]:
    memory = max(found["memory_bytes"].values()) / _MIB
    proof = found["verification"]
    yield gettext("four node processes over HTTP and WebSocket")
    yield gettext("  bulk          {rate:,} records/s (median)").format(
        rate=found["records_per_s"]["median"]
    )
    yield _single(found["single_ms"])
    yield gettext("  memory        {memory:.0f} MiB at most, after {entries:,} entries").format(
        memory=memory, entries=found["entries"]
    )
    yield gettext("  verification  {rate:,} entries/s offline").format(rate=proof["entries_per_s"])
    yield gettext("  with replay   {rate:,} entries/s").format(rate=proof["replayed_entries_per_s"])


def _single(times: Mapping[str, Any]) -> str:
    said = gettext("  single        {median:.1f} ms median, {p95:.1f} ms p95 of {count}")
    return said.format_map(times)


def _open_loop(found: list[dict[str, Any]]) -> Iterator[str]:
    yield gettext("records that arrive on a schedule; ms from when each was to arrive")
    yield gettext("      rate  arrived   final/s      p50      p90      p99      max not final")
    for each in found:
        times, final = each["latency_ms"], each["outcomes"]["final"]
        yield (
            f"{each['rate']:10,}{each['arrivals']:9,}{each['final_per_s']:10,.0f}"
            f"{times['p50']:9,.1f}{times['p90']:9,.1f}{times['p99']:9,.1f}{times['max']:9,.1f}"
            f"{each['arrivals'] - final:10,}"
        )
    for each in found:
        yield from _remarks(each)


def _remarks(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has to be known to read a line."""
    rate = found["rate"]
    if listed := not_final(found["outcomes"]):
        yield gettext("  {rate:,}/s: {listed}").format(rate=rate, listed=listed)
    late = found["sent_late_ms"]
    if late["p99"] > found["latency_ms"]["p99"] / 2:
        said = gettext("  {rate:,}/s: sent up to {late:,.0f} ms late (p99): no connection was free")
        yield said.format(rate=rate, late=late["p99"])


def not_final(outcomes: Mapping[str, int]) -> str:
    """Return how many records did not become final in time, by what became of them."""
    named = {
        "unknown": gettext("outcome unknown"),
        "busy": gettext("node busy"),
        "refused": gettext("refused"),
        "failed": gettext("connection lost"),
        "unanswered": gettext("no answer"),
    }
    return ", ".join(f"{text} {outcomes[name]:,}" for name, text in named.items() if outcomes[name])
