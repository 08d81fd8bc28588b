"""Sign-in and static files: all that strangers may have of the page.

It is served by the process that accepts connections, from memory. Whoever asks for a page without a
session is led to the sign-in, and back.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.callers import OPEN
from api.problems import Problem
from api.sessions import Sessions, is_same_origin
from node.errors import TokenError
from node.home.tokens import Token, Tokens
from views.texts import gettext
from web import files
from web.headers import FILE, PAGE
from web.packing import page_response, takes_gzip
from web.page import is_page
from web.rendering import rendered
from web.renewals import Renewals

_FORM_BYTES_MAX = 4096


def add_front(app: FastAPI, sessions: Sessions, tokens: Tokens) -> None:
    """Give ``app`` the sign-in, static files, the way from a page to the sign-in, and renewals."""
    router = APIRouter(include_in_schema=False)
    _add_sign_in(router, sessions, tokens)
    _add_sign_out(router, sessions)
    app.include_router(router)
    add_files(app)
    app.add_middleware(SignedIn)
    app.add_middleware(Renewals)


def add_files(app: FastAPI) -> None:
    """Give ``app`` the static files."""
    app.get("/static/{version}/{name:path}", include_in_schema=False)(_serve_file)


class SignedIn:
    """Leads whoever asks for a page without a session to the sign-in.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it is a stranger's for a page."""
        is_open = scope["type"] != "http" or scope["path"].startswith(OPEN)
        if is_open or scope["token"] is not None or not is_page(scope):
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        to = f"?to={quote(wanted, safe='')}" if wanted != "/" else ""
        await RedirectResponse(f"/sign-in{to}", 303, headers=dict(PAGE))(scope, receive, send)


def _add_sign_in(router: APIRouter, sessions: Sessions, tokens: Tokens) -> None:
    @router.get("/sign-in")
    async def show_sign_in(request: Request) -> Response:
        """Show the form that asks for a token."""
        return _sign_in_page(request, request.query_params.get("to", "/"))

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Begin a session of the token that was typed."""
        form = await _form(request)
        to = form.get("to", "/")
        if not is_same_origin(request.scope):
            return _sign_in_page(request, to, gettext("Sign in from this page."), 403)
        try:
            token = tokens.find(form.get("token", "").strip())
        except TokenError:
            return _sign_in_page(request, to, gettext("The node cannot read its tokens."), 500)
        refusal = _refusal(request, token)
        if token is None or refusal:
            return _sign_in_page(request, to, *(refusal or ("", 401)))
        answer = RedirectResponse(_safe(to), 303, headers=dict(PAGE))
        answer.headers.append("set-cookie", sessions.cookie(request.scope, token.id))
        return answer


def _refusal(request: Request, token: Token | None) -> tuple[str, int] | None:
    if token is None:
        if not request.scope["judge_guess"]():
            return gettext("Too many wrong tokens came. Try again in a minute."), 429
        return gettext("This token is not known, or was revoked."), 401
    if "read" not in token.scopes:
        return gettext("This token may not read. Use one with the scope read."), 403
    return None


def _add_sign_out(router: APIRouter, sessions: Sessions) -> None:
    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """End the session."""
        if not is_same_origin(request.scope):
            raise Problem("foreign-page", gettext("sign out with the button of the page"))
        session = sessions.of(request.scope)
        if session is not None:
            sessions.end(session)
        answer = RedirectResponse("/sign-in", 303, headers=dict(PAGE))
        answer.delete_cookie(sessions.name, httponly=True, samesite="lax")
        return answer


def _sign_in_page(request: Request, to: str, refusal: str = "", status: int = 200) -> Response:
    shown = {"to": _safe(to), "refusal": refusal, "path": "/sign-in", "signed_in": False}
    return page_response(request.scope, rendered("sign-in.html", shown), status)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a small form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _FORM_BYTES_MAX:
            said = gettext("expected at most {most} bytes")
            raise Problem("body-too-large", said.format(most=_FORM_BYTES_MAX))
    return {name: values[-1] for name, values in parse_qs(body.decode("latin-1")).items()}


def _safe(to: str) -> str:
    """Return an address of this node; the first page for one that leads elsewhere."""
    is_own = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if is_own and "\\" not in to else "/"


def _serve_file(request: Request, version: str, name: str) -> Response:
    """Serve a static file; of another version than this one's, as the new one."""
    found = files.static_files().get(name)
    if found is None:
        raise Problem("not-found", gettext("there is no such file"))
    headers = {**FILE, "vary": "Accept-Encoding"}
    if version not in files.prefix():
        headers["cache-control"] = "no-store"
    body = found.body
    if takes_gzip(request.scope):
        body, headers["content-encoding"] = found.gzipped, "gzip"
    return Response(body, headers=headers, media_type=found.media_type)
