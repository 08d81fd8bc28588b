"""Peer links over real sockets: they come up, come back, and stay out of each other's way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.connection import BoundedConnection
from api.peer_route import peer_routes
from api.peer_socket import BoundedWebSocket
from api.server import listen
from ledger.genesis import Genesis
from node.peers import handshake
from node.peers import links as peers
from node.peers.handshake import CLOSE_CODES, Identity
from node.peers.link import Link, SendQueue, peer_url
from node.peers.links import PeerLinks
from node.peers.ration import BYTE_S, FRAME_S, LINKS_AT_ONCE, USELESS_PER_S, Ration
from tests.node.test_handshake import SIGNERS, consortium

DEADLINE_S = 10.0


class Recorder:
    """A host that remembers what the links told it."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, bytes]] = []
        self.changes: list[tuple[str, str]] = []
        self.fault: Exception | None = None
        self.useful = True
        self.shut_out: dict[str, int] = {}

    def receive(self, peer: str, frame: bytes) -> bool:
        if self.fault is not None:
            raise self.fault
        self.frames.append((peer, frame))
        return self.useful

    def shut_out_ms(self, peer: str) -> int:
        return self.shut_out.get(peer, 0)

    def peer_up(self, peer: str) -> None:
        self.changes.append(("up", peer))

    def peer_down(self, peer: str) -> None:
        self.changes.append(("down", peer))


class Party:
    """One party's links, served on a real port."""

    def __init__(self, genesis: Genesis, name: str, addresses: Mapping[str, str]) -> None:
        self.links = PeerLinks(Identity(genesis, name, SIGNERS[name]), addresses)
        self.host = Recorder()
        self.links.bind(self.host)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


@contextlib.asynccontextmanager
async def running(party: Party, listener: socket.socket) -> AsyncIterator[Party]:
    app = FastAPI()
    app.include_router(peer_routes(party.links))
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws=BoundedWebSocket,
        lifespan="off",
        log_config=None,
        ws_max_size=party.links.frame_bytes_max,
        ws_per_message_deflate=False,
        ws_ping_interval=peers.PING_INTERVAL_S,
        ws_ping_timeout=peers.PING_TIMEOUT_S,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    dialling = asyncio.create_task(party.links.run())
    try:
        yield party
    finally:
        party.links.stop()
        server.should_exit = True
        await asyncio.gather(serving, dialling)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not claim():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[Party, Party]]:
    """The platform and the funder, connected."""
    genesis = consortium()
    sockets = [listen("127.0.0.1", 0), listen("127.0.0.1", 0)]
    ports = [each.getsockname()[1] for each in sockets]
    platform = Party(genesis, "platform", {"funder": f"127.0.0.1:{ports[1]}"})
    funder = Party(genesis, "funder", {"platform": f"127.0.0.1:{ports[0]}"})
    async with running(platform, sockets[0]), running(funder, sockets[1]):
        await until(lambda: platform.links.connected() == ("funder",))
        await until(lambda: funder.links.connected() == ("platform",))
        yield platform, funder


@contextlib.asynccontextmanager
async def acceptor(name: str = "funder") -> AsyncIterator[tuple[Party, str]]:
    """One party that nobody dials but the test, and its URL."""
    listener = listen("127.0.0.1", 0)
    party = Party(consortium(), name, {})
    async with running(party, listener):
        yield party, peer_url(f"127.0.0.1:{listener.getsockname()[1]}")


async def prove(connection: ClientConnection, name: str, acceptor_name: str) -> None:
    me = Identity(consortium(), name, SIGNERS[name])
    opening, hello = handshake.dialer_hello(me, acceptor_name, b"\x07" * 32)
    await connection.send(hello)
    answer = await connection.recv(decode=False)
    _, proof = handshake.dialer_proof(me, opening, answer)
    await connection.send(proof)
    handshake.dialer_check_welcome(await connection.recv(decode=False))


