"""Wrong tokens are bounded and told of; whoever is known has a line in the log a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api import callers, guesses
from api.app import build_app
from api.draining import Draining
from api.guesses import Guesses
from api.limits import GUESSES_MAX, GUESSES_PER_ADDRESS_MAX, GUESSES_TOLD_MAX
from api.request_log import REQUESTS
from demo.stage.network import found_network
from demo.stage.processes import OUTPUT, NodeProcess, stop_all
from node.home.config import CONFIG
from node.home.founding import create_consortium
from node.home.home import read_operator_token
from node.node import Node
from node.storage.store import Store
from tests.api.queries_kit import ROLES, Kept

LINE = re.compile(
    r"token=([0-9a-f]{8}) party=auditor method=([A-Z]+) route=(\S+) status=([0-9]{3}) "
    r"ms=[0-9]+\.[0-9]"
)
WRONG = "tz_wrong"
DEADLINE_S = 30.0


@pytest.fixture
def kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Kept]:
    caplog.set_level(logging.INFO)
    made = Kept(tmp_path)
    yield made
    made.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "GUESS_WAIT_S", 0.0)


def connect(kept: Kept, source: str = "127.0.0.1") -> socket.socket:
    url = httpx.URL(kept.server.url)
    return socket.create_connection((url.host, url.port or 80), 30, (source, 0))


def ask(opened: socket.socket, token: str, path: str = "/v1/status") -> None:
    opened.sendall(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )


def answer(opened: socket.socket) -> httpx.Response:
    """Return the next answer on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += opened.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers["content-length"]):
        body += opened.recv(65536)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


def status(kept: Kept, token: str, source: str = "127.0.0.1", path: str = "/v1/status") -> int:
    with connect(kept, source) as opened:
        ask(opened, token, path)
        return answer(opened).status_code


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.usefixtures("at_once")
def test_a_guesser_is_refused_and_a_valid_token_of_its_address_is_not(kept: Kept) -> None:
    with connect(kept) as opened:
        for _ in range(GUESSES_PER_ADDRESS_MAX):
            ask(opened, WRONG)
            assert answer(opened).json()["code"] == "bad-token"
        ask(opened, WRONG)
        refused = answer(opened)
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-guesses")
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert not opened.recv(1), "the connection stays open"
    assert status(kept, kept.token) == 200
    assert status(kept, WRONG) == 429
    assert status(kept, WRONG, "127.0.0.9") == 401, "another address is judged by itself"


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "path", ("/payments", "/", "/live", "/v1/payments", "//v1/status", "/V1/x")
)
def test_a_guess_counts_wherever_it_is_made(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(guesses, "GUESSES_PER_ADDRESS_MAX", 1)
    status(kept, WRONG, path=path)
    assert status(kept, WRONG, path=path) == 429


@pytest.mark.usefixtures("at_once")
def test_guessers_at_many_addresses_are_refused_together(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "GUESSES_MAX", 3)
    found = [status(kept, WRONG, f"127.0.0.{number}") for number in range(2, 8)]
    assert found == [401, 401, 401, 429, 429, 429]
    assert status(kept, kept.token, "127.0.0.7") == 200


@pytest.mark.usefixtures("at_once")
def test_the_next_minute_begins_anew(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "GUESSES_PER_ADDRESS_MAX", 1)
    monkeypatch.setattr(callers, "MINUTE_S", 0.3)
    assert status(kept, WRONG) == 401
    until(lambda: status(kept, WRONG) == 429 or status(kept, WRONG) == 429)
    until(lambda: status(kept, WRONG) == 401)


def test_a_refused_guess_waits_and_nobody_else_does(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "GUESSES_MAX", 0)
    monkeypatch.setattr(callers, "GUESSES_WAITING_MAX", 1)
    monkeypatch.setattr(callers, "GUESS_WAIT_S", 2.0)
    with connect(kept) as waits, connect(kept) as second:
        ask(waits, WRONG)
        waits.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waits.recv(1)
        ask(second, WRONG)
        assert answer(second).status_code == 429, "no more than one waits"
        assert status(kept, kept.token) == 200


@pytest.mark.usefixtures("at_once")
def test_a_supervisor_with_an_old_token_is_answered(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "GUESSES_MAX", 1)
    assert {status(kept, WRONG, path="/livez") for _ in range(5)} == {200}
    assert status(kept, WRONG) == 401


def test_guesses_fill_neither_memory_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    counted = Guesses()
    judged = sum(counted.judge(f"10.0.{number >> 8}.{number & 255}") for number in range(10_000))
    assert judged == GUESSES_MAX
    assert len(counted._by_address) <= GUESSES_MAX
    counted.end_minute()
    *first, last = [record.getMessage() for record in caplog.records]
    assert len(first) == GUESSES_TOLD_MAX
    assert all("a wrong token came from 10.0.0." in line for line in first)
    assert last.startswith("10000 wrong tokens within a minute")
    assert f"{10_000 - GUESSES_MAX} were refused" in last
    caplog.clear()
    counted.end_minute()
    assert counted.judge("10.0.0.1")
    counted.end_minute()
    assert len(caplog.records) == 1, "what its own line has told is not told again"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == REQUESTS]


