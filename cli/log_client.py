"""A client of a log that is opened like a file: the same answers, without a node or a socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from cli.client import TIMEOUT_S, Client

if TYPE_CHECKING:
    from fastapi import FastAPI


class LogClient(Client):
    """Asks the application of a log, in this process.

    Args:
        app: The application.
        name: The log, as it is shown in the place of an address.
    """

    def __init__(self, app: FastAPI, name: str) -> None:
        super().__init__("http://127.0.0.1", "")
        self.url = name
        self._http = httpx.Client(
            base_url="http://127.0.0.1", transport=_InProcess(app), timeout=TIMEOUT_S
        )


class _InProcess(httpx.BaseTransport):
    """Hands requests to an application. An answer is had whole."""

    def __init__(self, app: FastAPI) -> None:
        self._app = httpx.ASGITransport(app)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer."""
        return self._runner.run(self._ask(request))

    def close(self) -> None:
        """End what runs the application."""
        self._runner.close()

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)
