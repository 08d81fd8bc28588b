"""The feed of real node processes: nothing missed, nothing twice, whatever ends in between."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.feed_places import FEEDS
from api.limits import FEEDS_MAX, FEEDS_PER_TOKEN, READS_PER_TOKEN
from api.reading import HEIGHT
from cli.parties import parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from node.home.home import load_home
from tests.api.api_kit import problem, receiver, stream
from tests.api.feed_kit import feed
from tests.api.test_readers import alive, children, client_of, is_ready, until

MEMORY_MB_MAX = 80
"""What a token's feeds may take that nobody reads."""

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    folder = tmp_path_factory.mktemp("feed") / "net"
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
def node(network: LocalNetwork) -> NodeProcess:
    return network.node("institution")


@pytest.fixture
def client(node: NodeProcess) -> Iterator[httpx.Client]:
    with client_of(node) as client:
        yield client


_names = iter(range(10**6))


def state(client: httpx.Client, count: int) -> list[str]:
    """Make records final and return their ids, in the order in which they were sent."""
    ids = [f"fed-{next(_names)}" for _ in range(count)]
    results = stream(client, [receiver(f"shop-{each}", each) for each in ids])
    assert {each["status"] for each in results} == {200}
    return ids


def token_of(node: NodeProcess, label: str) -> tuple[str, str]:
    """Make a token; return its id and its secret."""
    token, secret = load_home(node.home).tokens.create(label, ("read",), 0)
    return token.id, secret


def size_of(client: httpx.Client) -> int:
    size: int = client.get("/v1/entries", params={"limit": 1}).json()["size"]
    return size


def test_a_ledger_without_a_block_is_followed_from_its_first_entry(
    client: httpx.Client, network: LocalNetwork
) -> None:
    with (
        feed(client) as following,
        feed(client, last_id="-1") as again,
        feed(client, start=2) as later,
    ):
        assert (following.begun(), again.begun(), later.begun()) == (0, 0, 2)
        assert client.get("/v1/entries", params={"wait_ms": 1}).json() == {"size": 0, "entries": []}
        ids = state(client, 3)
        entries = client.get("/v1/entries").json()["entries"]
        assert following.take(3) == again.take(3) == entries
        assert later.take(1) == entries[2:]
    assert [each["id"] for each in entries] == ids
    with client_of(network.node("platform")) as other, feed(other, start=0) as elsewhere:
        assert [each["index"] for each in elsewhere.take(3)] == [0, 1, 2]


def test_a_feed_begins_at_the_present_end_or_where_it_was_asked_to(client: httpx.Client) -> None:
    before = state(client, 3)
    size = size_of(client)
    with feed(client) as following, feed(client, start=size - 3) as earlier:
        assert int(following.response.headers[HEIGHT]) > 0
        assert following.begun() == size
        after = state(client, 2)
        assert [each["id"] for each in following.take(2)] == after
        assert [each["id"] for each in earlier.take(5)] == before + after


def test_the_last_id_is_where_a_feed_goes_on_whatever_start_says(client: httpx.Client) -> None:
    ids = state(client, 5)
    size = size_of(client)
    with feed(client, last_id=str(size - 3), start=0) as following:
        assert [each["id"] for each in following.take(2)] == ids[3:]
    with feed(client, last_id=str(size + 1)) as waiting:  # of a node that knows more
        assert waiting.begun() == size + 2
        state(client, 3)
        assert waiting.take(1)[0]["index"] == size + 2


def test_what_is_asked_wrongly_is_refused_before_anything_is_sent(client: httpx.Client) -> None:
    def refused(status: int, code: str, **asked: Any) -> str:
        return str(problem(client.get("/v1/feed", params=asked), status, code)["detail"])

    assert "platform, institution" in refused(404, "no-such-party", party="bank")
    assert "did you mean 'payment.captured'" in refused(
        400, "bad-parameter", type="payment.capture"
    )
    assert "kind:id" in refused(400, "bad-parameter", subject="P1")
    refused(400, "bad-parameter", start=-1)
    refused(400, "bad-parameter", begin=1)
    refused(400, "bad-parameter", party="")
    for wrong in ("x", "", "-2", "1.5", "9" * 17):
        answer = client.get("/v1/feed", headers={"last-event-id": wrong})
        assert "Last-Event-ID" in problem(answer, 400, "bad-parameter")["detail"]
    problem(client.get("/v1/entries", params={"wait_ms": 30_001}), 400, "bad-parameter")
    problem(client.get("/v1/entries", params={"wait_ms": "x"}), 400, "bad-parameter")
    problem(httpx.get(client.base_url.join("/v1/feed"), trust_env=False), 401, "no-token")


