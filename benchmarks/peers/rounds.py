"""Rounds: every system in turn, started anew, measured and stopped; medians and ratios of all."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.built import Tools
from benchmarks.peers.programs import Usage, usage
from benchmarks.peers.stream import Stream
from benchmarks.peers.system import System
from cli.bench.latency import latencies
from cli.errors import CheckFailed
from demo.stage.statistics import median

WARM_RECORDS = 500
WARM_S = 0.5


class Sizes(NamedTuple):
    """How much is measured."""

    rounds: int
    records: int
    seconds: float
    clients: tuple[int, ...] = (1, 64, 256)


SMALL = Sizes(rounds=1, records=2000, seconds=1.5, clients=(1, 16))


async def play(
    kinds: Sequence[type[System]], sizes: Sizes, tools: Tools
) -> dict[str, list[dict[str, Any]]]:
    """Measure every system once a round, in turn; return what each round was, by system.

    Raises:
        CheckFailed: one could not be built, or came to no end.
    """
    for kind in kinds:
        kind.prepare(tools)
    found: dict[str, list[dict[str, Any]]] = {kind.name: [] for kind in kinds}
    for number in range(sizes.rounds):
        for kind in kinds:
            tools.say(f"round {number + 1} of {sizes.rounds}: {kind.name}")
            with tempfile.TemporaryDirectory(prefix="tongzhang-peers-") as folder:
                system = kind(Path(folder), tools)
                try:
                    with _connected(kind.name):
                        await system.start()
                        found[kind.name].append(await _measured(system, sizes))
                finally:
                    await system.stop()
    return found


@contextmanager
def _connected(name: str) -> Iterator[None]:
    """Say of which system a connection ended.

    Raises:
        CheckFailed: ``peer-ended``.
    """
    try:
        yield
    except* ConnectionError as group:
        raise CheckFailed("peer-ended", f"{name}: {group.exceptions[0]}") from None


async def _measured(system: System, sizes: Sizes) -> dict[str, Any]:
    stream = Stream()
    await system.bulk(stream, WARM_RECORDS)
    found: dict[str, Any] = {"bulk": await _bulk(system, stream, sizes.records), "waiting": {}}
    for clients in sizes.clients:
        system.refuse_dead()
        await system.wait(stream, clients, WARM_S)
        found["waiting"][str(clients)] = await _waiting(system, stream, clients, sizes.seconds)
    system.refuse_dead()
    return {**found, "memory_mb": round(usage(system.pids).memory / 2**20, 1)}


async def _bulk(system: System, stream: Stream, records: int) -> dict[str, Any]:
    size = sum(len(each.raw) for half in Stream().bulk(records) for each in half)
    before = _Spent.now(system)
    seconds = await system.bulk(stream, records)
    spent = _Spent.now(system).since(before)
    return {
        "records": records,
        "records_per_s": round(records / seconds, 1),
        "cpu_us": round(spent.nodes.cpu_s * 1e6 / records, 1),
        "driver_cpu_us": round(spent.driver_s * 1e6 / records, 1),
        "written_per_byte": round(spent.nodes.written / size, 2),
    }


async def _waiting(system: System, stream: Stream, clients: int, seconds: float) -> dict[str, Any]:
    before = _Spent.now(system)
    waited = await system.wait(stream, clients, seconds)
    spent = _Spent.now(system).since(before)
    count = len(waited.latencies_ms)
    return {
        "records_per_s": round(count / waited.seconds, 1),
        "latency_ms": latencies(waited.latencies_ms),
        "cpu_us": round(spent.nodes.cpu_s * 1e6 / count, 1),
        "driver_cpu_us": round(spent.driver_s * 1e6 / count, 1),
        "written_per_record": round(spent.nodes.written / count),
    }


class _Spent(NamedTuple):
    """What nodes and driver have used."""

    nodes: Usage
    driver_s: float

    @classmethod
    def now(cls, system: System) -> _Spent:
        times = os.times()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(usage(system.pids), times.user + times.system + ended.ru_utime + ended.ru_stime)

    def since(self, before: _Spent) -> _Spent:
        nodes = Usage(
            self.nodes.cpu_s - before.nodes.cpu_s,
            self.nodes.written - before.nodes.written,
            self.nodes.memory,
        )
        return _Spent(nodes, self.driver_s - before.driver_s)


def medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median of every figure over rounds, in the shape of one round."""
    first = rounds[0]
    return {
        name: medians([each[name] for each in rounds])
        if isinstance(value, Mapping)
        else median([each[name] for each in rounds])
        for name, value in first.items()
    }


def ratios(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return by how much ours is better, as the median of what each round says.

    2 means twice as many records a second, half of the time, or half of the processor time.
    """

    def better(more: Callable[[Mapping[str, Any]], float], *, less: bool = False) -> float:
        pairs = [(more(one), more(other)) for one, other in zip(ours, theirs, strict=True)]
        found = [(b / a if less else a / b) if a and b else 0.0 for a, b in pairs]
        return median(found)

    clients = list(ours[0]["waiting"])
    return {
        "bulk": better(lambda each: each["bulk"]["records_per_s"]),
        "bulk_cpu": better(lambda each: each["bulk"]["cpu_us"], less=True),
        "waiting": {
            each: {
                "records_per_s": better(_figure(each, "records_per_s")),
                "p50": better(_latency(each, "p50"), less=True),
                "p99": better(_latency(each, "p99"), less=True),
            }
            for each in clients
        },
    }


def _figure(clients: str, name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda each: float(each["waiting"][clients][name])


def _latency(clients: str, name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda each: float(each["waiting"][clients]["latency_ms"][name])
