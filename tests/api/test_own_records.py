"""An own record is found at every moment: on its way, held as final, and written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from fastapi import FastAPI

from api import problems
from api.read_server import add_reading_routes
from api.reading import Reading
from tests.api.api_kit import problem
from tests.api.queries_kit import Kept


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with closing(Kept(tmp_path_factory.mktemp("own"))) as made:
        yield made


def test_an_own_record_is_asked_for_before_another_block_can_be_held(kept: Kept) -> None:
    asked: list[tuple[str, asyncio.AbstractEventLoop]] = []

    def find(record_id: str) -> None:
        asked.append((record_id, asyncio.get_running_loop()))  # raises anywhere but on the loop

    app = FastAPI()
    problems.install(app)
    add_reading_routes(app, Reading.of_node(kept.homes["auditor"], kept.store), find)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        headers = {"authorization": f"Bearer {kept.token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://node", headers=headers
        ) as client:
            return await client.get("/v1/records/auditor/no-1")

    assert problem(asyncio.run(ask()), 404, "no-such-record")
    assert [record_id for record_id, _ in asked] == ["no-1"]
