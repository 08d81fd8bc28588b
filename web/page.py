"""Pages: each is an address, a function of one snapshot of the ledger, and a template.

The JSON twin of a page stands at the same address below ``/v1``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request
from starlette.datastructures import URL
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.log_views import log_size
from api.read_server import STATUS
from api.reading import HEIGHT, Reading
from api.sessions import cookie_of
from ledger.genesis import Genesis
from node.storage.opened import Summary
from node.storage.queries import LedgerReader
from views import cells, texts
from views.cells import Style
from views.fault_words import fault_in_words
from views.texts import Language, gettext, language_of
from web.headers import PAGE
from web.packing import page_response
from web.rendering import rendered

LANGUAGE_COOKIE = "tongzhang-language"
_YEAR_S = 365 * 24 * 3600
_OF_PROGRAMS = ("/v1/", "/livez", "/readyz", "/openapi.json")
"""How addresses begin that are for programs, which are answered in English."""
_KEPT = (b"allow", b"retry-after", b"www-authenticate")
"""Headers of a problem that its page has as well."""
_PROBLEM_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at the ledger.

    Args:
        request: The request.
        reader: One snapshot, for everything on the page.
        reading: Whose ledger.
        now_ms: The present.
    """

    request: Request
    reader: LedgerReader
    reading: Reading
    now_ms: int

    @property
    def genesis(self) -> Genesis:
        """The founding document."""
        return self.reading.genesis

    @property
    def status(self) -> dict[str, Any] | None:
        """What the node knows of itself and its peers, as ``GET /v1/status``; None of a log."""
        raw = self.request.headers.get(STATUS.decode())
        return msgspec.json.decode(raw) if raw else None


PageFunction = Callable[..., Mapping[str, Any] | Response]


