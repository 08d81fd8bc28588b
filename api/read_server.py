"""The readers' process: the routes that read, served on a socket that the node alone reaches."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.books import books_routes
from api.business import business_routes
from api.evidence import evidence_routes
from api.feed import feed_routes
from api.limits import READER_NICE, READER_THREADS
from api.log import log_routes, proof_routes, record_routes
from api.reading import NamedHeights, Reading
from api.reports import reports_routes
from ledger import genesis as founding
from ledger.keys import Signer
from node.errors import TokenError
from node.home.config import Config
from node.home.home import Home
from node.home.tokens import Tokens
from node.storage.snapshots import open_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.site import Site

ROUTE = b"tongzhang-route"
"""Names the route that answered, for the node's request log."""
TOKEN = b"tongzhang-token"
"""Names the token of a request that the node relays, by its id."""
STATUS = b"tongzhang-status"
"""What the node knows of itself and its peers, as JSON, for the page that shows it."""

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class QuietServer(uvicorn.Server):
    """uvicorn's server without its own signal handling: its owner does that.

    Every request begins in an empty context, so in English, whatever language its owner speaks, or
    the request before it on the same connection: programs ask, and a page chooses.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        config.reset_contextvars = True
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signals as they are."""
        yield


def carried(home: Home) -> tuple[Path, Config, bytes, bytes]:
    """Return a home in parts that another process can be given.

    It does not read the files anew: they may have been changed for the next start.
    """
    return home.path, home.config, home.genesis.raw, home.signer.pem()


def serve_reads(
    home: tuple[Path, Config, bytes, bytes], listener: socket.socket, site: Site | None
) -> None:
    """Answer reads until the process that began this one ends it, or ends itself.

    Args:
        home: In parts, as of the start; its database is opened when somebody asks for the first
            time.
        listener: Where requests come from.
        site: The page, if it is served.
    """
    path, config, genesis, pem = home
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # these are the node's business
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    os.nice(READER_NICE)
    logging.basicConfig(level=config.log_level.upper(), format=LOG_FORMAT)
    whole = Home(path, config, founding.read(genesis), Signer.from_pem(pem))
    gc.freeze()
    wait([listener])  # there is no database before the node listens
    reading = Reading.of_node(whole, open_snapshots(whole.database_url))
    with asyncio.Runner() as runner:
        runner.run(_serve(reading_app(reading, site), listener))


def add_reading_routes(app: FastAPI, reading: Reading, site: Site | None = None) -> None:
    """Give ``app`` all routes that read the ledger.

    Args:
        app: The application.
        reading: The ledger.
        site: The page, if it is served.
    """
    app.add_middleware(NamedHeights)
    for router in (
        business_routes(reading),
        reports_routes(reading),
        books_routes(reading),
        record_routes(reading),
        log_routes(reading),
        feed_routes(reading),
        proof_routes(reading),
        evidence_routes(reading),
    ):
        app.include_router(router)
    if site is not None:
        site.add_pages(app, reading)


def reading_app(reading: Reading, site: Site | None = None) -> FastAPI:
    """Return the application that reads the ledger and knows nothing of what is under way."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    problems.install(app)
    add_reading_routes(app, reading, site)
    if reading.tokens is not None:
        app.add_middleware(RelayedTokens, tokens=reading.tokens)
    app.add_middleware(NamedRoutes)
    return app


class RelayedTokens:
    """Takes the node's word for whose request it is: nobody else reaches this application.

    Args:
        app: The application.
        tokens: The node's tokens.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its token."""
        if scope["type"] == "http":
            named = next((value for name, value in scope["headers"] if name == TOKEN), b"").decode()
            with suppress(TokenError):  # a fault of this node's file: the routes say so
                known = (each for each in self._tokens.list() if each.id == named)
                scope["token"] = next(known, None)
        await self._app(scope, receive, send)


class NamedRoutes:
    """Has every answer name the route that gave it.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def name(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "-")
                message = {**message, "headers": [*message["headers"], (ROUTE, route.encode())]}
            await send(message)

        await self._app(scope, receive, name)


async def _serve(app: FastAPI, listener: socket.socket) -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = READER_THREADS
    config = uvicorn.Config(
        app,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
    )
    await QuietServer(config).serve([listener])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(0)
