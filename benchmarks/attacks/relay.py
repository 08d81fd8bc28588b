"""A TCP relay on the way to a node: it takes its time, and its connections can be cut."""

from __future__ import annotations

import asyncio
import contextlib

PART_BYTES = 64 * 1024


class Relay:
    """Passes connections on to one port of this machine, each way ``delay_s`` late.

    Args:
        host: Where it listens, and where the node does.
        port: Where the node listens.
        delay_s: How long every byte is on its way.
    """

    def __init__(self, host: str, port: int, delay_s: float) -> None:
        self._host = host
        self._port = port
        self._delay_s = delay_s
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.dialled = 0

    async def open(self, port: int) -> None:
        """Listen on ``port``."""
        self._server = await asyncio.start_server(self._take, self._host, port)

    def cut(self) -> None:
        """Cut every connection that there is."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        """Listen no more, and cut what there is."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dialled += 1
        try:
            onward = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward[1]}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, onward[1]))
                group.create_task(self._carry(onward[0], writer))
        finally:
            self._writers -= {writer, onward[1]}
            writer.transport.abort()
            onward[1].transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way, as late as they have to be and in order, then close that way."""
        loop = asyncio.get_running_loop()
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)

        async def deliver() -> None:
            while True:
                due, part = await underway.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not part or writer.is_closing():
                    writer.close()
                    return
                writer.write(part)
                with contextlib.suppress(OSError):
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            while part := await _part(reader):
                await underway.put((loop.time() + self._delay_s, part))
            await underway.put((loop.time() + self._delay_s, b""))
            await delivering
        finally:
            delivering.cancel()


async def _part(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(PART_BYTES)
    except OSError:
        return b""
