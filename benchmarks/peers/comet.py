"""CometBFT 0.38 with an application of key-value pairs, signed or not, in the nodes' processes."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.peers.built import GO, Tools
from benchmarks.peers.comet_blocks import Blocks
from benchmarks.peers.stream import Stated, Stream
from benchmarks.peers.system import Nature, ProgramSystem, Waited, closed_loop, until_all
from cli.bench.connection import Gone, KeptConnection, get, post
from cli.errors import CheckFailed
from demo.stage.network import HOST
from demo.stage.processes import free_ports

PAGE = 500
"""Transactions of one request in bulk."""
TUNING = {
    "LOG_LEVEL": "error",
    "DB_BACKEND": "goleveldb",
    "CONSENSUS_TIMEOUT_COMMIT": "0s",
    "CONSENSUS_SKIP_TIMEOUT_COMMIT": "true",
    "CONSENSUS_CREATE_EMPTY_BLOCKS": "false",
    "CONSENSUS_PEER_GOSSIP_SLEEP_DURATION": "10ms",
    "MEMPOOL_SIZE": "400000",
    "MEMPOOL_CACHE_SIZE": "400000",
    "MEMPOOL_MAX_TXS_BYTES": "1073741824",
    "MEMPOOL_RECHECK": "false",
    "P2P_SEND_RATE": "512000000",
    "P2P_RECV_RATE": "512000000",
    "P2P_FLUSH_THROTTLE_TIMEOUT": "2ms",
    "P2P_PEX": "false",
    "P2P_ADDR_BOOK_STRICT": "false",
    "P2P_ALLOW_DUPLICATE_IP": "true",
    "RPC_MAX_REQUEST_BATCH_SIZE": "0",
    "RPC_MAX_OPEN_CONNECTIONS": "0",
    "STORAGE_DISCARD_ABCI_RESPONSES": "true",
    "TX_INDEX_INDEXER": "null",
    "INSTRUMENTATION_PROMETHEUS": "false",
}
"""What differs from the configuration that CometBFT writes; nothing of it takes a sync away.

