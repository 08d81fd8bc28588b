"""Four real nodes on which attacks are played one after the other, each against fresh processes."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.attacks.attack import MEMORY_KEPT_MB_MAX, Attack, Cost, Target
from benchmarks.attacks.honest import Clients, Probe, Served, come_back, new_records
from benchmarks.attacks.relay import Relay
from benchmarks.attacks.table import ATTACKS
from benchmarks.attacks.wire import Wire, request
from cli.bench.load import captures, instructions, registrations
from cli.client import NDJSON
from cli.demo.observer import Observer
from cli.demo.screen import Screen
from cli.errors import CheckFailed
from cli.network import HOST, Network
from cli.processes import free_ports, stop_all
from ledger.genesis import Role
from node.home import CONFIG
from node.peers import frame_bytes_max

PARTIES: list[tuple[str, Role]] = [
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("auditor", "auditor"),
]
QUORUM = 3
ATTACKED, DIALLER = "institution", "platform"
DELAY_S = 0.075
WINDOW_S_MIN = 2.0
POLL_S = 0.1
MB = 1024 * 1024


class Field:
    """The nodes, and what is played on them.

    Args:
        network: A consortium whose nodes are not started.
        small: Whether everything is played in small.
        say: Told what happens.
    """

    def __init__(self, network: Network, *, small: bool, say: Callable[[str], None]) -> None:
        self._network = network
        self._small = small
        self._say = say
        self._attacked = network.node(ATTACKED)
        url = urlsplit(self._attacked.url)
        self._port = url.port or 0
        self._records = new_records()
        self._relay_port = free_ports(1)[0]
        self._direct = (network.node(DIALLER).home / CONFIG).read_text("utf-8")

    async def fill(self, records: int) -> None:
        """Give the ledger something to read."""
        self._say(f"filling the ledger with {records:,} records")
        async with self._running() as _:
            await self._post(ATTACKED, registrations())
            await self._post(ATTACKED, captures(0, records // 2))
            await self._post(DIALLER, instructions(0, records // 2))

    async def play(self, attack: Attack) -> Cost:
        """Play one attack against nodes that have just started; return what it cost.

        Raises:
            CheckFailed: a node ended, or the nodes did not get ready.
        """
        size, seconds = attack.size[self._small], attack.seconds[self._small]
        self._say(f"{attack.name}: {size} {attack.sentence}, {seconds:g} s")
        relay = Relay(HOST, self._port, DELAY_S)
        try:
            if attack.cuts:
                await relay.open(self._relay_port)
            async with self._running(through=self._relay_port if attack.cuts else 0) as observer:
                return await self._measure(attack, observer, relay)
        finally:
            await relay.close()

    async def _measure(self, attack: Attack, observer: Observer, relay: Relay) -> Cost:
        seconds = attack.seconds[self._small]
        target = Target(
            HOST,
            self._port,
            self._attacked.token,
            frame_bytes_max(self._network.genesis),
            seconds,
        )
        clients = Clients(HOST, self._port, self._attacked.token, self._records)
        watch = Watch(self._attacked.pid, observer, Probe(HOST, self._port))
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as attacker:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(attacker, abs, 0)  # it has started before anything counts
            async with watch:
                clients.start()
                calm = await self._calm(clients)
                before = await watch.begin(relay)
                coming = asyncio.create_task(come_back(relay, watch.connected))
                if not attack.cuts:
                    coming.cancel()
                began = time.monotonic()
                done = await loop.run_in_executor(
                    attacker, strike, attack.name, target, attack.size[self._small]
                )
                await asyncio.sleep(max(0.0, WINDOW_S_MIN - (time.monotonic() - began)))
                coming.cancel()
                served = clients.since(began)
                after = await watch.end(relay, before)
                await clients.stop()
                kept = await watch.memory_kept(before["memory"], 4 if self._small else 10)
        return _cost((calm, served), (before, after), kept, done)

    async def _calm(self, clients: Clients) -> Served:
        await asyncio.sleep(1.0)
        began = time.monotonic()
        await asyncio.sleep(2.0 if self._small else 5.0)
        return clients.since(began)

    @contextlib.asynccontextmanager
    async def _running(self, *, through: int = 0) -> AsyncIterator[Observer]:
        """Start the nodes and stop them; the dialler goes through a port if one is named."""
        nodes = self._network.nodes
        text = self._direct
        if through:
            text = text.replace(f":{self._port}/peer", f":{through}/peer")
        (self._network.node(DIALLER).home / CONFIG).write_text(text, "utf-8")
        observer = Observer(nodes, Screen.silent())
        try:
            for node in nodes:
                node.start("--fast-start")
            await asyncio.gather(*(observer.until_ready(node.party) for node in nodes))
            await _until_linked(observer, len(nodes) - 1)
            yield observer
        finally:
            await observer.close()
            stop_all(nodes)

    async def _post(self, party: str, records: list[bytes]) -> None:
        node = self._network.node(party)
        wire = await Wire.open(HOST, urlsplit(node.url).port or 0)
        body = b"\n".join(records)
        sent = request("POST", "/v1/records", node.token, body, content_type=NDJSON)
        answer = await wire.ask(sent)
        wire.close()
        if answer.status != 200 or b'"refused"' in answer.body:
            raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))


class Watch:
    """Looks at the attacked node while it is attacked.

    Args:
        pid: Its process.
        observer: Reads its status.
        probe: Asks whether it answers.
    """

    def __init__(self, pid: int, observer: Observer, probe: Probe) -> None:
        self._pid = pid
        self._observer = observer
        self._probe = probe
        self._peak = 0.0
        self._linked = True
        self._jobs: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Watch:
        self._jobs = [
            asyncio.create_task(job)
            for job in (self._probe.run(), self._weigh(), self._look_at_link())
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def connected(self) -> bool:
        """Whether the dialler said lately that its link to the attacked node is up."""
        return self._linked

    async def begin(self, relay: Relay) -> dict[str, Any]:
        """Count from now on; return where everything stands."""
        self._probe.begin()
        self._peak = memory_mb(self._pid)
        return await self._stand(relay)

    async def end(self, relay: Relay, before: dict[str, Any]) -> dict[str, Any]:
        """Return where everything stands, once the last handshake has had its time.

        A node that does not tell is taken to stand where it stood before.
        """
        peak, stall_s = self._peak, self._probe.longest_s()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while not self._linked:
                    await asyncio.sleep(POLL_S)
        try:
            stand = await self._stand(relay)
        except CheckFailed:
            stand, stall_s = before, max(stall_s, self._probe.longest_s())
        return {**stand, "peak": max(peak, self._peak), "stall_s": stall_s}

    async def memory_kept(self, before: float, seconds: float) -> float:
        """Return how much more memory than before is held, once it has had time to go back."""
        kept = memory_mb(self._pid) - before
        deadline = time.monotonic() + seconds
        while kept > MEMORY_KEPT_MB_MAX / 3 and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            kept = min(kept, memory_mb(self._pid) - before)
        return kept

    async def _stand(self, relay: Relay) -> dict[str, Any]:
        attacked = await self._status(ATTACKED)
        dialler = await self._status(DIALLER)
        others = {name: link for name, link in attacked["peers"].items() if name != DIALLER}
        return {
            "memory": memory_mb(self._pid),
            "height": attacked["height"],
            "slot": attacked["final_slot"],
            "links": sum(link["connects"] - link["connected"] for link in others.values()),
            "handshakes": dialler["peers"][ATTACKED]["connects"],
            "dialled": relay.dialled,
        }

    async def _status(self, party: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            status = await self._observer.status(party)
            if status is not None:
                return status
            await asyncio.sleep(POLL_S)
        raise CheckFailed("unreachable", f"the node of {party} does not tell its status")

    async def _weigh(self) -> None:
        while True:
            self._peak = max(self._peak, memory_mb(self._pid))
            await asyncio.sleep(POLL_S)

    async def _look_at_link(self) -> None:
        while True:
            status = await self._observer.status(DIALLER)
            self._linked = status is not None and status["peers"][ATTACKED]["connected"]
            await asyncio.sleep(POLL_S)


def strike(name: str, target: Target, size: int) -> dict[str, int]:
    """Play an attack; this runs in a process of its own."""

    async def played() -> Counter[str]:
        return await ATTACKS[name].strike(target, size)

    return dict(asyncio.run(played()))


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and of those that it has started, in MB."""
    sizes, parents = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            said = dict(
                line.split(":", 1)
                for line in (folder / "status").read_text("ascii", "replace").splitlines()
                if line.startswith(("PPid:", "VmRSS:"))
            )
            parents[int(folder.name)] = int(said["PPid"])
            sizes[int(folder.name)] = int(said.get("VmRSS", "0 kB").split()[0])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes.get(member, 0) for member in family) * 1024 / MB


