"""A consortium under steady load while its nodes are killed in turn: what clients see, and lose.

Run with ``python -m benchmarks.soak [--kills 30] [--every 60] [--rate 1200] [--json FILE] [--html
FILE]``: four node processes on loopback, open-loop load as :mod:`cli.bench.open_loop` has it, and
every so many seconds one of them is killed (kill -9) and started again. Then, without other load,
one is killed, records are made final without it, and it is started to catch up.

At the end all nodes must hold the same log, its signatures are verified, and every record that
was answered with ``final`` must be in it. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.soak_report import say_round, words, written
from cli.bench import in_process
from cli.bench.latency import latencies
from cli.bench.load import captures
from cli.bench.machine import machine
from cli.bench.open_loop import TAKEN, Arrival, OpenLoop, Sent, schedule
from cli.bench.rates import arrivals, register
from cli.bench.real import INSTITUTION, started, upload
from cli.client import Client
from cli.errors import CheckFailed
from demo.stage.network import LocalNetwork, found_network
from demo.stage.observer import Observer
from demo.stage.processes import NodeProcess, stop_all
from ledger.verify import verify_log

VICTIMS = ("funder", "platform", "auditor", "institution")
"""Who is killed, in turn; the clients of the second and the last are cut off with it."""
KILLED_AT, DOWN = 1 / 4, 1 / 6
"""After which part of a round a node is killed, and for which part it is down."""
TENTH = 10
"""Parts of a second in which final records are counted."""
BEFORE_S = 5
ENOUGH = 0.7
NEAR = 2000
"""A node that lacks no more entries than these while others go on has caught up."""
POLL_S = 0.2
STEP_S = 10
CAUGHT_UP_S = 300.0
STREAM_RECORDS = 50_000
_IDS = re.compile(rb"(?:cap|ins)-[0-9]{8}")


class Down(NamedTuple):
    """A node that was killed: when, and when it was started, in seconds of the whole run.

    ``lacked`` is how many entries it lacked when it was started, ``caught_up_s`` how long it took
    from then until it lacked next to none, and ``per_s`` how many it took a second meanwhile.
    """

    party: str
    killed_s: float
    started_s: float
    answered_s: float
    lacked: int
    caught_up_s: float
    per_s: int


class Soak:
    """One run.

    Args:
        network: A consortium whose nodes run.
        observer: Reads their status.
        rate: Records a second.
        every_s: How long a round is.
    """

    def __init__(self, network: LocalNetwork, observer: Observer, rate: int, every_s: int) -> None:
        self._network, self._observer = network, observer
        self._rate, self._every_s = rate, every_s
        self._began = time.perf_counter()
        self.finals: dict[int, int] = {}
        """Final records, by tenth of a second of their answer."""
        self.taken: dict[int, list[float]] = {}
        """Latencies in ms of what was taken, by the step in which it was to arrive."""
        self.outcomes: dict[str, int] = {}
        self.accepted: set[str] = set()
        """Ids of records that were answered with ``final``."""
        self.downs: list[Down] = []
        self.memory: list[dict[str, int]] = []

    async def round(self, number: int) -> None:
        """Load the nodes for a while, in which one of them is killed and started again."""
        times = schedule(self._rate, self._every_s, seed=number)
        first = number * (self._rate * self._every_s // 2 + 1)
        load = list(arrivals(self._network, times, first))
        begins_s = self._now()
        node = self._network.node(VICTIMS[number % len(VICTIMS)])
        try:
            async with asyncio.TaskGroup() as group:
                loading = group.create_task(OpenLoop().run(load))
                down = group.create_task(self._kill(node))
        except* CheckFailed as failed:
            raise failed.exceptions[0] from None
        self._count(load, loading.result(), begins_s, first)
        self.downs.append(down.result())
        for each in self._network.nodes:
            each.refuse_dead()
        self.memory.append({each.party: each.memory_bytes() for each in self._network.nodes})

    async def _kill(self, node: NodeProcess) -> Down:
        await asyncio.sleep(KILLED_AT * self._every_s)
        status = await self._observer.status(node.party) or {"size": 0}
        killed_s = self._now()
        node.kill()
        await asyncio.sleep(DOWN * self._every_s)
        return await self.caught_up(node, killed_s, status["size"])

    async def caught_up(self, node: NodeProcess, killed_s: float, size: int) -> Down:
        """Start a node that had so many entries, and wait until it lacks next to none."""
        lacked = await self._largest() - size
        started_s, answered_s = self._now(), 0.0
        node.start()
        while self._now() < started_s + CAUGHT_UP_S:
            node.refuse_dead()
            status = await self._observer.status(node.party)
            if status is not None:
                answered_s = answered_s or self._now() - started_s
                if await self._largest() - status["size"] <= NEAR:
                    took_s = self._now() - started_s
                    per_s = round((status["size"] - size) / took_s)
                    times = (killed_s, started_s, answered_s)
                    return Down(node.party, *times, lacked, took_s, per_s)
            await asyncio.sleep(POLL_S)
        raise CheckFailed("stalled", f"the node of {node.party} did not catch up")

    async def _largest(self) -> int:
        found = await self._observer.statuses()
        return max((status["size"] for status in found.values() if status), default=0)

    def _count(
        self, load: Iterable[Arrival], sent: Iterable[Sent], begins_s: float, first: int
    ) -> None:
        """Count what became of a round's records."""
        ids = {
            each.at_s: f"{('cap', 'ins')[number % 2]}-{first + number // 2:08d}"
            for number, each in enumerate(load)
        }
        for each in sent:
            self.outcomes[each.outcome] = self.outcomes.get(each.outcome, 0) + 1
            if each.outcome == "final":
                tenth = int((begins_s + each.ended_s) * TENTH)
                self.finals[tenth] = self.finals.get(tenth, 0) + 1
                self.accepted.add(ids[each.at_s])
            if each.outcome in TAKEN:
                step = int((begins_s + each.at_s) / STEP_S)
                self.taken.setdefault(step, []).append((each.ended_s - each.at_s) * 1000)

    async def catch_up(self, records: int) -> dict[str, Any]:
        """Have a node lack so many records, and return how fast it catches up without load."""
        await self._observer.until_equal()
        node = self._network.node("auditor")
        size, killed_s = await self._largest(), self._now()
        node.kill()
        institution = self._network.node(INSTITUTION)
        for first in range(0, records, STREAM_RECORDS):  # httpx reads nothing while it sends
            count = min(STREAM_RECORDS, records - first)
            await upload(institution, b"\n".join(captures(90_000_000 + first, count)))
        deadline_s = self._now() + CAUGHT_UP_S
        while await self._largest() < size + records:
            if self._now() > deadline_s:
                raise CheckFailed("stalled", "the other nodes did not make the records final")
            await asyncio.sleep(POLL_S)
        return (await self.caught_up(node, killed_s, size))._asdict()

    def recovery(self, down: Down) -> dict[str, Any]:
        """Return what a kill did to those who were not cut off.

        ``recovered_s`` is when the second began in which they had at least 70 % of the records
        that they had in a second before, counted from the kill; it is −1 if they had not before
        the node was started again. ``silent_s`` is the longest stretch without a final record
        until then.
        """
        killed, up = int(down.killed_s * TENTH), int(down.started_s * TENTH)
        clients = 0.5 if down.party in (INSTITUTION, "platform") else 1.0
        before = int(min(BEFORE_S, KILLED_AT * self._every_s) * TENTH)
        enough = max(1.0, ENOUGH * clients * self._finals(killed - before, killed) * TENTH / before)
        found = (
            tenth
            for tenth in range(killed, up - TENTH + 1)
            if self._finals(tenth, tenth + TENTH) >= enough
        )
        silent = longest = 0
        for tenth in range(killed, up):
            silent = 0 if self.finals.get(tenth) else silent + 1
            longest = max(longest, silent)
        recovered = next(found, None)
        recovered_s = -1.0 if recovered is None else (recovered - killed) / TENTH
        return {"recovered_s": recovered_s, "silent_s": longest / TENTH}

    def _finals(self, begin: int, end: int) -> int:
        return sum(self.finals.get(tenth, 0) for tenth in range(begin, end))

    def results(self) -> dict[str, Any]:
        """Return what was measured."""
        steps = range(max(self.taken, default=0) + 1)
        return {
            "rate": self._rate,
            "every_s": self._every_s,
            "outcomes": self.outcomes,
            "latency_ms": latencies([ms for each in self.taken.values() for ms in each]),
            "by_step": [
                {
                    "at_s": step * STEP_S,
                    "final_per_s": self._finals(step * STEP_S * TENTH, (step + 1) * STEP_S * TENTH)
                    / STEP_S,
                    **latencies(self.taken[step]),
                }
                for step in steps
                if step in self.taken
            ],
            "downs": [{**each._asdict(), **self.recovery(each)} for each in self.downs],
            "memory_bytes": self.memory,
        }

    def _now(self) -> float:
        return time.perf_counter() - self._began


