"""A client of a log that is opened like a file: the same answers, without a node or a socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from cli.client import Client
from views import texts

if TYPE_CHECKING:
    from fastapi import FastAPI


def log_client(app: FastAPI, name: str) -> Client:
    """Return a client of the application of a log.

    Args:
        app: The application.
        name: The log, as it is shown in the place of an address.
    """
    client = Client("http://127.0.0.1", "", _InProcess(app))
    client.url = name
    return client


class _InProcess(httpx.BaseTransport):
    """Hands requests to an application in this process. An answer is had whole."""

    def __init__(self, app: FastAPI) -> None:
        self._app = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer."""
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        texts.choose("en")  # in this call: answers are a node's, which speaks no other language
        answer = await self._app.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)
