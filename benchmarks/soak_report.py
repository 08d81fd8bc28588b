"""Words of a soak: what it came to as lines of text, and as one HTML file with charts."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from cli.bench.page import Chapter, report_page
from web.charts import ColumnPart, Stack, plot

_US = 1000
_MB = 1_000_000
_BANDS = (("p50", "paid"), ("p99", "warn"))


def say_round(found: Mapping[str, Any], rounds: int) -> None:
    """Say on standard error how the round that has just ended went."""
    down, step = found["downs"][-1], found["by_step"][-1]
    print(
        f"{len(found['downs'])} of {rounds}: {down['party']} was killed, "
        f"recovered in {down['recovered_s']:.1f} s, caught up in {down['caught_up_s']:.1f} s; "
        f"p99 of the last ten seconds {step['p99']:.0f} ms",
        file=sys.stderr,
    )


def words(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines that say what was measured."""
    times, downs, end = found["latency_ms"], found["downs"], found["end"]
    yield f"{found['rate']:,} records/s arrived; outcomes: {found['outcomes']}"
    yield (
        f"latency p50 {times['p50']:.0f} ms, p90 {times['p90']:.0f}, p99 {times['p99']:.0f}, "
        f"slowest {times['max']:.0f}"
    )
    for name, said in (
        ("recovered_s", "until those who were not cut off had 70 % again"),
        ("silent_s", "longest stretch without a final record"),
        ("answered_s", "until a killed node that was started answered"),
        ("caught_up_s", "until it had caught up under load"),
    ):
        values = sorted(math.inf if each[name] < 0 else each[name] for each in downs)
        yield f"{said}: {values[len(values) // 2]:.1f} s (at most {values[-1]:.1f})"
    first, last = found["memory_bytes"][0], found["memory_bytes"][-1]
    grown = f"{_largest(first)}, {_largest(last)}"
    yield f"memory of the largest node, after the first kill and the last: {grown}"
    if lag := found["catch_up"]:
        yield (
            f"catching up with {lag['lacked']:,} entries without load: "
            f"{lag['caught_up_s']:.1f} s, {lag['per_s']:,} a second"
        )
    home = max(end["home_bytes"].values())
    yield (
        f"{end['entries']:,} entries verified and executed again; all {end['accepted']:,} that "
        f"were answered with final are in the log"
    )
    yield f"a home takes {home / _MB:,.0f} MB, the log {end['log_bytes'] / _MB:,.0f} MB"


def _largest(memory: Mapping[str, int]) -> str:
    return f"{max(memory.values()) / _MB:,.0f} MB"


def written(found: Mapping[str, Any]) -> bytes:
    """Return the report with charts."""
    return report_page(found["machine"], [_finals(found), _latency(found), _memory(found)])


def _finals(found: Mapping[str, Any]) -> Chapter:
    stacks = [
        Stack(
            _clock(each["at_s"]),
            f"{each['final_per_s']:,.0f}/s",
            [ColumnPart("paid", round(each["final_per_s"]))],
        )
        for each in found["by_step"]
    ]
    downs = found["downs"]
    return Chapter(
        title=f"Final records a second; {found['rate']:,} arrive",
        about=f"By ten seconds. Every {found['every_s']} s a node is killed, and is down a sixth "
        "of that; the clients of two of them are cut off meanwhile.",
        chart=plot(stacks, lambda value: f"{value:,}"),
        wide=True,
        legend=[],
        heads=["killed", "at", "70 % again", "without a final record", "caught up under load"],
        rows=[
            [
                each["party"],
                _clock(each["killed_s"]),
                "not while it was down"
                if each["recovered_s"] < 0
                else f"{each['recovered_s']:.1f} s",
                f"{each['silent_s']:.1f} s",
                f"{each['lacked']:,} in {each['caught_up_s']:.1f} s",
            ]
            for each in downs
        ],
    )


def _latency(found: Mapping[str, Any]) -> Chapter:
    stacks = []
    for each in found["by_step"]:
        parts, below = [], 0
        for name, tone in _BANDS:
            top = round(each[name] * _US)
            parts.append(ColumnPart(tone, top - below))
            below = top
        said = f"p50 {each['p50']:,.0f} ms, p99 {each['p99']:,.0f} ms"
        stacks.append(Stack(_clock(each["at_s"]), said, parts))
    return Chapter(
        title="Latency from when a record was to arrive",
        about="Milliseconds, by the ten seconds in which it was to arrive.",
        chart=plot(stacks, lambda value: f"{value / _US:,.10g} ms"),
        wide=True,
        legend=[(tone, name) for name, tone in _BANDS],
        heads=[],
        rows=[],
    )


def _memory(found: Mapping[str, Any]) -> Chapter:
    stacks = [
        Stack(str(number), _largest(each), [ColumnPart("expected", max(each.values()))])
        for number, each in enumerate(found["memory_bytes"], 1)
    ]
    return Chapter(
        title="Resident memory of the largest node process",
        about="After each kill, when the node had caught up and the round was over.",
        chart=plot(stacks, lambda value: f"{value / _MB:,.0f} MB"),
        wide=True,
        legend=[],
        heads=[],
        rows=[],
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
