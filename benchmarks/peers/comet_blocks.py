"""Blocks of a CometBFT node as they are decided, from one subscription for all who wait."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import websockets


class _Data(msgspec.Struct):
    txs: list[str] = []


class _Block(msgspec.Struct):
    data: _Data


class _Value(msgspec.Struct):
    block: _Block


class _Event(msgspec.Struct):
    value: _Value


class _Result(msgspec.Struct):
    data: _Event | None = None


class _Message(msgspec.Struct):
    result: _Result


_decoder = msgspec.json.Decoder(_Message)


class Blocks:
    """Follower of one node's blocks.

    Args:
        socket: A WebSocket that is subscribed to them.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def follow(cls, host: str, port: int) -> Blocks:
        """Subscribe to the blocks of a node."""
        socket = await websockets.connect(f"ws://{host}:{port}/websocket", max_size=None)
        asked = {"query": "tm.event='NewBlock'"}
        call = {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": asked}
        await socket.send(json.dumps(call))
        await socket.recv()
        return cls(socket)

    def expect(self, tx: str) -> asyncio.Future[None]:
        """Return what is done when a transaction, in base 64, stands in a block."""
        self._waiting[tx] = future = asyncio.get_running_loop().create_future()
        return future

    async def close(self) -> None:
        """Stop following."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                event = _decoder.decode(text).result.data
                for tx in event.value.block.data.txs if event else ():
                    if (future := self._waiting.pop(tx, None)) and not future.done():
                        future.set_result(None)
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionError("the subscription ended"))
