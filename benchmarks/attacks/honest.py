"""Those who do no harm: clients that submit, a supervisor's probe, and a peer that comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.attacks.relay import Relay
from benchmarks.attacks.wire import Gone, Wire, request
from benchmarks.peers.programs import usage
from cli.bench.load import captures
from demo.stage.statistics import median, percentile

CLIENTS = 12
RETRY_S = 0.05
PROBE_S = 0.05
PEER_UP_S = 0.3
FINAL = 200


class Served(NamedTuple):
    """What the clients had in a stretch of time; of what was still waiting, its time so far.

    ``node_ms`` is the processor time that the nodes took for each final record.
    """

    per_s: float
    p50_ms: float
    p95_ms: float
    failed: int
    node_ms: float = 0.0


NOTHING = Served(0.0, 0.0, 0.0, 0)


class Clients:
    """Clients of one node, each with a connection of its own and one record at a time.

    Args:
        host: Where the node answers.
        port: Its port.
        token: Allows submissions.
        records: What they submit; none may have been submitted before.
    """

    def __init__(self, host: str, port: int, token: str, records: Iterator[bytes]) -> None:
        self._at = host, port
        self._token = token
        self._records = records
        self._ended: list[tuple[float, float, int]] = []
        self._waiting: dict[int, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to submit."""
        self._tasks = [asyncio.create_task(self._submit_all(n)) for n in range(CLIENTS)]

    async def stop(self) -> None:
        """Submit no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._waiting.clear()

    def since(self, began: float) -> Served:
        """Return what they had since a time of the monotonic clock."""
        now = time.monotonic()
        ended = [each for each in self._ended if each[0] >= began]
        final = [took_ms for _, took_ms, status in ended if status == FINAL]
        times = final + [1000 * (now - since) for since in self._waiting.values()]
        failed = len(ended) - len(final)
        return Served(len(final) / (now - began), median(times), percentile(times, 95), failed)

    async def _submit_all(self, number: int) -> None:
        wire: Wire | None = None
        for raw in self._records:
            post = request("POST", "/v1/records", self._token, raw, content_type="application/json")
            began = self._waiting[number] = time.monotonic()
            status = 0
            try:
                wire = wire or await Wire.open(*self._at)
                status = (await wire.ask(post)).status
            except Gone:
                wire = None
                await asyncio.sleep(RETRY_S)
            finally:
                self._waiting.pop(number, None)
            now = time.monotonic()
            self._ended.append((now, 1000 * (now - began), status))


class Stretch:
    """A stretch of time, from now on.

    Args:
        clients: Who submits.
        pids: The nodes that run.
    """

    def __init__(self, clients: Clients, pids: list[int]) -> None:
        self._clients, self._pids = clients, pids
        self._spent_s = usage(pids).cpu_s
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Return how long it lasts already."""
        return time.monotonic() - self._began

    def end(self) -> Served:
        """Return what the clients had in it, and what of the processors the nodes took."""
        served, seconds = self._clients.since(self._began), self.seconds()
        spent_ms = 1000 * (usage(self._pids).cpu_s - self._spent_s)
        return served._replace(node_ms=spent_ms / max(1.0, served.per_s * seconds))


class Probe:
    """Asks ``/livez`` again and again as a supervisor does, each time on a new connection.

    Args:
        host: Where the node answers.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._at = host, port
        self._answered = time.monotonic()
        self._longest_s = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._answered, self._longest_s = time.monotonic(), 0.0

    def longest_s(self) -> float:
        """Return the longest stretch without an answer, the one that still lasts included."""
        return max(self._longest_s, time.monotonic() - self._answered - PROBE_S)

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            with contextlib.suppress(Gone):
                wire = await Wire.open(*self._at)
                try:
                    await wire.ask(request("GET", "/livez"))
                    now = time.monotonic()
                    self._longest_s = max(self._longest_s, now - self._answered - PROBE_S)
                    self._answered = now
                finally:
                    wire.close()
            await asyncio.sleep(PROBE_S)


async def come_back(relay: Relay, link: Callable[[], int]) -> None:
    """Cut the link of an honest peer whenever a new one is up, until cancelled.

    A handshake is never cut: what was heard of the link may be of before the last cut.
    """
    last = 0
    while True:
        await asyncio.sleep(PEER_UP_S)
        if link() > last:
            last = link()
            relay.cut()


def new_records() -> Iterator[bytes]:
    """Yield records without end, none of which the filled ledger holds."""
    first = 10_000_000
    while True:
        yield from captures(first, 1000)
        first += 1000
