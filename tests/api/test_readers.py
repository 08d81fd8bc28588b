"""Readers in a process of their own: real nodes, real databases, the readers stopped and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpcore
import httpx
import pytest
from starlette.types import Message

from api import readers
from api.limits import ARRAY_RECORDS_MAX, READS_PER_TOKEN
from api.problems import Problem
from api.readers import Turns
from api.reading import HEIGHT
from cli.parties import parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import OUTPUT, NodeProcess, stop_all
from tests.api.api_kit import applied, post, problem, receiver

START_S = 40.0

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    folder = tmp_path_factory.mktemp("readers") / "net"
    network = found_network(folder, "test", parse_parties("platform,institution"), 2)
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until(lambda node=node: is_ready(node))  # type: ignore[misc]
        yield network
    finally:
        stop_all(network.nodes)


@pytest.fixture
def client(network: LocalNetwork) -> Iterator[httpx.Client]:
    with client_of(network.node("institution")) as client:
        yield client


def client_of(node: NodeProcess, token: str = "") -> httpx.Client:
    headers = {"authorization": f"Bearer {token or node.token}"}
    return httpx.Client(base_url=node.url, headers=headers, timeout=60, trust_env=False)


def until(claim: object) -> None:
    deadline = time.monotonic() + START_S
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_ready(node: NodeProcess) -> bool:
    node.refuse_dead()
    try:
        return httpx.get(f"{node.url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def children(pid: int) -> list[int]:
    """Return the processes that a process began, without multiprocessing's own tracker."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    pids = [int(each) for each in found.stdout.split()]
    return [each for each in pids if b"resource_tracker" not in command_line(each)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_every_answer_from_the_ledger_names_its_height(client: httpx.Client) -> None:
    result = applied(client, receiver("shop-height", "height-1"))
    for path in ("/v1/entries", "/v1/receivers/shop-height", "/v1/expectations", "/v1/checkpoint"):
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert int(answer.headers[HEIGHT]) >= result["height"]


def test_a_reader_waits_for_the_height_that_another_node_told(network: LocalNetwork) -> None:
    with (
        client_of(network.node("institution")) as writer,
        client_of(network.node("platform")) as other,
    ):
        for number in range(20):
            height = applied(writer, receiver(f"shop-wait-{number}", f"wait-{number}"))["height"]
            asked = {"min_height": height}
            answer = other.get(f"/v1/receivers/shop-wait-{number}", params=asked)
            assert answer.status_code == 200, answer.text
            assert int(answer.headers[HEIGHT]) >= height


def test_a_height_that_is_not_reached_is_said(client: httpx.Client) -> None:
    answer = client.get("/v1/blocks", params={"min_height": 10**9})
    assert "1000000000" in problem(answer, 503, "height-not-reached")["detail"]
    assert answer.headers["retry-after"] == "2"
    problem(client.get("/v1/blocks", params={"min_height": "x"}), 400, "bad-parameter")
    problem(client.get("/v1/blocks", params={"min_height": -1}), 400, "bad-parameter")


def test_what_the_readers_refuse_is_refused_as_the_node_does_it(
    client: httpx.Client, network: LocalNetwork
) -> None:
    problem(client.get("/v1/nothing"), 404, "not-found")
    problem(client.get("/v1/payments/nobody"), 404, "no-such-payment")
    problem(client.get("/v1/entries", params={"start": "x"}), 400, "bad-parameter")
    problem(client.get("/v1/entries", params={"begin": "1"}), 400, "bad-parameter")
    problem(client.request("DELETE", "/v1/entries"), 405, "method-not-allowed")
    head = client.head("/v1/entries")
    assert (head.status_code, head.content) == (200, b"")
    with client_of(network.node("institution"), "tz_wrong") as stranger:
        problem(stranger.get("/v1/entries"), 401, "bad-token")
        problem(stranger.get("/v1/nothing"), 404, "not-found")


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [
        (b"/v1/entries", b"content-length: 6\r\n\r\na body", 200),
        (b"/v1/entries", b"te: trailers\r\nconnection: te", 200),
        (b"/v1/entries", b"accept: text/csv\xff;q=1", 200),
        (b"/v1/entries%ff", b"x: y", 404),
        (b"/v1/\xff", b"x: y", 400),
        (b"/v1/entries", b"accept: \x01", 400),
    ],
)
def test_odd_requests_are_not_taken_for_faults_of_the_readers(
    network: LocalNetwork, target: bytes, header: bytes, status: int
) -> None:
    node = network.node("institution")
    url = httpx.URL(node.url)
    with socket.create_connection((url.host, url.port or 80), 30) as connection:
        token = f"authorization: Bearer {node.token}\r\nconnection: close\r\n".encode()
        head = b"GET %s HTTP/1.1\r\nhost: node\r\n%s%s\r\n\r\n" % (target, token, header)
        connection.sendall(head)
        assert connection.recv(12) == b"HTTP/1.1 %d" % status


