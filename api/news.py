"""News of the ledger: one look at the database for all who listen, in the readers' process.

A :class:`NewsDesk` watches the ledger's height while somebody listens, reads each new entry once,
and keeps the newest ones. A listener is a place in the log and holds nothing: who is slower than
what is kept goes on from the database. Two ways to listen::

    async for frames in desk.entries(start, wanted):   # every entry, encoded: a feed
        ...
    async for news in desk.ticks():                    # what has changed, at most 4 times a second
        html = news.once("overview", lambda: render(news))

All who listen to ticks hear them at the same moment, and those at the same place get the same
:class:`News`: what is made of it, :meth:`News.once` makes once for all of them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec

from api.limits import (
    FEED_PART_BYTES_MAX,
    NEWS_BYTES_MAX,
    NEWS_ENTRIES_MAX,
    NEWS_KEEP_ALIVE_S,
    NEWS_POLL_S,
    NEWS_READ_MAX,
    NEWS_SHOWN_MAX,
    PROGRESS_S,
    SCAN_MAX,
    SCAN_PAGE,
    TICK_LISTENERS,
    TICK_MAX_S,
    TICK_S,
)
from api.log_views import log_size
from node.errors import NodeError
from node.storage.queries import LedgerReader
from node.storage.stored import StoredEntry
from views.timeline import EntryView, entry_views

OpenReader = Callable[[], AbstractContextManager[LedgerReader]]

BEFORE = -1
"""The height of a desk that has not looked yet."""

_COST_BYTES = 1024
"""What a kept entry costs beside its record."""


class _Named(msgspec.Struct):
    """The loan that a record names beside what it is about."""

    loan: str = ""


_named = msgspec.json.Decoder(_Named)
_encoder = msgspec.json.Encoder()

logger = logging.getLogger("tongzhang.api")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a listener has not heard yet.

    Args:
        height: The ledger's height.
        size: How many entries it has.
        count: How many of them are new: those from ``size - count`` on. 0 says that nothing
            happened for :data:`api.limits.NEWS_KEEP_ALIVE_S`.
        entries: The newest of the new ones, at most :data:`api.limits.NEWS_SHOWN_MAX`, in order.
        subjects: What the new ones are about, and the loans that they name.
        whole: Whether these are all subjects; not for whoever has missed more than is kept.
    """

    height: int
    size: int
    count: int
    entries: tuple[EntryView, ...]
    subjects: frozenset[str]
    whole: bool
    _made: dict[Hashable, object] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` makes of this news; the first caller with ``key`` makes it."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]  # type: ignore[return-value]


class Wanted(NamedTuple):
    """Which entries a feed wants; an empty text wants all."""

    party: str = ""
    type: str = ""
    subject: str = ""

    def takes(self, entry: StoredEntry | EntryView) -> bool:
        """Return whether an entry is wanted."""
        return (
            (not self.party or entry.party == self.party)
            and (not self.type or entry.type == self.type)
            and (not self.subject or entry.subject == self.subject)
        )


class EventPart(NamedTuple):
    """Events for a feed, encoded, and the index of the first entry that they do not tell of."""

    data: bytes
    next: int


class _Kept:
    """A new entry, encoded when the first feed asks for it."""

    __slots__ = ("_frame", "cost", "view")

    def __init__(self, view: EntryView) -> None:
        self.view = view
        self.cost = len(view.record) + _COST_BYTES
        self._frame = b""

    @property
    def frame(self) -> bytes:
        """The event that tells of it."""
        if not self._frame:
            self._frame = _frame(self.view)
        return self._frame


class _Found(NamedTuple):
    """What a look at the database found: ``views`` are the newest entries up to ``size``."""

    height: int
    size: int
    views: list[EntryView]


class NewsDesk:
    """Hands new entries to all who listen; looks at the database only while somebody does.

    Args:
        open_reader: Gives a reader on one snapshot, in any thread.
    """

    def __init__(self, open_reader: OpenReader) -> None:
        self._open_reader = open_reader
        self._height = self._size = 0
        self._kept: dict[int, _Kept] = {}
        self._kept_bytes = 0
        self._made: dict[int, News] = {}
        self._listeners = self._tick_listeners = 0
        self._watching: asyncio.Task[None] | None = None
        self._beginning, self._scanning = asyncio.Lock(), asyncio.Lock()
        self._changed, self._ticked = asyncio.Event(), asyncio.Event()
        self._ticked_at, self._told_size = 0.0, 0
        self._failed: NodeError | None = None

    @property
    def tick_listeners(self) -> int:
        """How many listen to ticks."""
        return self._tick_listeners

    async def ticks(self, start: int | None = None) -> AsyncIterator[News]:
        """Yield news at once, and then whenever there is some, at most 4 times a second.

        With many listeners it is less often, but never less than once in
        :data:`api.limits.TICK_MAX_S`. If nothing happens, news that says so comes every
        :data:`api.limits.NEWS_KEEP_ALIVE_S`, so that a connection can be kept alive.

        Args:
            start: The first entry that is news, such as the size of the log that a page shows; the
                next one if left out.

        Raises:
            NodeError: the database could not be read.
        """
        async with self._listening():
            self._tick_listeners += 1
            try:
                since = self._size if start is None else min(start, self._size)
                while True:
                    yield self._news(since)
                    since = self._size
                    await self._wait(self._ticked, NEWS_KEEP_ALIVE_S)
            finally:
                self._tick_listeners -= 1

    async def entries(self, start: int, wanted: Wanted) -> AsyncIterator[EventPart]:
        """Yield events for the wanted entries from index ``start`` on, for ever.

        One of no events comes at least every :data:`api.limits.NEWS_KEEP_ALIVE_S`, and every
        :data:`api.limits.PROGRESS_S` while entries come that are not wanted.

        Raises:
            NodeError: the database could not be read.
        """
        clock = asyncio.get_running_loop().time
        async with self._listening():
            place, told_at = start, clock()
            while True:
                if place < self._size and place not in self._kept:
                    data, place = await self._scan(place, wanted)
                else:
                    data, place = self._kept_from(place, wanted)
                if data or clock() - told_at >= PROGRESS_S:
                    yield EventPart(data, place)
                    told_at = clock()
                if place >= self._size:
                    left_s = max(told_at + NEWS_KEEP_ALIVE_S - clock(), PROGRESS_S)
                    await self._wait(self._changed, left_s)

    async def reach(self, index: int, wait_s: float) -> None:
        """Wait until the log has an entry at ``index``, but no longer than ``wait_s``.

        Raises:
            NodeError: the database could not be read.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        async with self._listening():
            while self._size <= index and (left_s := deadline - clock()) > 0:
                await self._wait(self._changed, left_s)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        self._listeners += 1
        try:
            async with self._beginning:
                if self._watching is None:
                    await self._begin()
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _begin(self) -> None:
        self._failed, self._kept_bytes = None, 0
        self._kept.clear()
        found = await asyncio.to_thread(self._look, BEFORE, 0)
        if found is not None:
            self._take(found)
        self._told_size = self._size
        # In a context of its own: it outlives the request that it begins with.
        self._watching = asyncio.create_task(self._watch(), context=Context())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        found_at = -math.inf
        try:
            while True:
                await asyncio.sleep(NEWS_POLL_S)
                if self._listeners > self._tick_listeners or loop.time() >= found_at + TICK_S:
                    found = await asyncio.to_thread(self._look, self._height, self._size)
                else:
                    found = None  # those who listen to ticks alone would not hear of it yet
                if found is not None:
                    found_at = loop.time()
                    self._take(found)
                    self._changed = _woken(self._changed)
                if self._size > self._told_size and loop.time() >= self._ticked_at + self._pace_s():
                    self._ticked_at, self._told_size = loop.time(), self._size
                    self._ticked = _woken(self._ticked)
        except NodeError as error:
            logger.error("the feeds end: %s", error)
            self._failed, self._watching = error, None
            self._changed, self._ticked = _woken(self._changed), _woken(self._ticked)

    def _pace_s(self) -> float:
        return min(TICK_S * max(1.0, self._tick_listeners / TICK_LISTENERS), TICK_MAX_S)

    def _look(self, height: int, size: int) -> _Found | None:
        """Return what is new since a height, of which nothing is kept at first. In a thread."""
        with self._open_reader() as reader:
            now = reader.height()
            if now == height:
                return None
            size_now = log_size(reader)
            views = [] if height == BEFORE else _newest(reader, size, size_now)
            return _Found(now, size_now, views)

    def _take(self, found: _Found) -> None:
        self._made.clear()
        self._height, self._size = found.height, found.size
        for view in found.views:
            kept = self._kept[view.index] = _Kept(view)
            self._kept_bytes += kept.cost
        while len(self._kept) > NEWS_ENTRIES_MAX or self._kept_bytes > NEWS_BYTES_MAX:
            self._kept_bytes -= self._kept.pop(next(iter(self._kept))).cost

    def _news(self, since: int) -> News:
        """Return the news since a place, made once for all who are there."""
        if since not in self._made:
            first = max(since, self._size - NEWS_ENTRIES_MAX)
            new = [self._kept.get(index) for index in range(first, self._size)]
            known = [each.view for each in new if each is not None]
            self._made[since] = News(
                height=self._height,
                size=self._size,
                count=self._size - since,
                entries=tuple(known[-NEWS_SHOWN_MAX:]),
                subjects=frozenset(name for view in known for name in subjects_of(view)),
                whole=len(known) == self._size - since,
            )
        return self._made[since]

    def _kept_from(self, place: int, wanted: Wanted) -> EventPart:
        frames: list[bytes] = []
        size_bytes = 0
        while (kept := self._kept.get(place)) is not None and size_bytes < FEED_PART_BYTES_MAX:
            if wanted.takes(kept.view):
                frames.append(kept.frame)
                size_bytes += len(kept.frame)
            place += 1
        return EventPart(b"".join(frames), place)

    async def _scan(self, place: int, wanted: Wanted) -> EventPart:
        """Read on from the database; one feed at a time, since all of them are behind."""
        async with self._scanning:
            return await asyncio.to_thread(self._scanned, place, wanted)

    def _scanned(self, place: int, wanted: Wanted) -> EventPart:
        frames: list[bytes] = []
        size_bytes, end = 0, place + SCAN_MAX
        with self._open_reader() as reader:
            while place < end and size_bytes < FEED_PART_BYTES_MAX:
                page = reader.entries(place, SCAN_PAGE)
                if not page:
                    break
                for view in entry_views(reader, [each for each in page if wanted.takes(each)]):
                    frames.append(_frame(view))
                    size_bytes += len(frames[-1])
                place = page[-1].index + 1
        return EventPart(b"".join(frames), place)

    async def _wait(self, event: asyncio.Event, wait_s: float) -> None:
        """Wait for an event, but not for ever.

        Raises:
            NodeError: the database could not be read.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await event.wait()
        if self._failed is not None:
            raise self._failed


def _woken(event: asyncio.Event) -> asyncio.Event:
    """Wake all who wait for an event, and return the next one."""
    event.set()
    return asyncio.Event()


def _newest(reader: LedgerReader, start: int, end: int) -> list[EntryView]:
    """Return the entries from ``start`` to ``end``, or the last of them if they are too many."""
    start = max(start, end - NEWS_ENTRIES_MAX)
    views: list[EntryView] = []
    size_bytes = 0
    while end > start and size_bytes < NEWS_BYTES_MAX:
        first = max(start, end - NEWS_READ_MAX)
        views[:0] = found = entry_views(reader, reader.entries(first, end - first))
        size_bytes += sum(len(view.record) for view in found)
        end = first
    return views


def _frame(view: EntryView) -> bytes:
    """Return the event that tells of an entry. A record in canonical form has no line breaks."""
    return b"id: %d\nevent: entry\ndata: %s\n\n" % (view.index, _encoder.encode(view))


def subjects_of(view: EntryView) -> Iterator[str]:
    """Yield what an entry is about, and the loan that it names: that of a payment's money."""
    yield view.subject
    with suppress(msgspec.DecodeError):  # what was refused may have any form
        loan = _named.decode(view.record).loan
        if loan and view.subject != f"loan:{loan}":
            yield f"loan:{loan}"