async def closed_with(connection: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await connection.recv()
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_frames_arrive_in_order_in_both_directions() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            frames = [bytes([number]) * (number + 1) for number in range(200)]
            for frame in frames:
                platform.links.send("funder", frame)
                funder.links.send("platform", frame[::-1])
            await until(lambda: len(funder.host.frames) == len(platform.host.frames) == 200)
            assert funder.host.frames == [("platform", frame) for frame in frames]
            assert platform.host.frames == [("funder", frame) for frame in frames]
            assert platform.host.changes == [("up", "funder")]

    asyncio.run(scenario())


def test_a_frame_of_the_largest_size_arrives_and_a_larger_one_is_dropped() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            size = platform.links.frame_bytes_max
            assert size == 2 * 2 * 2**20 + 64 * 1024
            platform.links.send("funder", bytes(size + 1))
            platform.links.send("funder", bytes(size))
            await until(lambda: len(funder.host.frames) == 1)
            assert len(funder.host.frames[0][1]) == size
            assert platform.links.status()["funder"]["dropped"] == 1

    asyncio.run(scenario())


def test_a_restarted_peer_is_connected_again_at_once() -> None:
    async def scenario() -> None:
        genesis = consortium()
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        platform = Party(genesis, "platform", {"funder": f"127.0.0.1:{port}"})
        async with running(platform, listen("127.0.0.1", 0)):
            for _ in range(2):
                async with running(Party(genesis, "funder", {}), listener):
                    await until(lambda: platform.links.connected() == ("funder",))
                await until(lambda: platform.links.connected() == ())
                listener = listen("127.0.0.1", port)
            listener.close()
            platform.links.send("funder", b"to nobody")
            assert platform.links.status()["funder"]["unsent"] == 1
        ups = ["up", "down"] * 2
        assert [change for change, _ in platform.host.changes] == ups

    asyncio.run(scenario())


def test_waits_between_tries_grow_to_a_cap_below_one_second() -> None:
    waits, wait_s = [], 0.0
    for _ in range(8):
        wait_s = peers._grown(wait_s, peers.RETRY_MAX_S)
        waits.append(wait_s)
    assert waits[0] == peers.RETRY_FIRST_S
    assert waits == sorted(waits)
    assert waits[-1] == peers.RETRY_MAX_S < 1


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"GET / HTTP/1.1", "bad-frame"),
        (b"\x00" * 5000, "bad-frame"),
        ("text", "text-frame"),
    ],
)
def test_garbage_before_the_proof_is_counted_and_cut(frame: bytes | str, reason: str) -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url), connect(url, compression=None) as connection:
            await connection.send(frame)
            assert await closed_with(connection) == (CLOSE_CODES[reason], reason)
            assert party.links.refusals == {reason: 1}
            assert party.host.changes == []

    asyncio.run(scenario())


def test_a_wrong_key_is_counted_logged_once_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        impostor = Identity(consortium(), "platform", SIGNERS["auditor"])
        async with acceptor() as (party, url):
            for _ in range(3):
                async with connect(url, compression=None) as connection:
                    opening, hello = handshake.dialer_hello(impostor, "funder", b"\x09" * 32)
                    await connection.send(hello)
                    answer = await connection.recv(decode=False)
                    _, proof = handshake.dialer_proof(impostor, opening, answer)
                    await connection.send(proof)
                    expected = (CLOSE_CODES["bad-signature"], "bad-signature")
                    assert await closed_with(connection) == expected
            assert party.links.refusals == {"bad-signature": 3}
            assert party.host.changes == []

    asyncio.run(scenario())
    assert sum("bad-signature" in record.getMessage() for record in caplog.records) == 1


def test_silence_is_cut_after_the_handshake_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "HANDSHAKE_TIMEOUT_S", 0.05)

    async def scenario() -> None:
        async with acceptor() as (party, url), connect(url, compression=None) as connection:
            code = CLOSE_CODES["handshake-timeout"]
            assert await closed_with(connection) == (code, "handshake-timeout")
            assert party.links.refusals == {"handshake-timeout": 1}

    asyncio.run(scenario())


def test_a_newer_connection_of_a_peer_replaces_the_older() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url), connect(url, compression=None) as older:
            await prove(older, "platform", "funder")
            async with connect(url, compression=None) as newer:
                await prove(newer, "platform", "funder")
                assert await closed_with(older) == (CLOSE_CODES["replaced"], "replaced")
                await newer.send(b"from the newer")
                await until(lambda: party.host.frames == [("platform", b"from the newer")])
                party.links.send("platform", b"to the newer")
                assert await newer.recv() == b"to the newer"
            await until(lambda: party.links.connected() == ())
            expected = ["up", "down", "up", "down"]
            assert [change for change, _ in party.host.changes] == expected

    asyncio.run(scenario())


