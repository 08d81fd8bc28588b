"""Bulk submission: a stream of lines in, a stream of results out, in order.

Three stages, each bounded, so that neither a slow node nor a slow client costs unbounded memory::

    lines → [500 at a time to the node] → [wait for their blocks] → [results to the client]

When the node is busy, reading pauses and goes on later; nothing fails for it. A client may read
results while it still sends, or send everything first: results that are not read yet are kept, up
to :data:`api.limits.UNREAD_BYTES_MAX`. Should the stream have to end early, its last line is a
problem document whose ``line`` is the first line that was not taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.draining import Draining
from api.limits import (
    BUSY_WAIT_FIRST_S,
    BUSY_WAIT_MAX_S,
    CHUNK_LINES,
    CHUNKS_WAITING_MAX,
    LINE_BYTES_MAX,
    STALL_S,
    UNREAD_BYTES_MAX,
)
from api.problems import Problem, of_error
from api.results import RecordResult, refused_line, result_of, waiting_at
from node.errors import Busy, NodeError

if TYPE_CHECKING:
    from node.node import Node
    from node.submission import Submission

_encoder = msgspec.json.Encoder()


class Taken(NamedTuple):
    """Lines that were handed to the node: their numbers, what became of them, and until when."""

    lines: Sequence[int]
    submissions: Sequence[Submission]
    too_long: Sequence[int]
    deadline: float


class Stalled(Exception):
    """The client sends without ever reading; its connection is cut."""


class LineSplitter:
    """Cuts a stream of bytes into lines, remembering what is too long to be one.

    Args:
        line_bytes_max: Longest line, its ending not counted.
    """

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that ``data`` completes; None stands for one that was too long."""
        first, newline, tail = data.partition(b"\n")
        if not newline:
            self._hold(data)
            return []
        lines: list[bytes | None] = [self._complete(first)]
        *whole, last = tail.split(b"\n")
        lines += [self._checked(line) for line in whole]
        self._hold(last)
        return lines

    def end(self) -> list[bytes | None]:
        """Return the last line, if the stream did not end with a line ending."""
        last = self._complete(b"")
        return [] if last == b"" else [last]

    def _hold(self, data: bytes) -> None:
        if self._skipping:
            return
        self._rest += data
        if len(self._rest) > self._line_bytes_max + 1:  # one more for a carriage return
            self._rest, self._skipping = b"", True

    def _complete(self, data: bytes) -> bytes | None:
        rest, skipping = self._rest, self._skipping
        self._rest, self._skipping = b"", False
        return None if skipping else self._checked(rest + data)

    def _checked(self, line: bytes) -> bytes | None:
        line = line.removesuffix(b"\r")
        return None if len(line) > self._line_bytes_max else line


