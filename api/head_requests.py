"""HEAD: answered as the GET of the same address, without its body (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadsAsGets:
    """Shows an application a GET where a HEAD was asked; the server leaves the body out.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {
                **scope,
                "method": "GET",
                "head": True,
            }  # the server keeps its own, and so knows
        await self._app(scope, receive, send)
