"""The pieces of bulk submission: lines are cut right, and results wait within bounds."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import stream
from api.limits import CHUNK_LINES
from api.shares import StreamShare, StreamShares
from api.stream import LineSplitter, Stalled, Unread


def stays() -> bool:
    return False


def split(parts: list[bytes], line_bytes_max: int = 100) -> list[bytes | None]:
    splitter = LineSplitter(line_bytes_max)
    lines: list[bytes | None] = []
    for part in parts:
        for chunk in splitter.feed(part):
            assert 0 < len(chunk) <= CHUNK_LINES
            lines += chunk
    return lines + splitter.end()


@given(st.lists(st.binary(max_size=20).filter(lambda b: b"\n" not in b and b"\r" not in b)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    assert split([data]) == lines
    assert split([data[place : place + 1] for place in range(len(data))]) == lines


@pytest.mark.parametrize("count", [0, 1, CHUNK_LINES - 1, CHUNK_LINES, CHUNK_LINES + 1, 2600])
def test_many_lines_at_once_come_in_chunks_and_none_is_lost(count: int) -> None:
    lines = [b"%d" % number for number in range(count)]
    assert split([b"\n".join(lines)]) == lines
    assert split([b"".join(line + b"\n" for line in lines)]) == lines


def test_the_last_line_needs_no_ending_and_a_carriage_return_is_dropped() -> None:
    assert split([b"a\r\nb\r", b"\nc"]) == [b"a", b"b", b"c"]
    assert split([b"a\n"]) == [b"a"]
    assert split([b""]) == []


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_a_line_that_is_too_long_costs_no_other_line(step: int) -> None:
    data = b"ok\n" + b"x" * 101 + b"\n" + b"y" * 100 + b"\r\n" + b"z" * 5000
    parts = [data[place : place + step] for place in range(0, len(data), step)]
    assert split(parts) == [b"ok", None, b"y" * 100, None]


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    splitter = LineSplitter(100)
    for _ in range(1000):
        assert list(splitter.feed(b"x" * 1000)) == []
    assert splitter._rest == b""


def test_unread_results_come_out_in_order_and_once() -> None:
    async def scenario() -> None:
        share = StreamShares(bytes_max=10).share()
        unread = Unread(share)

        async def produce() -> None:
            for number in range(100):
                await unread.room(stays)
                unread.put(b"%d;" % number)
                assert share.held <= 8
            unread.end(b"last")

        producing = asyncio.create_task(produce())
        found = b"".join([part async for part in unread.parts()])
        await producing
        assert found == b"".join(b"%d;" % number for number in range(100)) + b"last"
        assert share.held == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("ended", [False, True])
def test_a_client_that_never_reads_is_given_up(
    monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    monkeypatch.setattr(stream, "STALL_S", 0.01)

    async def scenario() -> None:
        unread = Unread(StreamShares(bytes_max=10).share())
        unread.put(b"x" * (1 if ended else 11))
        if ended:
            unread.end()
        with pytest.raises(Stalled):
            await unread.refuse_stalled(stays)

    asyncio.run(scenario())


def test_a_client_that_sends_first_and_reads_later_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "STALL_S", 0.01)

    async def scenario() -> None:
        unread = Unread(StreamShares(bytes_max=10).share())
        unread.put(b"x" * 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(unread.refuse_stalled(stays), 0.1)

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 50)), max_size=300))
def test_streams_that_take_what_they_may_hold_no_more_than_all(
    steps: list[tuple[int, int]],
) -> None:
    shares = StreamShares(bytes_max=1000)
    streams: list[StreamShare] = [shares.share() for _ in range(10)]
    for index, size in steps:
        if not streams[index].full:
            streams[index].hold(size)
    held = sum(each.held for each in streams)
    assert held + shares.free == 1000
    assert shares.free > -50  # one step beyond at most
    assert all(each.held - 50 <= 500 for each in streams)
    for each in streams:
        each.give_back()
    assert shares.free == 1000


def test_one_stream_alone_may_hold_half_and_a_newcomer_always_something() -> None:
    shares = StreamShares(bytes_max=1000)
    first, second = shares.share(), shares.share()
    while not first.full:
        first.hold(1)
    assert first.held == 501
    assert not second.full
