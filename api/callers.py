"""Callers: every request's token is looked up once it begins, and told of once it has ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import ceil
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import bearer
from api.door import door_place_of
from api.guesses import Guesses
from api.limits import GUESS_WAIT_S, GUESSES_WAITING_MAX, MINUTE_S
from api.problems import Problem, respond
from api.request_log import FAULT, UNANSWERED, RequestLog
from api.sessions import Sessions, is_same_origin
from node.errors import TokenError
from node.home.tokens import Token, Tokens

WITH_COOKIE = ("/sign-out", "/v1/simulations")
"""What may be changed with a cookie; a record is submitted with a token."""
OPEN = ("/livez", "/readyz", "/openapi.json", "/peer", "/sign-", "/static/")
"""How addresses begin that need no token. A wrong one there, as a supervisor may send it, is no
guess."""
_NO_PAGES = ("/v1/", "/live")
"""How addresses begin for which a session is not renewed: scripts ask for them, not people."""
_BY_SCRIPT = b"tongzhang-heard"
"""The header with which a script asks for a page again: a page that is left open ends in time."""


class Callers:
    """Keeps the request log of an application, and wrong tokens away from it.

    It belongs into the process that accepts the connections, and there only once.

    Args:
        app: The application.
        tokens: The node's tokens.
        party: Whose node this is.
        sessions: Those of people at a browser, whose cookies stand for tokens.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, party: str, sessions: Sessions) -> None:
        self._app = app
        self._tokens = tokens
        self._sessions = sessions
        self._guesses = Guesses()
        self._log = RequestLog(party)
        self._waiting = 0
        self._minute: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless too many wrong tokens have come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), UNANSWERED
        place = door_place_of(scope)

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                self._renew(scope, message)
            try:
                await send(message)
            except RuntimeError:  # uvloop's, for what is written to a connection that is gone
                if place is None or not place.transport.is_closing():
                    raise

        token, is_guess = self._identify(scope)
        scope["token"] = token
        scope["judge_guess"] = lambda: self._guesses.judge(_address(scope))
        if token is not None and place is not None:
            place.show_token()
        try:
            if is_guess and not self._guesses.judge(_address(scope)):
                await self._refuse(scope, receive, note)
            else:
                await self._app(scope, receive, note)
        except Exception:
            status = FAULT  # what answers it stands around this
            raise
        finally:
            self._log.add(scope, token, status, 1000 * (perf_counter() - began))
            if token is None and self._minute is None:
                loop = asyncio.get_running_loop()
                self._minute = loop.call_later(MINUTE_S, self._end_minute)

    def _identify(self, scope: Scope) -> tuple[Token | None, bool]:
        """Return a request's token, and whether what it has instead is a guess."""
        secret = bearer(scope)
        with suppress(TokenError):  # a fault of this node's file, and no guess: the routes say so
            if not secret:
                return self._in_session(scope), False
            token = self._tokens.find(secret)
            return token, token is None and not scope["path"].startswith(OPEN)
        return None, False

    def _in_session(self, scope: Scope) -> Token | None:
        """Return the token for which a cookie stands, where it may."""
        session = self._sessions.of(scope)
        reads = scope["method"] in ("GET", "HEAD")
        if session is None or not (
            reads or (scope["path"] in WITH_COOKIE and is_same_origin(scope))
        ):
            return None
        scope["session"] = session
        return next((each for each in self._tokens.list() if each.id == session.token), None)

    def _renew(self, scope: Scope, message: Message) -> None:
        """Let the session of somebody who asks for a page go on."""
        session = scope.get("session")
        if session is None or scope["path"].startswith(_NO_PAGES):
            return
        if any(name == _BY_SCRIPT for name, _ in scope["headers"]):
            return
        cookie = self._sessions.renewal(scope, session)
        if cookie is not None:
            message["headers"] = [*message["headers"], (b"set-cookie", cookie.encode())]

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a guess, late unless many wait so already, and close its connection."""
        if self._waiting < GUESSES_WAITING_MAX:
            self._waiting += 1
            try:
                await asyncio.sleep(GUESS_WAIT_S)
            finally:
                self._waiting -= 1
        problem = Problem(
            "too-many-guesses",
            "Too many wrong tokens came; a right one is taken at any time. "
            "List the tokens with `tongzhang token list`.",
        )
        response = respond(problem, scope["path"])
        response.headers["retry-after"] = str(self._left_s())
        response.headers["connection"] = "close"
        await response(scope, receive, send)

    def _left_s(self) -> int:
        """Return how much of the running minute is left, in whole seconds."""
        now = asyncio.get_running_loop().time()
        return max(1, ceil(self._minute.when() - now)) if self._minute else 1

    def _end_minute(self) -> None:
        self._minute = None
        self._guesses.end_minute()
        self._log.end_minute()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "-"
