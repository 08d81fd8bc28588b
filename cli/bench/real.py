"""Four real node processes, fed over HTTP as in production."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from cli.bench.latency import single_ms
from cli.bench.load import captures, instructions, registrations
from cli.client import NDJSON, Client
from cli.errors import CheckFailed
from demo.stage.network import LocalNetwork
from demo.stage.observer import Observer
from demo.stage.processes import NodeProcess
from demo.stage.screen import Screen
from demo.stage.statistics import median
from ledger.verify import verify_log

INSTITUTION, PLATFORM = "institution", "platform"
_POLL_S = 0.1
_STALL_S = 60.0
_UPLOAD_BYTES = 256 * 1024
_TIMEOUT_S = 600.0


class Measured:
    """A running consortium that is being measured.

    Args:
        network: The consortium; its nodes run.
        observer: Reads their status.
        progress: Told what is being measured.
    """

    def __init__(
        self, network: LocalNetwork, observer: Observer, progress: Callable[[str], None]
    ) -> None:
        self._network = network
        self._observer = observer
        self._progress = progress

    async def measure(self, sizes: tuple[int, int, int], log: Path) -> dict[str, Any]:
        """Measure everything.

        Args:
            sizes: Records of a bulk run, single submissions, bulk runs.
            log: Where the exported log goes.
        """
        records, singles, runs = sizes
        await self._bulk({INSTITUTION: registrations()})
        half = records // 2
        rates = []
        for run in range(runs):
            self._progress(f"bulk run {run + 1} of {runs}: {2 * half:,} records")
            loads = {
                INSTITUTION: captures(run * half, half),
                PLATFORM: instructions(run * half, half),
            }
            rates.append(2 * half / await self._bulk(loads))
        memory = {node.party: node.memory_bytes() for node in self._network.nodes}
        self._progress(f"{singles} single submissions, one after the other")
        times = await self._singles(captures(runs * half, singles))
        statuses = await self._observer.until_equal()
        status = statuses[PLATFORM]
        self._progress("exporting and verifying the log")
        return {
            "records": 2 * half,
            "runs": runs,
            "records_per_s": {
                "median": round(median(rates)),
                "all": [round(rate) for rate in rates],
            },
            "single_ms": single_ms(times),
            "entries": status["size"],
            "blocks": status["height"],
            "memory_bytes": memory,
            "equal": len({(s["root"], s["state"]) for s in statuses.values()}) == 1,
            "verification": await asyncio.to_thread(self._verify, log),
        }

    async def _bulk(self, loads: dict[str, list[bytes]]) -> float:
        """Send every party's records to its node; return the seconds until all nodes have all."""
        goal = await self._size() + sum(map(len, loads.values()))
        bodies = {party: b"\n".join(records) for party, records in loads.items()}
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for party, body in bodies.items():
                group.create_task(upload(self._network.node(party), body))
            group.create_task(self._until_size(goal))
        return time.perf_counter() - started

    async def _until_size(self, goal: int) -> None:
        moved, last = time.monotonic(), 0
        while (size := await self._size()) < goal:
            if size > last:
                moved, last = time.monotonic(), size
            if time.monotonic() - moved > _STALL_S:
                raise CheckFailed("stalled", f"{size} of {goal} records final, then nothing moved")
            await asyncio.sleep(_POLL_S)

    async def _size(self) -> int:
        """Return how many entries every node has final."""
        found = await self._observer.statuses()
        return min(status["size"] if status else 0 for status in found.values())

    async def _singles(self, records: list[bytes]) -> list[float]:
        node = self._network.node(INSTITUTION)
        headers = {
            "authorization": f"Bearer {node.token}",
            "content-type": "application/json",
        }
        times = []
        async with httpx.AsyncClient(
            base_url=node.url, headers=headers, timeout=_TIMEOUT_S, trust_env=False
        ) as client:
            for raw in records:
                began = time.perf_counter()
                answer = await client.post("/v1/records", content=raw)
                times.append((time.perf_counter() - began) * 1000)
                if answer.status_code != 200:
                    raise CheckFailed("refused", answer.text[:500])
        return times

    def _verify(self, log: Path) -> dict[str, Any]:
        node = self._network.nodes[-1]
        lines = Client(node.url, node.token).stream_lines("/v1/log", start=1)
        with log.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        result: dict[str, Any] = {"bytes": log.stat().st_size}
        for name, replay in (("entries_per_s", False), ("replayed_entries_per_s", True)):
            started = time.perf_counter()
            with log.open("rb") as exported:
                verified = verify_log(exported, self._network.genesis, replay=replay)
            result[name] = round(verified.entries / (time.perf_counter() - started))
        return result


async def measure(
    network: LocalNetwork, sizes: tuple[int, int, int], log: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Start the nodes of ``network`` and measure them; stopping them is the caller's business.

    Args:
        network: A consortium whose nodes are not started.
        sizes: Records of a bulk run, single submissions, bulk runs.
        log: Where the exported log goes.
        progress: Told what is being measured.
    """
    async with started(network) as observer:
        return await Measured(network, observer, progress).measure(sizes, log)


@asynccontextmanager
async def started(network: LocalNetwork) -> AsyncIterator[Observer]:
    """Start the nodes of a consortium; when all are ready, give who reads their status.

    Stopping them is the caller's business.
    """
    observer = Observer(network.nodes, Screen.silent())
    try:
        for node in network.nodes:
            node.start()
        await asyncio.gather(*(observer.until_ready(node.party) for node in network.nodes))
        yield observer
    finally:
        await observer.close()


async def upload(node: NodeProcess, body: bytes) -> None:
    """Send records to a node as one stream; return when it has queued them.

    Raises:
        CheckFailed: ``refused``.
    """
    headers = {"authorization": f"Bearer {node.token}", "content-type": NDJSON}
    refused = b'"state":"refused"'
    async with (
        httpx.AsyncClient(base_url=node.url, timeout=_TIMEOUT_S, trust_env=False) as client,
        client.stream(
            "POST",
            "/v1/records",
            params={"wait": "queued"},
            content=_parts(body),
            headers=headers,
        ) as answer,
    ):
        async for part in answer.aiter_raw():
            if answer.status_code != 200 or refused in part:
                raise CheckFailed("refused", part[:500].decode("utf-8", "replace"))


async def _parts(body: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(body), _UPLOAD_BYTES):
        yield body[first : first + _UPLOAD_BYTES]