@pytest.mark.parametrize("wrong", ("%ff", "%E2%80%AE", "%D9%A3", "%25%ff"))
def test_what_is_no_text_is_refused_as_other_wrong_values_are(
    client: httpx.Client, wrong: str
) -> None:
    problem(client.get(f"/v1/entries?start={wrong}"), 400, "bad-parameter")
    problem(client.get(f"/v1/entries?wait_ms={wrong}"), 400, "bad-parameter")


def test_a_token_that_may_not_read_has_no_feed(node: NodeProcess) -> None:
    _, secret = load_home(node.home).tokens.create("writer", ("submit",), 0)
    with client_of(node, secret) as writer:
        problem(writer.get("/v1/feed"), 403, "wrong-scope")
        problem(writer.get("/v1/entries", params={"wait_ms": 1000}), 403, "wrong-scope")


def test_the_head_of_a_feed_can_be_had_alone(client: httpx.Client) -> None:
    for _ in range(FEEDS_PER_TOKEN + 1):  # none of them keeps a place
        head = client.head("/v1/feed")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_entries_are_waited_for_only_so_long(client: httpx.Client) -> None:
    state(client, 1)
    size = size_of(client)
    empty = client.get("/v1/entries", params={"start": size, "wait_ms": 50})
    assert empty.json() == {"size": size, "entries": []}
    there = client.get("/v1/entries", params={"start": size - 1, "wait_ms": 30_000})
    assert [each["index"] for each in there.json()["entries"]] == [size - 1]
    with ThreadPoolExecutor(1) as thread:
        asked = {"start": size, "wait_ms": 30_000}
        waiting = thread.submit(client.get, "/v1/entries", params=asked)
        assert not waiting.done()
        ids = state(client, 1)
        answer = waiting.result()
    assert [each["id"] for each in answer.json()["entries"]] == ids
    assert int(answer.headers[HEIGHT]) >= 1


class Sockets:
    """Clients that ask for a feed and read only what they are told to."""

    def __init__(self, node: NodeProcess) -> None:
        self._url = httpx.URL(node.url)
        self.opened: list[socket.socket] = []

    def open(self, token: str, address: str = "/v1/feed") -> socket.socket:
        opened = socket.create_connection((self._url.host, self._url.port or 80), 30)
        head = f"GET {address} HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n\r\n"
        opened.sendall(f"{head}\r\n\r\n".encode())
        self.opened.append(opened)
        return opened

    def status(self, token: str) -> int:
        return int(self.open(token).recv(12).split()[1])

    def close(self) -> None:
        for each in self.opened:
            each.close()
        self.opened.clear()


@pytest.fixture
def sockets(node: NodeProcess) -> Iterator[Sockets]:
    opened = Sockets(node)
    yield opened
    opened.close()


