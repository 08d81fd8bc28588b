"""One WebSocket connection of uvicorn, bounded until the other end has proved that it is a peer."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode

from api.door import STATE_KEY, DoorPlace
from api.limits import UNPROVED_BYTES_MAX
from node.limits import FRAGMENTS_MAX
from node.peers.handshake import CLOSE_CODES, HANDSHAKE_FRAME_BYTES_MAX
from node.peers.unparsed import Unparsed


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, which keeps little of what a stranger sends, and no cycle.

    Before the proof a message has at most :data:`HANDSHAKE_FRAME_BYTES_MAX` bytes and everything
    together, control frames and headers of frames included, :data:`UNPROVED_BYTES_MAX`. After it
    the server's bounds hold. Once this end has closed, so much as before the proof is read: the
    answer is among it, or the connection is cut in a moment.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._place: DoorPlace = self.app_state[STATE_KEY]
        self._bounded = True
        self._unproved_bytes = 0
        self._late_bytes = 0
        self._unparsed = Unparsed()
        self.conn.max_message_size = HANDSHAKE_FRAME_BYTES_MAX

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place, and let go of everything: what refers to itself is freed late."""
        self._place.free()
        super().connection_lost(exc)
        self.frames = []
        self._unparsed.clear()
        self.conn.parser.close()
        for fault in (self.conn.parser_exc, self.conn.handshake_exc):
            _forget_frames(fault)

    def data_received(self, data: bytes) -> None:
        """Take bytes; of a stranger, and of whoever was told to go, only so many."""
        if self._bounded and self.handshake_initiated and not self._place.proved:
            self._unproved_bytes += len(data)
            if self._unproved_bytes > UNPROVED_BYTES_MAX:
                self._refuse_overrun()
                return
        self._unparsed.put(data)
        if self.close_sent and self._late_bytes + len(self._unparsed) > UNPROVED_BYTES_MAX:
            self._unparsed.clear()
            self.transport.pause_reading()
            return
        self._parse()

    async def receive(self) -> Any:
        """Return the next message; parse on, and read on, once none is left."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._parse()
            if not self.read_paused:
                self.transport.resume_reading()
        return message

    def _parse(self) -> None:
        """Parse what has come, until there is a message that nobody has received."""
        while self._unparsed and not self.read_paused and not self.transport.is_closing():
            if self._bounded and self._place.proved:
                self._bounded = False
                self.conn.max_message_size = self.config.ws_max_size
            part = self._unparsed.take()
            self._late_bytes += len(part) if self.close_sent else 0
            super().data_received(part)

    def _take_piece(self) -> bool:
        """Count a frame that is no message; cut whoever sends too many."""
        if not self._unparsed.take_piece():
            self._place.overran = True
            self.transport.abort()
        return not self.transport.is_closing()

    def handle_ping(self) -> None:
        """Answer a ping, unless there are too many, or the answers to earlier ones are not read."""
        if not self._take_piece():
            return
        if self.transport.get_write_buffer_size() > self.config.ws_max_size:
            self.transport.abort()
            return
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take the answer to a ping, or what looks like one; only so many."""
        if self._take_piece():
            super().handle_pong(event)

    def handle_text(self, event: Frame) -> None:
        """Hand on that there was a text, not the text: peers talk in binary frames."""
        super().handle_text(Frame(event.opcode, b""))
        self.curr_msg_data_type = "bytes"

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment; of one message, and of all, only so many."""
        if len(self.frames) >= FRAGMENTS_MAX:
            self.transport.abort()
        if not self._take_piece():
            return
        super().handle_cont(event)

    def handle_parser_exception(self) -> None:
        """Close: what came is no frame, or too large."""
        if self._bounded and isinstance(self.conn.parser_exc, PayloadTooBig):
            self.conn.data_to_send()  # its own close frame, which knows no reason of ours
            self._refuse_overrun()
            return
        super().handle_parser_exception()
        self._place.close_soon()

    def keepalive_timeout(self) -> None:
        """Give up an end that answers no ping, and what it has not read with it."""
        super().keepalive_timeout()
        self._place.close_soon()

    def _refuse_overrun(self) -> None:
        """Close with the reason; what came is not kept."""
        if self.transport.is_closing():
            return
        self._place.overran = True
        code, reason = CLOSE_CODES["bad-frame"], "bad-frame"
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if not self.close_sent:
            told = Frame(Opcode.CLOSE, Close(code, reason).serialize())
            self.transport.write(told.serialize(mask=False))
            self.close_sent = True
        self.transport.close()
        self._place.close_soon()


def _forget_frames(fault: BaseException | None) -> None:
    """Let go of what a kept exception keeps: the frames it went through, and what they knew."""
    while fault is not None:
        fault.__traceback__ = None
        fault = fault.__cause__ or fault.__context__
