"""Written: what is final is written before somebody reads it.

A node holds final blocks in memory for a moment, and writes several at once. A read that comes in
meanwhile has them written, so that it shows everything that any answer before it has said. What
becomes final after that is not written when the answer is made, and is on its way no more: so it
is looked up at the same moment how far an own record has got that is asked for. While somebody
listens, blocks are written sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from api.feed_places import stays_open
from api.problems import of_error, respond
from api.readers import NODES, OWN, RECORDS
from node.host.host import Host

if TYPE_CHECKING:
    from api.log import RecordView


class WrittenFirst:
    """Has what is held written before a read is passed on, with ``scope["own"]``.

    It belongs behind whatever finds out whose request it is: strangers have nothing written.

    Args:
        app: The application.
        host: Holds final blocks.
        find: Returns an own record that is on its way, by its id, or None.
    """

    def __init__(self, app: ASGIApp, host: Host, find: Callable[[str], RecordView | None]) -> None:
        self._app = app
        self._host = host
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if not self._reads_ledger(scope):
            await self._app(scope, receive, send)
            return
        self._host.write()
        stopped = self._host.stopped()
        if stopped is not None and self._host.store.holds:  # it could not be written
            await respond(of_error(stopped), scope["path"])(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(RECORDS):
            scope["own"] = self._find(path.rpartition("/")[2])
        with self._host.delivery.listened() if stays_open(scope) else nullcontext():
            await self._app(scope, receive, send)

    @staticmethod
    def _reads_ledger(scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["token"] is None:
            return False
        return scope["path"] not in OWN and not scope["path"].startswith(NODES)
