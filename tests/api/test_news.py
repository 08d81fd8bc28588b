"""News in one process: what all listeners share, and what becomes of those who are slow."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import feed_places, news
from api.feed import KEEP_ALIVE, feed
from api.limits import FEED_PART_BYTES_MAX, FEED_UNREAD_BYTES, NEWS_POLL_S, NEWS_SHOWN_MAX
from api.news import News, NewsDesk, Wanted
from ledger import forms
from ledger.contracts import RECORD_TYPES
from node.errors import StorageError
from tests.api import feed_kit
from tests.api.queries_kit import Kept, month
from tests.ledger.ledger_kit import captured

WAIT_S = 20.0
ALL = Wanted()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = month(tmp_path_factory.mktemp("news"))
    yield made
    made.close()


_names = iter(range(10**6))


def add(kept: Kept, count: int) -> list[str]:
    """Add a block of captures; return what they are about, in order."""
    names = [f"N{next(_names)}" for _ in range(count)]
    fields = [captured(name, 1_000, captured_at=kept.now) for name in names]
    records = [kept.record("payment.captured", each) for each in fields]
    kept.run(kept.seal("institution", records))
    return [f"payment:{name}" for name in names]


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario to its end."""
    asyncio.run(asyncio.wait_for(scenario, WAIT_S))


def desk_of(kept: Kept) -> NewsDesk:
    return NewsDesk(kept.store.reader)


def entries_of(kept: Kept) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = kept.get("/v1/entries", limit=1000)["entries"]
    return entries


async def told(desk: NewsDesk, start: int, wanted: Wanted, end: int) -> list[dict[str, Any]]:
    """Return what a feed tells of the entries before ``end``."""
    found = []
    async with aclosing(desk.entries(start, wanted)) as parts:  # type: ignore[type-var]
        async for part in parts:
            for event in part.data.decode().split("\n\n")[:-1]:
                number, name, data = event.split("\n")
                assert name == "event: entry"
                found.append(json.loads(data.removeprefix("data: ")))
                assert number == f"id: {found[-1]['index']}"
            if part.next >= end:
                break
    return [each for each in found if each["index"] < end]


def test_a_feed_has_exactly_what_its_filters_let_through(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "PROGRESS_S", 0.0)
    entries = entries_of(kept)
    filters = {Wanted(), Wanted("auditor")}
    for each in entries:
        party, type_, subject = each["party"], each["type"], each["subject"]
        filters |= {Wanted(party=party), Wanted(type=type_), Wanted(subject=subject)}
        filters |= {Wanted(party, type_, subject), Wanted(party, subject=subject)}

    async def scenario() -> None:
        desk = desk_of(kept)
        for wanted in sorted(filters):
            expected = [
                each
                for each in entries
                if wanted.party in ("", each["party"])
                and wanted.type in ("", each["type"])
                and wanted.subject in ("", each["subject"])
            ]
            assert await told(desk, 0, wanted, len(entries)) == expected

    assert len(filters) > 50
    play(scenario())


def test_every_subject_and_type_of_the_log_can_be_asked_for(kept: Kept) -> None:
    for each in entries_of(kept):
        assert re.fullmatch(forms.SUBJECT, each["subject"])
        assert each["type"] in RECORD_TYPES
    wanted = {"party": "platform", "type": "split.instructed", "subject": "payment:P6"}
    with feed_kit.feed(kept.client, start=0, **wanted) as following:
        (entry,) = following.take(1)
    assert {name: entry[name] for name in wanted} == wanted


def test_all_listeners_hear_the_same_news_at_the_same_moment(kept: Kept) -> None:
    heard: dict[str, list[News]] = {"a": [], "b": []}
    made: list[News] = []

    async def listen(name: str, desk: NewsDesk, until: int) -> None:
        async with aclosing(desk.ticks()) as ticks:  # type: ignore[type-var]
            async for each in ticks:
                heard[name].append(each)
                each.once("page", lambda each=each: made.append(each))  # type: ignore[misc]
                if each.size == until:
                    return

    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        both = [asyncio.create_task(listen(name, desk, size + 30)) for name in heard]
        while not (heard["a"] and heard["b"]):
            await asyncio.sleep(0.01)
        for _ in range(10):
            subjects.extend(await asyncio.to_thread(add, kept, 3))
        await asyncio.gather(*both)

    subjects: list[str] = []
    play(scenario())
    assert all(one is other for one, other in zip(heard["a"], heard["b"], strict=True))
    first, *later = heard["a"]
    assert (first.count, first.entries, first.subjects, first.whole) == (0, (), frozenset(), True)
    assert 1 <= len(later) < 10
    assert sum(each.count for each in later) == 30
    assert frozenset().union(*(each.subjects for each in later)) == set(subjects)
    assert all(each.whole for each in later)
    assert [each.subject for each in later[-1].entries] == subjects[-later[-1].count :][-20:]
    assert made == heard["a"]  # made once, by the first


