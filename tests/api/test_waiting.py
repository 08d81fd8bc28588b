"""What is said of records that cannot become final: with a minute allowed, and not used up."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import UnsetType

from api.results import Waiting, waiting_at
from ledger.genesis import Role
from tests.api.api_kit import DEADLINE_S, ROLES, Consortium, captured, problem, until

WAIT = {"wait": "final", "timeout_ms": 60_000}
FIVE: tuple[Role, ...] = (*ROLES, "guarantor")


def test_a_quorum_that_is_lost_while_a_record_is_waited_for_ends_the_wait(tmp_path: Path) -> None:
    consortium = Consortium(tmp_path / "homes")
    try:
        for client in consortium.clients.values():
            until(lambda client=client: client.get("/readyz").status_code == 200)  # type: ignore[misc]
        node = consortium.nodes["institution"]

        async def lose_and_wait() -> Waiting | UnsetType:
            for name in ("funder", "auditor"):
                consortium.nodes[name].peers.stop()
            for number in range(1000):  # some still become final before the links are down
                submissions = node.submit([captured(f"P{number}", f"r-{number}")])
                if not await node.wait(submissions, 60.0):
                    return waiting_at(node)
            raise AssertionError("everything became final")

        waited = asyncio.run_coroutine_threadsafe(lose_and_wait(), consortium.loop)
        waiting = waited.result(DEADLINE_S)
        assert isinstance(waiting, Waiting) and waiting.code == "no-quorum"
        assert "the node of funder is not connected" in waiting.message
    finally:
        consortium.close()


def test_a_node_that_has_too_few_answers_after_its_start_is_not_ready_and_says_so(
    tmp_path: Path,
) -> None:
    """Two of five are up: each has one answer of the two that it needs before it signs."""
    consortium = Consortium(tmp_path / "homes", FIVE, 3, absent=("funder", "auditor", "guarantor"))
    try:
        client = consortium.clients["institution"]
        until(lambda: client.get("/v1/status").json()["peers"]["platform"]["connected"])
        status = client.get("/v1/status").json()
        assert (status["voting"], status["signing"], status["ready"]) == (False, False, False)
        document = problem(client.get("/readyz"), 503, "not-ready")
        assert "has started and asks the others what its key has signed" in document["detail"]
        answer = client.post("/v1/records", params=WAIT, content=captured("P1", "r-1"))
        assert answer.status_code == 202
        assert answer.json()["waiting"]["code"] == "no-quorum"
        assert answer.json()["state"] == "queued"
    finally:
        consortium.close()
