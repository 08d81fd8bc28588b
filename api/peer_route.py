"""The WebSocket route on which other parties' nodes connect."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from node.handshake import PeerRefused
from node.peer_link import PEER_PATH, Closed
from node.peers import CLOSE_TIMEOUT_S, PeerLinks


class AcceptedSocket:
    """A :class:`node.peer_link.Socket` over a WebSocket that this server accepted."""

    __slots__ = ("_websocket",)

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

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


def peer_routes(links: PeerLinks) -> APIRouter:
    """Return the router that hands every peer connection to ``links``."""
    router = APIRouter()

    @router.websocket(PEER_PATH)
    async def peer_endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await links.accept(AcceptedSocket(websocket))

    return router
