"""One HTTP connection, bounded before anybody is known: a request's head, and an unwanted body.

Requests carry their token in the head, and peers prove their key only after it. So whoever can
reach the port can send the beginning of one; what it may cost is bounded here. A request that was
answered before its body had come, as one without a token is, gets as much time for the rest: then
the connection is closed, unless another request has begun on it.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import ClassVar

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.limits import CONNECTIONS_MAX, FULL_TOLD_EVERY_S, HEAD_BYTES_MAX, HEAD_WAIT_S
from api.problems import MEDIA_TYPE, Problem

logger = logging.getLogger("tongzhang.api")


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, closed when a head is too long or takes too long.

    Time counts from the opening of the connection, or from a later request's first byte.
    """

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _full_told_at: ClassVar[float] = -FULL_TOLD_EVERY_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Open the connection, unless there are too many already."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self._tell_full()
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; of a head only so many."""
        began_in_head = self._in_head
        super().data_received(data)
        if not (began_in_head and self._in_head):
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse("head-too-large", f"line and headers have at most {HEAD_BYTES_MAX} bytes")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as every other error is told."""
        self._refuse("bad-request", f"expected a request in HTTP/1.1: {msg}")

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._in_head:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is complete."""
        self._head_came()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """A request is answered. What is left of its body is waited for only so long."""
        super().on_response_complete()
        cycle = self.cycle
        if cycle is not None and cycle.response_complete and cycle.more_body:
            self.loop.call_later(HEAD_WAIT_S, self._stop_waiting, cycle)

    def _stop_waiting(self, answered: RequestResponseCycle) -> None:
        if self.cycle is answered and self._head_timer is None:
            self.transport.close()

    def _tell_full(self) -> None:
        """Say now and then that connections are closed: each one said would fill the log."""
        now = self.loop.time()
        if now - BoundedConnection._full_told_at >= FULL_TOLD_EVERY_S:
            BoundedConnection._full_told_at = now
            logger.warning("more than %d connections; new ones are closed", CONNECTIONS_MAX)

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        detail = f"line and headers of a request come within {HEAD_WAIT_S:.0f} s"
        late = ("head-too-slow", detail)
        self._head_timer = self.loop.call_later(HEAD_WAIT_S, self._refuse, *late)

    def _head_came(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, code: str, detail: str) -> None:
        """Answer with a problem document and close; there may be no path to name in it."""
        if self.transport.is_closing():
            return
        problem = Problem(code, detail)
        body = msgspec.json.encode(problem.document("/"))
        status = HTTPStatus(problem.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
