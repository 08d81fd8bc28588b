"""Streams whose answers nobody reads, on a real service: they are cut, and others go on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import stream
from tests.api.api_kit import Consortium, applied, founded, receiver, until

LINES = 60_000
"""Their results are more than the buffers of both ends hold."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    made = founded(Path(tmp_path_factory.mktemp("unread")))
    yield made
    made.close()


def open_stream(running: Consortium, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", running.services["institution"].port))
    head = (
        "POST /v1/records HTTP/1.1\r\nhost: node\r\ncontent-type: application/x-ndjson\r\n"
        f"authorization: Bearer {running.tokens['institution']}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def is_served(running: Consortium, connection: socket.socket) -> bool:
    """Return whether the node still keeps its end of a connection."""
    served = running.services["institution"]._server.server_state.connections
    return connection.getsockname() in [each.client for each in served]  # type: ignore[union-attr]


def rest_of(connection: socket.socket) -> bytes:
    """Return what the other end has sent, up to where it closed or reset the connection."""
    parts = []
    try:
        while part := connection.recv(2**20):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_a_stream_that_nobody_reads_is_cut_and_others_go_on(
    running: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STALL_S", 0.3)
    unread = open_stream(running, b"1\n" * LINES)
    applied(running.clients["institution"], receiver("shop-unread", "unread-1"))
    assert is_served(running, unread)
    until(lambda: not is_served(running, unread))
    answer = rest_of(unread)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert not answer.endswith(b"0\r\n\r\n")  # cut: it is not the whole
    assert answer.count(b'"line"') < LINES
    unread.close()


def test_a_stream_that_is_read_late_is_whole(running: Consortium) -> None:
    late = open_stream(running, b"1\n" * LINES)
    applied(running.clients["institution"], receiver("shop-late", "late-1"))
    late.settimeout(20)
    answer = b""
    while not answer.endswith(b"0\r\n\r\n"):
        answer += late.recv(2**20)
    assert answer.count(b'"line"') == LINES
    late.close()
