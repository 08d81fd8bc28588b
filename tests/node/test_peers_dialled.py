"""A dialler trusts nobody before the answer is proved, and knows when to call again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.protocol import Protocol

from api.server import listen
from node.limits import FRAGMENTS_MAX
from node.peers import handshake
from node.peers import links as peers
from node.peers.handshake import CLOSE_CODES, HANDSHAKE_FRAME_BYTES_MAX, LASTING_REASONS, Identity
from node.peers.unparsed import PART_BYTES
from tests.node.test_handshake import SIGNERS, consortium
from tests.node.test_peers import DEADLINE_S, Party, acceptor, running, until


@contextlib.asynccontextmanager
async def answered_by(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[Party]:
    """The platform, whose calls for the funder a liar takes."""
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Party(consortium(), "platform", {"funder": f"127.0.0.1:{port}"})


@pytest.mark.parametrize("reason", [*sorted(CLOSE_CODES), "unheard-of"])
def test_a_dialler_waits_long_only_when_the_reason_lasts(reason: str) -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(CLOSE_CODES.get(reason, 4999), reason)

    async def scenario() -> None:
        async with answered_by(refuse) as platform:
            wait_max_s = await platform.links._dial(platform.links._links["funder"])
            lasts = reason in LASTING_REASONS
            assert wait_max_s == (peers.RETRY_REFUSED_MAX_S if lasts else peers.RETRY_MAX_S)

    asyncio.run(scenario())


def test_a_dialler_comes_back_to_one_that_had_too_many_callers() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            party.links.stop()
            netloc = urlsplit(url).netloc
            platform = Party(consortium(), "platform", {"funder": netloc})
            async with running(platform, listen("127.0.0.1", 0)):
                await until(lambda: party.links.refusals["stopping"] >= 3)
                party.links._stopped.clear()
                await until(lambda: platform.links.connected() == ("funder",))

    asyncio.run(scenario())


def test_a_dialler_takes_no_large_frame_before_the_proof() -> None:
    codes: list[int | None] = []

    async def flood(connection: ServerConnection) -> None:
        await connection.recv()
        with contextlib.suppress(ConnectionClosed):
            await connection.send(bytes(HANDSHAKE_FRAME_BYTES_MAX + 1))
            await connection.recv()
        codes.append(connection.close_code)

    async def scenario() -> None:
        async with answered_by(flood) as platform:
            await platform.links._dial(platform.links._links["funder"])
            await until(lambda: codes == [1009])
            assert platform.host.changes == []

    asyncio.run(scenario())


@pytest.mark.parametrize("pieces", [FRAGMENTS_MAX - 1, FRAGMENTS_MAX])
def test_a_dialler_takes_no_message_in_too_many_pieces(pieces: int) -> None:
    me = Identity(consortium(), "funder", SIGNERS["funder"])

    async def split(connection: ServerConnection) -> None:
        opening, answer = handshake.acceptor_answer(me, await received(connection), b"\x05" * 32)
        await connection.send(answer)
        await connection.send(handshake.acceptor_welcome(me, opening, await received(connection)))
        with contextlib.suppress(ConnectionClosed):
            await connection.send([b"x"] * pieces)  # and one to end it
            await connection.recv()

    async def scenario() -> None:
        async with answered_by(split) as platform:
            dialling = asyncio.create_task(platform.links._dial(platform.links._links["funder"]))
            if pieces < FRAGMENTS_MAX:
                await until(lambda: platform.host.frames == [("funder", b"x" * pieces)])
                dialling.cancel()
            await asyncio.wait([dialling], timeout=DEADLINE_S)
            assert dialling.done()
            assert len(platform.host.frames) == (pieces < FRAGMENTS_MAX)
            assert platform.host.changes == [("up", "funder"), ("down", "funder")]

    asyncio.run(scenario())


def test_a_dialler_cuts_who_sends_pings_without_end() -> None:
    me = Identity(consortium(), "funder", SIGNERS["funder"])

    async def pings(connection: ServerConnection) -> None:
        opening, answer = handshake.acceptor_answer(me, await received(connection), b"\x05" * 32)
        await connection.send(answer)
        await connection.send(handshake.acceptor_welcome(me, opening, await received(connection)))
        connection.transport.write(b"\x89\x00" * 10_000)
        await connection.wait_closed()

    async def scenario() -> None:
        async with answered_by(pings) as platform:
            async with asyncio.timeout(DEADLINE_S):
                await platform.links._dial(platform.links._links["funder"])
            assert platform.host.changes == [("up", "funder"), ("down", "funder")]
            assert platform.links.refusals == {"bad-frame": 1}
            now_s = asyncio.get_running_loop().time()
            assert 0 < platform.links._links["funder"].links.wait_s(now_s) <= 2, "called later"

    asyncio.run(scenario())


def test_a_dialler_parses_no_more_than_it_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Identity(consortium(), "funder", SIGNERS["funder"])
    taken, receive_data = [0], Protocol.receive_data

    def counted(self: Protocol, data: bytes) -> None:
        taken[0] += len(data) * isinstance(self, ClientProtocol)
        receive_data(self, data)

    async def splash(connection: ServerConnection) -> None:
        opening, answer = handshake.acceptor_answer(me, await received(connection), b"\x05" * 32)
        await connection.send(answer)
        await connection.send(handshake.acceptor_welcome(me, opening, await received(connection)))
        monkeypatch.setattr(Protocol, "receive_data", counted)
        connection.transport.write(b"\x82\x01x" * 60_000)
        await connection.wait_closed()

    async def scenario() -> None:
        async with answered_by(splash) as platform:
            platform.host.useful = False
            dialling = asyncio.create_task(platform.links._dial(platform.links._links["funder"]))
            await until(lambda: platform.links.status()["funder"]["paced_ms"] > 0)
            assert taken[0] <= 3 * len(platform.host.frames) + 2 * PART_BYTES
            assert len(platform.host.frames) < 4000
            dialling.cancel()
            await asyncio.wait([dialling], timeout=DEADLINE_S)

    asyncio.run(scenario())


async def received(connection: ServerConnection) -> bytes:
    return await connection.recv(decode=False)


def test_reasons_of_others_fill_neither_memory_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    links = Party(consortium(), "platform", {"funder": "127.0.0.1:1"}).links
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            closed = peers.Closed(4100 + number, f"reason\n{number}")
            links._refused_by(links._links["funder"], closed)
    assert len(links._logged) == len(caplog.records) == 1
    assert links.refusals == {"by-funder": 50}
    assert "\n" not in caplog.records[0].getMessage()
