"""A node that serves ticks of news at ``/live``, as JSON, while the page does not do it yet.

Run as ``python -m benchmarks.live_node node HOME``; everything else is ``tongzhang`` itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
from fastapi import FastAPI
from starlette.responses import Response

from api import read_server
from api.feed import KEEP_ALIVE, EventStream
from api.log import FindOwn
from api.news import News, NewsDesk
from api.reading import Reading

_encoder = msgspec.json.Encoder()
_add_routes = read_server.add_reading_routes


def add_reading_routes(app: FastAPI, reading: Reading, find: FindOwn) -> None:
    """Give ``app`` all routes that read, and ``/live`` if it is none of them."""
    _add_routes(app, reading, find)
    if any(getattr(route, "path", "") == "/live" for route in app.routes):
        return
    router = reading.router("page")

    @router.get("/live")
    async def live() -> Response:
        return EventStream(_ticks(reading.news))

    app.include_router(router)


async def _ticks(desk: NewsDesk) -> AsyncIterator[bytes]:
    async with aclosing(desk.ticks()) as ticks:
        async for news in ticks:
            yield news.once("benchmark", lambda news=news: _event(news)) or KEEP_ALIVE  # type: ignore[misc]


def _event(news: News) -> bytes:
    shown = {"height": news.height, "size": news.size, "entries": news.entries}
    return b"id: %d\nevent: news\ndata: %s\n\n" % (news.size - 1, _encoder.encode(shown))


if __name__ == "__main__":
    read_server.add_reading_routes = add_reading_routes
    from cli.__main__ import start

    start()
