"""Before the proof a caller costs next to nothing, and keeps no honest one out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import Protocol
from websockets.server import ServerProtocol

from api import door
from api import limits as api_limits
from api.limits import UNPROVED_BYTES_MAX
from api.peer_socket import BoundedWebSocket
from ledger.genesis import Genesis
from node.limits import CALLERS_MAX, FRAGMENTS_MAX
from node.peers import handshake
from node.peers import links as peers
from node.peers.handshake import CLOSE_CODES, HANDSHAKE_FRAME_BYTES_MAX, Identity
from node.peers.unparsed import PART_BYTES
from tests.api.test_door import UPGRADE
from tests.node.test_handshake import SIGNERS, consortium
from tests.node.test_peers import (
    DEADLINE_S,
    acceptor,
    closed_with,
    prove,
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


async def proved(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as the platform, which then does with the bare connection what it likes."""
    me = Identity(consortium(), "platform", SIGNERS["platform"])
    reader, writer = await upgraded(url)
    opening, said = hello(me.genesis, "platform")
    writer.write(masked(said))
    _, proof = handshake.dialer_proof(me, opening, await payload(reader))
    writer.write(masked(proof))
    handshake.dialer_check_welcome(await payload(reader))
    return reader, writer


def test_of_a_peer_that_is_shut_out_nothing_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could go on at full speed until it answers that it was told to go."""
    taken, receive_data = [0], Protocol.receive_data

    def counted(self: Protocol, data: bytes) -> None:
        if isinstance(self, ServerProtocol):
            taken[0] += len(data)
        receive_data(self, data)

    async def scenario() -> None:
        async with acceptor() as (party, url):
            reader, writer = await proved(url)
            party.host.useful, party.host.shut_out["platform"] = False, 1000
            writer.write(frame(2, 100))
            assert (await payload(reader)).endswith(b"shut-out")
            monkeypatch.setattr(Protocol, "receive_data", counted)
            sent, more = 0, frame(2, 100) * 1000
            with contextlib.suppress(ConnectionError):
                while sent < 15 * party.links.frame_bytes_max:
                    writer.write(more)
                    await writer.drain()
                    sent += len(more)
            assert sent < 15 * party.links.frame_bytes_max, "the connection was cut"
            assert taken[0] <= UNPROVED_BYTES_MAX
            writer.close()

    asyncio.run(scenario())


PIECES = {
    "pings": frame(9, 0),
    "pongs": frame(10, 0),
    "splinters": frame(2, 1, final=False) + frame(0, 0, final=False) * 998 + frame(0, 1),
}


@pytest.mark.parametrize("kind", PIECES)
def test_a_peer_that_sends_frames_which_are_no_messages_is_cut(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nobody is handed them, so no ration of messages holds for them."""
    monkeypatch.setattr(peers, "PING_INTERVAL_S", 60.0)  # this peer answers none

    async def scenario() -> None:
        async with acceptor() as (party, url):
            _, writer = await proved(url)
            await until(lambda: party.links.connected() == ("platform",))
            writer.write(PIECES[kind] * (200_000 // len(PIECES[kind])))
            await until(lambda: party.links.connected() == ())
            assert len(party.host.frames) <= 3
            await until(lambda: party.links.refusals["bad-frame"] == 1)
            now_s = asyncio.get_running_loop().time()
            assert 0 < party.links._links["platform"].links.wait_s(now_s) <= 2, "called again later"
            writer.close()

    asyncio.run(scenario())


def test_no_more_is_parsed_than_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once may hold tens of thousands of messages."""
    taken, receive_data = [0], Protocol.receive_data

    def counted(self: Protocol, data: bytes) -> None:
        taken[0] += len(data) * isinstance(self, ServerProtocol)
        receive_data(self, data)

    async def scenario() -> None:
        async with acceptor() as (party, url):
            _, writer = await proved(url)
            party.host.useful = False
            monkeypatch.setattr(Protocol, "receive_data", counted)
            message = frame(2, 1)
            writer.write(message * 40_000)
            await until(lambda: party.links.status()["platform"]["paced_ms"] > 0)
            assert taken[0] <= len(party.host.frames) * len(message) + 2 * PART_BYTES
            assert len(party.host.frames) < 4000
            writer.close()

    asyncio.run(scenario())


async def payload(reader: asyncio.StreamReader) -> bytes:
    """Return what stands in the next frame, which is not a long one."""
    size = (await reader.readexactly(2))[1]
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(size)


def test_a_peer_that_reads_no_answers_to_its_pings_is_cut() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            _, writer = await proved(url)
            pings, sent = frame(9, 125) * 500, 0
            with contextlib.suppress(ConnectionError):
                while sent < 15 * party.links.frame_bytes_max:
                    writer.write(pings)
                    await writer.drain()
                    sent += len(pings)
            assert sent < 15 * party.links.frame_bytes_max
            await until(lambda: party.links.connected() == ())
            writer.close()

    asyncio.run(scenario())


def test_a_peer_that_neither_reads_nor_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what waits for it: closing alone would wait until it is read."""
    monkeypatch.setattr(peers, "PING_INTERVAL_S", 0.2)
    monkeypatch.setattr(peers, "PING_TIMEOUT_S", 0.2)

    async def scenario() -> None:
        async with acceptor() as (party, url):
            _, writer = await proved(url)
            for _ in range(4):
                party.links.send("platform", bytes(party.links.frame_bytes_max))
            await until(lambda: party.links.connected() == ())
            await until(
                lambda: (
                    not any(issubclass(type(each), BoundedWebSocket) for each in gc.get_objects())
                )
            )
            writer.close()

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


def test_of_many_calls_in_one_name_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "CALLERS_MAX", 2)

    async def scenario() -> None:
        _, hello = handshake.dialer_hello(
            Identity(consortium(), "platform", SIGNERS["auditor"]), "funder", b"\x08" * 32
        )
        async with acceptor() as (party, url), contextlib.AsyncExitStack() as stack:
            liars = [
                await stack.enter_async_context(connect(url, compression=None)) for _ in range(2)
            ]
            for liar in liars:
                await liar.send(hello)
                await liar.recv()
            async with connect(url, compression=None) as peer:
                await prove(peer, "platform", "funder")
                await until(lambda: party.links.connected() == ("platform",))
                code = CLOSE_CODES["too-many-handshakes"]
                assert await closed_with(liars[0]) == (code, "too-many-handshakes")
            assert party.links.refusals == {"too-many-handshakes": 1, "closed-early": 1}

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
