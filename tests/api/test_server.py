"""A served node starts, answers and stops as a process should."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as websocket

from api.app import build_app
from api.draining import Draining
from api.problems import Problem
from api.server import listen
from ledger.genesis import Role, Timeouts
from node.home.founding import create_consortium
from node.home.home import read_operator_token
from node.node import Node
from node.storage.store import Store
from tests.api.test_door import UPGRADE

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
ROLES: list[tuple[str, Role]] = [("platform", "platform"), ("institution", "institution")]
SCRIPT = """
import logging
import sys
from pathlib import Path
from api import door, server
from node.host import journal
from node.home.home import load_home
from node.node import Node
from node.storage.store import Store

logging.basicConfig(level=logging.INFO)
door.STRANGERS_MAX = 8
server.DRAIN_S = 0.3
journal.QUEUE_RECORDS_MAX = 3
home = load_home(Path(sys.argv[1]))
node = Node(home, Store(home.database_url, home.genesis, party=home.party))
server.serve(node, "127.0.0.1", 0, on_started=lambda port: print(port, flush=True))
print("stopped", flush=True)
"""


def receiver(name: str) -> bytes:
    return (
        b'{"at":1,"commitment":"%s","currency":"CNY","cycle":"T+0","id":"%s",'
        b'"kind":"bank_account","last4":"6789","receiver":"%s","type":"receiver.registered"}'
    ) % (b"5f" * 32, name.encode(), name.encode())


RECEIVER = receiver("r-1")


class Served:
    """One node in a process of its own; its only peer never starts, so nothing becomes final."""

    def __init__(self, directory: Path) -> None:
        slow = {"timeouts": Timeouts(base_ms=60_000, cap_ms=60_000)}  # it never tells of a quorum
        self.home = create_consortium(directory, ROLES, 2, choices=slow)["institution"]
        self.log = directory / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(self.home.path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        token = read_operator_token(self.home.path)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=DEADLINE_S)

    def resident_mb(self) -> float:
        """Return how much memory the process has."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal and return the exit code and what was printed after."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, rest


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    node = Served(tmp_path / "homes")
    try:
        yield node
    finally:
        node.process.kill()
        node.process.wait()


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_in_good_order(served: Served, number: signal.Signals) -> None:
    assert served.client.get("/livez").status_code == 200
    assert served.end(number) == (0, "stopped\n")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/livez")


@pytest.mark.processes
def test_strangers_do_not_fill_the_log(served: Served) -> None:
    address = served.url.removeprefix("http://")
    for _ in range(20):
        with websocket(f"ws://{address}/peer") as stranger:
            stranger.send(b"garbage")
            with pytest.raises(ConnectionClosed):
                stranger.recv(DEADLINE_S)
        with socket.create_connection(address.split(":"), DEADLINE_S) as opened:
            opened.sendall(b"no http\r\n\r\n")
            assert b"bad-request" in opened.recv(4096)
    with contextlib.ExitStack() as held:
        silent = [
            held.enter_context(socket.create_connection(address.split(":"), DEADLINE_S))
            for _ in range(20)
        ]
        for displaced in silent[:12]:
            with contextlib.suppress(ConnectionError):
                assert not displaced.recv(4096)
    served.end(signal.SIGTERM)
    said = [line.partition(":")[2] for line in served.log.read_text().splitlines()]
    refused, full = (each for each in said if "incoming" in each or "connections" in each)
    assert "bad-frame" in refused
    assert "8 connections have shown no token or key" in full
    assert len(said) <= 5, said


@pytest.mark.processes
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_frames_of_strangers_that_never_end_take_no_memory(served: Served) -> None:
    """Forty of them once took a node's memory up by 160 MB, and closing them gave nothing back."""
    assert served.client.get("/livez").status_code == 200
    address = served.url.removeprefix("http://").split(":")
    before = served.resident_mb()
    peak = before
    with contextlib.ExitStack() as held:
        for _ in range(40):
            stranger = held.enter_context(socket.create_connection(address, DEADLINE_S))
            stranger.sendall(UPGRADE)
            assert b" 101 " in stranger.recv(4096)
            with contextlib.suppress(ConnectionError):
                stranger.sendall(b"\x82\xff" + (4_000_000).to_bytes(8, "big") + bytes(3_900_000))
            peak = max(peak, served.resident_mb())
    assert served.client.get("/livez").status_code == 200
    assert peak - before < 30
    assert served.resident_mb() - before < 30


@pytest.mark.processes
def test_a_stop_tells_those_who_wait_that_the_outcome_is_unknown(served: Served) -> None:
    answers: list[httpx.Response] = []

    def submit() -> None:
        params = {"timeout_ms": 60_000}
        answers.append(served.client.post("/v1/records", content=RECEIVER, params=params))

    waiting = threading.Thread(target=submit)
    waiting.start()
    while served.client.get("/v1/status").json()["pool"]["own_records"] == 0:
        pass
    assert served.end(signal.SIGTERM) == (0, "stopped\n")
    waiting.join(DEADLINE_S)
    assert answers[0].status_code == 202
    assert answers[0].json()["definite"] is False