def test_requests_are_logged_by_route_and_token(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = kept.homes["auditor"].tokens
    reader, secret = tokens.create("reader", ["read"], 0)
    as_reader = {"authorization": f"Bearer {secret}"}
    kept.client.get("/v1/status", headers=as_reader)
    kept.client.get("/v1/payments/P-secret-7", headers=as_reader)
    kept.client.get("/v1/search", params={"order": "secret-order"}, headers=as_reader)
    kept.client.post("/v1/records", content=b"{}", headers=as_reader)
    kept.client.head("/v1/members", headers=as_reader)
    kept.client.get("/v1/secret", headers=as_reader)
    until(lambda: len(lines(caplog)) == 6)
    found = [LINE.fullmatch(line) for line in lines(caplog)]
    assert all(found), lines(caplog)
    assert {match[1] for match in found if match} == {reader.id}
    assert [match.groups()[1:] for match in found if match] == [
        ("GET", "/v1/status", "200"),
        ("GET", "/v1/payments/{payment}", "404"),
        ("GET", "/v1/search", "200"),
        ("POST", "/v1/records", "403"),
        ("GET", "/v1/members", "200"),
        ("GET", "-", "404"),
    ]
    assert "secret" not in "".join(lines(caplog))
    assert secret not in caplog.text


@pytest.mark.usefixtures("at_once")
def test_strangers_get_one_line_a_minute(
    kept: Kept, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "MINUTE_S", 5.0)
    with connect(kept) as opened:
        for path in ("/livez", "/livez", "/nowhere", "/v1/status"):
            opened.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer(opened)
        ask(opened, WRONG)
        answer(opened)
    until(lambda: bool(lines(caplog)))
    assert lines(caplog) == [
        "5 requests within a minute had no valid token, by status: 200: 2, 401: 2, 404: 1"
    ]


def test_a_fault_is_logged_as_the_500_that_it_is_answered_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    home = create_consortium(tmp_path / "homes", [(name, name) for name in ROLES], 3)["auditor"]
    store = Store("sqlite://", home.genesis, party="auditor")

    async def scenario() -> None:
        node = Node(home, store)
        app = build_app(node, Draining())
        del node.host  # whatever asks the node for it fails now
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {read_operator_token(home.path)}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            assert (await client.get("/v1/status", headers=headers)).status_code == 500

    with contextlib.closing(store):
        asyncio.run(scenario())
    (line,) = lines(caplog)
    assert "route=/v1/status status=500" in line


def logged(node: NodeProcess) -> list[str]:
    """Have a node answer one request and stop; return its lines of the request log."""
    node.start()
    headers = {"authorization": f"Bearer {node.token}"}

    def answers() -> bool:
        node.refuse_dead()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{node.url}/v1/status", headers=headers).status_code == 200
        return False

    try:
        until(answers)
    finally:
        stop_all([node])
    text = (node.home / OUTPUT).read_text()
    return [line for line in text.splitlines() if REQUESTS in line]


@pytest.mark.processes
def test_the_request_log_is_on_and_can_be_switched_off(tmp_path: Path) -> None:
    parties = [(name, name) for name in ROLES]
    node = found_network(tmp_path / "homes", "logged", parties, 3).node("auditor")
    (line,) = logged(node)
    stamp, _, said = line.partition(" INFO tongzhang.requests: ")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3}", stamp)
    assert LINE.fullmatch(said)
    config = node.home / CONFIG
    config.write_text(config.read_text().replace("request_log = true", "request_log = false"))
    assert logged(node) == [line], "nothing more was logged"


def test_a_damaged_token_file_is_told_once_however_often_it_is_asked_for(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    file = kept.homes["auditor"].path / "tokens.json"
    whole = file.read_bytes()

    def told() -> int:
        return sum("is not a token file" in record.getMessage() for record in caplog.records)

    for damage in (b"{", b"{}"):
        before = told()
        file.write_bytes(damage)
        assert {status(kept, WRONG) for _ in range(20)} == {500}
        assert told() == before + 1
        file.write_bytes(whole)
        assert status(kept, kept.token) == 200
