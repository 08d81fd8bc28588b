"""Renewals: pages that are asked for again after news, made once for all who look at the same one.

A script that renews a page says up to which block it has heard news. Whoever has heard of no newer
one is shown what was made for the first. So many people at one page cost one making of it for each
moment at which news tick, and a page that somebody opens is always made anew. Nothing on a page is
of its reader alone: its address and language make it, and whoever may read sees the same. Since
what is shared costs next to nothing, whoever looks at such a page is told to rest less.

It stands in the process that accepts connections, behind whatever finds out whose request it is:
what is kept costs the readers nothing, and is shown to nobody whose token or session has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.reading import HEIGHT
from api.request_log import route_of
from node.home.tokens import Token
from web.packing import takes_gzip
from web.page import is_page, language_for

HEARD = b"tongzhang-heard"
"""The header of a renewal: the height of the newest block that its script has heard of."""
PAUSE = b"tongzhang-pause-ms"
"""The header of an answer: how long to rest before the next renewal of a page that many share."""
SHARED_PAUSE_MS = 1250
KEPT_MAX = 32
KEPT_BYTES_MAX = 256 * 1024
"""How many pages are kept, and how large one may be."""
KEPT_S = 10.0
"""How long one is shown at most: ages stand on it, and which nodes are seen."""
_DIGITS_MAX = 16
_HEIGHT = HEIGHT.lower().encode()


@dataclass(slots=True)
class KeptPage:
    """A page as it was made last: head and body as they were sent, its block, its route's name.

    ``until_s`` says up to when it is good, on the loop's clock; ``shown`` how often it was shown,
    ``shared`` whether the one before it was shown more than once.
    """

    start: Message
    body: bytes
    height: int
    route: str
    until_s: float
    shared: bool = False
    shown: int = 0

    def suits(self, heard: int) -> bool:
        """Return whether it is new enough for who has heard of a block."""
        return self.height >= heard and _now_s() < self.until_s

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer a request with it."""
        self.shown += 1
        scope["template"] = self.route
        pause = [(PAUSE, b"%d" % SHARED_PAUSE_MS)] if self.shared else []
        await send({**self.start, "headers": [*self.start["headers"], *pause]})
        await send({"type": "http.response.body", "body": self.body})


class Renewals:
    """Answers renewals with what was made for others, and has everything else answered.

    Args:
        app: The application; ``scope["token"]`` says who asks.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[Hashable, KeptPage] = {}
        self._making: dict[Hashable, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless a page that is new enough has been made."""
        heard = heard_of(scope) if _may_share(scope) else 0
        if not heard:
            await self._app(scope, receive, send)
            return
        asked = (scope["path"], scope["query_string"], language_for(scope), takes_gzip(scope))
        while (kept := self._kept.get(asked)) is None or not kept.suits(heard):
            if (making := self._making.get(asked)) is None:
                await self._make(asked, scope, receive, send)
                return
            await making.wait()
        await kept.send(scope, send)

    async def _make(self, asked: Hashable, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a page made for one, while others who want it wait."""
        made = self._making[asked] = asyncio.Event()

        def keep(page: KeptPage | None) -> None:
            before = self._kept.pop(asked, None)
            if page is not None:
                page.shared = before is not None and before.shown > 1
                self._kept[asked] = page
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
            self._end(asked, made)

        try:
            await self._app(scope, receive, _Collected(scope, send, keep).take)
        finally:
            self._end(asked, made)

    def _end(self, asked: Hashable, made: asyncio.Event) -> None:
        """Let those go on who wait for a making; more than once does nothing more."""
        made.set()
        if self._making.get(asked) is made:
            del self._making[asked]


class _Collected:
    """An answer that is collected before it is sent: no slow reader holds up who waits for it, too.

    Args:
        scope: The request.
        send: Where the answer goes.
        keep: Is told of the whole answer, or of None if it is not to be shown to others.
    """

    def __init__(self, scope: Scope, send: Send, keep: Callable[[KeptPage | None], None]) -> None:
        self._scope, self._send, self._keep = scope, send, keep
        self._start: Message = {}
        self._parts: list[bytes] = []
        self._begun = False

    async def take(self, message: Message) -> None:
        """Take a part. What grows too large to be kept is sent as it comes."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._parts.append(message.get("body", b""))
        more = message.get("more_body", False)
        if not self._begun:
            if more and sum(map(len, self._parts)) <= KEPT_BYTES_MAX:
                return
            self._begun = True
            page = None if more else self._page()
            self._keep(page)
            if page is not None:
                await page.send(self._scope, self._send)
                return
            await self._send(self._start)
        body = b"".join(self._parts)
        self._parts.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _page(self) -> KeptPage | None:
        """Return the page; None if it is a problem, or one person's, or says of no block."""
        body, headers = b"".join(self._parts), dict(self._start["headers"])
        is_own = self._start["status"] != 200 or b"set-cookie" in headers
        if is_own or _HEIGHT not in headers or len(body) > KEPT_BYTES_MAX:
            return None
        height, until_s = int(headers[_HEIGHT]), _now_s() + KEPT_S
        return KeptPage(self._start, body, height, route_of(self._scope), until_s)


def heard_of(scope: Scope) -> int:
    """Return up to which block whoever renews a page has heard news; 0 for any other request."""
    said = next((value for name, value in scope["headers"] if name == HEARD), b"")
    return int(said) if said.isdigit() and len(said) <= _DIGITS_MAX else 0


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _may_share(scope: Scope) -> bool:
    """Return whether a request is one for a page, of somebody who may read."""
    if scope["type"] != "http" or scope["method"] != "GET" or not is_page(scope):
        return False
    token: Token | None = scope["token"]
    return token is not None and "read" in token.scopes
