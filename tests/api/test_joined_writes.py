"""An answer's head leaves together with what follows it, and is never lost or late."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import httpx
import pytest

from api.connection import JoinedWrites
from tests.api.queries_kit import Kept

HEAD, BODY, MORE = b"HTTP/1.1 200 OK\r\n\r\n", b"{}", b"..."


class Writes(asyncio.Transport):
    """A way out that notes what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | None] = []
        self.gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append(None)

    def is_closing(self) -> bool:
        return self.gone


def done(steps: Callable[[JoinedWrites, Writes], None], *, later: bool = False) -> list[object]:
    async def scenario() -> list[object]:
        writes = Writes()
        steps(JoinedWrites(writes), writes)
        if later:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return [*writes.done]

    return asyncio.run(scenario())


@pytest.mark.parametrize("later", [False, True])
def test_head_and_body_are_one_write_and_what_follows_is_written_at_once(later: bool) -> None:
    def steps(out: JoinedWrites, _: Writes) -> None:
        for part in (HEAD, BODY, MORE):
            out.write(part)
        out.end()
        for part in (HEAD, BODY):
            out.write(part)

    assert done(steps, later=later) == [HEAD + BODY, MORE, HEAD + BODY]


def test_a_head_that_nothing_follows_leaves_by_itself() -> None:
    assert done(lambda out, _: out.write(HEAD)) == []
    assert done(lambda out, _: out.write(HEAD), later=True) == [HEAD]


def test_a_head_is_written_before_the_end_and_before_the_connection_is_closed() -> None:
    def ended(out: JoinedWrites, _: Writes) -> None:
        out.write(HEAD)
        out.end()

    def closed(out: JoinedWrites, _: Writes) -> None:
        out.write(HEAD)
        out.close()

    assert done(ended, later=True) == [HEAD]
    assert done(closed, later=True) == [HEAD, None]


def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    def steps(out: JoinedWrites, writes: Writes) -> None:
        out.write(HEAD)
        writes.gone = True

    assert done(steps, later=True) == []


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_an_answer_without_a_body_comes_whole(kept: Kept, last: bytes) -> None:
    url = httpx.URL(kept.server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=30) as opened:
        opened.sendall(b"HEAD /livez HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        came = b""
        while not came.endswith(b"\r\n\r\n"):
            part = opened.recv(4096)
            assert part
            came += part
        assert came.startswith(b"HTTP/1.1 200 ")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    made = Kept(tmp_path_factory.mktemp("joined"))
    yield made
    made.close()
