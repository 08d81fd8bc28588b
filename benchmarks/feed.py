"""CPU and memory of a node whose ledger many people watch, with and without them in one run.

Run with ``python -m benchmarks.feed [--pages] [pages] [records_per_s] [seconds]``: four nodes on
loopback, records submitted to one of them at a steady pace, and pages open at that node. A page is
a connection to ``/live``, where news ticks; with ``--pages`` it is an overview, half of them in
Chinese, that loads itself again after news as it does in a browser. Three stretches are measured:
without pages, with them, without them again. The driver and all nodes share the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from api.limits import FEEDS_PER_TOKEN
from benchmarks.open_pages import OpenPages
from cli.parties import parse_parties
from demo.stage.network import found_network
from demo.stage.processes import NodeProcess, stop_all
from ledger import canonical
from node.home.home import load_home

PARTIES = "platform,institution,funder,auditor"
WATCHED = "institution"
CHUNK_S = 0.05
SETTLE_S = 2.0
READY_S = 60.0
OPEN_S = 0.01


class Usage(NamedTuple):
    """What a process has used: CPU in seconds, resident memory in MB."""

    cpu_s: float
    memory_mb: float


class Stretch(NamedTuple):
    """A stretch: percent of a core of node and readers, their memory after it, records a second."""

    node: float
    readers: float
    node_mb: float
    readers_mb: float
    per_s: float


class Load:
    """Records at a steady pace, as one stream."""

    def __init__(self, node: NodeProcess, per_s: int) -> None:
        self._node, self._per_s = node, per_s
        self.sent_at: list[float] = []
        """When each record was sent; it becomes the entry of the same index."""

    async def run(self) -> None:
        """Submit until cancelled."""
        place = urlsplit(self._node.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        head = (
            "POST /v1/records HTTP/1.1\r\nhost: node\r\ncontent-type: application/x-ndjson\r\n"
            f"authorization: Bearer {self._node.token}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        writer.write(head.encode())
        reading = asyncio.create_task(_read_all(reader))
        began = time.monotonic()
        try:
            while True:
                due = int((time.monotonic() - began) * self._per_s) - len(self.sent_at)
                if due > 0:
                    body = b"".join(self._record() for _ in range(due))
                    writer.write(b"%x\r\n%s\r\n" % (len(body), body))
                    await writer.drain()
                await asyncio.sleep(CHUNK_S)
        finally:
            reading.cancel()
            writer.close()

    def _record(self) -> bytes:
        self.sent_at.append(time.monotonic())
        now = time.time_ns() // 1_000_000
        name = f"P{now}-{len(self.sent_at)}"
        fields = {"amount": 10_000, "captured_at": now, "channel": "wechat", "currency": "CNY"}
        names = {"id": f"c{name}", "order": f"O{name}", "payment": name}
        whole = {"at": now, "type": "payment.captured", **fields, **names}
        return canonical.encode(whole) + b"\n"


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


@contextmanager
def network(folder: Path) -> Iterator[NodeProcess]:
    """Run four nodes; give the one that is watched."""
    found = found_network(folder / "net", "feed", parse_parties(PARTIES), 3)
    for node in found.nodes:
        node.start()
    try:
        for node in found.nodes:
            _await_ready(node.url)
        yield found.node(WATCHED)
    finally:
        stop_all(found.nodes)


def _await_ready(url: str) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"no node is ready at {url}")


def usage(pid: int) -> Usage:
    """Return what a process has used until now."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    resident_kb = int(status.partition("VmRSS:")[2].split()[0])
    return Usage(cpu_s, resident_kb / 1024)


def readers_of(pid: int) -> int:
    """Return the process that reads for a node."""
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    for each in listed.stdout.split():
        if b"resource_tracker" not in Path(f"/proc/{each}/cmdline").read_bytes():
            return int(each)
    raise RuntimeError("the node has no readers")


