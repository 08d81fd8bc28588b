"""Written: what is final is written before somebody reads it.

A node holds final blocks in memory for a moment, and writes several at once. A read that comes in
meanwhile has them written, so that it shows everything that any answer before it has said.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class WrittenFirst:
    """Has what is held written before a read is passed on.

    It belongs behind whatever finds out whose request it is: strangers have nothing written.

    Args:
        app: The application.
        write: Writes what is held; costs nothing if nothing is.
    """

    def __init__(self, app: ASGIApp, write: Callable[[], None]) -> None:
        self._app = app
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["token"] is not None:
            self._write()
        await self._app(scope, receive, send)
