"""HTTP connections that stay open: cheap enough that a driver of load does not measure itself."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, cast

import httptools


class Gone(ConnectionError):
    """The other end closed the connection, or what it said is no HTTP."""


class HttpAnswer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class KeptConnection(asyncio.Protocol):
    """One connection that stays open: a request, its answer, the next request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> KeptConnection:
        """Connect.

        Raises:
            Gone: nobody takes the connection.
        """
        try:
            _, made = await asyncio.get_running_loop().create_connection(cls, host, port)
        except OSError as error:
            raise Gone(f"{host}:{port}: {error}") from None
        return made

    @property
    def usable(self) -> bool:
        """Whether it is open, and waits for no answer."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._answer is None

    async def ask(self, request: bytes) -> HttpAnswer:
        """Send a request and return its answer. One at a time.

        Raises:
            Gone: the connection ended before the answer did.
        """
        if self._transport is None or not self.usable:
            raise Gone("the connection is closed, or waits for an answer")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        """Close at once, whatever waits."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no instance of it

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._fail(Gone(str(exc or "the other end closed the connection")))

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Gone(f"what came is no HTTP: {error}"))
            self.close()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer to who waits for it."""
        answer = HttpAnswer(self._parser.get_status_code(), b"".join(self._parts))
        self._parts.clear()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _fail(self, error: Gone) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def post(path: str, body: bytes, content_type: str, token: str = "") -> bytes:
    """Return the bytes of a POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: node",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, token: str = "") -> bytes:
    """Return the bytes of a GET."""
    known = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: node\r\n{known}\r\n".encode()
