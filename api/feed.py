"""The feed: entries of the log as server-sent events, as they become final.

An event (the fields of ``data`` are those of an entry of ``/v1/entries``)::

    id: 41
    event: entry
    data: {"index":41,"height":7,…}

``event: progress`` has an ``id``, too: up to there nothing else was wanted. A client that comes
again with the last ``id`` in ``Last-Event-ID`` misses nothing and hears nothing twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.answers import left
from api.limits import FEED_RETRY_MS
from api.log_views import log_size
from api.named import refuse_unknown_party
from api.news import NewsDesk, Wanted
from api.openapi import describe_content
from api.problems import Problem
from api.reading import Reading
from ledger import forms
from ledger.advice import nearest
from ledger.contracts import RECORD_TYPES
from ledger.limits import SAFE_INTEGER_MAX
from node.errors import NodeError

EVENTS = "text/event-stream"
KEEP_ALIVE = b":\n\n"

_INDEX = re.compile(r"-1|[0-9]{1,16}")

FeedStart = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="The first one wanted; the next one by default."),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="The last `id` that came: goes on after it, whatever `start` says.",
    ),
]
OfParty = Annotated[str, Query(description="Only entries of this party.")]
OfType = Annotated[
    str,
    Query(
        alias="type",
        description="Only records of this type.",
        json_schema_extra={"enum": list(RECORD_TYPES)},
    ),
]
About = Annotated[
    str, Query(pattern=forms.SUBJECT, description="Only entries about this, as `subject`.")
]


class EventStream(Response):
    """Server-sent events; ends when the client goes away, or with its parts.

    Args:
        parts: Events, encoded.
    """

    media_type = EVENTS

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts as they come."""
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(head)
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()  # raises
        finally:
            leaving.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError, NodeError):
                await sending

    async def _send(self, send: Send) -> None:
        async with aclosing(self._parts) as parts:  # type: ignore[type-var]
            with suppress(NodeError):  # it is logged; who comes again is told
                async for part in parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def feed_routes(reading: Reading) -> APIRouter:
    """Return the router that tells of entries as they become final."""
    router = reading.router("log")

    @router.get("/v1/feed", **describe_content(EVENTS, "no-such-party", "too-many-feeds"))
    async def follow_entries(
        start: FeedStart = None,
        party: OfParty = "",
        kind: OfType = "",
        subject: About = "",
        last_event_id: LastEventId = None,
    ) -> Response:
        """Follow the log: entries in its order as server-sent events, and new ones as they come.

        Goes on after `Last-Event-ID`, else from `start`, else from the present end.
        """
        refuse_unknown_party(party, reading.genesis.names)
        _refuse_unknown_type(kind)
        size = await run_in_threadpool(_size, reading)
        first = size if start is None else start
        if last_event_id is not None:
            first = _index_of(last_event_id) + 1
        return EventStream(feed(reading.news, first, Wanted(party, kind, subject)))

    return router


async def feed(desk: NewsDesk, start: int, wanted: Wanted) -> AsyncIterator[bytes]:
    """Yield the events of a feed, encoded, for ever.

    Args:
        desk: Where news comes from.
        start: The first entry.
        wanted: Which entries.
    """
    told = start
    yield b"retry: %d\n\n" % FEED_RETRY_MS + _progress(told)
    async with aclosing(desk.entries(start, wanted)) as parts:  # type: ignore[type-var]
        async for frames, place in parts:
            yield frames or (_progress(place) if place > told else KEEP_ALIVE)
            told = place


def _progress(place: int) -> bytes:
    return b'id: %d\nevent: progress\ndata: {"next":%d}\n\n' % (place - 1, place)


def _size(reading: Reading) -> int:
    with reading.reader() as reader:
        return log_size(reader)


def _index_of(last_event_id: str) -> int:
    if _INDEX.fullmatch(last_event_id) is None:
        said = f"{last_event_id[:80]!r} is no id of a feed: the index of an entry"
        raise Problem("bad-parameter", f"header.Last-Event-ID: {said}")
    return int(last_event_id)


def _refuse_unknown_type(kind: str) -> None:
    if kind and kind not in RECORD_TYPES:
        said = f"{kind[:80]!r} is no type of record; {nearest(kind[:80], tuple(RECORD_TYPES))}"
        raise Problem("bad-parameter", f"query.type: {said}")
