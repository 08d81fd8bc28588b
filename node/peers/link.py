"""One link to one peer: its connection, its bounded send queue, and the socket underneath."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from node.limits import FRAGMENTS_MAX
from node.peers.handshake import PeerRefused
from node.peers.ration import (
    BYTE_S,
    FRAME_S,
    LINKS_AT_ONCE,
    LINKS_PER_S,
    PAUSE_MAX_S,
    USELESS_AT_ONCE_S,
    USELESS_PER_S,
    Ration,
)
from node.peers.unparsed import Unparsed

PEER_PATH = "/peer"
QUEUE_FRAMES_MAX = 4096


class Closed(Exception):
    """The connection is gone.

    Args:
        code: WebSocket close code; 1006 when there was no close frame.
        reason: The other end's reason, possibly empty.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".strip())
        self.code = code
        self.reason = reason


class Socket(Protocol):
    """One WebSocket connection, whichever library holds it."""

    async def send(self, frame: bytes) -> None:
        """Send one binary frame; raises :class:`Closed`."""

    async def receive(self) -> bytes:
        """Return the next binary frame; raises :class:`Closed`, or PeerRefused on text."""

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; never raises."""


class IncomingSocket(Socket, Protocol):
    """A connection that came in, of somebody who has proved nothing yet.

    Attributes:
        address: What counts as the other end's address.
    """

    address: str

    def claim(self) -> None:
        """Learn that the other end names a party that may call, and is awaited to prove it."""

    def prove(self) -> None:
        """Learn that the other end has proved to be that party."""


class SendQueue:
    """Frames on their way to one connection: first in, first out, bounded, oldest lost first.

    Args:
        bytes_max: Bound on the bytes that wait.
        frames_max: Bound on the frames that wait.
    """

    __slots__ = ("_bytes", "_bytes_max", "_frames", "_frames_max", "_ready")

    def __init__(self, bytes_max: int, frames_max: int = QUEUE_FRAMES_MAX) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._bytes_max = bytes_max
        self._frames_max = frames_max
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: bytes) -> int:
        """Append ``frame`` and return how many of the oldest frames were lost to make room."""
        self._frames.append(frame)
        self._bytes += len(frame)
        lost = 0
        while len(self._frames) > self._frames_max or self._bytes > self._bytes_max:
            self._bytes -= len(self._frames.popleft())
            lost += 1
        self._ready.set()
        return lost

    async def get(self) -> bytes:
        """Wait for the oldest frame and take it out."""
        while not self._frames:
            self._ready.clear()
            await self._ready.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame


class Connection:
    """One proved connection: its socket and what waits to be sent on it."""

    __slots__ = ("queue", "socket")

    def __init__(self, socket: Socket, queue: SendQueue) -> None:
        self.socket = socket
        self.queue = queue


class Link:
    """What a node knows of its connection to one peer."""

    __slots__ = (
        "address",
        "connection",
        "connects",
        "dropped",
        "links",
        "paced_s",
        "peer",
        "unsent",
        "useless",
    )

    def __init__(self, peer: str, address: str) -> None:
        self.peer = peer
        self.address = address
        self.connection: Connection | None = None
        self.dropped = 0
        self.unsent = 0
        self.connects = 0
        self.paced_s = 0.0
        self.links = Ration(LINKS_AT_ONCE, LINKS_PER_S)
        self.useless = Ration(USELESS_AT_ONCE_S, USELESS_PER_S)

    async def pause(self, spent_s: float, size: int) -> bool:
        """Charge a useless frame of ``size`` bytes; read no more while the ration is used up.

        Return whether that was so.
        """
        now_s = asyncio.get_running_loop().time()
        self.useless.take(spent_s + FRAME_S + BYTE_S * size, now_s)
        wait_s = min(self.useless.wait_s(now_s), PAUSE_MAX_S)
        if wait_s:
            self.paced_s += wait_s
            await asyncio.sleep(wait_s)
        return wait_s > 0

    def status(self) -> dict[str, Any]:
        """Return the link as plain JSON values."""
        connection = self.connection
        return {
            "address": self.address,
            "connected": connection is not None,
            "dropped": self.dropped,
            "queued": len(connection.queue) if connection else 0,
            "connects": self.connects,
            "paced_ms": round(1000 * self.paced_s),
            "unsent": self.unsent,
        }


class DialledConnection(ClientConnection):
    """A client connection of the websockets library that parses no more than is handed on.

    Of one message it takes only so many pieces, and only so many pieces and pings altogether.
    """

    _fragments = 0
    overran = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; nothing has come yet."""
        super().connection_made(transport)
        self._unparsed = Unparsed()
        self.recv_messages.resume = self._resume

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._unparsed.put(data)
        self._parse()

    def _resume(self) -> None:
        self._parse()
        if not self.recv_messages.paused:
            self.transport.resume_reading()

    def _parse(self) -> None:
        while self._unparsed and not self.recv_messages.paused:
            super().data_received(self._unparsed.take())
            if self.transport.is_closing():
                self._unparsed.clear()

    def process_event(self, event: Event) -> None:
        """Take a frame."""
        if isinstance(event, Frame):
            whole = event.opcode in (Opcode.BINARY, Opcode.TEXT)
            self._fragments = 0 if whole else self._fragments + (event.opcode is Opcode.CONT)
            if self._fragments >= FRAGMENTS_MAX or not (whole or self._unparsed.take_piece()):
                self.overran = True
                self.transport.abort()
                return
        super().process_event(event)


class DialledSocket:
    """A :class:`Socket` over a connection that this node has made.

    Args:
        connection: The connection, made with room for a handshake frame only.
        frame_bytes_max: The largest frame of a peer that has proved itself.
    """

    __slots__ = ("_connection", "_frame_bytes_max")

    def __init__(self, connection: DialledConnection, frame_bytes_max: int) -> None:
        self._connection = connection
        self._frame_bytes_max = frame_bytes_max

    def prove(self) -> None:
        """Learn that the other end has proved to be the party that was called."""
        self._connection.protocol.max_message_size = self._frame_bytes_max

    async def send(self, frame: bytes) -> None:
        """Send one binary frame."""
        try:
            await self._connection.send(frame)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> bytes:
        """Return the next binary frame."""
        try:
            frame = await self._connection.recv()
        except ConnectionClosed as error:
            if self._connection.overran:
                raise PeerRefused("bad-frame", "pings and pieces of messages are few") from None
            raise _closed(error) from None
        if isinstance(frame, str):
            raise PeerRefused("text-frame", "peers talk in binary frames")
        return frame

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._connection.close(code, reason)


def peer_url(address: str) -> str:
    """Return the WebSocket URL of a peer.

    Args:
        address: ``host:port``, or an ``http``, ``https``, ``ws`` or ``wss`` URL, with or without
            the peer path at its end.
    """
    parts = urlsplit(address if "://" in address else f"ws://{address}")
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    path = parts.path.rstrip("/").removesuffix(PEER_PATH)
    return f"{scheme}://{parts.netloc}{path}{PEER_PATH}"


async def send_all(connection: Connection) -> None:
    """Send what is queued on ``connection``, in order, until it is closed."""
    try:
        while True:
            await connection.socket.send(await connection.queue.get())
    except Closed:
        return  # the receiving side sees it too, and ends the connection


def _closed(error: ConnectionClosed) -> Closed:
    if error.rcvd is None:
        return Closed(1006, "")
    return Closed(error.rcvd.code, error.rcvd.reason)
