"""Whoever can reach the port, token or not, gets a bounded part of a node."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from pathlib import Path

import httpx
import pytest

from api import connection
from api.limits import HEAD_BYTES_MAX, HEADERS_MAX
from tests.api.queries_kit import Kept

BLOCK = b"a" * 65_536


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    made = Kept(tmp_path_factory.mktemp("connections"))
    yield made
    made.close()


def _open(kept: Kept) -> socket.socket:
    url = httpx.URL(kept.server.url)
    return socket.create_connection((url.host, url.port or 80), timeout=30)


def _answer(opened: socket.socket) -> bytes:
    """Return one whole answer; what came of it where the other end closes before."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while not _is_whole(came) and (part := opened.recv(4096)):
            came += part
    return came


def _is_whole(answer: bytes) -> bool:
    head, ended, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: ([0-9]+)", head.lower())
    return bool(ended) and len(body) >= int(length[1] if length else 0)


def _problem(answer: bytes) -> tuple[int, str]:
    """Return status and code of an answer that must be a whole problem document."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert {"content-type: application/problem+json", f"content-length: {len(body)}"} <= {*lines}
    document = json.loads(body)
    assert document["status"] == int(lines[0].split()[1])
    return document["status"], document["code"]


@pytest.mark.parametrize(
    "text",
    [
        b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"nonsense\r\n\r\n",
        b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_with_a_problem(kept: Kept, text: bytes) -> None:
    with _open(kept) as opened:
        opened.sendall(text)
        assert _problem(_answer(opened)) == (400, "bad-request")
        assert not _answer(opened)


def test_a_head_without_end_is_refused(kept: Kept) -> None:
    with _open(kept) as opened:
        opened.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * HEAD_BYTES_MAX:
                opened.sendall(BLOCK)
                sent += len(BLOCK)
        assert sent < 64 * HEAD_BYTES_MAX or not _answer(opened)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n" + (b"X: " + b"a" * 1000 + b"\r\n") * 100 + b"\r\n",
        b"GET /livez HTTP/1.1\r\n" + b"X:\r\n" * (HEADERS_MAX + 1) + b"\r\n",
        b"GET /livez?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_a_head_that_comes_at_once_is_bounded_as_well(kept: Kept, head: bytes) -> None:
    with _open(kept) as opened:
        opened.sendall(head)
        assert _problem(_answer(opened)) == (431, "head-too-large")
        assert not _answer(opened)


def test_the_largest_head_is_taken_however_it_comes(kept: Kept) -> None:
    lines = [b"X: " + b"a" * 60_000, *[b"X:"] * (HEADERS_MAX - 1)]
    head = b"GET /livez HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
    with _open(kept) as opened:
        for step in (len(head), 1000):
            for place in range(0, len(head), step):
                opened.sendall(head[place : place + step])
            assert _answer(opened).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("endless", [b"X: " + BLOCK, b"X: y\r\n" * 1000, b"1;x=" + BLOCK])
def test_what_follows_a_body_is_bounded(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, endless: bytes
) -> None:
    """Trailers without end, in one line or in many, and the endless name of a piece."""
    monkeypatch.setattr(connection, "HEAD_WAIT_S", 60.0)
    chunked = b"POST /v1/records HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    last = b"" if endless.startswith(b"1;") else b"0\r\n"
    with _open(kept) as opened:
        opened.sendall(chunked + b"1\r\nx\r\n" + last + endless[:10])
        assert _answer(opened).startswith(b"HTTP/1.1 401 ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * HEAD_BYTES_MAX:
                more = BLOCK if endless.endswith(BLOCK) else endless
                opened.sendall(more)
                sent += len(more)
        assert sent < 64 * HEAD_BYTES_MAX


def test_a_long_body_in_pieces_is_not_taken_for_a_head(kept: Kept) -> None:
    head = (
        "POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: Bearer {kept.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with _open(kept) as opened:
        opened.sendall(head.encode())
        for _ in range(40):
            opened.sendall(b"2000\r\n" + b"\n" * 0x2000 + b"\r\n")
        opened.sendall(b"0\r\n\r\n")
        assert b" 200 " in _answer(opened)[:20]


def test_a_silent_connection_is_closed(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_WAIT_S", 0.1)
    for begun in (b"", b"GET /livez HT"):
        with _open(kept) as opened:
            opened.sendall(begun)
            assert _problem(_answer(opened)) == (408, "head-too-slow")
            assert not _answer(opened)


def test_a_second_request_of_a_connection_has_its_time_too(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_WAIT_S", 0.2)
    with _open(kept) as opened:
        opened.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 200 ")
        time.sleep(0.5)  # idle between requests is what keep-alive is for
        opened.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 200 ")
        opened.sendall(b"GET /livez HT")
        assert _answer(opened).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("late", [b"1", b"1" * 100])
def test_a_body_that_nobody_wants_is_waited_for_only_so_long(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, late: bytes
) -> None:
    """It is not, whether its end comes after the answer or never does."""
    monkeypatch.setattr(connection, "HEAD_WAIT_S", 0.2)
    with _open(kept) as opened:
        opened.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 401 ")
        opened.sendall(late)
        assert not _answer(opened)


def test_after_a_late_body_the_next_request_is_answered(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_WAIT_S", 0.2)
    with _open(kept) as opened:
        opened.sendall(b"POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 401 ")
        opened.sendall(b"12345GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 200 ")
        time.sleep(0.5)
        opened.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _answer(opened).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_announces_too_much_is_refused_at_once(kept: Kept) -> None:
    with _open(kept) as opened:
        head = (
            "POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {kept.token}\r\nContent-Length: 1000000000000\r\n\r\n"
        )
        opened.sendall(head.encode())
        received = b""
        while b"body-too-large" not in received:
            part = _answer(opened)
            assert part
            received += part


def test_what_steers_a_terminal_is_written_out() -> None:
    from views.texts import harmless

    assert harmless("好 ok\tx\n") == "好 ok\tx\n"
    assert harmless("a\u009b31m\u202eb\u2028\x1b") == "a\\x9b31m\\u202eb\\u2028\\x1b"


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    from cli.main import run
    from tests.ledger.ledger_kit import GENESIS

    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(GENESIS.raw)
    for what in ("receipt", "checkpoint", "evidence"):
        assert run(["verify", what, "/dev/zero", "--genesis", str(genesis)]) == 1
    assert run(["verify", "receipt", str(genesis), "--genesis", "/dev/zero"]) == 2


def test_a_client_that_goes_away_in_the_middle_leaves_no_traceback(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    head = (
        "POST /v1/records HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {kept.token}\r\nContent-Length: 1000\r\n\r\n" + '{"at":1'
    )
    with _open(kept) as opened:
        opened.sendall(head.encode())
    assert kept.get("/v1/status")
    time.sleep(0.2)
    assert "Traceback" not in caplog.text and not [r for r in caplog.records if r.exc_info]
