"""Bulk submission: a stream of lines in, a stream of results out, in order.

Three stages::

    lines → [500 at a time to the node] → [wait for their blocks] → [results to the client]

When the node is busy, reading pauses and goes on later; nothing fails for it. A client may read
results while it still sends, or send everything first: what it has not read yet is kept. What all
streams hold is bounded, see :class:`api.shares.StreamShares`. Should the stream have to end early,
its last line is a problem document whose ``line`` is the first line that was not taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.door import cut, door_place_of
from api.draining import Draining
from api.limits import (
    BUSY_WAIT_FIRST_S,
    BUSY_WAIT_MAX_S,
    CHUNK_LINES,
    LINE_BYTES_MAX,
    LINE_COST_BYTES,
    PART_BYTES_MAX,
    ROOM_POLL_S,
    STALL_LOOKS,
    STALL_S,
)
from api.problems import Problem, of_error
from api.results import RecordResult, refused_line, result_of, waiting_at
from api.shares import StreamShare
from node.errors import Busy, NodeError

if TYPE_CHECKING:
    from node.host.submission import Submission
    from node.node import Node

_encoder = msgspec.json.Encoder()


class Taken(NamedTuple):
    """Lines that were handed to the node: their numbers, what became of them, and until when.

    ``cost`` is what they hold of the stream's share.
    """

    lines: Sequence[int]
    submissions: Sequence[Submission]
    too_long: Sequence[int]
    deadline: float
    cost: int


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

    def feed(self, data: bytes) -> Iterator[list[bytes | None]]:
        """Yield the lines that ``data`` completes, :data:`CHUNK_LINES` at a time.

        None stands for one that was too long. Lines that nobody has asked for yet cost nothing
        beside the bytes that they came in.
        """
        whole = CHUNK_LINES
        while whole == CHUNK_LINES:
            first, *lines = data.split(b"\n", CHUNK_LINES)
            whole = len(lines)
            if whole:
                data = lines.pop()
                yield [self._complete(first), *(self._checked(line) for line in lines)]
        self._hold(data)

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
    """Results that the client has not read yet: first in, first out.

    Args:
        share: Where they count.
    """

    def __init__(self, share: StreamShare) -> None:
        self._parts: deque[bytes] = deque()
        self._share = share
        self._filled = asyncio.Event()
        self._ended = False
        self._bytes = 0
        self._bytes_read = 0

    def put(self, part: bytes) -> None:
        """Add results."""
        self._count(len(part))
        self._parts.append(part)
        self._filled.set()

    def end(self, last: bytes = b"") -> None:
        """Add a last part and say that nothing follows."""
        self.put(last)
        self._ended = True

    async def room(self, is_gone: Callable[[], bool]) -> None:
        """Wait while the stream holds too much.

        Raises:
            ClientDisconnect: the client has gone away.
        """
        while self._share.full and not is_gone():
            await asyncio.sleep(ROOM_POLL_S)
        if is_gone():
            raise ClientDisconnect

    async def refuse_stalled(self, is_gone: Callable[[], bool]) -> None:
        """Watch that the client is there, and reads when nothing else goes on.

        Raises:
            ClientDisconnect: it has gone away.
            Stalled: for :data:`STALL_S` it had to read, and did not.
        """
        loop = asyncio.get_running_loop()
        since, read = loop.time(), -1
        while loop.time() - since <= STALL_S:
            await asyncio.sleep(STALL_S / STALL_LOOKS)
            if is_gone():
                raise ClientDisconnect
            must_read = self._bytes > 0 and (self._ended or self._share.full)
            if not must_read or self._bytes_read != read:
                since, read = loop.time(), self._bytes_read
        raise Stalled(f"no result was read for {STALL_S:.0f} s")

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what there is, several results at once, until the end.

        A part counts as read when the next one is asked for.
        """
        while not self._ended or self._parts:
            await self._filled.wait()
            part = self._next()
            yield part
            self._count(-len(part))
            self._bytes_read += len(part)

    def _count(self, size: int) -> None:
        self._share.hold(size)
        self._bytes += size

    def _next(self) -> bytes:
        taken: list[bytes] = []
        size = 0
        while self._parts and (not taken or size + len(self._parts[0]) <= PART_BYTES_MAX):
            taken.append(self._parts.popleft())
            size += len(taken[-1])
        if not self._parts:
            self._filled.clear()
        return b"".join(taken)


