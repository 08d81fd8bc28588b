"""Readers in a process of their own, so that reads cannot hold up votes and submissions.

The process reads the same database and answers the same routes. It is niced, and gets from the
node the reads of tokens that may read: of one token :data:`api.limits.READS_PER_TOKEN` at once, the
others in turn. HTTP goes on over a socket in the home. Should the process end, another one takes
its place; what asks meanwhile waits in the socket's backlog.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpcore
import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from api.answers import left
from api.door import cut
from api.limits import (
    READ_ANSWER_WAIT_S,
    READ_TURN_WAIT_S,
    READS_MAX,
    READS_PER_TOKEN,
    READS_WAITING_MAX,
    STALL_S,
)
from api.problems import Problem, respond
from api.read_server import ROUTE, carried, serve_reads
from api.relay import OF_THE_CONNECTION, Relay, relayed_headers
from views.texts import gettext

if TYPE_CHECKING:
    from api.site import Site
    from node.home.home import Home
    from node.home.tokens import Token

BACKLOG = 256
SOCKET = "readers.sock"
"""How the sockets in a home are named; something random follows."""
WATCH_S = 0.5
WATCH_MAX_S = 30.0
RECORDS = "/v1/records/"
OWN = frozenset(("/v1/status", "/v1/members", "/v1/genesis", "/v1/policy"))
"""What the node answers from its memory."""
NODES = ("/livez", "/openapi.json", "/peer", "/readyz", "/sign-", "/static/", "/v1/simulations")
"""How the addresses begin that are the node's own, not the readers'."""
WITH_STATUS = ("/",)
"""The pages that show what the node knows of itself and its peers."""
_TIMEOUTS = {"pool": READ_TURN_WAIT_S, "connect": None, "read": READ_ANSWER_WAIT_S}

logger = logging.getLogger("tongzhang.api")


class Readers:
    """The readers' process of one node, and the way to it: an ASGI application.

    Args:
        home: Whose ledger they read.
        site: The page, if they serve it.
    """

    def __init__(self, home: Home, site: Site | None = None) -> None:
        self._home = home
        self._site = site
        self._turns = Turns()
        self._path = home.path / f"{SOCKET}-{secrets.token_hex(4)}"
        self._folder = os.open(home.path, os.O_RDONLY)
        path = self._short_path()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._path.chmod(0o600)
        self._listener.listen(BACKLOG)
        self._pool = httpcore.AsyncConnectionPool(
            uds=path, max_connections=READS_MAX, max_keepalive_connections=0
        )
        self.open_answers = Relay(path)
        """Has the readers answer what stays open."""
        self._process = self._begun("fork")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    async def watch(self) -> None:
        """Begin another process whenever the present one has ended; until cancelled."""
        pause_s = WATCH_S
        while True:
            await asyncio.sleep(pause_s)
            if self._process.is_alive():
                pause_s = WATCH_S
                continue
            code = self._process.exitcode
            logger.error("the readers' process ended with %s; another one begins", code)
            self._process = self._begun("spawn")
            pause_s = min(2 * pause_s, WATCH_MAX_S)

    def close(self) -> None:
        """End the process and remove its socket; more than once does nothing more."""
        if self._listener.fileno() < 0:
            return
        self._process.kill()  # it has nothing to lose, and may not have set its signals yet
        self._process.join()
        self._listener.close()
        os.close(self._folder)
        self._path.unlink(missing_ok=True)

    def remove_old_sockets(self) -> None:
        """Remove what killed nodes have left. The caller holds the home's lock."""
        for path in self._home.path.glob(f"{SOCKET}-*"):
            if path != self._path:
                path.unlink(missing_ok=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered by the readers. ``scope["token"]`` says whose turn it is.

        It holds its turn until they have answered, whether the client has gone away or not: what
        they have begun they go on with.
        """
        leaving = asyncio.create_task(left(receive))
        try:
            async with self._turns.turn(scope["token"].id):
                await self._answer(scope, send, leaving)
        except Problem as problem:
            await respond(problem, scope["path"])(scope, receive, send)
        finally:
            leaving.cancel()

    async def _answer(self, scope: Scope, send: Send, leaving: asyncio.Task[None]) -> None:
        for _ in range(2):  # where their process ends over it, the next one answers
            if await self._relay(scope, send, leaving):
                return
        raise _busy(gettext("the readers' process ended twice over it"))

    async def _relay(self, scope: Scope, send: Send, leaving: asyncio.Task[None]) -> bool:
        """Have the readers answer; return False if they ended before they began to."""
        begun = False
        try:
            async with self._pool.stream(
                scope["method"],
                _url(scope),
                headers=relayed_headers(scope),
                extensions={"timeout": _TIMEOUTS},
            ) as response:
                begun = True
                await _pass_on(response, scope, send, leaving)
        except httpcore.LocalProtocolError as error:
            said = gettext("expected a request in HTTP/1.1: {error}")
            raise Problem("bad-request", said.format(error=error)) from None
        except httpcore.TimeoutException as error:
            if not begun:
                said = gettext("the readers gave no answer ({reason})")
                raise _busy(said.format(reason=type(error).__name__)) from None
            raise  # the server cuts the connection: what was sent is not the whole
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            if begun:
                raise
        return begun

    def _short_path(self) -> str:
        """Return a path of the socket that is short enough: one has at most about 100 bytes."""
        opened = Path(f"/proc/self/fd/{self._folder}")
        return str((opened if opened.exists() else self._path.parent) / self._path.name)

    def _begun(self, method: str) -> BaseProcess:
        """Begin the process: at first a copy of this one, which costs no time to load."""
        context = multiprocessing.get_context(method)
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve_reads,
            args=(carried(self._home), self._listener, self._site),
            name="readers",
        )
        process.daemon = True
        process.start()
        return process


class ReadsElsewhere:
    """Sends reads to the readers, and everything else on to the node's own application.

    What has no token that may read is refused by the application; it also answers what the
    node's memory alone knows. ``scope["token"]`` says whose request it is, ``scope["own"]`` how far
    the own record has got that it asks for.

    Args:
        app: The application.
        readers: The readers.
        status: Returns what the node knows of itself and its peers.
    """

    def __init__(
        self,
        app: ASGIApp,
        readers: ASGIApp,
        status: Callable[[], dict[str, Any]],
    ) -> None:
        self._app = app
        self._readers = readers
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to where it is answered."""
        if scope["type"] == "http" and self._is_read(scope):
            if scope["path"] in WITH_STATUS:
                scope["status"] = msgspec.json.encode(self._status())
            await self._readers(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_read(self, scope: Scope) -> bool:
        path: str = scope["path"]
        token: Token | None = scope["token"]
        if token is None or scope["method"] != "GET" or path.startswith(NODES):
            return False
        if path.startswith(RECORDS):
            return scope["own"] is None
        return path not in OWN and "read" in token.scopes


class Turns:
    """Lets so many reads of one token run at once and so many wait; forgets idle tokens."""

    def __init__(self) -> None:
        self._places: dict[str, asyncio.Semaphore] = {}
        self._reads: Counter[str] = Counter()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of which reads are under way or wait."""
        return tuple(self._reads)

    @asynccontextmanager
    async def turn(self, token: str) -> AsyncIterator[None]:
        """Wait for a turn of the token and hold it.

        Raises:
            Problem: ``busy``.
        """
        if self._reads[token] >= READS_WAITING_MAX:
            said = gettext("{count} reads of this token wait already")
            raise _busy(said.format(count=READS_WAITING_MAX))
        self._reads[token] += 1
        places = self._places.setdefault(token, asyncio.Semaphore(READS_PER_TOKEN))
        try:
            await self._acquire(places)
            try:
                yield
            finally:
                places.release()
        finally:
            self._reads[token] -= 1
            if not self._reads[token]:
                del self._reads[token], self._places[token]

    async def _acquire(self, places: asyncio.Semaphore) -> None:
        try:
            await asyncio.wait_for(places.acquire(), READ_TURN_WAIT_S)
        except TimeoutError:
            said = gettext("{count} others of this token were under way for {seconds:.0f} s")
            taken = said.format(count=READS_PER_TOKEN, seconds=READ_TURN_WAIT_S)
            raise _busy(taken) from None


def _url(scope: Scope) -> httpcore.URL:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    return httpcore.URL(scheme=b"http", host=b"readers", port=None, target=target)


async def _pass_on(
    response: httpcore.Response, scope: Scope, send: Send, leaving: asyncio.Task[None]
) -> None:
    headers = [(name.lower(), value) for name, value in response.headers]
    scope["template"] = dict(headers).get(ROUTE, b"-").decode()
    passed = [pair for pair in headers if pair[0] not in OF_THE_CONNECTION]
    await send({"type": "http.response.start", "status": response.status, "headers": passed})
    async for part in response.aiter_stream():
        if leaving.done():
            return
        try:
            async with asyncio.timeout(STALL_S):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            cut(scope, f"an answer was not read for {STALL_S:.0f} s")
            return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _busy(why: str) -> Problem:
    said = gettext("This read was not begun: {why}. Try again in a moment.")
    return Problem("busy", said.format(why=why))