def test_a_peer_that_never_reads_loses_frames_and_slows_nobody() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url), contextlib.AsyncExitStack() as stack:
            slow = await stack.enter_async_context(
                connect(
                    url,
                    compression=None,
                    max_size=None,
                    max_queue=1,
                    ping_interval=None,
                    close_timeout=0.1,
                )
            )
            quick = await stack.enter_async_context(
                connect(url, compression=None, max_size=None, max_queue=None)
            )
            await prove(slow, "platform", "funder")
            await prove(quick, "institution", "funder")
            size = 1024 * 1024
            for number in range(60):
                frame = number.to_bytes(2, "big") + bytes(size)
                party.links.send("platform", frame)
                party.links.send("institution", frame)
                assert (await quick.recv(decode=False))[:2] == number.to_bytes(2, "big")
            status = party.links.status()
            assert status["platform"]["connected"]
            assert status["platform"]["dropped"] > 0
            assert status["platform"]["queued"] <= 4 * party.links.frame_bytes_max // size
            assert status["institution"]["dropped"] == 0

    asyncio.run(scenario())


def test_a_host_that_fails_on_a_frame_costs_one_connection_only() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            funder.host.fault = ValueError("planted")
            platform.links.send("funder", b"a frame")
            await until(lambda: ("down", "platform") in funder.host.changes)
            funder.host.fault = None
            await until(lambda: funder.links.connected() == ("platform",))
            await until(lambda: platform.links.connected() == ("funder",))
            platform.links.send("funder", b"another")
            await until(lambda: funder.host.frames == [("platform", b"another")])

    asyncio.run(scenario())


def test_a_dialler_whose_peer_holds_another_key_says_so_and_stays_away() -> None:
    async def scenario() -> None:
        genesis = consortium()
        listener = listen("127.0.0.1", 0)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        platform = Party(genesis, "platform", {"funder": address})
        impostor = Party(genesis, "funder", {})
        impostor.links = PeerLinks(Identity(genesis, "funder", SIGNERS["auditor"]), {})
        impostor.links.bind(impostor.host)
        async with running(impostor, listener), running(platform, listen("127.0.0.1", 0)):
            await until(lambda: platform.links.refusals["bad-signature"] >= 1)
            assert platform.host.changes == impostor.host.changes == []

    asyncio.run(scenario())


def test_a_refused_dialler_counts_by_whom() -> None:
    async def scenario() -> None:
        listener = listen("127.0.0.1", 0)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        foreign = Party(consortium("other"), "platform", {"funder": address})
        home = Party(consortium(), "funder", {})
        async with running(home, listener), running(foreign, listen("127.0.0.1", 0)):
            await until(lambda: foreign.links.refusals["by-funder"] >= 1)
            assert home.links.refusals["wrong-ledger"] >= 1

    asyncio.run(scenario())


def test_a_full_queue_loses_its_oldest_frames() -> None:
    async def scenario() -> None:
        queue = SendQueue(bytes_max=10, frames_max=3)
        assert [queue.put(bytes([number])) for number in range(5)] == [0, 0, 0, 1, 1]
        assert queue.put(b"x" * 9) == 2
        assert [await queue.get() for _ in range(len(queue))] == [b"\x04", b"x" * 9]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:7001", "ws://127.0.0.1:7001/peer"),
        ("[::1]:7001", "ws://[::1]:7001/peer"),
        ("ws://127.0.0.1:7001/peer", "ws://127.0.0.1:7001/peer"),
        ("wss://node.example/ledger/peer/", "wss://node.example/ledger/peer"),
        ("http://node.example:80/", "ws://node.example:80/peer"),
        ("https://node.example", "wss://node.example/peer"),
        ("wss://node.example/ledger", "wss://node.example/ledger/peer"),
    ],
)
def test_addresses_become_urls(address: str, url: str) -> None:
    assert peer_url(address) == url


