"""The relay against servers that answer oddly: real sockets, answers that end early or never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from api.limits import FEED_PART_BYTES_MAX
from api.problems import Problem
from api.read_server import TOKEN
from api.relay import Relay
from node.home.tokens import Token

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n" % (1 << 14, b"x" * (1 << 14))
RECEIVE_BYTES_MAX = 512 * 1024
"""What an event loop reads from a socket at once, at most."""


def scope_of(*headers: tuple[bytes, bytes], query: bytes = b"") -> dict[str, Any]:
    token = Token(0, "", "3f2a91bc", "", ("read",))
    whole = {"raw_path": b"/v1/feed", "query_string": query, "headers": list(headers)}
    return {**whole, "token": token}


async def gone_never() -> Message:
    await asyncio.sleep(60)
    return {"type": "http.disconnect"}


def relayed(
    folder: Path,
    serve: Serve,
    send: Callable[[Message], Awaitable[None]] | None = None,
    scope: dict[str, Any] | None = None,
    receive: Callable[[], Awaitable[Message]] = gone_never,
) -> list[Message]:
    """Return what is sent of an answer that ``serve`` gives on a real socket."""
    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    async def scenario() -> None:
        path = str(folder / "s")
        async with await asyncio.start_unix_server(serve, path) as server:
            relay = Relay(path)
            async with asyncio.timeout(20):
                await relay(scope or scope_of(), receive, send or keep)
            server.close()

    asyncio.run(scenario())
    return sent


def saying(*parts: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
        await writer.drain()
        writer.close()

    return serve


def test_only_what_the_readers_look_at_is_asked_with(tmp_path: Path) -> None:
    asked = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PAGE + b"0123456789")
        writer.close()

    headers = ((b"accept", b"*/*"), (b"content-length", b"5"), (b"last-event-id", b"7"))
    sent = relayed(tmp_path, serve, scope=scope_of(*headers, query=b"start=1"))
    assert asked.splitlines() == [
        b"GET /v1/feed?start=1 HTTP/1.1",
        b"connection: close",
        b"accept: */*",
        b"last-event-id: 7",
        b"%s: 3f2a91bc" % TOKEN,
        b"",
    ]
    assert b"".join(each.get("body", b"") for each in sent) == b"0123456789"
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_feed_whose_readers_ended_ends_in_order(tmp_path: Path) -> None:
    sent = relayed(tmp_path, saying(EVENTS, b"3\r\n:\n\n\r\n", b"9\r\nid: "))
    assert b"".join(each.get("body", b"") for each in sent) == b":\n\nid: "
    assert sent[-1]["more_body"] is False


def test_a_page_whose_readers_ended_is_not_taken_for_whole(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        relayed(tmp_path, saying(PAGE, b"01234"))


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent", b"no HTTP at all\r\n\r\n"])
def test_readers_that_end_before_they_answer_are_asked_twice(tmp_path: Path, said: bytes) -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await saying(said)(reader, writer)

    with pytest.raises(Problem) as caught:
        relayed(tmp_path, serve)
    assert (caught.value.code, asked) == ("busy", 2)


def test_readers_that_are_not_there_are_busy(tmp_path: Path) -> None:
    relay = Relay(str(tmp_path / "nothing"))
    with pytest.raises(Problem) as caught:
        asyncio.run(relay(scope_of(), gone_never, gone_never))  # type: ignore[arg-type]
    assert caught.value.code == "busy"


def test_no_more_is_read_than_the_client_takes(tmp_path: Path) -> None:
    written, taken = 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENTS)
        while written < 1000 * len(CHUNK):
            writer.write(CHUNK)
            await writer.drain()
            written += len(CHUNK)
        writer.write(b"0\r\n\r\n")
        writer.close()

    async def slowly(message: Message) -> None:
        nonlocal taken
        if not taken:
            await asyncio.sleep(0.5)
            assert written < FEED_PART_BYTES_MAX + 2 * RECEIVE_BYTES_MAX
        taken += len(message.get("body", b""))

    relayed(tmp_path, serve, slowly)
    assert taken == 1000 * (1 << 14)  # and all of it comes


def test_who_goes_away_ends_the_readers_answer(tmp_path: Path) -> None:
    ended = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EVENTS)
        ended.append(await reader.read())
        writer.close()

    async def gone() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    relayed(tmp_path, serve, receive=gone)
    assert ended == [b""]
