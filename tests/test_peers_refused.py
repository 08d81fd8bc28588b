"""Before the proof a caller costs next to nothing, and keeps no honest one out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from api import door
from api import limits as api_limits
from api.server import listen
from ledger.genesis import Genesis
from node import handshake, peers
from node.handshake import CLOSE_CODES, HANDSHAKE_FRAME_BYTES_MAX, LASTING_REASONS, Identity
from node.limits import CALLERS_MAX, FRAGMENTS_MAX
from tests.test_door import UPGRADE
from tests.test_handshake import SIGNERS, consortium
from tests.test_peers import (
    DEADLINE_S,
    Party,
    acceptor,
    closed_with,
    prove,
    running,
    until,
)

BAD_FRAME = (CLOSE_CODES["bad-frame"], "bad-frame")
UPGRADES_IN_A_ROUND_TRIP = 100
"""330 upgrades a second, during the 300 ms that a message and its answer take."""


def frame(opcode: int, size: int, *, final: bool = True, sent: int | None = None) -> bytes:
    """Return a masked frame of zeros that announces ``size`` bytes and has ``sent`` of them."""
    first = (128 if final else 0) | opcode
    if size < 126:
        head = bytes([first, 128 | size])
    elif size < 65_536:
        head = bytes([first, 254]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 255]) + size.to_bytes(8, "big")
    return head + bytes(4 + (size if sent is None else sent))


async def upgraded(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(UPGRADE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def told(reader: asyncio.StreamReader) -> bytes:
    """Return all that comes until the connection is closed."""
    received = b""
    async with asyncio.timeout(DEADLINE_S):
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(4096):
                received += part
    return received


@pytest.mark.parametrize(
    "sent",
    [
        frame(2, 4_000_000, sent=100_000),
        frame(2, HANDSHAKE_FRAME_BYTES_MAX + 1, sent=0),
        frame(1, 100_000),
        frame(2, 600, final=False) + frame(0, 600, final=False),
        frame(2, 0, final=False) + frame(0, 0, final=False) * 1000,
        frame(9, 125) * 40,
        frame(10, 125) * 40,
    ],
    ids=["unfinished", "announced", "text", "fragments", "empty-fragments", "pings", "pongs"],
)
def test_more_than_a_handshake_before_the_proof_is_refused(sent: bytes) -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            reader, writer = await upgraded(url)
            writer.write(sent)
            assert (await told(reader)).endswith(
                b"\x88\x0b" + BAD_FRAME[0].to_bytes(2, "big") + b"bad-frame"
            )
            await until(lambda: party.links.refusals == {"bad-frame": 1})
            writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "sent",
    [b"\xc2\x80\0\0\0\0", b"\xff" * 50, b"\x02\x05hello", frame(0, 5), frame(9, 126), frame(3, 1)],
    ids=["compressed", "nonsense", "unmasked", "no-beginning", "long-ping", "unknown"],
)
def test_what_is_no_frame_is_cut(sent: bytes) -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            reader, writer = await upgraded(url)
            writer.write(sent)
            await told(reader)
            await until(lambda: party.links.refusals == {"closed-early": 1})
            writer.close()

    asyncio.run(scenario())


def test_a_compressed_connection_is_not_agreed_on() -> None:
    async def scenario() -> None:
        async with acceptor() as (_, url), connect(url, compression="deflate") as peer:
            assert not peer.protocol.extensions
            await prove(peer, "platform", "funder")

    asyncio.run(scenario())


def test_a_hello_in_drops_is_cut_after_the_handshake_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers, "HANDSHAKE_TIMEOUT_S", 0.2)

    async def scenario() -> None:
        async with acceptor() as (party, url):
            reader, writer = await upgraded(url)
            for byte in frame(2, 900)[:500]:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.002)
                if party.links.refusals:
                    break
            assert (await told(reader)).endswith(b"handshake-timeout")
            writer.close()

    asyncio.run(scenario())


def test_who_is_refused_and_stays_is_cut_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "CLOSE_LINGER_S", 0.1)

    async def scenario() -> None:
        async with acceptor() as (_, url):
            reader, writer = await upgraded(url)
            writer.write(frame(2, 5))
            assert (await told(reader)).endswith(b"bad-frame")  # no close frame was sent back
            writer.close()

    asyncio.run(scenario())


def test_a_message_in_too_many_pieces_is_cut_after_the_proof_as_well() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            async with connect(url, compression=None) as peer:
                await prove(peer, "platform", "funder")
                await peer.send([b"x"] * (FRAGMENTS_MAX - 1))
                await until(lambda: len(party.host.frames) == 1)
                with pytest.raises(ConnectionClosed):
                    await peer.send([b"x"] * 2 * FRAGMENTS_MAX)
                    await peer.recv()
            assert party.host.frames == [("platform", b"x" * (FRAGMENTS_MAX - 1))]

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def strangers() -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Give a list of connections, all of which are closed at the end."""
    held: list[asyncio.StreamWriter] = []
    try:
        yield held
    finally:
        for writer in held:
            writer.close()