@pytest.mark.processes
def test_a_node_without_a_quorum_answers_unknown_after_the_wait(served: Served) -> None:
    for _ in range(2):
        response = served.client.post("/v1/records", content=RECEIVER, params={"timeout_ms": 50})
        assert response.status_code == 202
        assert response.json()["state"] in ("queued", "ordered")
    view = served.client.get("/v1/records/institution/r-1").json()
    assert (view["id"], view["definite"]) == ("r-1", False)
    problem = served.client.get("/v1/receipts/institution/r-1").json()
    assert (problem["code"], problem["definite"]) == ("no-such-record", False)


@pytest.mark.processes
def test_a_full_node_says_busy_and_takes_nothing(served: Served) -> None:
    params = {"wait": "queued"}
    for number in range(10):
        body = receiver(f"b-{number}")
        response = served.client.post("/v1/records", content=body, params=params)
        if response.status_code == 503:
            break
        assert response.status_code == 202
    document = response.json()
    assert (document["code"], document["definite"]) == ("busy", True)
    assert int(response.headers["retry-after"]) >= 1
    unknown = served.client.get(f"/v1/records/institution/b-{number}")
    assert unknown.status_code == 404


@pytest.mark.processes
def test_a_stream_waits_while_the_node_is_busy_and_says_where_it_ended(served: Served) -> None:
    sent = threading.Event()

    def lines() -> Iterator[bytes]:
        for number in range(10):
            yield receiver(f"s-{number}") + b"\n"
            time.sleep(0.05)  # each line is a chunk of its own
        sent.set()

    headers = {"content-type": "application/x-ndjson"}
    answers: list[httpx.Response] = []

    def submit() -> None:
        params = {"wait": "queued"}
        request = served.client.post("/v1/records", content=lines(), headers=headers, params=params)
        answers.append(request)

    waiting = threading.Thread(target=submit)
    waiting.start()
    assert sent.wait(DEADLINE_S)
    assert served.end(signal.SIGTERM) == (0, "stopped\n")
    waiting.join(DEADLINE_S)
    *results, last = [json.loads(line) for line in answers[0].content.splitlines()]
    assert [result["line"] for result in results] == list(range(1, len(results) + 1))
    assert {result["status"] for result in results} == {202}
    assert (last["code"], last["status"]) == ("stopping", 503)
    assert last["line"] == len(results) + 1 < 10


def test_a_halted_node_takes_nothing_and_is_not_ready(tmp_path: Path) -> None:
    home = create_consortium(tmp_path / "homes", ROLES, 2)["institution"]
    store = Store("sqlite://", home.genesis, party="institution")

    async def scenario() -> None:
        node = Node(home, store)
        node.host.stop("conflicting-final", "two final histories")
        transport = httpx.ASGITransport(build_app(node, Draining()))
        headers = {"authorization": f"Bearer {read_operator_token(home.path)}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://node", headers=headers
        ) as client:
            response = await client.post("/v1/records", content=RECEIVER)
            assert response.status_code == 503
            assert response.json()["code"] == "conflicting-final"
            response = await client.post(
                "/v1/records", content=RECEIVER, headers={"content-type": "application/x-ndjson"}
            )
            assert (response.status_code, response.json()["code"]) == (503, "conflicting-final")
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["code"]) == (503, "not-ready")
            status = (await client.get("/v1/status")).json()
            assert status["halted"]["code"] == "conflicting-final"

    asyncio.run(scenario())
    store.close()


def test_a_fault_of_the_node_shows_no_inside(tmp_path: Path) -> None:
    home = create_consortium(tmp_path / "homes", ROLES, 2)["institution"]
    store = Store("sqlite://", home.genesis, party="institution")

    async def scenario() -> None:
        node = Node(home, store)
        app = build_app(node, Draining())
        del node.host  # whatever asks the node for it fails now
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {read_operator_token(home.path)}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://node", headers=headers
        ) as client:
            response = await client.post("/v1/records", content=RECEIVER)
            assert response.status_code == 500
            assert response.headers["content-type"] == "application/problem+json"
            document = response.json()
            assert (document["code"], document["definite"]) == ("internal-error", False)
            assert "host" not in response.text
            assert "Traceback" not in response.text
            (home.path / "tokens.json").write_text("{")
            response = await client.get("/v1/status")
            assert (response.status_code, response.json()["code"]) == (500, "internal-error")
            assert str(home.path) not in response.text

    asyncio.run(scenario())
    store.close()


def test_an_address_in_use_is_an_error_at_once() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


def test_a_stopping_server_takes_nothing_new_and_waits_for_the_rest() -> None:
    async def scenario() -> None:
        draining = Draining()
        outcome = asyncio.get_running_loop().create_future()

        async def submission() -> str:
            with draining.submission():
                await draining.wait(outcome)
                return "answered"

        first = asyncio.create_task(submission())
        await asyncio.sleep(0)
        stopping = asyncio.create_task(draining.drain(0.01))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="stopping"):
            await submission()
        await stopping
        assert await first == "answered"

    asyncio.run(scenario())
