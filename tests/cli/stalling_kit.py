"""A server that answers when it is told to, as slow systems do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from cli.bench.open_loop import Address

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Stalling:
    """HTTP on a port of this machine; what it says to each request is for the test to decide.

    Args:
        answer: From how many requests have come, including this one, the parts of the answer; None
            keeps the request waiting until :attr:`enough` have come.
        enough: So many requests release all that wait.
    """

    def __init__(self, answer: Callable[[int], Sequence[bytes] | None], enough: int = 0) -> None:
        self._answer = answer
        self._enough = enough
        self._released = asyncio.Event()
        self.requests = self.connections = 0
        self.bodies: list[bytes] = []

    async def __aenter__(self) -> Address:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return Address("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                self.bodies.append(await reader.readexactly(int(found[1]) if found else 0))
                self.requests += 1
                parts = self._answer(self.requests)
                if self.requests >= self._enough:
                    self._released.set()
                if parts is None:
                    await self._released.wait()
                    parts = said(200)
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if not parts:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def said(status: int, body: bytes = b"{}") -> tuple[bytes, ...]:
    """Return an answer in one part."""
    return (b"HTTP/1.1 %d .\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body),)
