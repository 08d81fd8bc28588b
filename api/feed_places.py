"""Places for answers that stay open: feeds, and questions that wait for entries.

They have places of their own, so many per token and so many in all, and take none of the turns of
ordinary reads. An answer that nobody reads is cut, one whose token was revoked or whose session was
signed out of ends, so does one that is an hour old, and all end when the node stops.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SO_SNDBUF, SOL_SOCKET
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import left
from api.door import cut, door_place_of
from api.draining import ANSWER_S, Draining
from api.limits import (
    CLOSE_LINGER_S,
    FEED_LIFE_S,
    FEED_TOKENS_EVERY_S,
    FEED_UNREAD_BYTES,
    FEEDS_MAX,
    FEEDS_PER_TOKEN,
    STALL_S,
)
from api.problems import Problem, respond
from api.sessions import Session, Sessions
from node.errors import TokenError
from node.home.tokens import Tokens
from views.texts import gettext

FEEDS = frozenset(("/v1/feed", "/live"))
"""Addresses whose answers are server-sent events without an end."""

WAITS = frozenset(("/v1/entries",))
"""Addresses that wait for an answer with ``wait_ms``."""


def stays_open(scope: Scope) -> bool:
    """Return whether the answer to a request stays open, or may be long in coming."""
    if scope["method"] != "GET":
        return False
    if scope["path"] in WAITS:
        query = scope["query_string"].decode("latin-1")
        return any(name == "wait_ms" for name, _ in parse_qsl(query, True))
    return scope["path"] in FEEDS


class FeedPlaces:
    """Gives answers that stay open a place each, and everything else to the application.

    What has no token that may read is refused by the application. ``scope["token"]`` says whose
    request it is.

    Args:
        app: The application.
        draining: Tells when the node stops.
        tokens: The node's tokens.
        sessions: Those of people at a browser.
        relay: Answers from another process; without it the application does.
    """

    def __init__(
        self,
        app: ASGIApp,
        draining: Draining,
        tokens: Tokens,
        sessions: Sessions,
        relay: ASGIApp | None = None,
    ) -> None:
        self._app = app
        self._answer = relay or app
        self._draining = draining
        self._tokens = tokens
        self._sessions = sessions
        self._of_token: Counter[str] = Counter()
        self._open: dict[asyncio.Timeout, tuple[str, Session | None]] = {}
        self._looking: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to where it is answered."""
        token = scope["token"] if scope["type"] == "http" else None
        if token is None or "read" not in token.scopes or not stays_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            with self._place(token.id):
                await self._serve(scope, receive, send)
        except Problem as problem:
            await respond(problem, scope["path"])(scope, receive, send)

    @contextmanager
    def _place(self, token: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            Problem: ``too-many-feeds`` or ``stopping``.
        """
        self._draining.refuse_stopping()
        if self._of_token[token] >= FEEDS_PER_TOKEN:
            raise _too_many(gettext("{count} of this token are open"), FEEDS_PER_TOKEN)
        if self._of_token.total() >= FEEDS_MAX:
            raise _too_many(gettext("{count} of all tokens are open"), FEEDS_MAX)
        self._of_token[token] += 1
        try:
            yield
        finally:
            self._of_token[token] -= 1
            if not self._of_token[token]:
                del self._of_token[token]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _OpenAnswer(scope, send)
        refused = False
        try:
            refused = await self._held(scope, receive, answer)
        except _Stalled:
            with suppress(TimeoutError):  # it is cut: there is nobody to end it for
                async with asyncio.timeout(2 * CLOSE_LINGER_S):
                    await left(receive)
            return
        except _HeadSent:
            pass
        await answer.end("bad-token" if refused else "stopping")

    async def _held(self, scope: Scope, receive: Receive, answer: _OpenAnswer) -> bool:
        """Answer until the end, or the node's; return whether the token had to be shown anew."""
        answering = self._answer(scope, receive, answer.send)
        try:
            async with asyncio.timeout(FEED_LIFE_S) as held:
                self._open[held] = scope["token"].id, scope.get("session")
                self._look_later()
                await self._draining.wait(answering)
        except TimeoutError:
            return True
        finally:
            self._open.pop(held, None)
        return False

    def _look_later(self) -> None:
        if self._looking is None and self._open:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(FEED_TOKENS_EVERY_S, self._look)

    def _look(self) -> None:
        """End what is open for tokens that there are no more, and for sessions that ended."""
        self._looking = None
        with suppress(TokenError):  # a fault of this node's file; the routes say so
            known = {token.id for token in self._tokens.list() if "read" in token.scopes}
            now = asyncio.get_running_loop().time()
            for held, (token, session) in self._open.items():
                if token not in known or (session and self._sessions.has_ended(session)):
                    held.reschedule(now)
        self._look_later()


class _Stalled(Exception):
    """The client does not read; its connection is cut."""


class _HeadSent(Exception):
    """The client asked for the head alone."""


class _OpenAnswer:
    """An answer that is sent no faster than its client reads, within bounds.

    Args:
        scope: The request.
        send: Where the answer goes.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._begun = self._ended = False
        place = door_place_of(scope)
        socket = None if place is None else place.transport.get_extra_info("socket")
        if socket is not None and scope["path"] in FEEDS:
            socket.setsockopt(SOL_SOCKET, SO_SNDBUF, FEED_UNREAD_BYTES)

    async def send(self, message: Message) -> None:
        """Send a part.

        Raises:
            _Stalled: the client has not read for :data:`api.limits.STALL_S`.
        """
        self._begun = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body")
        try:
            async with asyncio.timeout(STALL_S):
                await self._send(message)
        except TimeoutError:
            cut(self._scope, f"a feed was not read for {STALL_S:.0f} s")
            raise _Stalled from None
        if self._scope.get("head") and not self._ended:
            raise _HeadSent

    async def end(self, code: str) -> None:
        """End what has not ended by itself: in order, or with a problem if it has not begun.

        Raises:
            Problem: of ``code``.
        """
        if not self._begun:
            raise Problem(code, gettext("Nothing came before the end; ask again."))
        if not self._ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    await self._send({"type": "http.response.body", "body": b""})


def _too_many(why: str, count: int) -> Problem:
    said = gettext("{why}; close one, or come again when one has ended")
    return Problem("too-many-feeds", said.format(why=why.format(count=count)))
