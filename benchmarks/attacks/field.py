"""Four real nodes on which attacks are played one after the other.

Each attack finds processes that have just started; in small they stay while they can.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from benchmarks.attacks.attack import Attack, Cost, Target, mean
from benchmarks.attacks.control import share_since, stay_busy
from benchmarks.attacks.honest import (
    NOTHING,
    Clients,
    Probe,
    Served,
    Stretch,
    come_back,
    new_records,
)
from benchmarks.attacks.relay import Relay
from benchmarks.attacks.table import ATTACKS
from benchmarks.attacks.watch import ATTACKED, DIALLER, POLL_S, Watch
from benchmarks.attacks.wire import Wire, request
from cli.bench.load import captures, instructions, registrations
from cli.client import NDJSON
from cli.errors import CheckFailed
from demo.stage.network import HOST, LocalNetwork
from demo.stage.observer import Observer
from demo.stage.processes import free_ports, stop_all
from demo.stage.screen import Screen
from ledger.genesis import Role
from node.home.home import CONFIG
from node.peers.links import frame_bytes_max

PARTIES: list[tuple[str, Role]] = [
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("auditor", "auditor"),
]
QUORUM = 3

DELAY_S = 0.075
WINDOW_S_MIN = 2.0
CHECK_S_MAX = 120.0
_SPAWN = multiprocessing.get_context("spawn")


class Field:
    """The nodes, and what is played on them.

    Args:
        network: A consortium whose nodes are not started.
        small: Whether everything is played in small.
        say: Told what happens.
    """

    def __init__(self, network: LocalNetwork, *, small: bool, say: Callable[[str], None]) -> None:
        self._network = network
        self._small = small
        self._say = say
        self._attacked = network.node(ATTACKED)
        url = urlsplit(self._attacked.url)
        self._port = url.port or 0
        self._records = new_records()
        self._relay_port = free_ports(1)[0]
        self._relay = Relay(HOST, self._port, DELAY_S)
        self._observer: Observer | None = None
        self._cuts, self._insider, self._usable = False, False, small
        self._direct = (network.node(DIALLER).home / CONFIG).read_text("utf-8")

    async def fill(self, records: int) -> None:
        """Give the ledger something to read."""
        self._say(f"filling the ledger with {records:,} records")
        await self._start(cuts=False, insider=False)
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
        as_they_are = (attack.cuts, attack.insider) == (self._cuts, self._insider)
        if not self._usable or not as_they_are:
            await self.stop()
            await self._start(cuts=attack.cuts, insider=attack.insider)
            await self._until_checked()
        costs: list[Cost] = []
        for _ in range(attack.turns):
            share = costs[-1].attacker_share if attack.insider and costs else 0.0
            costs.append(await self._measure(attack, share))
        cost = mean(costs)
        self._usable = self._small and not attack.insider and not attack.broken(cost)
        return cost

    async def stop(self) -> None:
        """Stop whatever runs."""
        await self._relay.close()
        if self._observer is not None:
            await self._observer.close()
        stop_all(self._network.nodes)

    async def _measure(self, attack: Attack, share: float) -> Cost:
        """Play one turn: calm, the control if the attack's ``share`` is known, and the attack."""
        assert self._observer is not None  # it was started
        relay, seconds = self._relay, attack.seconds[self._small]
        target = Target(
            HOST,
            self._port,
            self._attacked.token,
            frame_bytes_max(self._network.genesis),
            seconds,
            str(self._network.node(DIALLER).home),
        )
        clients = Clients(HOST, self._port, self._attacked.token, self._records)
        probe = Probe(HOST, self._port)
        watch = Watch(self._attacked.pid, self._observer, probe, honest=not attack.insider)
        low = (attack.insider,)  # it would be on a machine of its own
        with ProcessPoolExecutor(1, _SPAWN, begin_attacker, low) as attacker:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(attacker, abs, 0)  # it has started before anything counts
            async with watch:
                clients.start()
                calm = await self._calm(clients)
                control, control_share = NOTHING, 0.0
                if share:
                    stretch = Stretch(clients, self._pids())
                    control_share = await loop.run_in_executor(
                        attacker, stay_busy, share, attack.turns * seconds
                    )
                    control = stretch.end()
                before = await watch.begin(relay)
                coming = asyncio.create_task(come_back(relay, watch.link))
                if not attack.cuts:
                    coming.cancel()
                stretch = Stretch(clients, self._pids())
                attacker_share, done = await loop.run_in_executor(
                    attacker, strike, attack.name, target, attack.size[self._small]
                )
                await asyncio.sleep(max(0.0, WINDOW_S_MIN - stretch.seconds()))
                coming.cancel()
                served = stretch.end()
                after = await watch.end(relay, before)
                await clients.stop()
                kept = await watch.memory_kept(before["memory"], 4 if self._small else 10)
        shares = control_share, attacker_share
        return _cost((calm, control, served), shares, (before, after), kept, done)

    async def _calm(self, clients: Clients) -> Served:
        await asyncio.sleep(1.0)
        stretch = Stretch(clients, self._pids())
        await asyncio.sleep(2.0 if self._small else 5.0)
        return stretch.end()

    def _pids(self) -> list[int]:
        return [node.pid for node in self._network.nodes if node.alive]

    async def _start(self, *, cuts: bool, insider: bool) -> None:
        """Start the nodes; with ``cuts`` the dialler goes through the relay.

        With an ``insider`` the dialler is not started: its key is in other hands.
        """
        nodes, text = list(self._network.nodes), self._direct
        if insider:
            nodes.remove(self._network.node(DIALLER))
        self._cuts, self._relay = cuts, Relay(HOST, self._port, DELAY_S)
        self._insider = insider
        if cuts:
            await self._relay.open(self._relay_port)
            text = text.replace(f":{self._port}/peer", f":{self._relay_port}/peer")
        (self._network.node(DIALLER).home / CONFIG).write_text(text, "utf-8")
        for node in nodes:
            node.start()
        self._observer = observer = Observer(nodes, Screen.silent())
        await asyncio.gather(*(observer.until_ready(node.party) for node in nodes))
        await _until_linked(observer, len(nodes) - 1)

    async def _until_checked(self) -> None:
        """Wait until the checks beside the nodes have ended: what they take is no attack's."""
        assert self._observer is not None  # it was started
        deadline = time.monotonic() + CHECK_S_MAX
        while time.monotonic() < deadline:
            statuses = (await self._observer.statuses()).values()
            if all(each and each["check"]["state"] == "clean" for each in statuses):
                return
            await asyncio.sleep(POLL_S)
        raise CheckFailed("not-ready", "the checks beside the nodes did not end clean")

    async def _post(self, party: str, records: list[bytes]) -> None:
        node = self._network.node(party)
        wire = await Wire.open(HOST, urlsplit(node.url).port or 0)
        body = b"\n".join(records)
        sent = request("POST", "/v1/records", node.token, body, content_type=NDJSON)
        answer = await wire.ask(sent)
        wire.close()
        if answer.status != 200 or b'"refused"' in answer.body:
            raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))


def begin_attacker(low: bool) -> None:
    """Let this process, which attacks, end with the one that started it, however that ends.

    With ``low`` its priority is a low one.
    """
    if low:
        os.nice(10)

    def wait() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def strike(name: str, target: Target, size: int) -> tuple[float, dict[str, int]]:
    """Play an attack; this runs in a process of its own.

    Return the share of one processor that it had, and what it says of itself.
    """

    async def played() -> Counter[str]:
        return await ATTACKS[name].strike(target, size)

    began_s, spent_s = time.monotonic(), time.process_time()
    done = dict(asyncio.run(played()))
    return share_since(began_s, spent_s), done


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
    served: tuple[Served, Served, Served],
    shares: tuple[float, float],
    stands: tuple[dict[str, Any], dict[str, Any]],
    kept: float,
    done: dict[str, int],
) -> Cost:
    calm, control, attacked = served
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
        honest_convicted=after["convicted"],
        done=done,
        control_per_s=round(control.per_s, 1),
        control_share=round(shares[0], 3),
        attacker_share=round(shares[1], 3),
        calm_node_ms=round(calm.node_ms, 3),
        control_node_ms=round(control.node_ms, 3),
        node_ms=round(attacked.node_ms, 3),
    )
