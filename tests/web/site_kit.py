"""Real node processes with their pages, and clients signed in to them."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from demo.stage.processes import NodeProcess, free_ports, stop_all
from ledger import canonical
from ledger.genesis import Role
from node.home.founding import create_consortium
from node.home.home import read_operator_token
from tests.cli.nodes_kit import client, is_ready, until

ROLES: tuple[Role, ...] = ("platform", "institution", "funder")
HTML = {"accept": "text/html,application/xhtml+xml"}
JSON = {"content-type": "application/json"}
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
_numbers = itertools.count(1)


class Site:
    """Three nodes as processes, each of which serves its page.

    Args:
        folder: Where the homes go.
        arguments: What ``tongzhang node`` is started with besides the home.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        ports = free_ports(len(ROLES))
        named = [(name, name) for name in ROLES]
        homes = create_consortium(folder, named, 2, ports=ports)
        self.arguments = arguments
        self.nodes = {
            name: NodeProcess(
                name, home.path, f"http://127.0.0.1:{port}", read_operator_token(home.path)
            )
            for (name, home), port in zip(homes.items(), ports, strict=True)
        }
        for node in self.nodes.values():
            node.start(*arguments)
        until([*self.nodes.values()], is_ready)

    @property
    def platform(self) -> NodeProcess:
        """The platform's node."""
        return self.nodes["platform"]

    def submit(self, party: str, type_: str, **fields: Any) -> dict[str, Any]:
        """Submit a record to its author's node and return its result once it is final."""
        record = {
            "at": time.time_ns() // 1_000_000,
            "id": f"r-{next(_numbers):06}",
            "type": type_,
            **fields,
        }
        with client(self.nodes[party]) as http:
            answer = http.post("/v1/records", content=canonical.encode(record), headers=JSON)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        self.reach(result["entry"])
        return result

    def reach(self, entry: int) -> None:
        """Wait until every node has an entry."""

        def has(node: NodeProcess) -> bool:
            with client(node) as http:
                return http.get(f"/v1/entries/{entry}").status_code == 200

        until([each for each in self.nodes.values() if each.alive], has)

    def close(self) -> None:
        """Stop all nodes."""
        stop_all([*self.nodes.values()])


def receiver(name: str = "merchant", **fields: Any) -> dict[str, Any]:
    """Return the fields of a receiver's registration."""
    given = {"commitment": "5f" * 32, "currency": "CNY", "cycle": "T+1", "kind": "bank_account"}
    return {**given, "last4": "6789", "receiver": name, **fields}


def instructed(payment: str, amount: int, to: str = "merchant", **fields: Any) -> dict[str, Any]:
    """Return the fields of the platform's half of a payment."""
    leg = {"amount": amount, "leg": 1, "purpose": "goods", "receiver": to}
    given = {"amount": amount, "currency": "CNY", "legs": [leg], "mode": "fixed"}
    return {**given, "order": f"ord-{payment}", "payment": payment, **fields}


def captured(payment: str, amount: int, **fields: Any) -> dict[str, Any]:
    """Return the fields of the institution's half of a payment."""
    given = {"amount": amount, "channel": "wechat", "currency": "CNY"}
    now = time.time_ns() // 1_000_000
    return {**given, "captured_at": now, "order": f"ord-{payment}", "payment": payment, **fields}


def visitor(node: NodeProcess, language: str = "en") -> httpx.Client:
    """Return a browser's client without a session."""
    headers = {**HTML, "accept-language": language}
    return httpx.Client(base_url=node.url, headers=headers, timeout=30, trust_env=False)


@contextmanager
def signed_in(node: NodeProcess, language: str = "en", token: str = "") -> Iterator[httpx.Client]:
    """Give a browser's client with a session."""
    with visitor(node, language) as http:
        form = {"token": token or node.token, "to": "/"}
        answer = http.post("/sign-in", data=form, headers=SAME_ORIGIN)
        assert answer.status_code == 303, answer.text
        yield http


def words(html: str) -> str:
    """Return the text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