def test_feeds_and_waits_take_no_turns_of_reads(
    client: httpx.Client, node: NodeProcess, sockets: Sockets
) -> None:
    _, token = token_of(node, "waiting")
    for address in ("wait_ms", "%77ait_ms"):
        for _ in range(FEEDS_PER_TOKEN // 2):
            sockets.open(token, f"/v1/entries?start=1000000000&{address}=30000")
    with client_of(node, token) as same:
        until(lambda: same.get("/v1/feed").status_code == 429)  # all wait
        for _ in range(2 * READS_PER_TOKEN):
            assert same.get("/v1/entries", params={"limit": 1}).status_code == 200
        sockets.close()  # who goes away waits no more
        until(lambda: sockets.status(token) == 200)


def test_of_one_token_and_of_all_only_so_many_feeds_are_open(
    node: NodeProcess, client: httpx.Client, sockets: Sockets
) -> None:
    tokens = [token_of(node, f"feeds {n}")[1] for n in range(FEEDS_MAX // FEEDS_PER_TOKEN)]
    for token in tokens:
        assert {sockets.status(token) for _ in range(FEEDS_PER_TOKEN)} == {200}
    with client_of(node, tokens[0]) as full:
        answer = full.get("/v1/feed")
        assert (
            f"{FEEDS_PER_TOKEN} of this token" in (problem(answer, 429, "too-many-feeds")["detail"])
        )
        assert int(answer.headers["retry-after"]) > 0
        problem(full.get("/v1/entries", params={"wait_ms": 10}), 429, "too-many-feeds")
        assert full.get("/v1/entries").status_code == 200
    said = problem(client.get("/v1/feed"), 429, "too-many-feeds")["detail"]
    assert f"{FEEDS_MAX} of all tokens" in said
    assert len(state(client, 10)) == 10
    sockets.close()
    until(lambda: sockets.status(tokens[0]) == 200)


def memory_mb(node: NodeProcess) -> float:
    """Return the resident memory of a node's two processes."""
    (readers,) = children(node.pid)
    pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in (node.pid, readers)]
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_who_opens_hundreds_and_reads_nothing_costs_nobody_else_anything(
    node: NodeProcess, client: httpx.Client, sockets: Sockets
) -> None:
    _, hostile = token_of(node, "hostile")
    state(client, 4000)  # about 2.5 MB of feed; 64 clients that read nothing could hold 160 MB
    before = memory_mb(node)
    with feed(client) as following:
        following.begun()
        for _ in range(300):
            sockets.open(hostile, "/v1/feed?start=0")
        ids = state(client, 200)
        assert memory_mb(node) - before < MEMORY_MB_MAX
        assert [each["id"] for each in following.take(200)] == ids
        assert client.get("/v1/entries").status_code == 200
        with client_of(node, hostile) as again:
            problem(again.get("/v1/feed"), 429, "too-many-feeds")


def test_a_feed_ends_when_its_token_is_revoked(node: NodeProcess, client: httpx.Client) -> None:
    number, secret = token_of(node, "revoked")
    with client_of(node, secret) as guest, feed(guest) as following:
        following.begun()
        load_home(node.home).tokens.revoke(number)
        assert following.take(1) == []  # it ends, in order, and nothing was missed by waiting
        problem(guest.get("/v1/feed"), 401, "bad-token")


def follow_to(client: httpx.Client, end: int, heard: list[dict[str, Any]]) -> None:
    """Follow a ledger up to an index, coming again whenever the feed ends."""
    last_id = "-1"
    while not heard or heard[-1]["index"] < end:
        try:
            with feed(client, last_id) as following:
                try:
                    for event in following.events():
                        if event.name == "entry":
                            heard.append(event.data)
                        if event.id >= end:
                            return
                finally:
                    last_id = following.last_id or last_id
        except (httpx.TransportError, AssertionError):
            time.sleep(0.05)


def test_readers_are_killed_and_a_follower_misses_nothing(
    node: NodeProcess, client: httpx.Client
) -> None:
    end, heard = size_of(client) + 299, list[dict[str, Any]]()
    with client_of(node) as other:
        following = threading.Thread(target=follow_to, args=(other, end, heard))
        following.start()
        for _ in range(3):
            state(client, 100)
            (pid,) = children(node.pid)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not alive(pid) and children(node.pid))  # type: ignore[misc]
        following.join(60)
    assert [each["index"] for each in heard] == list(range(end + 1))


def test_a_wait_goes_on_with_the_next_readers(node: NodeProcess, client: httpx.Client) -> None:
    size = size_of(client)
    with ThreadPoolExecutor(1) as thread:
        asked = {"start": size, "wait_ms": 30_000}
        waiting = thread.submit(client.get, "/v1/entries", params=asked)
        time.sleep(0.3)  # it has begun
        (pid,) = children(node.pid)
        os.kill(pid, signal.SIGKILL)
        ids = state(client, 1)
        assert [each["id"] for each in waiting.result().json()["entries"]] == ids


def test_a_feed_ends_in_order_with_its_node_and_goes_on_with_the_next(
    node: NodeProcess, client: httpx.Client, network: LocalNetwork
) -> None:
    ids = state(client, 2)
    with feed(client, start=size_of(client) - 2) as following:
        assert [each["id"] for each in following.take(2)] == ids
        node.ask_to_stop()
        assert following.take(1) == []  # and no error: the answer is whole
        last_id = following.last_id
    until(lambda: not node.alive)
    node.start()
    until(lambda: is_ready(node))
    ids = state(client, 3)
    with feed(client, last_id) as following:
        assert [each["id"] for each in following.take(3)] == ids


def test_what_answers_for_ever_is_relayed_as_a_feed() -> None:
    assert {"/v1/feed", "/live"} == FEEDS
