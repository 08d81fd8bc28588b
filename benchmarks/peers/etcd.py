"""etcd: three members, loaded by a program that is written with etcd's own client library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.peers.built import GO, Tools
from benchmarks.peers.stream import Stated, Stream
from benchmarks.peers.system import STALL_S, Nature, ProgramSystem, Waited
from cli.bench.connection import Gone, KeptConnection, get
from cli.errors import CheckFailed
from demo.stage.network import HOST
from demo.stage.processes import free_ports

RECORDS = 20_000
"""Of which clients that wait put one after the other, then all again under new keys."""
_READY_S = 30.0


class Etcd(ProgramSystem):
    """Three members, of which one may fail."""

    name = "etcd"
    title = "etcd 3.6"
    nodes = 3
    nature = Nature(
        signs="nothing; no protection against a member that lies",
        executes="a put of the record under its id; no rules, no balances, no proofs",
        syncs="every member syncs its log before it counts",
        bulk="transactions of 100 puts, eight at once, to the leader, over gRPC",
        waits="a put a record, to the leader, over gRPC, by a program in Go",
    )

    def __init__(self, folder: Path, tools: Tools) -> None:
        super().__init__(folder, tools)
        self._program = tools.go_program("etcd")
        self._ports: list[int] = []

    @classmethod
    def prepare(cls, tools: Tools) -> None:
        """Build the program."""
        tools.go_program("etcd")

    async def start(self) -> None:
        """Start the members, and wait until each knows of a leader."""
        ports = free_ports(2 * self.nodes)
        self._ports, peers = ports[: self.nodes], ports[self.nodes :]
        cluster = ",".join(
            f"node{number}=http://{HOST}:{port}" for number, port in enumerate(peers)
        )
        for number, (port, peer) in enumerate(zip(self._ports, peers, strict=True)):
            options = {
                "name": f"node{number}",
                "data-dir": self.folder / f"data{number}",
                "listen-client-urls": f"http://{HOST}:{port}",
                "advertise-client-urls": f"http://{HOST}:{port}",
                "listen-peer-urls": f"http://{HOST}:{peer}",
                "initial-advertise-peer-urls": f"http://{HOST}:{peer}",
                "initial-cluster": cluster,
                "initial-cluster-state": "new",
                "quota-backend-bytes": 8 * 2**30,
                "log-level": "error",
            }
            words = [f"--{name}={value}" for name, value in options.items()]
            self._programs.start(f"node{number}", [self._program, "serve", *words], GO)
        await self._until_ready()

    async def bulk(self, stream: Stream, count: int) -> float:
        """Put captures and instructions in turn, until every member has applied all."""
        halves = stream.bulk(count)
        records = [each for pair in zip(*halves, strict=True) for each in pair]
        return float((await self._load("bulk", records))["seconds"])

    async def wait(self, stream: Stream, clients: int, seconds: float) -> Waited:
        """Let clients wait, each on a connection of its own."""
        ways = stream.endless()
        records = [each for way in ways for each in islice(way, RECORDS // 2)]
        found = await self._load(
            "wait", records, f"--clients={clients}", f"--seconds={seconds:g}", seconds=seconds
        )
        return Waited(found["seconds"], found["latencies_ms"])

    async def _load(
        self, kind: str, records: Sequence[Stated], *options: str, seconds: float = 0.0
    ) -> dict[str, Any]:
        """Run the client, and return what it measured.

        Raises:
            CheckFailed: ``stalled``, or ``peer-ended``.
        """
        file = self.folder / "records.txt"
        file.write_bytes(b"".join(b"%s\t%s\n" % (each.id.encode(), each.raw) for each in records))
        members = ",".join(f"{HOST}:{port}" for port in self._ports)
        loading = await asyncio.create_subprocess_exec(
            self._program, kind, f"--members={members}", *options, file,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(seconds + STALL_S):
                said, remarks = await loading.communicate()
        except TimeoutError:
            raise CheckFailed("stalled", f"the client of etcd waited {STALL_S:.0f} s") from None
        finally:
            if loading.returncode is None:
                loading.kill()
                await loading.wait()
        if loading.returncode:
            raise CheckFailed("peer-ended", f"client: {remarks[-500:].decode('utf-8', 'replace')}")
        found: dict[str, Any] = json.loads(said)
        return found

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_S
        while asyncio.get_running_loop().time() < deadline:
            self._programs.refuse_dead()
            if all([await _healthy(port) for port in self._ports]):
                return
            await asyncio.sleep(0.1)
        raise CheckFailed("not-ready", f"the members had no leader in {_READY_S:.0f} s")


async def _healthy(port: int) -> bool:
    try:
        connection = await KeptConnection.open(HOST, port)
        answer = await connection.ask(get("/health"))
    except Gone:
        return False
    connection.close()
    return answer.status == 200