def test_records_are_taken_and_made_final_while_all_readers_stand_still(
    client: httpx.Client, network: LocalNetwork
) -> None:
    node = network.node("institution")
    (pid,) = children(node.pid)
    os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(16) as threads, client_of(node) as reading:
            answers = [threads.submit(reading.get, "/v1/entries") for _ in range(16)]
            for number in range(5):
                applied(client, receiver(f"shop-still-{number}", f"still-{number}"))
            assert client.get("/v1/status").status_code == 200
            assert not any(each.done() for each in answers)
            os.kill(pid, signal.SIGCONT)
            assert {each.result().status_code for each in answers} == {200}
    finally:
        os.kill(pid, signal.SIGCONT)


def test_readers_that_died_are_replaced_and_nobody_is_refused(
    client: httpx.Client, network: LocalNetwork
) -> None:
    node = network.node("institution")
    (pid,) = children(node.pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))
    assert client.get("/v1/entries").status_code == 200  # waits for the next readers
    (another,) = children(node.pid)
    assert another != pid


def test_readers_that_come_later_read_what_their_node_does(
    client: httpx.Client, network: LocalNetwork
) -> None:
    node = network.node("institution")
    config = node.home / "node.toml"
    before = config.read_bytes()
    try:
        config.write_bytes(before + b'[database]\nurl = "sqlite:////nowhere/ledger.db"\n')
        (pid,) = children(node.pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
        height = applied(client, receiver("shop-later", "later-1"))["height"]
        answer = client.get("/v1/receivers/shop-later", params={"min_height": height})
        assert answer.status_code == 200, answer.text
    finally:
        config.write_bytes(before)


def test_readers_give_way_to_the_node(network: LocalNetwork) -> None:
    node = network.node("platform")
    (pid,) = children(node.pid)
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, node.pid)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_readers_end_with_their_node(tmp_path: Path, ending: signal.Signals) -> None:
    network = found_network(tmp_path / "net", "end", parse_parties("platform,institution"), 2)
    node, other = network.nodes
    try:
        node.start()
        other.start()
        until(lambda: is_ready(node))
        (pid,) = children(node.pid)
        os.kill(node.pid, ending)
        until(lambda: not alive(pid))
        until(lambda: not node.alive)
        assert len(list(node.home.glob("readers.sock-*"))) == (ending is signal.SIGKILL)
        node.start()  # the readers held neither the home's lock nor its database
        until(lambda: is_ready(node))
        assert len(list(node.home.glob("readers.sock-*"))) == 1  # what was left is gone
    finally:
        stop_all(network.nodes)


def test_a_home_of_any_name_keeps_its_database_in_itself(tmp_path: Path) -> None:
    parties = parse_parties("platform,institution")
    network = found_network(tmp_path / "同账 home %20?#x", "odd", parties, 2)
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until(lambda node=node: is_ready(node))  # type: ignore[misc]
        with client_of(network.node("institution")) as client:
            applied(client, receiver("shop-odd", "odd-1"))
            assert client.get("/v1/receivers/shop-odd").status_code == 200
    finally:
        stop_all(network.nodes)
    assert all((node.home / "ledger.db").stat().st_size for node in network.nodes)
    assert [each.name for each in tmp_path.iterdir()] == ["同账 home %20?#x"]


