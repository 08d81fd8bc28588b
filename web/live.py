"""News for pages: server-sent events that say that a page may have changed, and how much is new.

An event ``news`` has ``height``, ``size`` and ``count`` as JSON. All pages hear of the same moment,
at most four times a second; one that is about a subject hears only of what may concern it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.responses import Response

from api.feed import EventStream
from api.news import News, NewsDesk
from web.page import Pages

_ALIVE = b": nothing new\n\n"
_RETRY = b"retry: 2000\n\n"
_SUBJECTS_CHARS_MAX = 4000

Subjects = Annotated[str, Query(max_length=_SUBJECTS_CHARS_MAX)]
"""Subjects, as entries have them, with commas between; left out for all."""


def add_to(pages: Pages) -> None:
    """Add the news that pages live on."""

    @pages.router.get("/live", include_in_schema=False)
    async def live(subject: Subjects = "") -> Response:
        """Tell of news, of all or of some subjects."""
        about = frozenset(subject.split(",")) if subject else frozenset()
        return EventStream(_told(pages.reading.news, about))


async def _told(desk: NewsDesk, subjects: frozenset[str]) -> AsyncIterator[bytes]:
    yield _RETRY
    async for news in desk.ticks():
        if not news.count:
            yield _ALIVE
        elif not subjects or not news.whole or not subjects.isdisjoint(news.subjects):
            yield news.once("page", lambda news=news: _event(news))  # type: ignore[misc]


def _event(news: News) -> bytes:
    told = {"height": news.height, "size": news.size, "count": news.count}
    return b"event: news\ndata: " + msgspec.json.encode(told) + b"\n\n"
