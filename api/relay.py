"""Relay: what is asked of the readers' process goes there, and its answer comes back as it grows.

For answers that stay open: a connection each, whose bytes are read no faster than the client reads
them. It is a socket and a parser in C, so that an open feed costs the node next to nothing.
"""

from __future__ import annotations

import asyncio
from errno import errorcode
from typing import Any

import httptools
from starlette.types import Receive, Scope, Send

from api.answers import left
from api.limits import FEED_PART_BYTES_MAX, READ_ANSWER_WAIT_S
from api.problems import Problem
from api.read_server import ROUTE, STATUS, TOKEN
from views.texts import gettext, language

OF_THE_CONNECTION = frozenset((b"connection", b"keep-alive", b"transfer-encoding", ROUTE))
"""Headers of an answer that are not passed on."""

_ASKED_WITH = frozenset(
    (
        b"accept", b"accept-encoding", b"accept-language", b"authorization", b"cookie", b"host",
        b"last-event-id",
    )
)  # fmt: skip
"""Headers of a request that the routes look at."""

EVENTS = b"text/event-stream"


class Upstream(asyncio.Protocol):
    """One answer of the readers, as it comes.

    Attributes:
        headers: Those of the answer, with small names.
        whole: Whether the answer has come to its end.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.whole = False
        self._parser: Any = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._begun = self._lost = False
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes of the answer; when many wait to be passed on, no more for now."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        if self._size_bytes > FEED_PART_BYTES_MAX:
            self._transport.pause_reading()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more comes."""
        self._lost = True
        self._news.set()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._begun = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._parts.append(body)
        self._size_bytes += len(body)

    def on_message_complete(self) -> None:
        """The answer is complete."""
        self.whole = True

    def ask(self, request: bytes) -> None:
        """Send the request."""
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    async def status(self) -> int:
        """Wait for the head and return the status; 0 if the connection ended before."""
        while not self._begun and not self._lost:
            await self._more()
        return self._parser.get_status_code() if self._begun else 0

    async def part(self) -> bytes:
        """Wait for more of the body and return it; nothing at its end."""
        while not self._parts and not self.whole and not self._lost:
            await self._more()
        part = b"".join(self._parts)
        if self._size_bytes > FEED_PART_BYTES_MAX and not self._lost:
            self._transport.resume_reading()
        self._parts, self._size_bytes = [], 0
        return part

    async def _more(self) -> None:
        self._news.clear()
        await self._news.wait()


class Relay:
    """The way to the readers for answers that stay open: an ASGI application.

    Args:
        path: The socket of the readers.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered. Where the readers end before they began, the next ones do it.

        Raises:
            Problem: ``busy``.
            ConnectionError: they ended in the middle of an answer that has an end.
        """
        for _ in range(2):
            if await self._relayed(scope, receive, send):
                return
        raise _busy(gettext("the readers' process ended twice over it"))

    async def _relayed(self, scope: Scope, receive: Receive, send: Send) -> bool:
        upstream = await self._connected()
        leaving = asyncio.create_task(left(receive))
        leaving.add_done_callback(lambda _: upstream.close())
        try:
            upstream.ask(self._request(scope))
            status = await _status(upstream)
            if status:
                await _pass_on(upstream, status, scope, send)
            return bool(status) or leaving.done()
        finally:
            leaving.cancel()

    async def _connected(self) -> Upstream:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_unix_connection(Upstream, self._path)
        except OSError as error:
            said = gettext("the readers are not reached ({reason})")
            reason = error.strerror if language() == "en" else errorcode.get(error.errno or 0, "")
            raise _busy(said.format(reason=reason)) from None
        return upstream

    def _request(self, scope: Scope) -> bytes:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        lines = [b"GET %s HTTP/1.1" % target, b"connection: close"]
        lines += [b"%s: %s" % pair for pair in relayed_headers(scope)]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def relayed_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request for the readers, with what the node adds of its own.

    ``scope["token"]`` says whose request it is; ``scope["status"]`` is there where it is shown.
    """
    headers = [pair for pair in scope["headers"] if pair[0] in _ASKED_WITH]
    headers.append((TOKEN, scope["token"].id.encode()))
    return headers + ([(STATUS, scope["status"])] if "status" in scope else [])


async def _status(upstream: Upstream) -> int:
    try:
        async with asyncio.timeout(READ_ANSWER_WAIT_S):
            return await upstream.status()
    except TimeoutError:
        upstream.close()
        said = gettext("the readers gave no answer for {seconds:.0f} s")
        raise _busy(said.format(seconds=READ_ANSWER_WAIT_S)) from None


async def _pass_on(upstream: Upstream, status: int, scope: Scope, send: Send) -> None:
    headers = dict(upstream.headers)
    scope["template"] = headers.get(ROUTE, b"-").decode()
    passed = [pair for pair in upstream.headers if pair[0] not in OF_THE_CONNECTION]
    await send({"type": "http.response.start", "status": status, "headers": passed})
    while part := await upstream.part():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if not upstream.whole and not headers.get(b"content-type", b"").startswith(EVENTS):
        raise ConnectionResetError("the readers ended in the middle of an answer")
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _busy(why: str) -> Problem:
    said = gettext("This was not begun: {why}. Try again in a moment.")
    return Problem("busy", said.format(why=why))