def test_a_link_without_a_connection_says_so() -> None:
    assert Link("funder", "127.0.0.1:1").status() == {
        "address": "127.0.0.1:1",
        "connected": False,
        "connects": 0,
        "dropped": 0,
        "paced_ms": 0,
        "queued": 0,
        "unsent": 0,
    }


# -- peers that are of no use ----------------------------------------------------------------------


def test_a_peer_that_sends_what_is_of_no_use_is_read_a_part_of_the_time() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            funder.host.useful = False
            link = funder.links._links["platform"]
            link.useless = Ration(0.0, USELESS_PER_S)
            for size in (10, 2**22, 10):
                platform.links.send("funder", bytes(size))
            await until(lambda: len(funder.host.frames) == 3)
            assert link.paced_s >= (3 * FRAME_S + 2**22 * BYTE_S) / USELESS_PER_S / 2
            assert funder.links.status()["platform"]["paced_ms"] > 0
            assert funder.links.connected() == ("platform",)

    asyncio.run(scenario())


def test_what_is_of_use_is_read_as_fast_as_it_comes() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            for _ in range(3):
                for _ in range(2000):
                    platform.links.send("funder", b"new")
                await until(
                    lambda: len(funder.host.frames) % 2000 == 0 and funder.host.frames != []
                )
            assert funder.links._links["platform"].paced_s == 0

    asyncio.run(scenario())


def test_a_peer_that_is_shut_out_is_cut_and_comes_back_when_its_time_is_over() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url), connect(url, compression=None) as liar:
            await prove(liar, "platform", "funder")
            party.host.useful, party.host.shut_out["platform"] = False, 1000
            await liar.send(b"forged")
            expected = (CLOSE_CODES["shut-out"], "shut-out")
            assert await closed_with(liar) == expected
            await until(lambda: party.links.connected() == ())
            async with connect(url, compression=None) as again:
                opening = handshake.dialer_hello(
                    Identity(consortium(), "platform", SIGNERS["platform"]), "funder", b"\x07" * 32
                )
                await again.send(opening[1])
                assert await closed_with(again) == expected, "before anything is signed"
            assert party.links.refusals == {"shut-out": 2}
            party.host.shut_out.clear()
            async with connect(url, compression=None) as good:
                await prove(good, "platform", "funder")
                await until(lambda: party.links.connected() == ("platform",))

    asyncio.run(scenario())


def test_a_dialler_calls_nobody_that_is_shut_out() -> None:
    async def scenario() -> None:
        async with pair() as (platform, funder):
            platform.host.useful, platform.host.shut_out["funder"] = False, 60_000
            funder.links.send("platform", b"forged")
            await until(lambda: platform.links.connected() == ())
            await asyncio.sleep(4 * peers.RETRY_MAX_S)
            assert platform.links.status()["funder"]["connects"] == 1

    asyncio.run(scenario())


def test_a_link_that_comes_up_again_and_again_has_to_wait() -> None:
    async def scenario() -> None:
        async with acceptor() as (party, url):
            link = party.links._links["platform"]
            for number in range(LINKS_AT_ONCE + 1):
                async with connect(url, compression=None) as connection:
                    await prove(connection, "platform", "funder")
                await until(lambda number=number: link.connects == number + 1)
            link.links.take(1, asyncio.get_running_loop().time())
            async with connect(url, compression=None) as connection:
                me = Identity(consortium(), "platform", SIGNERS["platform"])
                await connection.send(handshake.dialer_hello(me, "funder", b"\x07" * 32)[1])
                assert (await closed_with(connection))[1] == "too-many-links"

    asyncio.run(scenario())


def test_a_ration_comes_back_at_its_pace() -> None:
    ration = Ration(0.25, 0.1)
    assert ration.wait_s(100.0) == 0
    ration.take(0.25, 100.0)
    assert ration.wait_s(100.0) == 0
    ration.take(0.1, 100.0)
    assert ration.wait_s(100.0) == pytest.approx(1.0)
    assert ration.wait_s(100.5) == pytest.approx(0.5)
    assert ration.wait_s(200.0) == 0
    ration.take(0.25, 200.0)
    assert ration.wait_s(200.0) == 0, "what was not used does not add up"
