"""Real nodes behind their HTTP interface: four parties on real ports with real databases."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.server import Service, listen
from api.simulations import Simulator
from api.site import Site
from ledger import canonical
from ledger.genesis import Role, Timeouts
from node.home.founding import create_consortium
from node.home.home import Home, read_operator_token
from node.node import Node
from node.storage.store import Store

ROLES: tuple[Role, ...] = ("platform", "institution", "funder", "auditor")
DEADLINE_S = 20.0
MOMENT_S = 1.0


class Consortium:
    """Four nodes with their servers in one event loop of a thread of its own.

    Args:
        directory: Where the homes are made.
        names: The parties, which are named after their roles.
        quorum: Equal votes that make a block final.
        created_at: When it was founded; now if left out.
        rebuilt: Whose nodes have lost their votes.
        absent: Whose nodes are not started.
        simulator: What runs simulations, if the nodes offer them.
        site: The page, if the nodes show it.
    """

    def __init__(
        self,
        directory: Path,
        names: tuple[Role, ...] = ROLES,
        quorum: int = 3,
        *,
        created_at: int | None = None,
        rebuilt: tuple[str, ...] = (),
        absent: tuple[str, ...] = (),
        simulator: Simulator | None = None,
        site: Site | None = None,
    ) -> None:
        self._rebuilt, self._absent = rebuilt, absent
        self._simulator, self._site = simulator, site
        self._listeners: dict[str, socket.socket] = {name: listen("127.0.0.1", 0) for name in names}
        ports = [each.getsockname()[1] for each in self._listeners.values()]
        self.homes: dict[str, Home] = create_consortium(
            directory,
            [(name, name) for name in names],
            quorum,
            ports=ports,
            created_at=created_at,
            choices={"timeouts": Timeouts(base_ms=500, cap_ms=2000)},
        )
        self.genesis = self.homes[names[0]].genesis
        self.nodes: dict[str, Node] = {}
        self.services: dict[str, Service] = {}
        self.loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(DEADLINE_S)
        self.tokens = {name: read_operator_token(home.path) for name, home in self.homes.items()}
        self.clients = {name: self.client(name, self.tokens[name]) for name in self.services}

    def client(self, name: str, token: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        port = self.services[name].port
        hooks: dict[str, list[Any]] = {"request": [lambda request: self._wait(name, request)]}
        url = f"http://127.0.0.1:{port}"
        return httpx.Client(base_url=url, headers=headers, timeout=60, event_hooks=hooks)

    def _wait(self, name: str, request: httpx.Request) -> None:
        """Give a node its moment before it is read: what another one has answered is final there.

        Not to a request that says itself what it waits for.
        """
        if request.method != "GET" or "min_height" in request.url.params:
            return
        height = max(node.store.tip().height for node in self.nodes.values())
        deadline = time.monotonic() + MOMENT_S
        while self.nodes[name].store.tip().height < height and time.monotonic() < deadline:
            time.sleep(0.005)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        for name, home in self.homes.items():
            if name in self._absent:
                self._listeners[name].close()
                continue
            store = Store(home.database_url, home.genesis, party=name)
            if name in self._rebuilt:
                store.set_abstains(True)
            node = Node(home, store)
            self.nodes[name] = node
            self.services[name] = Service(
                node, self._listeners[name], site=self._site, simulator=self._simulator
            )
        running = asyncio.gather(*(each.run() for each in self.services.values()))
        self._started.set()
        await running

    def close(self) -> None:
        for service in self.services.values():
            self.loop.call_soon_threadsafe(service.stop)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def raw(type_: str, record_id: str, **fields: object) -> bytes:
    return canonical.encode({"at": 1_760_000_000_000, "id": record_id, "type": type_, **fields})


def receiver(name: str, record_id: str, **fields: object) -> bytes:
    given: dict[str, object] = {
        "commitment": "5f" * 32,
        "currency": "CNY",
        "cycle": "T+0",
        "kind": "bank_account",
        "last4": "6789",
        "receiver": name,
        **fields,
    }
    return raw("receiver.registered", record_id, **given)


def captured(payment: str, record_id: str, amount: int = 10_000) -> bytes:
    return raw(
        "payment.captured",
        record_id,
        amount=amount,
        captured_at=1_760_000_000_000,
        channel="wechat",
        currency="CNY",
        order=f"O-{payment}",
        payment=payment,
    )


def instructed(payment: str, record_id: str, shares: dict[str, int]) -> bytes:
    legs = [
        {"amount": amount, "leg": number, "purpose": "goods", "receiver": name}
        for number, (name, amount) in enumerate(shares.items(), 1)
    ]
    return raw(
        "split.instructed",
        record_id,
        amount=sum(shares.values()),
        currency="CNY",
        legs=legs,
        mode="fixed",
        order=f"O-{payment}",
        payment=payment,
    )


def post(client: httpx.Client, body: bytes, **params: Any) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return client.post("/v1/records", content=body, headers=headers, params=params)


def applied(client: httpx.Client, body: bytes) -> dict[str, Any]:
    response = post(client, body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:tongzhang:error:{code}"
    assert document["title"]
    assert isinstance(document["definite"], bool)
    return document


def stream(client: httpx.Client, lines: list[bytes], **params: Any) -> list[dict[str, Any]]:
    def body() -> Iterator[bytes]:
        data = b"\n".join(lines)
        for place in range(0, len(data), 70_000):
            yield data[place : place + 70_000]

    headers = {"content-type": "application/x-ndjson"}
    response = client.post("/v1/records", content=body(), headers=headers, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


def founded(directory: Path, *, site: Site | None = None) -> Consortium:
    """Return a running consortium in which all nodes are ready and two receivers are known."""
    running = Consortium(directory, site=site)
    try:
        for client in running.clients.values():
            until(lambda client=client: client.get("/readyz").status_code == 200)  # type: ignore[misc]
        institution = running.clients["institution"]
        applied(institution, receiver("shop", "r-1"))
        applied(institution, receiver("funder-main", "r-2", owner="funder"))
    except BaseException:
        running.close()
        raise
    return running