async def _stretch(pids: tuple[int, int], load: Load, seconds: float) -> Stretch:
    await asyncio.sleep(SETTLE_S)
    before, sent, began = [usage(pid) for pid in pids], len(load.sent_at), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    after = [usage(pid) for pid in pids]
    node, readers = (
        100 * (later.cpu_s - earlier.cpu_s) / took
        for earlier, later in zip(before, after, strict=True)
    )
    return Stretch(
        node, readers, after[0].memory_mb, after[1].memory_mb, (len(load.sent_at) - sent) / took
    )


async def measure(
    node: NodeProcess, pages: int, pace: tuple[int, float], renewing: bool
) -> tuple[list[Stretch], OpenPages]:
    """Measure three stretches of one run: without pages, with them, without them."""
    per_s, seconds = pace
    tokens = load_home(node.home).tokens
    secrets = [
        tokens.create(f"page {number}", ("read",), 0)[1]
        for number in range(-(-pages // FEEDS_PER_TOKEN))
    ]
    asks = {"authorization": f"Bearer {secrets[0]}", "accept": "text/html"}
    httpx.get(f"{node.url}/", headers=asks, timeout=READY_S)  # has the readers load what they need
    pids, load = (node.pid, readers_of(node.pid)), Load(node, per_s)
    seen = OpenPages(load.sent_at, renewing)
    loading = asyncio.create_task(load.run())
    found = [await _stretch(pids, load, seconds)]
    opened = []
    for number in range(pages):  # not all at once: connections are strangers' until they ask
        token = secrets[number % len(secrets)]
        opened.append(asyncio.create_task(seen.open(node.url, token, number)))
        await asyncio.sleep(OPEN_S)
    deadline = time.monotonic() + READY_S
    while seen.opened < pages and time.monotonic() < deadline:
        await asyncio.sleep(OPEN_S)
    found.append(await _stretch(pids, load, seconds))
    for task in (each for each in opened if each.done()):
        task.result()  # raises: a page was not held open
    for task in opened:
        task.cancel()
    await asyncio.gather(*opened, return_exceptions=True)
    found.append(await _stretch(pids, load, seconds))
    loading.cancel()
    return found, seen


def main(words: list[str]) -> None:
    """Print the three stretches, and what the pages cost."""
    renewing = "--pages" in words
    numbers = [int(word) for word in words if word != "--pages"]
    pages, per_s, seconds = numbers + [200, 1000, 20][len(numbers) :]
    with TemporaryDirectory() as folder, network(Path(folder)) as node:
        found, seen = asyncio.run(measure(node, pages, (per_s, seconds), renewing))
    for name, each in zip(("without", f"{pages} pages", "without"), found, strict=True):
        print(
            f"{name:12} {each.per_s:6.0f} records/s   node {each.node:5.1f} % of a core, "
            f"{each.node_mb:4.0f} MB   readers {each.readers:5.1f} %, {each.readers_mb:4.0f} MB"
        )
    calm, busy, again = found
    cost = busy.node + busy.readers - (calm.node + calm.readers + again.node + again.readers) / 2
    grown = busy.readers_mb - calm.readers_mb + 2 * busy.node_mb - calm.node_mb - again.node_mb
    print(f"the pages cost {cost:.1f} % of a core and {grown:.0f} MB together")
    if len(seen.gaps_s) > 1:
        gaps, ages = (statistics.quantiles(each, n=20) for each in (seen.gaps_s, seen.ages_s))
        print(
            f"a page heard news every {gaps[9]:.2f} s (p95 {gaps[-1]:.2f}); the oldest of it had "
            f"been submitted {ages[9]:.2f} s before (p95 {ages[-1]:.2f})"
        )
    if len(seen.loads_s) > 1:
        took = statistics.quantiles(seen.loads_s, n=20)
        print(
            f"{len(seen.loads_s)} renewals, {seen.refused} refused, "
            f"{seen.loaded_bytes / len(seen.loads_s):,.0f} bytes each, "
            f"loaded in {took[9] * 1000:.0f} ms (p95 {took[-1] * 1000:.0f})"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