def test_news_ticks_four_times_a_second_and_with_many_listeners_less_often(kept: Kept) -> None:
    desk = desk_of(kept)
    paces = []
    for desk._tick_listeners in (0, 1, 80, 160, 240):
        paces.append(desk._pace_s())
    assert paces == [0.25, 0.25, 0.25, 0.5, 0.75]
    desk._tick_listeners = 10_000
    assert desk._pace_s() == 0.8


def test_a_listener_begins_where_its_page_ends(kept: Kept) -> None:
    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        async with aclosing(desk.ticks()) as watching:  # type: ignore[type-var]
            await anext(watching)
            subjects = await asyncio.to_thread(add, kept, NEWS_SHOWN_MAX + 5)
            while (await anext(watching)).size == size:
                pass
            async with aclosing(desk.ticks(size)) as ticks:  # type: ignore[type-var]
                first = await anext(ticks)
                assert first.count == NEWS_SHOWN_MAX + 5
                assert [each.subject for each in first.entries] == subjects[-NEWS_SHOWN_MAX:]
                assert first.subjects == set(subjects)
            async with aclosing(desk.ticks(size + 10**9)) as ticks:  # type: ignore[type-var]
                assert (await anext(ticks)).count == 0
            async with aclosing(desk.ticks(0)) as ticks:  # type: ignore[type-var]
                old = await anext(ticks)
                assert (old.count, old.whole) == (old.size, False)

    play(scenario())


def test_entries_are_read_for_pages_at_the_pace_of_ticks_and_for_others_at_once(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "TICK_S", 1e9)

    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        async with aclosing(desk.ticks()) as ticks:  # type: ignore[type-var]
            await anext(ticks)
            await asyncio.to_thread(add, kept, 1)
            while desk._size == size:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(add, kept, 1)
            await asyncio.sleep(5 * NEWS_POLL_S)
            assert desk._size == size + 1  # nobody would hear of it yet
            await desk.reach(size + 1, WAIT_S)
            assert desk._size == size + 2

    play(scenario())


def test_what_is_read_in_pieces_is_whole(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "NEWS_READ_MAX", 3)

    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        async with aclosing(desk.ticks()) as ticks:  # type: ignore[type-var]
            await anext(ticks)
            subjects = await asyncio.to_thread(add, kept, 16)
            while (heard := await anext(ticks)).size < size + 16:
                pass
            assert heard.whole
            assert [each.subject for each in heard.entries] == subjects
            assert list(desk._kept) == list(range(size, size + 16))

    play(scenario())


