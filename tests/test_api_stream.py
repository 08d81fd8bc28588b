"""The pieces of bulk submission: lines are cut right, and results wait within bounds."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import stream
from api.stream import LineSplitter, Stalled, Unread


def split(parts: list[bytes], line_bytes_max: int = 100) -> list[bytes | None]:
    splitter = LineSplitter(line_bytes_max)
    lines: list[bytes | None] = []
    for part in parts:
        lines += splitter.feed(part)
    return lines + splitter.end()


@given(st.lists(st.binary(max_size=20).filter(lambda b: b"\n" not in b and b"\r" not in b)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    assert split([data]) == lines
    assert split([data[place : place + 1] for place in range(len(data))]) == lines


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
        assert splitter.feed(b"x" * 1000) == []
    assert splitter._rest == b""


def test_unread_results_come_out_in_order_and_once() -> None:
    async def scenario() -> None:
        unread = Unread(bytes_max=10)

        async def produce() -> None:
            for number in range(100):
                await unread.put(b"%d;" % number)
            unread.end(b"last")

        producing = asyncio.create_task(produce())
        found = b"".join([part async for part in unread.parts()])
        await producing
        assert found == b"".join(b"%d;" % number for number in range(100)) + b"last"

    asyncio.run(scenario())


def test_a_client_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STALL_S", 0.01)

    async def scenario() -> None:
        unread = Unread(bytes_max=10)
        await unread.put(b"x" * 11)
        with pytest.raises(Stalled):
            await unread.put(b"y")

    asyncio.run(scenario())
