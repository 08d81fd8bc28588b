"""One HTTP connection, bounded before anybody is known: a request's head, and an unwanted body.

Requests carry their token in the head, and peers prove their key only after it. So whoever can
reach the port can send the beginning of one; what it may cost is bounded here. A request that was
answered before its body had come, as one without a token is, gets as much time for the rest: then
the connection is closed, unless another request has begun on it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.door import STATE_KEY, DoorPlace, door_of
from api.limits import CLOSE_LINGER_S, HEAD_BYTES_MAX, HEAD_WAIT_S, HEADERS_MAX, PIPELINED_MAX
from api.peer_socket import BoundedWebSocket
from api.problems import MEDIA_TYPE, Problem


class _Refused(Exception):
    """Stops the parser: the connection is refused already."""


class JoinedWrites:
    """The way out of a connection, on which an answer's head leaves together with its body.

    Each write costs a packet, here and at the client. So a head waits for what follows, but no
    longer than until everything else that is due has run.

    Args:
        transport: The connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._begun = False
        self._head = b""
        self._due: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        """Write a part of an answer, the first one in a moment."""
        if not self._begun:
            self._begun, self._head = True, data
            self._due = self._loop.call_soon(self.flush)
        elif self._due is not None:
            self._due.cancel()
            self._due = None
            self._transport.writelines((self._head, data))
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what still waits."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
            if not self._transport.is_closing():
                self._transport.write(self._head)

    def end(self) -> None:
        """End an answer: what is written next begins another."""
        self.flush()
        self._begun = False

    def close(self) -> None:
        """Close, once all is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection closes, or is gone."""
        return self._transport.is_closing()


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, closed when a head is too long or takes too long.

    Time counts from the opening of the connection, or from a later request's first byte. Bytes are
    counted as they come, when they bring no request further, and as they are parsed.
    """

    _place: DoorPlace
    _out: JoinedWrites
    _raw_bytes = 0
    _field_bytes = 0
    _in_head = True
    _got_further = False
    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Open the connection, at the cost of an older stranger's if there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        self._out = JoinedWrites(transport)
        self._place = DoorPlace(door_of(self.app_state), transport, address)
        self.app_state = {**self.app_state, STATE_KEY: self._place}
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place, and forget the timers."""
        self._place.free()
        self._head_came()
        self._forget_body_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; of a head, or after a body, only so many."""
        began_in_head, self._got_further = self._in_head, False
        super().data_received(data)
        if self.parser is None or self.transport.is_closing():
            return
        if not self._got_further or (began_in_head and self._in_head):
            self._raw_bytes += len(data)
            self._bound_head(self._raw_bytes)
            self._go_on_waiting()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket protocol, which closes it or serves it."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # it and this object keep each other alive
        protocol = self.transport.get_protocol()
        if isinstance(protocol, BoundedWebSocket) and not protocol.handshake_initiated:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as every other error is told."""
        self._refuse("bad-request", f"expected a request in HTTP/1.1: {msg}")

    def on_message_begin(self) -> None:
        """A request begins; only so many wait for the answers before theirs."""
        self._got_further = True
        if len(self.pipeline) >= PIPELINED_MAX:
            self._close()
            raise _Refused
        if not self._in_head:
            self._await_head()
        self._raw_bytes = self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's path."""
        self._count_fields(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after a body a trailer."""
        if len(self.headers) >= HEADERS_MAX:
            self._refuse("head-too-large", f"a request has at most {HEADERS_MAX} headers")
            raise _Refused
        self._count_fields(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request's head is complete."""
        self._got_further = True
        self._raw_bytes = 0
        self._head_came()
        super().on_headers_complete()
        if self.cycle is not None:  # a call for a WebSocket begins none
            self.cycle.transport = self._out  # type: ignore[assignment]  # all that it uses of one

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body."""
        self._got_further = True
        self._raw_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """A request is answered. What is left of its body is waited for only so long."""
        self._out.end()
        idle_s = self._place.answered()
        self.timeout_keep_alive = idle_s  # type: ignore[assignment]
        super().on_response_complete()
        if not idle_s:
            self._close()
            return
        cycle = self.cycle
        if cycle is not None and cycle.response_complete and cycle.more_body:
            cycle.body.clear()
            self._forget_body_timer()
            self._body_timer = self.loop.call_later(HEAD_WAIT_S, self._stop_waiting, cycle)

    def timeout_keep_alive_handler(self) -> None:
        """Close what was idle for too long."""
        self._close()

    def _stop_waiting(self, answered: RequestResponseCycle) -> None:
        if self.cycle is answered and self._head_timer is None:
            self._close()

    def _go_on_waiting(self) -> None:
        """Take bytes that are no request, as empty lines are, for idleness."""
        idle = self.cycle is not None and self.cycle.response_complete and not self._in_head
        if idle and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self._place.answered(), self.timeout_keep_alive_handler
            )

    def _count_fields(self, size: int) -> None:
        self._field_bytes += size
        if self._bound_head(self._field_bytes):
            raise _Refused

    def _bound_head(self, size: int) -> bool:
        """Refuse a head, or what came instead of one, that is too long."""
        if size <= HEAD_BYTES_MAX:
            return False
        self._refuse("head-too-large", f"line and headers have at most {HEAD_BYTES_MAX} bytes")
        return True

    def _await_head(self) -> None:
        self._in_head, self._raw_bytes = True, 0
        detail = f"line and headers of a request come within {HEAD_WAIT_S:.0f} s"
        late = ("head-too-slow", detail)
        self._head_timer = self.loop.call_later(HEAD_WAIT_S, self._refuse, *late)

    def _head_came(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _forget_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _refuse(self, code: str, detail: str) -> None:
        """Answer with a problem document and close; there may be no path to name in it.

        While a request is under way there is no answer: it would be taken for that request's.
        """
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._close()
            return
        problem = Problem(code, detail)
        body = msgspec.json.encode(problem.document("/"))
        status = HTTPStatus(problem.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._close()

    def _close(self) -> None:
        """Close, and do not wait long for an end that never reads."""
        self._out.close()
        self.loop.call_later(CLOSE_LINGER_S, self.transport.abort)