async def crowd(url: str, held: list[asyncio.StreamWriter], said: bytes = b"") -> None:
    """Do what strangers do while one message of an honest party, and its answer, are on the way."""
    for _ in range(UPGRADES_IN_A_ROUND_TRIP):
        _, writer = await upgraded(url)
        writer.write(said)
        held.append(writer)


def hello(genesis: Genesis, name: str) -> tuple[handshake.Opening, bytes]:
    me = Identity(genesis, name, SIGNERS[name])
    return handshake.dialer_hello(me, "funder", b"\x07" * 32)


def masked(payload: bytes) -> bytes:
    return frame(2, len(payload), sent=0) + payload


@pytest.mark.parametrize("claims", [False, True], ids=["silent", "in the name of the same party"])
def test_many_upgrades_keep_no_honest_party_out(claims: bool) -> None:
    """Eight handshakes, with 330 upgrades a second and 150 ms each way, all succeed."""

    async def scenario() -> None:
        genesis = consortium()
        said = masked(hello(genesis, "platform")[1]) if claims else b""
        async with (
            acceptor() as (party, url),
            strangers() as held,
            contextlib.AsyncExitStack() as stack,
        ):
            await crowd(url, held, said)
            await crowd(url, held, said)  # every place is taken by now
            honest: list[ClientConnection] = []
            for _ in range(8):
                client = connect(url, compression=None, close_timeout=0.1)
                honest.append(await stack.enter_async_context(client))
            await crowd(url, held, said)
            for connection in honest:
                await connection.send(hello(genesis, "platform")[1])
            answers = [await connection.recv(decode=False) for connection in honest]
            await crowd(url, held, said)
            me = Identity(genesis, "platform", SIGNERS["platform"])
            for connection, answer in zip(honest, answers, strict=True):
                _, proof = handshake.dialer_proof(me, hello(genesis, "platform")[0], answer)
                await connection.send(proof)
                handshake.dialer_check_welcome(await connection.recv(decode=False))
            assert party.links.status()["platform"]["connects"] == 8

    asyncio.run(scenario())


def test_there_is_room_for_the_calls_of_a_round_trip() -> None:
    assert min(CALLERS_MAX, api_limits.STRANGERS_PER_ADDRESS_MAX) > UPGRADES_IN_A_ROUND_TRIP
    assert api_limits.STRANGERS_PER_ADDRESS_MAX < api_limits.STRANGERS_MAX


def test_a_proved_peer_makes_room_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STRANGERS_MAX", 4)
    monkeypatch.setattr(peers, "CALLERS_MAX", 4)

    async def scenario() -> None:
        said = masked(hello(consortium(), "platform")[1])
        async with (
            acceptor() as (party, url),
            strangers() as held,
            connect(url, compression=None) as peer,
        ):
            await prove(peer, "platform", "funder")
            await crowd(url, held)
            await crowd(url, held, said)
            await peer.send(b"still here")
            await until(lambda: party.host.frames == [("platform", b"still here")])

    asyncio.run(scenario())


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


def test_a_caller_that_is_gone_leaves_no_place_behind() -> None:
    async def scenario() -> None:
        said = masked(hello(consortium(), "platform")[1])
        async with acceptor() as (party, url), strangers() as held:
            await crowd(url, held, said)
            await until(lambda: len(party.links._callers) == UPGRADES_IN_A_ROUND_TRIP)
            for writer in held:
                writer.transport.abort()
            await until(lambda: len(party.links._callers) == 0)
            assert party.links.refusals == {"closed-early": UPGRADES_IN_A_ROUND_TRIP}

    asyncio.run(scenario())


def test_the_reason_reaches_who_sent_too_much() -> None:
    async def scenario() -> None:
        async with acceptor() as (_, url), connect(url, compression=None) as connection:
            await connection.send(bytes(100_000))
            assert await closed_with(connection) == BAD_FRAME

    asyncio.run(scenario())