def checked(network: LocalNetwork, accepted: set[str], log: Path) -> Mapping[str, int]:
    """Verify the log that a node exports, and that it has every accepted record.

    Raises:
        CheckFailed: ``lost``, or what is wrong with the log.
    """
    node = network.nodes[-1]
    with log.open("wb") as file:
        for line in Client(node.url, node.token).stream_lines("/v1/log", start=1):
            file.write(line + b"\n")
    with log.open("rb") as exported:
        verified = verify_log(exported, network.genesis, replay=True)
    if not accepted:
        raise CheckFailed("lost", "no record was answered with final")
    missing = set(accepted)
    with log.open("rb") as exported:
        for line in exported:
            missing.difference_update(each.decode() for each in _IDS.findall(line))
    if missing:
        raise CheckFailed("lost", f"{len(missing)} accepted records are in no log: {missing}"[:500])
    return {"entries": verified.entries, "accepted": len(accepted)}


def folder_bytes(folder: Path) -> int:
    """Return what a folder takes on the disk."""
    return sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())


async def measure(network: LocalNetwork, given: argparse.Namespace, log: Path) -> dict[str, Any]:
    """Play all rounds, then the catching up, and check the end."""
    async with started(network) as observer:
        await register(network)
        soak = Soak(network, observer, given.rate, given.every)
        for number in range(given.kills):
            await soak.round(number)
            say_round(soak.results(), given.kills)
        lag = await soak.catch_up(given.lacking) if given.lacking else {}
        equal = await observer.until_equal()
        for node in network.nodes:
            node.refuse_dead()
        if refused := soak.outcomes.get("refused"):
            raise CheckFailed("refused", f"{refused} records were refused")
        end = await asyncio.to_thread(checked, network, soak.accepted, log)
        size = {node.party: folder_bytes(node.home) for node in network.nodes}
        return {
            "machine": machine(),
            **soak.results(),
            "catch_up": lag,
            "end": {**end, "log_bytes": log.stat().st_size, "home_bytes": size},
            "roots": {party: status["root"] for party, status in equal.items()},
        }


def main() -> None:
    """Run it, and write what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--every", type=int, default=60, help="seconds from one to the next")
    parser.add_argument("--rate", type=int, default=1200, help="records a second")
    parser.add_argument("--lacking", type=int, default=200_000, help="records to catch up at last")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tongzhang-soak-") as folder:
        parties = list(in_process.PARTIES.items())
        network = found_network(Path(folder) / "net", "soak", parties, in_process.QUORUM)
        try:
            found = asyncio.run(measure(network, given, Path(folder) / "log.ndjson"))
        except CheckFailed as error:
            sys.exit(f"error: {error}")
        finally:
            stop_all(network.nodes)
    for line in words(found):
        print(line)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if given.html:
        given.html.write_bytes(written(found))


if __name__ == "__main__":
    main()
