"""An old copy of a database under a real node: no evidence anywhere, and its records are final."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.parties import DEFAULT, parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from tests.api.api_kit import captured, receiver
from tests.cli.nodes_kit import client, get, is_ready, until

WAIT = {"wait": "final", "timeout_ms": 60_000}

pytestmark = pytest.mark.processes


@pytest.fixture
def network(tmp_path: Path) -> Iterator[LocalNetwork]:
    network = found_network(tmp_path / "net", "test", parse_parties(DEFAULT), 3)
    try:
        for node in network.nodes:
            node.start()
        until(network.nodes, is_ready)
        yield network
    finally:
        stop_all(network.nodes)


def _state(node: NodeProcess, record: bytes) -> None:
    with client(node) as http:
        answer = http.post("/v1/records", params=WAIT, content=record).json()
    assert (answer["state"], answer["outcome"]) == ("final", "applied"), answer


def _is_final(node: NodeProcess, record: bytes) -> bool:
    with client(node) as http:
        answer = http.post("/v1/records", params={"wait": "queued"}, content=record).json()
    return (answer["state"], answer.get("outcome")) == ("final", "applied")


def _databases(home: Path) -> list[Path]:
    return sorted(home.glob("ledger.db*"))


def test_who_restores_an_old_copy_is_not_convicted_and_states_on(
    network: LocalNetwork, tmp_path: Path
) -> None:
    """The issue: this convicted the party, and its record stayed ``ordered`` for ever."""
    node = network.node("institution")
    _state(node, receiver("shop-first", "first"))
    stop_all([node])
    safe = tmp_path / "safe"
    safe.mkdir()
    for file in _databases(node.home):
        shutil.copy2(file, safe)
    node.start()
    until([node], is_ready)
    for number in range(8):
        _state(node, captured(f"P{number}", f"before-{number}"))
    stop_all([node])
    for file in _databases(node.home):
        file.unlink()
    for file in sorted(safe.iterdir()):
        shutil.copy2(file, node.home)
    node.start()
    late = captured("P8", "late")
    until([node], lambda one: _is_final(one, late))  # from the first moment in which it answers
    heights = {get(each, "/v1/status")["height"] for each in network.nodes}
    until(network.nodes, lambda each: get(each, "/v1/status")["height"] >= max(heights))
    for each in network.nodes:
        status = get(each, "/v1/status")
        assert status["evidence"] == {} and status["ready"] and status["signing"]
        assert get(each, "/v1/evidence")["evidence"] == []
