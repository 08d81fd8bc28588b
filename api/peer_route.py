"""The WebSocket route on which other parties' nodes connect."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.door import DoorPlace, door_place_of
from api.limits import UNPROVED_BYTES_MAX
from node.peers.handshake import HANDSHAKE_FRAME_BYTES_MAX, PeerRefused
from node.peers.link import PEER_PATH, Closed
from node.peers.links import CLOSE_TIMEOUT_S, PeerLinks


class AcceptedSocket:
    """A :class:`node.peers.link.IncomingSocket` over a WebSocket that this server accepted.

    Args:
        websocket: The WebSocket.
        place: Its connection's place at the door.
    """

    __slots__ = ("_place", "_websocket", "address")

    def __init__(self, websocket: WebSocket, place: DoorPlace) -> None:
        self._websocket = websocket
        self._place = place
        self.address = place.site

    def claim(self) -> None:
        """Be no stranger: who waits for the proof is counted by the peer links."""
        self._place.claim()

    def prove(self) -> None:
        """Lift the bounds that hold before the proof."""
        self._place.prove()

    async def send(self, frame: bytes) -> None:
        """Send one binary frame."""
        try:
            await self._websocket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise Closed(1006, "") from None

    async def receive(self) -> bytes:
        """Return the next binary frame."""
        if self._websocket.client_state is not WebSocketState.CONNECTED:
            raise Closed(1006, "")
        message = await self._websocket.receive()
        if self._place.overran:
            raise PeerRefused(
                "bad-frame",
                f"before the proof a frame has at most {HANDSHAKE_FRAME_BYTES_MAX} bytes, and all "
                f"that comes {UNPROVED_BYTES_MAX}; after it pings and pieces are few",
            )
        if message["type"] == "websocket.disconnect":
            raise Closed(message.get("code", 1006), message.get("reason") or "")
        frame = message.get("bytes")
        if not isinstance(frame, bytes | bytearray):
            raise PeerRefused("text-frame", "peers talk in binary frames")
        return bytes(frame)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; does not wait long for an end that never reads."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(code, reason)
        self._place.close_soon()


def peer_routes(links: PeerLinks) -> APIRouter:
    """Return the router that hands every peer connection to ``links``."""
    router = APIRouter()

    @router.websocket(PEER_PATH)
    async def peer_endpoint(websocket: WebSocket) -> None:
        place = door_place_of(websocket.scope)
        if place is None:
            raise RuntimeError("serve peers with api.connection.BoundedConnection")
        await websocket.accept()
        await links.accept(AcceptedSocket(websocket, place))

    return router