class Pages:
    """The pages of one ledger.

    Args:
        reading: The ledger.
        simulator: Whether the node offers simulations.

    Attributes:
        router: Their routes.
    """

    def __init__(self, reading: Reading, *, simulator: bool = False) -> None:
        self.reading = reading
        self.simulator = simulator
        self.router: APIRouter = reading.router("page")

    def add(self, path: str, template: str, function: PageFunction) -> None:
        """Add a page.

        Args:
            path: Its address; its JSON twin is ``/v1`` and the same, if there is one.
            template: Its template.
            function: Takes a :class:`Visit` and, as FastAPI has them, parameters of the address;
                returns what the template shows, or an answer of its own. Raises problems as routes
                do.
        """
        _, *others = signature(function, eval_str=True).parameters.values()

        def answer(*, request: Request, **given: Any) -> Response:
            with self._visit(request) as visit:
                shown = function(visit, **given)
                if isinstance(shown, Response):
                    return shown
                return self.answer(visit, template, shown)

        keywords = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in others]
        asked = Parameter("request", Parameter.KEYWORD_ONLY, annotation=Request)
        answer.__signature__ = Signature([asked, *keywords])  # type: ignore[attr-defined]
        answer.__name__ = f"page_{function.__name__}"
        self.router.get(path, include_in_schema=False)(answer)

    def answer(self, visit: Visit, template: str, shown: Mapping[str, Any]) -> Response:
        """Return a page."""
        height = visit.reader.height()
        frame = {
            "height": height,
            "height_at": visit.reader.block_times([height]).get(height, 0),
            "now_ms": visit.now_ms,
            "twin": "",
            "live": "",
            **frame_of(self, visit.request.scope),
            **shown,
        }
        if frame["live"]:
            frame["live"] = _since(frame["live"], log_size(visit.reader))
        html = rendered(template, frame)
        return page_response(visit.request.scope, html, more={HEIGHT: str(height)})

    @contextmanager
    def _visit(self, request: Request) -> Iterator[Visit]:
        offset = self.reading.genesis.calendar.utc_offset_minutes
        cells.choose(Style(offset_minutes=lambda: offset, symbols=True))
        with self.reading.reader() as reader:
            yield Visit(request, reader, self.reading, time.time_ns() // 1_000_000)


def _since(live: str, size: int) -> str:
    """Return where the news of a page come from that shows so many entries."""
    return f"{live}{'&' if '?' in live else '?'}start={size}"


def frame_of(pages: Pages, scope: Scope) -> dict[str, Any]:
    """Return what the frame of every page of a ledger shows."""
    reading = pages.reading
    token, log = scope.get("token"), reading.log
    return {
        "origin": reading.genesis.origin,
        "party": reading.party if log is None else log.file,
        "banner": "" if log is None else _said_of(log),
        "banner_more": [] if log is None else _differing_of(log),
        "of_log": log is not None,
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "signed_in": token is not None,
        "simulator": pages.simulator,
    }


def _said_of(log: Summary) -> str:
    """Return what is to be said in red of a log; nothing if it is good."""
    if log.fault is None:
        return ""
    title = gettext("THE LOG IS FALSE: {code}: {message}")
    said = title.format(code=log.fault.code, message=fault_in_words(log.fault))
    parts = [said, gettext("Nothing from there on is shown.")]
    if not log.certified:
        parts.append(gettext("What is shown is certified by no quorum."))
    return " · ".join(parts)


def _differing_of(log: Summary) -> list[str]:
    """Return what was expected where a log is false, what was found, and the fault's own words."""
    if log.fault is None:
        return []
    own = [] if fault_in_words(log.fault) == log.fault.message else [log.fault.message]
    pairs = (
        (gettext("expected: {value}"), log.fault.expected),
        (gettext("found: {value}"), log.fault.got),
    )
    return [text.format(value=value) for text, value in pairs if value] + own


def language_for(scope: Scope) -> Language:
    """Return the language that was chosen, or else the first one that the browser asks for."""
    chosen = cookie_of(scope, LANGUAGE_COOKIE)
    if chosen in texts.LANGUAGES:
        return chosen
    headers = dict(scope["headers"])
    return language_of(headers.get(b"accept-language", b"").decode("latin-1").split(",")[0])


class PagesOnly:
    """What holds for every page and for nothing else.

    Parameters that are empty, as forms send them, are left out; ``lang`` chooses a language; all
    texts are in the reader's; a problem is shown as a page.

    Args:
        app: The application.
        pages: Its pages.
    """

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if it is one for a page with what is a page's own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        texts.choose("en" if _is_for_programs(scope) else language_for(scope))
        if not is_page(scope):
            await self._app(scope, receive, send)
            return
        leads_to = _tidied(scope)
        if leads_to is not None:
            await leads_to(scope, receive, send)
            return
        shown = _Shown(self._pages, scope, send)
        try:
            await self._app(scope, receive, shown)
        except Exception as error:  # whoever looks at a page sees a page, whatever happens
            if shown.begun:
                raise
            await problems.fault(Request(scope), error)(scope, receive, shown)


def is_page(scope: Scope) -> bool:
    """Return whether somebody at a browser asks for a page."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return not _is_for_programs(scope) and b"text/html" in accepted


def _is_for_programs(scope: Scope) -> bool:
    return bool(scope["path"].startswith(_OF_PROGRAMS))


class _Shown:
    """Sends what an application sends, and a problem as a page."""

    def __init__(self, pages: Pages, scope: Scope, send: Send) -> None:
        self._pages = pages
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self.begun = False
        """Whether anything was sent."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
            return
        if self._start is None:
            self.begun = True
            await self._send(message)
            return
        self._body += message.get("body", b"")[:_PROBLEM_BYTES_MAX]
        if not message.get("more_body", False):
            await self._show()

    async def _show(self) -> None:
        assert self._start is not None
        problem = msgspec.json.decode(self._body)
        shown = {**frame_of(self._pages, self._scope), "problem": problem}
        shown["title"] = texts.translated(problem["title"])
        html = rendered("problem.html", shown)
        told = {name: value for name, value in self._start["headers"] if name in _KEPT}
        more = {name.decode(): value.decode() for name, value in told.items()}
        page = page_response(self._scope, html, self._start["status"], more)
        await page(self._scope, _nothing, self._send)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _is_problem(message: Message) -> bool:
    return any(
        name == b"content-type" and b"problem+json" in value for name, value in message["headers"]
    )


def _tidied(scope: Scope) -> Response | None:
    """Return where a request with empty parameters or a choice of language belongs."""
    url = URL(scope=scope)
    given = Request(scope).query_params.multi_items()
    kept = [(name, value) for name, value in given if value and name != "lang"]
    if len(kept) == len(given):
        return None
    address = f"{url.path}?{urlencode(kept)}" if kept else url.path
    found = RedirectResponse(f"/{address.lstrip('/')}", 303, headers=dict(PAGE))
    chosen = dict(given).get("lang")
    if chosen in texts.LANGUAGES:
        found.set_cookie(LANGUAGE_COOKIE, chosen, _YEAR_S, samesite="lax", httponly=True)
    return found