def test_exports_that_nobody_reads_do_not_hold_up_reads_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns()
    answers: list[str] = []

    async def unread(scope: dict[str, object]) -> None:
        async def never(message: Message) -> None:
            if message["type"] == "http.response.body":
                await asyncio.sleep(60)

        response = httpcore.Response(200, content=b"x" * 10)
        async with turns.turn("a"):
            leaving = asyncio.create_task(asyncio.sleep(60))
            await readers._pass_on(response, scope, never, leaving)  # type: ignore[arg-type]
            leaving.cancel()
            answers.append("cut")

    async def scenario() -> None:
        monkeypatch.setattr(readers, "STALL_S", 0.01)
        await asyncio.gather(*(unread({}) for _ in range(READS_PER_TOKEN + 1)))

    asyncio.run(scenario())
    assert answers == ["cut"] * (READS_PER_TOKEN + 1)


def test_strangers_who_go_away_unanswered_leave_no_line_in_the_log(network: LocalNetwork) -> None:
    node = network.node("platform")
    url, log = httpx.URL(node.url), node.home / OUTPUT
    before = log.stat().st_size
    asked = b"GET /openapi.json HTTP/1.1\r\nhost: node\r\n\r\n" * 16
    for _ in range(10):
        opened = []
        for _ in range(40):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect((url.host, url.port or 80))
            connection.sendall(asked)
            opened.append(connection)
        time.sleep(0.1)
        for connection in opened:
            connection.close()
    until(lambda: is_ready(node))
    assert b"Traceback" not in log.read_bytes()[before:]


def test_an_array_has_a_bound_and_is_taken_whole_or_not_at_all(client: httpx.Client) -> None:
    records = [receiver(f"shop-many-{n}", f"many-{n}") for n in range(ARRAY_RECORDS_MAX + 1)]
    small = b"[" + b",".join(b"1" for _ in range(500_000)) + b"]"
    for body in (b"[" + b",".join(records) + b"]", small):
        found = problem(post(client, body), 413, "too-many-records")
        assert "application/x-ndjson" in found["detail"]
    problem(client.get("/v1/records/institution/many-0"), 404, "no-such-record")
    answer = post(client, b"[" + b",".join(records[:-1]) + b"]")
    assert [each["outcome"] for each in answer.json()] == ["applied"] * ARRAY_RECORDS_MAX


def test_of_one_token_only_so_many_reads_run_at_once() -> None:
    turns, running, most = Turns(), {"a": 0, "b": 0}, {"a": 0, "b": 0}

    async def read(token: str) -> None:
        async with turns.turn(token):
            running[token] += 1
            most[token] = max(most[token], running[token])
            await asyncio.sleep(0)
            running[token] -= 1

    async def scenario() -> None:
        await asyncio.gather(*(read(token) for token in "ab" * 50))

    asyncio.run(scenario())
    assert most == {"a": READS_PER_TOKEN, "b": READS_PER_TOKEN}
    assert turns.tokens == ()


def test_who_asks_for_too_much_at_once_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "READS_WAITING_MAX", 6)
    monkeypatch.setattr(readers, "READ_TURN_WAIT_S", 0.01)
    turns = Turns()

    async def read() -> str:
        try:
            async with turns.turn("a"):
                await asyncio.sleep(0.2)
        except Problem as problem:
            return problem.code
        return "read"

    async def scenario() -> list[str]:
        return await asyncio.gather(*(read() for _ in range(8)))

    assert sorted(asyncio.run(scenario())) == ["busy"] * 4 + ["read"] * READS_PER_TOKEN
    assert turns.tokens == ()
