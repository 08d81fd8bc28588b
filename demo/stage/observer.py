"""The observer of all nodes: how far each is, who leads, whether they hold the same."""

from __future__ import annotations

import asyncio
import time
from hashlib import sha256
from typing import Any

import httpx
import msgspec

from cli.errors import CheckFailed
from demo.stage.processes import NodeProcess
from demo.stage.screen import Screen
from ledger import canonical

_POLL_S = 0.1
_TIMEOUT_S = 5.0
_START_S = 30.0
_AGREE_S = 40.0


class Observer:
    """Reader of every node's public figures.

    Args:
        nodes: The consortium's nodes.
        screen: Told how far each node is.
    """

    def __init__(self, nodes: list[NodeProcess], screen: Screen) -> None:
        self._nodes = nodes
        self._screen = screen
        self._clients = {
            node.party: httpx.AsyncClient(
                base_url=node.url,
                headers={"authorization": f"Bearer {node.token}"},
                timeout=_TIMEOUT_S,
                trust_env=False,
            )
            for node in nodes
        }

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def watch(self) -> None:
        """Keep the screen informed until cancelled."""
        while True:
            await self.statuses()
            await asyncio.sleep(_POLL_S)

    async def status(self, party: str) -> dict[str, Any] | None:
        """Return a node's status, or None when it does not answer."""
        try:
            answer = await self._clients[party].get("/v1/status")
        except httpx.TransportError:
            return None
        return msgspec.json.decode(answer.content) if answer.status_code == 200 else None

    async def statuses(self) -> dict[str, dict[str, Any] | None]:
        """Return every node's status, and show them."""
        found = await asyncio.gather(*(self.status(node.party) for node in self._nodes))
        named = {node.party: status for node, status in zip(self._nodes, found, strict=True)}
        for party, status in named.items():
            self._screen.node(party, status)
        return named

    async def until_ready(self, party: str) -> None:
        """Wait until a node says that it can take part.

        Raises:
            CheckFailed: the process ended, or was not ready in time.
        """
        node = next(node for node in self._nodes if node.party == party)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            node.refuse_dead()
            try:
                answer = await self._clients[party].get("/readyz")
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL_S)
        raise CheckFailed("not-ready", f"the node of {party} was not ready in {_START_S:.0f} s")

    async def until_equal(self) -> dict[str, dict[str, Any]]:
        """Wait until all nodes that run are at one height with nothing more on its way.

        Raises:
            CheckFailed: they did not get there in time.
        """
        deadline = time.monotonic() + _AGREE_S
        before: set[tuple[int, str]] = set()
        while time.monotonic() < deadline:
            found = {party: status for party, status in (await self.statuses()).items() if status}
            tips = {(status["size"], status["root"]) for status in found.values()}
            running = sum(node.alive for node in self._nodes)
            if len(found) == running and len(tips) == 1 and tips == before:
                return found
            before = tips
            await asyncio.sleep(_POLL_S)
        raise CheckFailed(
            "nodes-differ",
            "the nodes did not come to one height: "
            + ", ".join(f"{party} {status['size']}" for party, status in found.items()),
        )

    async def get(self, party: str, path: str, /, **query: str | int) -> Any:
        """Return the JSON at ``path`` of a node."""
        answer = await self._answer(party, path, query)
        return msgspec.json.decode(answer.content)

    async def text(self, party: str, path: str) -> str:
        """Return the text at ``path`` of a node."""
        return (await self._answer(party, path, {})).text

    async def _answer(self, party: str, path: str, query: dict[str, Any]) -> httpx.Response:
        try:
            answer = await self._clients[party].get(path, params=query)
        except httpx.TransportError as error:
            raise CheckFailed("unreachable", f"the node of {party}: {error}") from None
        if answer.status_code != 200:
            raise CheckFailed(
                "unexpected-answer", f"{path} of {party} answered {answer.status_code}"
            )
        return answer


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical form, to compare what nodes answer."""
    return sha256(canonical.encode(value)).hexdigest()