@pytest.mark.parametrize("bound", ["NEWS_ENTRIES_MAX", "NEWS_BYTES_MAX"])
def test_who_is_slower_than_what_is_kept_goes_on_from_the_database(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(news, bound, 5_000 if bound == "NEWS_BYTES_MAX" else 3)

    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        async with aclosing(desk.ticks()) as ticks:  # type: ignore[type-var]
            await anext(ticks)
            await asyncio.to_thread(add, kept, 16)  # one block: one look finds all of it
            while (heard := await anext(ticks)).size < size + 16:
                pass
            assert len(desk._kept) < 8
            assert len(heard.entries) <= len(desk._kept)
            found = await told(desk, size, ALL, size + 16)
            assert [each["index"] for each in found] == list(range(size, size + 16))
            assert found == entries_of(kept)[size:]

    play(scenario())


def test_what_is_said_while_nothing_happens_keeps_a_connection_alive(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "NEWS_KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(news, "PROGRESS_S", 0.01)

    async def scenario() -> None:
        desk, size = desk_of(kept), len(entries_of(kept))
        async with aclosing(desk.ticks()) as ticks:  # type: ignore[type-var]
            assert [(await anext(ticks)).count for _ in range(3)] == [0, 0, 0]
        other = Wanted(party="auditor")
        async with aclosing(feed(desk, size, other)) as parts:  # type: ignore[type-var]
            began = await anext(parts)
            assert began.startswith(b"retry: 2000\n\nid: %d\nevent: progress\n" % (size - 1))
            assert await anext(parts) == KEEP_ALIVE
            await asyncio.to_thread(add, kept, 2)
            while (part := await anext(parts)) == KEEP_ALIVE:
                pass
            ids = b'id: %d\nevent: progress\ndata: {"next":%d}\n\n'
            assert part == ids % (size + 1, size + 2)
            assert await anext(parts) == KEEP_ALIVE

    play(scenario())


def test_the_database_is_looked_at_only_while_somebody_listens(kept: Kept) -> None:
    looks = 0

    def open_reader() -> Any:
        nonlocal looks
        looks += 1
        return kept.store.reader()

    async def scenario() -> None:
        desk = NewsDesk(open_reader)
        size = len(entries_of(kept))
        async with aclosing(desk.ticks()) as one, aclosing(desk.ticks()) as other:  # type: ignore[type-var]
            await anext(one)
            await anext(other)
            while looks < 3:
                await asyncio.sleep(0.01)
        seen = looks
        await asyncio.sleep(4 * news.NEWS_POLL_S)
        assert looks <= seen + 1  # one may have been under way
        await asyncio.to_thread(add, kept, 1)
        await desk.reach(size, WAIT_S)  # it looks again
        assert looks > seen

    play(scenario())


def test_a_database_that_fails_ends_all_and_the_next_begin_anew(kept: Kept) -> None:
    failing = False

    def open_reader() -> Any:
        if failing:
            raise StorageError("storage-failed", "the disk is gone")
        return kept.store.reader()

    async def fails(listening: AsyncIterator[object]) -> None:
        with pytest.raises(StorageError):
            async for _ in listening:
                pass

    async def scenario() -> None:
        nonlocal failing
        desk = NewsDesk(open_reader)
        size = len(entries_of(kept))
        listening = [fails(desk.ticks()), fails(desk.entries(size, ALL))]
        tasks = [asyncio.create_task(each) for each in listening]
        while desk._listeners < 2 or desk._watching is None:
            await asyncio.sleep(0.01)
        failing = True
        await asyncio.gather(*tasks)
        with pytest.raises(StorageError):
            await desk.reach(size, WAIT_S)
        assert desk._listeners == 0
        failing = False
        await asyncio.to_thread(add, kept, 1)
        await desk.reach(size, WAIT_S)

    play(scenario())


def test_a_feed_that_is_not_read_is_cut_and_what_it_holds_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_places, "STALL_S", 0.5)
    kept = Kept(tmp_path)
    try:
        for _ in range(6):
            add(kept, 500)
        url = httpx.URL(kept.server.url)
        with socket.socket() as unread:
            unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            unread.connect((url.host, url.port or 80))
            head = "GET /v1/feed?start=0 HTTP/1.1\r\nhost: node\r\nauthorization: Bearer "
            unread.sendall(f"{head}{kept.token}\r\n\r\n".encode())
            time.sleep(3)  # it is cut meanwhile
            bound = 2 * FEED_UNREAD_BYTES + 4 * FEED_PART_BYTES_MAX
            received = received_by(unread, bound)
        whole = sum(len(json.dumps(each)) for each in pages_of(kept))
        assert 0 < received < bound < whole / 2
    finally:
        kept.close()


def test_a_feed_ends_after_its_time_and_goes_on_for_who_comes_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_places, "FEED_LIFE_S", 0.5)
    size = len(entries_of(kept))
    with feed_kit.feed(kept.client, start=size - 1) as following:
        assert len(following.take(2)) == 1  # it ends, in order
        last_id = following.last_id
    add(kept, 1)
    with feed_kit.feed(kept.client, last_id) as following:
        assert [each["index"] for each in following.take(2)] == [size]


def received_by(connection: socket.socket, most: int) -> int:
    """Return how many bytes come until the connection ends, or more than ``most`` have come."""
    received = 0
    connection.settimeout(WAIT_S)
    try:
        while received <= most and (data := connection.recv(1 << 16)):
            received += len(data)
    except ConnectionResetError:
        pass
    return received


def pages_of(kept: Kept) -> Iterator[dict[str, Any]]:
    for start in range(0, 3000, 1000):
        yield from kept.get("/v1/entries", start=start, limit=1000)["entries"]
