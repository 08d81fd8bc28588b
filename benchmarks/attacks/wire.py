"""HTTP by hand, cheap enough that an attacker or a client of it does not measure itself."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import Any, NamedTuple

LINE_BYTES_MAX = 1024 * 1024


class Gone(Exception):
    """The other end closed the connection, or none was had."""


class Answer(NamedTuple):
    """Status, headers in lower case, and body; of a body that is not wanted its size alone."""

    status: int
    headers: dict[str, str]
    body: bytes
    size: int


class Wire:
    """One connection to a node.

    Args:
        reader: What comes.
        writer: What goes.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int, source: str = "") -> Wire:
        """Connect, from a certain address of this machine if one is named.

        Raises:
            Gone: nobody takes the connection.
        """
        local = {"local_addr": (source, 0)} if source else {}
        try:
            return cls(*await asyncio.open_connection(host, port, limit=LINE_BYTES_MAX, **local))
        except OSError as error:
            raise Gone(str(error)) from None

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait while the other end does not take them.

        Raises:
            Gone: it closed the connection.
        """
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError as error:
            raise Gone(str(error)) from None

    async def answer(self, *, keep: bool = True) -> Answer:
        """Return the next answer.

        Args:
            keep: Whether the body is wanted.

        Raises:
            Gone: the connection was closed before its end.
        """
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(_header(line) for line in head[1:] if line)
            status = int(head[0].split()[1])
            body, size = await self._body(status, headers, keep)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Gone(str(error)) from None
        return Answer(status, headers, body, size)

    async def ask(self, request: bytes, *, keep: bool = True) -> Answer:
        """Send a request and return its answer; raises :class:`Gone`."""
        await self.send(request)
        return await self.answer(keep=keep)

    def close(self) -> None:
        """Close at once, whatever waits."""
        self.writer.transport.abort()

    async def _body(self, status: int, headers: dict[str, str], keep: bool) -> tuple[bytes, int]:
        if status in (101, 204, 304):
            return b"", 0
        if headers.get("transfer-encoding") != "chunked":
            return await self._take(int(headers.get("content-length", "0")), keep)
        parts, size = [], 0
        while length := int(await self.reader.readline(), 16):
            part, taken = await self._take(length, keep)
            parts.append(part)
            size += taken
            await self.reader.readline()
        await self.reader.readline()
        return b"".join(parts), size

    async def _take(self, size: int, keep: bool) -> tuple[bytes, int]:
        if keep:
            return await self.reader.readexactly(size), size
        left = size
        while left:
            part = await self.reader.read(min(left, 256 * 1024))
            if not part:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(part)
        return b"", size


def request(method: str, path: str, token: str = "", body: bytes = b"", **headers: Any) -> bytes:
    """Return the bytes of a request; ``content_type`` and the like become headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: node"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if method == "POST" and "transfer_encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def upgrade() -> bytes:
    """Return the request by which a peer's WebSocket is opened."""
    return request(
        "GET",
        "/peer",
        upgrade="websocket",
        connection="Upgrade",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    )


def frame_head(size: int) -> bytes:
    """Return the head of one binary frame of ``size`` bytes, masked as a client's has to be."""
    return b"\x82\xff" + struct.pack(">Q", size) + os.urandom(4)


def chunk(data: bytes) -> bytes:
    """Return one chunk of a body whose length is not known."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
