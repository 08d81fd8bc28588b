"""Real nodes killed while final blocks stand on papers: nothing that was called final is gone."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.parties import parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from tests.api.api_kit import captured
from tests.cli.nodes_kit import client, is_ready, until

WAIT = {"wait": "final", "timeout_ms": 60_000}
ROUNDS_MAX = 8

pytestmark = pytest.mark.processes


@pytest.fixture
def network(tmp_path: Path) -> Iterator[LocalNetwork]:
    network = found_network(tmp_path / "net", "test", parse_parties("platform,institution"), 2)
    try:
        for node in network.nodes:
            node.start()
        until(network.nodes, is_ready)
        yield network
    finally:
        stop_all(network.nodes)


def _state(http: httpx.Client, number: int) -> int:
    """Have a record become final; return the height that the node names."""
    raw = captured(f"P{number}", f"r-{number}")
    answer = http.post("/v1/records", params=WAIT, content=raw).json()
    assert (answer["state"], answer["outcome"]) == ("final", "applied"), answer
    height: int = answer["height"]
    return height


def _rows_written(node: NodeProcess) -> int:
    """Return the height that the rows of a killed node's database have."""
    database = sqlite3.connect(f"file:{node.home / 'ledger.db'}?mode=ro", uri=True)
    (height,) = database.execute("SELECT coalesce(max(height), 0) FROM blocks").fetchone()
    database.close()
    return int(height)


def _answers(node: NodeProcess) -> bool:
    with client(node) as http:
        return http.get("/livez").status_code == 200


def _cut_power(nodes: list[NodeProcess]) -> None:
    """Kill all at the same moment, and wait until they are gone."""
    for each in nodes:
        os.kill(each.pid, signal.SIGKILL)
    for each in nodes:
        each.kill()


def test_nothing_that_was_final_is_gone_after_everybody_was_killed(network: LocalNetwork) -> None:
    """A node that starts alone knows by itself what it has called final."""
    node, said, on_papers = network.node("institution"), 0, 0
    for number in range(ROUNDS_MAX):
        with client(node) as http:
            said = _state(http, number)
        _cut_power(network.nodes)
        on_papers += said > _rows_written(node)
        node.start()
        until([node], _answers)
        with client(node) as http:
            assert http.get("/v1/status").json()["height"] >= said
            for known in range(number + 1):
                found = http.get(f"/v1/records/institution/r-{known}").json()
                assert (found["state"], found["entry"]["outcome"]) == ("final", "applied")
                assert http.get(f"/v1/payments/P{known}").status_code == 200
        network.node("platform").start()
        until(network.nodes, is_ready)
        if on_papers == 2:
            break
    assert on_papers, "whoever was killed had written everything: nothing was tried"
    stop_all(network.nodes)
    assert {_rows_written(each) for each in network.nodes} == {said}
