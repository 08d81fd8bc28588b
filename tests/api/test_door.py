"""Strangers take places from each other: not from clients, not from peers."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import struct
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.server import ServerProtocol

from api import door
from api.connection import BoundedConnection
from api.door import site_of
from api.limits import PIPELINED_MAX
from api.peer_socket import BoundedWebSocket
from tests.api.api_kit import Consortium, applied, founded, receiver, until
from tests.api.queries_kit import Kept

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b64encode(bytes(16)) + b"\r\n\r\n"
)
STRANGERS_MAX = 6


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "STRANGERS_MAX", STRANGERS_MAX)
        made = Kept(tmp_path_factory.mktemp("door"))
        yield made
        made.close()


def opened(kept: Kept) -> socket.socket:
    url = httpx.URL(kept.server.url)
    return socket.create_connection((url.host, url.port or 80), timeout=30)


def answer(connection: socket.socket) -> bytes:
    """Return a whole answer: its head, and as much of a body as that says."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while not is_whole(said) and (part := connection.recv(65_536)):
            said += part
    return said


def is_whole(said: bytes) -> bool:
    head, ended, body = said.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(ended) and len(body) >= int(length[1] if length else 0)


def with_token(kept: Kept) -> bytes:
    return (
        f"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kept.token}\r\n\r\n".encode()
    )


def crowd(kept: Kept, held: contextlib.ExitStack, count: int) -> list[socket.socket]:
    """Open connections of strangers, each answered once."""
    strangers = []
    for _ in range(count):
        stranger = held.enter_context(opened(kept))
        stranger.sendall(LIVEZ)
        assert answer(stranger)
        strangers.append(stranger)
    return strangers


def test_a_newer_stranger_displaces_the_oldest(kept: Kept) -> None:
    with contextlib.ExitStack() as held:
        oldest, *others = crowd(kept, held, STRANGERS_MAX + 1)
        assert not answer(oldest)
        for stranger in others:
            stranger.sendall(LIVEZ)
            assert answer(stranger).startswith(b"HTTP/1.1 200 ")


def test_an_address_has_only_so_many_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "STRANGERS_PER_ADDRESS_MAX", 2)
    kept = Kept(tmp_path)
    with contextlib.closing(kept), contextlib.ExitStack() as held:
        oldest, *_ = crowd(kept, held, 3)
        assert not answer(oldest)


def test_strangers_take_no_place_of_a_client(kept: Kept) -> None:
    with contextlib.ExitStack() as held:
        client = held.enter_context(opened(kept))
        for _ in range(2):
            client.sendall(with_token(kept))
            assert answer(client).startswith(b"HTTP/1.1 200 ")
            crowd(kept, held, 2 * STRANGERS_MAX)


def test_clients_beyond_their_places_are_served_as_strangers(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "CLIENTS_MAX", 1)
    with contextlib.ExitStack() as held:
        first, second = held.enter_context(opened(kept)), held.enter_context(opened(kept))
        for client in (first, second):
            client.sendall(with_token(kept))
            assert answer(client).startswith(b"HTTP/1.1 200 ")
        crowd(kept, held, STRANGERS_MAX)
        assert not answer(second)
        first.sendall(with_token(kept))
        assert answer(first).startswith(b"HTTP/1.1 200 ")


def test_a_request_without_a_token_renews_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "KEEP_ALIVE_S", 0.5)
    for request in (LIVEZ, b"\r\n", LIVEZ.replace(b"livez", b"v1/status")):
        with opened(kept) as stranger:
            stranger.sendall(LIVEZ)
            assert answer(stranger)
            stranger.settimeout(0.05)
            for _ in range(400):
                with contextlib.suppress(TimeoutError):
                    if not answer(stranger):
                        break
                time.sleep(0.02)
                with contextlib.suppress(ConnectionError):
                    stranger.sendall(request)
            else:
                pytest.fail("still open")


def test_a_request_with_a_token_renews(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "KEEP_ALIVE_S", 1.0)
    with opened(kept) as client:
        for _ in range(6):
            client.sendall(with_token(kept))
            assert answer(client).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.25)


def test_a_stranger_whose_time_is_over_gets_the_answer_under_way_and_no_more(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "KEEP_ALIVE_S", 0.0)
    with opened(kept) as stranger:
        stranger.sendall(LIVEZ * 3)
        whole = b""
        while part := answer(stranger):
            whole += part
        assert whole.count(b"HTTP/1.1 200 ") == 1


def test_of_requests_sent_ahead_only_so_many_wait(kept: Kept) -> None:
    with opened(kept) as stranger:
        stranger.sendall(LIVEZ * (PIPELINED_MAX + 1))
        whole = b""
        while whole.count(b"HTTP/1.1 200 ") <= PIPELINED_MAX:
            part = answer(stranger)
            assert part
            whole += part
    with opened(kept) as stranger:
        stranger.sendall(LIVEZ * (PIPELINED_MAX + 2))
        assert not answer(stranger)


def test_what_is_no_http_gets_no_answer_that_could_be_taken_for_the_requests(kept: Kept) -> None:
    with opened(kept) as client:
        client.sendall(with_token(kept) + b"nonsense\r\n\r\n")
        assert not answer(client)


