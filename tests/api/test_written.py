"""Reads of what is held: what a node has said, and what becomes final while it answers."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api.log import RecordView, record_routes
from api.opened import ANYBODY
from api.reading import Reading
from api.written import WrittenFirst
from node.host import delivery as deliveries
from node.storage.proofs import served_checkpoint
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node.host_kit import CALM_MS, World, register


def test_a_record_that_becomes_final_while_it_is_asked_for_is_not_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on its way no more, and not written yet when the answer is made."""
    for bound in ("WRITTEN_WITHIN_MS", "REST_BEFORE_WRITING_MS"):
        monkeypatch.setattr(deliveries, bound, 10 * CALM_MS)
    world = World(tmp_path)
    world.open()
    host, store = world.hosts["institution"], world.stores["institution"]
    (said,) = world.submit("institution", [register("shop")])
    served = partial(served_checkpoint, genesis=GENESIS, signer=signer(host.party))
    reading = Reading(
        genesis=GENESIS, party=host.party, tokens=None, snapshots=store, served=served
    )
    routes = FastAPI()
    routes.include_router(record_routes(reading))

    async def meanwhile(scope: Scope, receive: Receive, send: Send) -> None:
        assert world.run(CALM_MS, lambda: said.state == "final")
        await routes(scope, receive, send)

    def find(record_id: str) -> RecordView | None:
        own = host.journal.find(record_id)
        return own and RecordView(party=own.party, id=own.id, state=own.state, definite=own.done)

    written = WrittenFirst(meanwhile, host, find)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await written({**scope, "token": ANYBODY}, receive, send)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.get("/v1/records/institution/reg-shop")

    first = asyncio.run(ask())
    assert store.holds
    second = asyncio.run(ask())
    world.close()
    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert first.json()["state"] in ("queued", "ordered", "final")
    assert second.json()["state"] == "final"