class BulkResponse(Response):
    """Reads the request's lines and writes their results, both at the same time.

    Args:
        node: Takes the records.
        draining: Counts the stream while it runs.
        request: The request, its body not read.
        bounds: How long each line is waited for, in s (0 to return once it is queued), and the
            share of the stream.
    """

    media_type = "application/x-ndjson"

    def __init__(
        self, node: Node, draining: Draining, request: Request, bounds: tuple[float, StreamShare]
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._node = node
        self._draining = draining
        self._body = request.stream()
        self._path = request.url.path
        self._timeout_s, self._share = bounds
        self._place = door_place_of(request.scope)
        self._taken: asyncio.Queue[Taken | None] = asyncio.Queue()
        self._unread = Unread(self._share)
        self._line = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the first lines, so that a node that takes none says so; then stream."""
        splitter = LineSplitter()
        try:
            with self._draining.submission():
                rest = await self._take_first(splitter)
                await self._run(splitter, rest, send)
        except ClientDisconnect:
            return
        except Stalled as stalled:
            cut(scope, str(stalled))
        finally:
            self._share.give_back()

    async def _take_first(self, splitter: LineSplitter) -> Iterator[list[bytes | None]]:
        """Take the first lines that come; return what came with them."""
        async for data in self._body:
            rest = splitter.feed(data)
            for lines in rest:
                await self._take(lines)
                return rest
        await self._take(splitter.end())
        return iter(())

    async def _run(
        self, splitter: LineSplitter, rest: Iterator[list[bytes | None]], send: Send
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        working = asyncio.create_task(self._work(splitter, rest))
        sending = asyncio.create_task(self._send(send))
        watching = asyncio.create_task(self._unread.refuse_stalled(self._is_gone))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # raises
            await sending
        finally:
            for task in (working, sending, watching):
                task.cancel()
            await asyncio.gather(working, return_exceptions=True)

    def _is_gone(self) -> bool:
        """Whether the client has gone away: then nothing more is taken from it."""
        return self._place is not None and self._place.transport.is_closing()

    async def _send(self, send: Send) -> None:
        async for part in self._unread.parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _work(self, splitter: LineSplitter, rest: Iterator[list[bytes | None]]) -> None:
        reading = asyncio.create_task(self._read(splitter, rest))
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

    async def _read(self, splitter: LineSplitter, rest: Iterator[list[bytes | None]]) -> None:
        try:
            for lines in rest:
                await self._take(lines)
            async for data in self._body:
                for lines in splitter.feed(data):
                    await self._take(lines)
            await self._take(splitter.end())
        finally:
            self._taken.put_nowait(None)

    async def _take(self, lines: Sequence[bytes | None]) -> None:
        await self._unread.room(self._is_gone)
        first = self._line + 1
        numbered = list(enumerate(lines, first))
        wanted = [(number, line) for number, line in numbered if line]
        too_long = [number for number, line in numbered if line is None]
        cost = sum(len(line) + LINE_COST_BYTES for _, line in wanted if line)
        self._share.hold(cost)
        submissions = await self._submit([line for _, line in wanted if line])
        self._line += len(lines)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        numbers = [number for number, _ in wanted]
        self._taken.put_nowait(Taken(numbers, submissions, too_long, deadline, cost))

    async def _submit(self, raws: Sequence[bytes]) -> Sequence[Submission]:
        wait_s = BUSY_WAIT_FIRST_S
        while raws:
            self._draining.refuse_stopping()
            try:
                return await take(self._node, raws, self._share.turn)
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
            self._share.hold(-taken.cost)
            if results:
                self._unread.put(_encoder.encode_lines(results))

    def _with_too_long(
        self, results: list[RecordResult], too_long: Sequence[int]
    ) -> list[RecordResult]:
        detail = f"a record, and so a line, has at most {LINE_BYTES_MAX} bytes"
        problem = Problem("record-too-large", detail)
        results += [refused_line(self._node.party, line, problem) for line in too_long]
        return sorted(results, key=lambda result: result.line)  # type: ignore[arg-type, return-value]


async def take(node: Node, raws: Sequence[bytes], turn: asyncio.Lock) -> list[Submission]:
    """Hand many records to the node in a turn, after which all others are served.

    Raises:
        NodeError: what :meth:`node.node.Node.submit` raises.
    """
    async with turn:
        submissions = node.submit(raws)
        await asyncio.sleep(0)
    return submissions
