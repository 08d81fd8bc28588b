"""PySyncObj: three nodes in Python, each with a journal that we sync before it sends anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.peers.built import HERE, Tools
from benchmarks.peers.stream import Stated, Stream
from benchmarks.peers.system import Nature, ProgramSystem, Waited, closed_loop, until_all
from cli.errors import CheckFailed
from demo.stage.network import HOST
from demo.stage.processes import free_ports

SCRIPT = HERE / "pysyncobj_node.py"
PAGE = 100
FLYING = 8
_READY_S = 30.0


class PySyncObj(ProgramSystem):
    """Three nodes, of which one may fail."""

    name = "pysyncobj"
    title = "PySyncObj 0.3"
    nodes = 3
    nature = Nature(
        signs="nothing; no protection against a node that lies",
        executes="an entry of a dictionary in memory; no rules, no balances, no proofs",
        syncs="nothing by itself; here its journal is synced before anything is sent",
        bulk=f"commands of {PAGE} records, {FLYING} at once, to the leader",
        waits="a line a record over TCP to the leader, answered when it is applied there",
    )

    def __init__(self, folder: Path, tools: Tools) -> None:
        super().__init__(folder, tools)
        self._python = tools.python_with_pysyncobj()
        self._ports: list[int] = []
        self._leader = 0
        self._wires: list[_Lines] = []

    @classmethod
    def prepare(cls, tools: Tools) -> None:
        """Install PySyncObj."""
        tools.python_with_pysyncobj()

    async def start(self) -> None:
        """Start the nodes, and find who leads."""
        ports = free_ports(2 * self.nodes)
        self._ports, peers = ports[: self.nodes], ports[self.nodes :]
        for number, port in enumerate(self._ports):
            others = [f"{HOST}:{peer}" for peer in peers if peer != peers[number]]
            words = [str(port), f"{HOST}:{peers[number]}", *others]
            journal = self.folder / f"journal{number}"
            command: list[str | Path] = [self._python, "-P", SCRIPT, journal, *words]
            self._programs.start(f"node{number}", command)
        await self._until_ready()

    async def stop(self) -> None:
        """Close what is open, and stop the nodes."""
        for wire in self._wires:
            wire.close()
        await super().stop()

    async def bulk(self, stream: Stream, count: int) -> float:
        """Load captures and instructions in turn, until every node has applied all."""
        halves = stream.bulk(count)
        records = [each for pair in zip(*halves, strict=True) for each in pair]
        lines = [_line(records[first : first + PAGE]) for first in range(0, len(records), PAGE)]
        goal = await self._size() + len(records)
        began = asyncio.get_running_loop().time()
        waiting = iter(lines)

        async def load(wire: _Lines) -> None:
            for line in waiting:
                await wire.ask(line)

        async with asyncio.TaskGroup() as group:
            for _ in range(FLYING):
                group.create_task(load(await self._wire(self._leader)))
            group.create_task(until_all(self._size, goal))
        return asyncio.get_running_loop().time() - began

    async def wait(self, stream: Stream, clients: int, seconds: float) -> Waited:
        """Let clients wait, each on a connection of its own."""
        ways = stream.endless()
        asks = [
            _client(await self._wire(self._leader), ways[number % 2]) for number in range(clients)
        ]
        return await closed_loop(asks, seconds)

    async def _wire(self, port: int) -> _Lines:
        wire = _Lines(*await asyncio.open_connection(HOST, port))
        self._wires.append(wire)
        return wire

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_S
        while asyncio.get_running_loop().time() < deadline:
            self._programs.refuse_dead()
            states = [await self._state(port) for port in self._ports]
            if "leads" in states and all(states):
                self._leader = self._ports[states.index("leads")]
                return
            await asyncio.sleep(0.1)
        raise CheckFailed("not-ready", f"the nodes had no leader in {_READY_S:.0f} s")

    async def _state(self, port: int) -> str:
        """Return ``leads`` or ``follows``; nothing while a node is not ready."""
        try:
            wire = _Lines(*await asyncio.open_connection(HOST, port))
        except OSError:
            return ""
        state = (await wire.ask(b"state\n")).decode().strip()
        wire.close()
        return state.replace("starts", "")

    async def _size(self) -> int:
        """Return how many records every node has applied."""
        self._programs.refuse_dead()
        wires = [_Lines(*await asyncio.open_connection(HOST, port)) for port in self._ports]
        told = [int(await wire.ask(b"count\n")) for wire in wires]
        for wire in wires:
            wire.close()
        return min(told)


class _Lines:
    """A connection on which each line is answered by a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, line: bytes) -> bytes:
        self._writer.write(line)
        answer = await self._reader.readline()
        if not answer.endswith(b"\n") or answer.startswith(b"failed"):
            raise CheckFailed("refused", answer.decode("utf-8", "replace") or "no answer came")
        return answer

    def close(self) -> None:
        self._writer.transport.abort()


def _line(records: Sequence[Stated]) -> bytes:
    return b"put %s\n" % b"\t".join(each.raw for each in records)


def _client(wire: _Lines, records: Iterator[Stated]) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        await wire.ask(_line([next(records)]))

    return ask