@pytest.mark.parametrize(
    "upgrade",
    [
        UPGRADE.replace(b"/peer", b"/nothing"),
        UPGRADE.replace(b"/peer", b"/livez"),
        UPGRADE.replace(b"/peer", b"/p\xff"),
        UPGRADE.replace(b"/peer", b"/peer?\xff"),
        UPGRADE.replace(b"/peer", b"/peer#\xff"),
        UPGRADE.replace(b"/peer", b"http://x/peer?\xff"),
        UPGRADE.replace(b"/peer", b"*"),
        UPGRADE.replace(b"/peer", b"/peer?" + b"a" * 9000),
        UPGRADE.replace(b"Host: x", b"Host: x\r\nX: " + b"a" * 9000),
        UPGRADE.replace(b"Version: 13", b"Version: 12"),
        UPGRADE.replace(b"Key: ", b"Key: x"),
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"Host: x", b"Host: x\r\nContent-Length: 100"),
    ],
)
def test_an_upgrade_that_is_none_is_refused_and_closed(
    kept: Kept, upgrade: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(kept) as stranger:
        stranger.sendall(upgrade)
        assert b" 101 " not in answer(stranger)
        while answer(stranger):
            pass
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_an_upgrade_that_is_taken_back_is_not_logged(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        with opened(kept) as stranger:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stranger.sendall(UPGRADE)
    assert kept.get("/v1/status")
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_the_body_of_an_answered_request_is_not_kept(kept: Kept) -> None:
    head = b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    with opened(kept) as stranger:
        stranger.sendall(head + bytes(60_000))
        assert answer(stranger).startswith(b"HTTP/1.1 401 ")
        stranger.sendall(bytes(10_000))
        alive = [each for each in gc.get_objects() if type(each) is BoundedConnection]
        bodies = [each.cycle.body for each in alive if each.cycle is not None]
        assert bodies
        assert not any(bodies)


def test_a_text_that_is_none_is_not_logged(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    for text in (b"\x81\x83" + bytes(4), b"\x01\x80" + bytes(4) + b"\x80\x83" + bytes(4)):
        with opened(kept) as stranger:
            stranger.sendall(UPGRADE)
            answer(stranger)
            stranger.sendall(text + b"\xff" * 3)
            while answer(stranger):
                pass
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_connections_leave_nothing_that_refers_to_itself(kept: Kept) -> None:
    """What does is freed late, and with it what was received."""
    sent = [
        [LIVEZ],
        [b"nonsense\r\n\r\n"],
        [b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", b"1234"],
        [UPGRADE],
        [UPGRADE, b"\x82\x85" + bytes(9)],
        [UPGRADE, b"\x82\xff" + (4_000_000).to_bytes(8, "big") + bytes(2000)],
        [UPGRADE, *[b"\x89\xfd" + bytes(129)] * 60],
        [UPGRADE.replace(b"/peer", b"/nothing")],
        [UPGRADE.replace(b"Version: 13", b"Version: 12")],
        [UPGRADE.replace(b"Host: x", b"Host: x\r\nX: " + b"a" * 9000)],
        [UPGRADE, b"\xff" * 50],
        [UPGRADE, b"\x88\x80" + bytes(4)],
        [UPGRADE, b"\x81\x81" + bytes(5)],
    ]
    gc.collect()
    gc.disable()
    try:
        for parts in sent * 3:
            with opened(kept) as stranger:
                stranger.sendall(parts[0])
                answer(stranger)
                with contextlib.suppress(ConnectionError):
                    for part in parts[1:]:
                        stranger.sendall(part)
        until(lambda: not any(map(is_gone, gc.get_objects())))
    finally:
        gc.enable()


def is_gone(kept: object) -> bool:
    """Return whether this is, or belongs to, a connection that no longer exists."""
    if type(kept) in (BoundedWebSocket, ServerProtocol):
        return True  # all WebSockets of this test are gone
    return type(kept) is BoundedConnection and kept.transport.is_closing()


def test_addresses_of_one_holder_count_as_one() -> None:
    assert site_of("192.0.2.7") == site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of("2001:db8::1") == site_of("2001:db8::ffff:1") != site_of("2001:db8:0:1::1")
    assert site_of("") == ""


@pytest.fixture
def consortium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consortium]:
    monkeypatch.setattr(door, "STRANGERS_MAX", 8)
    running = founded(tmp_path)
    yield running
    running.close()


def test_strangers_at_two_nodes_cut_off_no_peer(consortium: Consortium) -> None:
    """Their links break while strangers hold all places, and come back; the ledger goes on."""
    with contextlib.ExitStack() as held:
        for name in ("funder", "auditor"):
            for number in range(24):
                address = ("127.0.0.1", consortium.services[name].port)
                stranger = held.enter_context(socket.create_connection(address, timeout=30))
                stranger.sendall(UPGRADE if number % 2 else LIVEZ)
                assert answer(stranger)
        before = {name: connects(consortium, name) for name in ("funder", "auditor")}
        for name in before:
            consortium.loop.call_soon_threadsafe(break_links, consortium, name)
        for name, count in before.items():
            until(lambda name=name, count=count: connects(consortium, name) >= count + 2)  # type: ignore[misc]
        applied(consortium.clients["institution"], receiver("late", "r-late"))


def connects(consortium: Consortium, name: str) -> int:
    return sum(link["connects"] for link in consortium.nodes[name].peers.status().values())


def break_links(consortium: Consortium, name: str) -> None:
    for link in consortium.nodes[name].peers._links.values():
        if link.connection is not None:
            consortium.nodes[name].peers._close_soon(link.connection.socket, "replaced")
