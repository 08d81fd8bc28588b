"""Written: what is final is written before somebody reads it.

A node holds final blocks in memory for a moment, and writes several at once. A read that comes in
meanwhile has them written, so that it shows everything that any answer before it has said. While
somebody listens, they are written sooner.
"""

from __future__ import annotations

from contextlib import nullcontext

from starlette.types import ASGIApp, Receive, Scope, Send

from api.feed_places import stays_open
from node.host.host import Host


class WrittenFirst:
    """Has what is held written before a read is passed on.

    It belongs behind whatever finds out whose request it is: strangers have nothing written.

    Args:
        app: The application.
        host: Holds final blocks.
    """

    def __init__(self, app: ASGIApp, host: Host) -> None:
        self._app = app
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        if not is_read or scope["token"] is None:
            await self._app(scope, receive, send)
            return
        self._host.write()
        with self._host.delivery.listened() if stays_open(scope) else nullcontext():
            await self._app(scope, receive, send)
