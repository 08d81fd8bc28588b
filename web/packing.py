"""Compression of pages.

Its length tells a watcher nothing that he may try out: no page holds a secret, such as a token of
a form, and no other site can have one asked for in a reader's name, since the cookie of a session
is SameSite. Events and what programs ask for are sent as they are.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from web.headers import PAGE

SMALL_BYTES = 1024
"""What is not larger is sent as it is."""
_LEVEL = 5


def page_response(
    scope: Scope, html: str, status: int = 200, more: Mapping[str, str] | None = None
) -> Response:
    """Return a page as an answer, compressed for a browser that takes it so.

    Args:
        scope: Of the request.
        html: The page.
        status: The status of the answer.
        more: Headers beside those that all pages have.
    """
    body = html.encode()
    headers = {**PAGE, **(more or {}), "vary": "Accept-Encoding"}
    if len(body) > SMALL_BYTES and takes_gzip(scope):
        body = gzip.compress(body, _LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    return HTMLResponse(body, status, headers=headers)


def takes_gzip(scope: Scope) -> bool:
    """Return whether a browser takes what is compressed."""
    taken = (value for name, value in scope["headers"] if name == b"accept-encoding")
    return any(b"gzip" in value for value in taken)