A variable ``CMT_…`` of the environment is stronger.
"""
_READY_S = 60.0


class CometBFT(ProgramSystem):
    """Four validators, unsigned key-value transactions."""

    name = "cometbft"
    title = "CometBFT 0.38, unsigned"
    nodes = 4
    signed = False
    nature = Nature(
        signs="nothing of a transaction; votes and proposals are signed",
        executes="a write of the pair; no rules, no balances, no proof of an entry",
        syncs="its log of consensus, blocks and state; the application is replayed from blocks",
        bulk=f"pages of {PAGE} requests (broadcast_tx_async), to two nodes",
        waits="broadcast_tx_sync, then the block's event of a subscription that all clients share",
    )

    def __init__(self, folder: Path, tools: Tools) -> None:
        super().__init__(folder, tools)
        self._program = tools.go_program("comet")
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(b"peers").digest())
        self._rpc: list[int] = []
        self._blocks: list[Blocks] = []
        self._connections: list[KeptConnection] = []

    @classmethod
    def prepare(cls, tools: Tools) -> None:
        """Build the program."""
        tools.go_program("comet")

    async def start(self) -> None:
        """Write the homes, start the validators, wait until all are connected and at work."""
        homes = self.folder / "homes"
        await self._testnet(homes)
        ports = free_ports(2 * self.nodes)
        self._rpc, gossip = ports[: self.nodes], ports[self.nodes :]
        peers = [
            f"{_node_id(homes / f'node{number}')}@{HOST}:{port}"
            for number, port in enumerate(gossip)
        ]
        for number in range(self.nodes):
            others = ",".join(peer for other, peer in enumerate(peers) if other != number)
            places = {
                "P2P_LADDR": f"tcp://{HOST}:{gossip[number]}",
                "P2P_PERSISTENT_PEERS": others,
                "RPC_LADDR": f"tcp://{HOST}:{self._rpc[number]}",
            }
            tuned = {f"CMT_{name}": value for name, value in TUNING.items()}
            more = tuned | os.environ | {f"CMT_{name}": value for name, value in places.items()}
            home = homes / f"node{number}"
            command: list[str | Path] = [self._program, "start", "--home", home]
            signed = {"PEER_SIGNED": "1" if self.signed else "0"}
            self._programs.start(f"node{number}", command, GO | more | signed)
        await self._until_ready()
        self._blocks = [await Blocks.follow(HOST, port) for port in self._rpc[:2]]

    async def stop(self) -> None:
        """Close what is open, and stop the validators."""
        for blocks in self._blocks:
            await blocks.close()
        for connection in self._connections:
            connection.close()
        await super().stop()

    async def bulk(self, stream: Stream, count: int) -> float:
        """Load both halves at the same time; everything is signed and encoded before it counts."""
        halves = stream.bulk(count)
        pages = [list(self._pages(half)) for half in halves]
        goal = await self._size() + sum(map(len, halves))
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for port, half in zip(self._rpc, pages, strict=False):
                group.create_task(_send_all(port, half))
            group.create_task(until_all(self._size, goal))
        return asyncio.get_running_loop().time() - began

    async def wait(self, stream: Stream, clients: int, seconds: float) -> Waited:
        """Let clients wait: half of them at one node, half at the other."""
        ways = list(zip(self._rpc, self._blocks, stream.endless(), strict=False))
        asks = [await self._client(*ways[number % 2]) for number in range(clients)]
        return await closed_loop(asks, seconds)

    async def _client(
        self, port: int, blocks: Blocks, records: Iterator[Stated]
    ) -> Callable[[], Awaitable[None]]:
        connection = await KeptConnection.open(HOST, port)
        self._connections.append(connection)

        async def ask() -> None:
            tx = self.transaction(next(records))
            final = blocks.expect(tx)
            if (code := await _code(connection, tx)) != 0:
                raise CheckFailed("refused", f"a transaction was answered with {code}")
            await final

        return ask

    async def code(self, tx: bytes) -> int:
        """Return what the application says of a transaction before it takes it: 0 is good."""
        connection = await KeptConnection.open(HOST, self._rpc[0])
        self._connections.append(connection)
        return await _code(connection, b64encode(tx).decode())

    def transaction(self, record: Stated) -> str:
        """Return a record as a transaction, in base 64."""
        pair = record.id.encode() + b"=" + record.raw
        if self.signed:
            pair = self._key.public_key().public_bytes_raw() + self._key.sign(pair) + pair
        return b64encode(pair).decode()

    def _pages(self, records: Sequence[Stated]) -> Iterator[bytes]:
        calls = [_call("broadcast_tx_async", self.transaction(each)) for each in records]
        for first in range(0, len(calls), PAGE):
            yield _rpc_post(f"[{','.join(calls[first : first + PAGE])}]")

    async def _testnet(self, homes: Path) -> None:
        made = await asyncio.create_subprocess_exec(
            self._program, "testnet", "--v", str(self.nodes), "--o", homes,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await made.communicate()
        if made.returncode:
            raise CheckFailed("peer-ended", f"testnet: {said[-500:].decode('utf-8', 'replace')}")

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_S
        while asyncio.get_running_loop().time() < deadline:
            self._programs.refuse_dead()
            try:
                linked = [await _asked(port, "net_info") for port in self._rpc]
                if all(int(each["n_peers"]) == self.nodes - 1 for each in linked):
                    return
            except Gone:
                pass
            await asyncio.sleep(0.1)
        raise CheckFailed("not-ready", f"the validators did not connect in {_READY_S:.0f} s")

    async def _size(self) -> int:
        """Return how many transactions every node has executed."""
        self._programs.refuse_dead()
        told = await asyncio.gather(*(_asked(port, "abci_info") for port in self._rpc))
        return min(int(each["response"].get("data") or 0) for each in told)


class SignedCometBFT(CometBFT):
    """Four validators, each transaction signed and its signature checked by every application."""

    name = "cometbft-signed"
    title = "CometBFT 0.38, signed"
    signed = True
    nature = CometBFT.nature._replace(
        signs="every transaction (Ed25519), checked once by each node; votes and proposals"
    )


def _node_id(home: Path) -> str:
    """Return the address by which CometBFT knows a node: a hash of its public key."""
    key = json.loads((home / "config" / "node_key.json").read_text("utf-8"))
    return sha256(b64decode(key["priv_key"]["value"])[32:]).hexdigest()[:40]


def _call(method: str, tx: str) -> str:
    return f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"tx":"{tx}"}}}}'


async def _code(connection: KeptConnection, tx: str) -> int:
    answer = await connection.ask(_rpc_post(_call("broadcast_tx_sync", tx)))
    return int(json.loads(answer.body).get("result", {}).get("code", -1))


def _rpc_post(text: str) -> bytes:
    return post("/", text.encode(), "application/json")


async def _send_all(port: int, requests: Sequence[bytes]) -> None:
    connection = await KeptConnection.open(HOST, port)
    for request in requests:
        answer = await connection.ask(request)
        if answer.status != 200 or b'"error"' in answer.body:
            raise CheckFailed("refused", answer.body[:500].decode("utf-8", "replace"))
    connection.close()


async def _asked(port: int, method: str) -> dict[str, Any]:
    connection = await KeptConnection.open(HOST, port)
    try:
        answer = await connection.ask(get(f"/{method}"))
    finally:
        connection.close()
    found: dict[str, Any] = json.loads(answer.body)["result"]
    return found