async def _until_linked(observer: Observer, peers: int) -> None:
    """Wait until every node is connected to every other: a quorum alone is not all of them."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        statuses = (await observer.statuses()).values()
        linked = [
            sum(link["connected"] for link in status["peers"].values())
            for status in statuses
            if status is not None
        ]
        if linked == [peers] * (peers + 1):
            return
        await asyncio.sleep(POLL_S)
    raise CheckFailed("not-ready", "the nodes did not all connect to each other")


def _cost(
    served: tuple[Served, Served],
    stands: tuple[dict[str, Any], dict[str, Any]],
    kept: float,
    done: dict[str, int],
) -> Cost:
    calm, attacked = served
    before, after = stands
    blocks, slots = (after[key] - before[key] for key in ("height", "slot"))
    handshakes = after["dialled"] - before["dialled"]
    return Cost(
        memory_calm_mb=round(before["memory"], 1),
        memory_peak_mb=round(after["peak"], 1),
        memory_kept_mb=round(kept, 1),
        calm_per_s=round(calm.per_s, 1),
        per_s=round(attacked.per_s, 1),
        calm_p50_ms=calm.p50_ms,
        p50_ms=attacked.p50_ms,
        calm_p95_ms=calm.p95_ms,
        p95_ms=attacked.p95_ms,
        stall_s=round(after["stall_s"], 2),
        blocks=blocks,
        slots_skipped=max(0, slots - blocks),
        links_lost=after["links"] - before["links"],
        handshakes=handshakes,
        handshakes_failed=handshakes - (after["handshakes"] - before["handshakes"]),
        submissions_failed=attacked.failed,
        done=done,
    )
