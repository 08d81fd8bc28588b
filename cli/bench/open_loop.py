"""Open-loop load: records arrive on a schedule, whether or not earlier ones were answered.

A client that waits for each answer before it asks again sends less just when a system is slow, and
so measures the slow moments too seldom (coordinated omission). Here every latency counts from when
the record was to arrive: what waits for a connection, or for a driver that is late, has waited.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from cli.bench.connection import Gone, KeptConnection
from cli.bench.latency import latencies

CONNECTIONS_MAX = 256
"""To one node. What arrives while all of them wait for answers, waits here."""
ARRIVALS_MAX = 1_000_000
"""Of one measurement: their requests are made before."""
GRACE_S = 20.0
"""How long answers are awaited after the last arrival."""
OUTCOMES = {200: "final", 202: "unknown", 503: "busy"}
"""What an answer's status says; every other one is ``refused``."""
OTHERS = ("refused", "failed", "unanswered")
TAKEN = ("final", "unknown", "unanswered")
"""Outcomes of what the node took, or may have taken: they have a latency, the others a count."""


class Address(NamedTuple):
    """Where requests go."""

    host: str
    port: int


class Arrival(NamedTuple):
    """A request that arrives: when, in seconds from the beginning, where, and what is sent."""

    at_s: float
    to: Address
    request: bytes


class Sent(NamedTuple):
    """An arrival that is over: when it was to arrive, was sent and ended, and how."""

    at_s: float
    sent_s: float
    ended_s: float
    outcome: str


def schedule(rate: int, seconds: int, seed: int = 0) -> list[float]:
    """Return when ``rate * seconds`` records arrive, in seconds from the beginning, in order.

    They arrive independently of each other, as from many people: the times are drawn evenly from
    the whole stretch, which is a Poisson process of which the number of arrivals is known.
    """
    draw = random.Random(seed)
    return sorted(draw.random() * seconds for _ in range(rate * seconds))


class OpenLoop:
    """A driver that sends what arrives, each record as a request of its own.

    Args:
        connections_max: Connections to one address.
    """

    def __init__(self, connections_max: int = CONNECTIONS_MAX) -> None:
        self._connections_max = connections_max
        self._places: dict[Address, asyncio.Semaphore] = {}
        self._idle: dict[Address, list[KeptConnection]] = {}
        self._sent: list[Sent] = []
        self._began = 0.0

    async def run(self, arrivals: Sequence[Arrival], grace_s: float = GRACE_S) -> list[Sent]:
        """Send everything when it arrives; return what became of it, in the order of the ends.

        Args:
            arrivals: In order of time.
            grace_s: How long to wait for answers after the last one.
        """
        self._sent, self._began = [], time.perf_counter()
        under_way: dict[asyncio.Task[None], Arrival] = {}
        try:
            for each in arrivals:
                if (early := each.at_s - self._now()) > 0:
                    await asyncio.sleep(early)
                task = asyncio.create_task(self._send(each))
                under_way[task] = each
                task.add_done_callback(under_way.pop)
            if under_way:
                await asyncio.wait(under_way, timeout=grace_s)
            return self._sent + self._unanswered(list(under_way.values()))
        finally:
            await _cancel(list(under_way))
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()

    async def _send(self, arrival: Arrival) -> None:
        idle = self._idle.setdefault(arrival.to, [])
        limit = self._connections_max
        connection = None
        async with self._places.setdefault(arrival.to, asyncio.Semaphore(limit)):
            sent = self._now()
            try:
                connection = await _usable(idle, arrival.to)
                answer = await connection.ask(arrival.request)
                idle.append(connection)
                outcome = OUTCOMES.get(answer.status, "refused")
            except Gone:
                outcome = "failed"
            except asyncio.CancelledError:
                if connection is not None:
                    connection.close()
                raise
        self._sent.append(Sent(arrival.at_s, sent, self._now(), outcome))

    def _unanswered(self, arrivals: Sequence[Arrival]) -> list[Sent]:
        now = self._now()
        return [Sent(each.at_s, each.at_s, now, "unanswered") for each in arrivals]

    def _now(self) -> float:
        return time.perf_counter() - self._began


async def _usable(idle: list[KeptConnection], to: Address) -> KeptConnection:
    """Return the connection that was used last, if it is still open, or a new one."""
    while idle:
        if (connection := idle.pop()).usable:
            return connection
    return await KeptConnection.open(to.host, to.port)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def measured(rate: int, seconds: int, sent: Sequence[Sent]) -> dict[str, Any]:
    """Return what a stretch of load came to: outcomes, latencies, and both second by second."""
    taken = [each for each in sent if each.outcome in TAKEN]
    gone = [each for each in sent if each.outcome != "unanswered"]
    counted = Counter(each.outcome for each in sent)
    outcomes = {name: counted[name] for name in (*OUTCOMES.values(), *OTHERS)}
    ended = max([float(seconds), *(each.ended_s for each in sent if each.outcome == "final")])
    return {
        "rate": rate,
        "seconds": seconds,
        "arrivals": len(sent),
        "final_per_s": round(outcomes["final"] / ended, 1),
        "outcomes": outcomes,
        "latency_ms": latencies([_latency_ms(each) for each in taken]),
        "sent_late_ms": latencies([(each.sent_s - each.at_s) * 1000 for each in gone]),
        "by_second": [_second(part) for part in _by_second(seconds, taken)],
    }


def _latency_ms(sent: Sent) -> float:
    return (sent.ended_s - sent.at_s) * 1000


def _by_second(seconds: int, taken: Sequence[Sent]) -> list[list[Sent]]:
    """Return what was taken, by the second in which it was to arrive."""
    parts: list[list[Sent]] = [[] for _ in range(seconds)]
    for each in taken:
        parts[min(int(each.at_s), seconds - 1)].append(each)
    return parts


def _second(part: Sequence[Sent]) -> dict[str, Any]:
    found = latencies([_latency_ms(each) for each in part])
    return {name: found[name] for name in ("count", "p50", "p99", "max")}
