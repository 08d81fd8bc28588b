"""News for pages: server-sent events that say that a page may have changed, and how much is new.

An event ``news`` has ``height``, ``size``, ``count`` and ``pause_ms``. All pages hear of the
same moment, at most four times a second; one that is about a subject hears only of what may concern
it. ``pause_ms`` is how long a page rests between two renewals: the more pages are open, the longer,
so that all of them together ask for about :data:`PAGES_PER_S` a second. Pages that many look at
rest less (:mod:`web.renewals`): they are not made for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import Query
from starlette.responses import Response

from api.feed import EventStream
from api.limits import NEWS_KEEP_ALIVE_S
from api.news import News, NewsDesk
from ledger.limits import SAFE_INTEGER_MAX
from web.page import Pages

_ALIVE = b": nothing new\n\n"
_RETRY = b"retry: 2000\n\n"
_SUBJECTS_CHARS_MAX = 4000
PAGES_PER_S = 20
PAUSE_MIN_MS = 1000

Subjects = Annotated[str, Query(max_length=_SUBJECTS_CHARS_MAX)]
"""Subjects, as entries have them, with commas between; left out for all."""


Start = Annotated[int | None, Query(ge=0, le=SAFE_INTEGER_MAX)]
"""How many entries a page shows: what comes after them is news. Left out for the present."""


def add_to(pages: Pages) -> None:
    """Add the news that pages live on."""

    @pages.router.get("/live", include_in_schema=False)
    async def live(subject: Subjects = "", start: Start = None) -> Response:
        """Tell of news, of all or of some subjects."""
        about = frozenset(subject.split(",")) if subject else frozenset()
        return EventStream(_told(pages.reading.news, about, start))


async def _told(
    desk: NewsDesk, subjects: frozenset[str], start: int | None
) -> AsyncIterator[bytes]:
    """Yield what a page hears. Whoever has had the first of it misses nothing from there on."""
    clock = asyncio.get_running_loop().time
    told_at, said = clock(), _RETRY
    async with aclosing(desk.ticks(start)) as ticks:  # type: ignore[type-var]
        async for news in ticks:
            if news.count and (not news.whole or _concerns(news, subjects)):
                said += news.once("page", lambda news=news: _event(news, desk))  # type: ignore[misc]
            elif clock() - told_at >= NEWS_KEEP_ALIVE_S:
                said += _ALIVE
            if said:
                yield said
                told_at, said = clock(), b""


def _concerns(news: News, subjects: frozenset[str]) -> bool:
    return not subjects or not subjects.isdisjoint(news.subjects)


def _event(news: News, desk: NewsDesk) -> bytes:
    told = {
        "height": news.height,
        "size": news.size,
        "count": news.count,
        "pause_ms": max(PAUSE_MIN_MS, desk.tick_listeners * 1000 // PAGES_PER_S),
    }
    return b"event: news\ndata: " + msgspec.json.encode(told) + b"\n\n"