class Unread:
    """Results that the client has not read yet: bounded, first in, first out."""

    def __init__(self, bytes_max: int = UNREAD_BYTES_MAX) -> None:
        self._parts: deque[bytes] = deque()
        self._bytes = 0
        self._bytes_max = bytes_max
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._ended = False

    async def put(self, part: bytes) -> None:
        """Add results; waits while too much is unread.

        Raises:
            Stalled: nothing was read for :data:`STALL_S`.
        """
        while self._bytes > self._bytes_max:
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), STALL_S)
            except TimeoutError:
                raise Stalled(f"no result was read for {STALL_S:.0f} s") from None
        self._parts.append(part)
        self._bytes += len(part)
        self._filled.set()

    def end(self, last: bytes = b"") -> None:
        """Add a last part and say that nothing follows."""
        self._parts.append(last)
        self._ended = True
        self._filled.set()

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what there is, several results at once, until the end."""
        while not self._ended or self._parts:
            await self._filled.wait()
            self._filled.clear()
            part = b"".join(self._parts)
            self._parts.clear()
            self._bytes = 0
            self._emptied.set()
            yield part


class BulkResponse(Response):
    """Reads the request's lines and writes their results, both at the same time.

    Args:
        node: Takes the records.
        draining: Counts the stream while it runs.
        request: The request, its body not read.
        timeout_s: How long each line is waited for; 0 to return once it is queued.
    """

    media_type = "application/x-ndjson"

    def __init__(self, node: Node, draining: Draining, request: Request, timeout_s: float) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._node = node
        self._draining = draining
        self._body = request.stream()
        self._path = request.url.path
        self._timeout_s = timeout_s
        self._taken: asyncio.Queue[Taken | None] = asyncio.Queue(CHUNKS_WAITING_MAX)
        self._unread = Unread()
        self._line = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the first lines, so that a node that takes none says so; then stream."""
        splitter = LineSplitter()
        with self._draining.submission():
            try:
                lines = await self._first_lines(splitter)
                await self._take_chunk(lines[:CHUNK_LINES])
            except ClientDisconnect:
                return
            await self._run(splitter, lines[CHUNK_LINES:], send)

    async def _first_lines(self, splitter: LineSplitter) -> list[bytes | None]:
        async for data in self._body:
            lines = splitter.feed(data)
            if lines:
                return lines
        return splitter.end()

    async def _run(self, splitter: LineSplitter, lines: Sequence[bytes | None], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        working = asyncio.create_task(self._work(splitter, lines))
        sending = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait({working, sending}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()  # raises Stalled: the server then cuts the connection
            await sending
        finally:
            working.cancel()
            sending.cancel()

    async def _send(self, send: Send) -> None:
        async for part in self._unread.parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _work(self, splitter: LineSplitter, lines: Sequence[bytes | None]) -> None:
        reading = asyncio.create_task(self._read(splitter, lines))
        last = b""
        try:
            await self._resolve()
            await reading
        except ClientDisconnect:
            pass
        except (NodeError, Problem) as error:
            problem = of_error(error) if isinstance(error, NodeError) else error
            document = {**problem.document(self._path), "line": self._line + 1}
            last = _encoder.encode(document) + b"\n"
        finally:
            reading.cancel()
        self._unread.end(last)

    async def _read(self, splitter: LineSplitter, lines: Sequence[bytes | None]) -> None:
        try:
            await self._take(lines)
            async for data in self._body:
                await self._take(splitter.feed(data))
            await self._take(splitter.end())
        finally:
            await self._taken.put(None)

    async def _take(self, lines: Sequence[bytes | None]) -> None:
        for first in range(0, len(lines), CHUNK_LINES):
            await self._take_chunk(lines[first : first + CHUNK_LINES])

    async def _take_chunk(self, lines: Sequence[bytes | None]) -> None:
        first = self._line + 1
        numbered = list(enumerate(lines, first))
        wanted = [(number, line) for number, line in numbered if line]
        too_long = [number for number, line in numbered if line is None]
        submissions = await self._submit([line for _, line in wanted if line])
        self._line += len(lines)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        await self._taken.put(
            Taken([number for number, _ in wanted], submissions, too_long, deadline)
        )

    async def _submit(self, raws: Sequence[bytes]) -> Sequence[Submission]:
        wait_s = BUSY_WAIT_FIRST_S
        while raws:
            self._draining.refuse_stopping()
            try:
                return self._node.submit(raws)
            except Busy:
                pass
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, BUSY_WAIT_MAX_S)
        return []

    async def _resolve(self) -> None:
        loop = asyncio.get_running_loop()
        while (taken := await self._taken.get()) is not None:
            if self._timeout_s and taken.submissions:
                left_s = max(0.0, taken.deadline - loop.time())
                await self._draining.wait(self._node.wait(taken.submissions, left_s))
            waiting = waiting_at(self._node)
            results = [
                result_of(submission, waiting, line=line)
                for line, submission in zip(taken.lines, taken.submissions, strict=True)
            ]
            if taken.too_long:
                results = self._with_too_long(results, taken.too_long)
            if results:
                await self._unread.put(_encoder.encode_lines(results))

    def _with_too_long(
        self, results: list[RecordResult], too_long: Sequence[int]
    ) -> list[RecordResult]:
        detail = f"a record, and so a line, has at most {LINE_BYTES_MAX} bytes"
        problem = Problem("record-too-large", detail)
        results += [refused_line(self._node.party, line, problem) for line in too_long]
        return sorted(results, key=lambda result: result.line)  # type: ignore[arg-type, return-value]
