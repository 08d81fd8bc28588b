"""A log that is opened like a file, over HTTP: the same routes, to be read on this machine alone.

There is no token: who may use this machine may read the file. A request that names another host is
refused, so that no foreign page reads it by way of a name that leads here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import openapi, problems
from api.answers import json_answer
from api.head_requests import HeadsAsGets
from api.openapi import describe
from api.problems import Problem, respond
from api.read_server import STATUS, add_reading_routes
from api.reading import Reading
from api.service import VotersView, consortium_routes, consortium_view
from api.site import Site
from ledger.genesis import Genesis
from ledger.log.checkpoint import Checkpoint
from ledger.log.note import Note
from ledger.log_faults import LogFault
from node.home.tokens import Token
from node.storage.opened import OpenedLog, Summary
from node.storage.reads import Reader

HOSTS = frozenset(("127.0.0.1", "localhost", "[::1]", "::1"))
"""Names of this machine for itself."""
ANYBODY = Token(0, "", "log", "whoever opened the log", ("read",))


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """What was verified of an opened log.

    The good part, which alone is shown, is ``certified`` if it leads to a checkpoint that the
    ``cosigners``, a quorum, have signed. ``fault`` is the first thing that is false, null if
    nothing is.
    """

    file: str
    bytes: int
    sha256: str
    certified: bool
    cosigners: tuple[str, ...]
    fault: LogFault | None


class LogStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where an opened log ends. Times are in ms; hashes are hex. ``party`` and ``role`` are empty.

    Where a log is false, this is the end of its good part.
    """

    party: str
    role: str
    ledger: str
    origin: str
    height: int
    size: int
    root: str
    state: str
    time: int
    quorum: int
    log: LogView


def opened_app(opened: OpenedLog, site: Site | None = None) -> FastAPI:
    """Return the application that shows a log.

    Args:
        opened: The log.
        site: The page, if it is served.
    """
    app = FastAPI(
        title="Tongzhang log",
        version="1",
        description="An exported log, opened like a file: read only.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    openapi.install(app)
    genesis = opened.genesis
    router = consortium_routes(genesis, None, lambda: _members(genesis))

    @router.get("/v1/status", **describe(LogStatus))
    def show_status() -> Response:
        """Return where the log ends, and what was verified of it."""
        return json_answer(status_of(opened.summary, genesis))

    app.include_router(router)
    if site is not None:
        site.add_files(app)
    add_reading_routes(app, reading_of(opened), site)
    app.add_middleware(HeadsAsGets)
    app.add_middleware(OnThisMachine)
    return app


def reading_of(opened: OpenedLog) -> Reading:
    """Return a log as reading routes know it."""
    summary = opened.summary

    def served(_reader: Reader) -> tuple[str, Checkpoint]:
        if not summary.checkpoint:
            raise Problem(
                "no-such-checkpoint",
                "the log does not end with a checkpoint that holds, and a log has no key to sign "
                "one; get an export that verifies",
            )
        return summary.checkpoint, Checkpoint.parse(Note.parse(summary.checkpoint).text)

    return Reading(
        genesis=opened.genesis,
        party="",
        tokens=None,
        snapshots=opened,
        served=served,
        log=summary,
    )


def log_view(summary: Summary) -> LogView:
    """Return what was verified as it is shown."""
    return LogView(
        file=summary.file,
        bytes=summary.stamp.bytes,
        sha256=summary.sha256,
        certified=summary.certified,
        cosigners=summary.cosigners,
        fault=summary.fault,
    )


def status_of(summary: Summary, genesis: Genesis) -> LogStatus:
    """Return where a log ends as it is shown."""
    return LogStatus(
        party="",
        role="",
        ledger=summary.ledger,
        origin=summary.origin,
        height=summary.height,
        size=summary.size,
        root=summary.root,
        state=summary.state,
        time=summary.time,
        quorum=genesis.quorum,
        log=log_view(summary),
    )


class OnThisMachine:
    """Lets requests pass that read, and that name this machine as their host.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as that of somebody who may read."""
        if scope["type"] != "http":
            return
        problem = _refusal(scope)
        if problem is not None:
            await respond(problem, scope["path"])(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if pair[0] != STATUS]  # there is no node
        await self._app({**scope, "headers": headers, "token": ANYBODY}, receive, send)


def _refusal(scope: Scope) -> Problem | None:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or _without_port(hosts[0]) not in HOSTS:
        return Problem("wrong-host", "an opened log is read at 127.0.0.1, on this machine alone")
    if scope["method"] not in ("GET", "HEAD"):
        return Problem("read-only", "submit records to a party's own node")
    return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


def _members(genesis: Genesis) -> Any:
    nobody = VotersView(reached=[], needed=genesis.quorum, may_go_down=0, tolerance=[_UNKNOWN])
    return consortium_view(
        genesis, nobody, lambda _: {"voting": None, "voting_reason": "a log does not say"}
    )


_UNKNOWN = "a log does not say who votes now"
