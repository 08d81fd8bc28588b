"""Tongzhang itself: four real node processes, fed over HTTP as in production."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from benchmarks.peers.stream import Stated, Stream
from benchmarks.peers.system import Nature, System, Waited, closed_loop, until_all
from cli.bench.connection import KeptConnection, get, post
from cli.bench.in_process import PARTIES, QUORUM
from cli.bench.rates import PATH, address
from cli.bench.real import INSTITUTION, PLATFORM, started
from cli.client import NDJSON
from cli.errors import CheckFailed
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from ledger.genesis import Role


class Tongzhang(System):
    """A consortium of four with a quorum of three, tolerating a liar."""

    name = "tongzhang"
    title = "Tongzhang"
    nodes = 4
    nature = Nature(
        signs="each party signs pages of its records, every node checks them, votes are signed",
        executes="the contracts of splits: limits, sums, balances and postings; refusals by reason",
        syncs="every node syncs every vote and every block before it counts",
        bulk="two streams of lines, to two nodes",
        waits="a request a record over HTTP, answered when it is final",
    )

    parties: Mapping[str, Role] = PARTIES
    quorum = QUORUM
    _network: LocalNetwork
    _connections: list[KeptConnection]

    async def start(self) -> None:
        """Found the consortium, start its nodes and register the receivers."""
        parties = list(self.parties.items())
        self._connections = []
        self._network = found_network(self.folder / "net", "bench", parties, self.quorum)
        async with started(self._network) as observer:
            await observer.until_equal()
        await self._post(self._network.node(INSTITUTION), Stream().first(), wait="final")

    async def stop(self) -> None:
        """Close what is open, and stop the nodes."""
        if hasattr(self, "_network"):
            for each in self._connections:
                each.close()
            stop_all(self._network.nodes)

    def refuse_dead(self) -> None:
        """Return if every node runs."""
        for node in self._network.nodes:
            node.refuse_dead()

    @property
    def pids(self) -> Sequence[int]:
        """The nodes; the processes that read for them are their children."""
        return [node.pid for node in self._network.nodes]

    async def bulk(self, stream: Stream, count: int) -> float:
        """Load captures and instructions at the same time, as two streams."""
        loads = dict(zip((INSTITUTION, PLATFORM), stream.bulk(count), strict=True))
        goal = await self._size() + sum(map(len, loads.values()))
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for party, records in loads.items():
                group.create_task(self._post(self._network.node(party), records, wait="queued"))
            group.create_task(until_all(self._size, goal))
        return asyncio.get_running_loop().time() - began

    async def wait(self, stream: Stream, clients: int, seconds: float) -> Waited:
        """Let clients wait: half of them at one node, half at the other."""
        ways = zip((INSTITUTION, PLATFORM), stream.endless(), strict=True)
        nodes = [(self._network.node(party), records) for party, records in ways]
        asks = [await self._client(*nodes[number % 2]) for number in range(clients)]
        return await closed_loop(asks, seconds)

    async def _client(
        self, node: NodeProcess, records: Iterator[Stated]
    ) -> Callable[[], Awaitable[None]]:
        connection = await KeptConnection.open(*address(node.url))
        self._connections.append(connection)

        async def ask() -> None:
            request = post(PATH, next(records).raw, "application/json", node.token)
            answer = await connection.ask(request)
            if answer.status != 200:
                raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))

        return ask

    async def _post(self, node: NodeProcess, records: Sequence[Stated], *, wait: str) -> None:
        connection = await KeptConnection.open(*address(node.url))
        body = b"\n".join(each.raw for each in records)
        answer = await connection.ask(post(f"{PATH}?wait={wait}", body, NDJSON, node.token))
        connection.close()
        if answer.status != 200 or b'"state":"refused"' in answer.body:
            raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))

    async def _size(self) -> int:
        """Return how many entries every node has final."""
        self.refuse_dead()
        return min(await asyncio.gather(*map(_size_of, self._network.nodes)))


class TongzhangOfSeven(Tongzhang):
    """A consortium of seven with a quorum of five, tolerating two liars."""

    name = "tongzhang-7"
    title = "Tongzhang, seven nodes"
    nodes = 7
    parties: Mapping[str, Role] = {
        **PARTIES,
        "fund-b": "funder",
        "fund-c": "funder",
        "guarantor": "guarantor",
    }
    quorum = 5


async def _size_of(node: NodeProcess) -> int:
    connection = await KeptConnection.open(*address(node.url))
    answer = await connection.ask(get("/v1/status", node.token))
    connection.close()
    return int(json.loads(answer.body)["size"])
