"""Plain submissions go past the application: what they are told is the same to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from api.app import build_app
from api.draining import Draining
from api.limits import BODY_BYTES_MAX
from node.home.founding import create_consortium
from node.home.home import read_operator_token
from node.node import Node
from node.storage.store import Store
from tests.api.api_kit import ROLES, Consortium, applied, captured, founded, instructed

PLAIN = "application/json"
NOT_PLAIN = "application/json; charset=utf-8"
"""Means the same, and is left to the application."""
KNOWN = instructed("D1", "d-1", {"shop": 100})
IN_CONFLICT = instructed("D2", "d-2", {"nobody": 100})


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    running = founded(tmp_path_factory.mktemp("direct"))
    with closing(running):
        applied(running.clients["platform"], KNOWN)
        yield running


def told(client: httpx.Client, kind: str, body: bytes, query: str) -> tuple[object, ...]:
    """Return everything of an answer but the time at which it was given."""
    answer = client.post(f"/v1/records{query}", content=body, headers={"content-type": kind})
    headers = [pair for pair in answer.headers.raw if pair[0] != b"date"]
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("query", ["", "?wait=final", "?wait=queued"])
@pytest.mark.parametrize(
    "body",
    [
        KNOWN,
        b" " + KNOWN + b"\n",
        IN_CONFLICT,
        instructed("D3", "d-1", {"shop": 1}),
        captured("D4", "d-4"),
        b"[" + KNOWN + b"," + captured("D4", "d-4") + b"]",
        b"",
        b"[]",
        b"{",
        b"[{",
        b'"' + b"x" * 20_000 + b'"',
        b"x" * (BODY_BYTES_MAX + 1),
    ],
    ids=lambda body: body[:12].decode(),
)
def test_both_ways_say_the_same(consortium: Consortium, body: bytes, query: str) -> None:
    client = consortium.clients["platform"]
    told(client, NOT_PLAIN, body, "")  # what it leads to is final, if it is anything
    assert told(client, PLAIN, body, query) == told(client, NOT_PLAIN, body, query)


@pytest.mark.parametrize("query", ["?wait=never", "?wait=queued&wait=queued", "?wait", "?x=1"])
def test_what_is_not_plain_is_judged_by_the_application(consortium: Consortium, query: str) -> None:
    status, _, body = told(consortium.clients["platform"], PLAIN, KNOWN, query)
    assert status == 400
    assert isinstance(body, bytes) and b"-parameter" in body


@pytest.mark.parametrize("scopes", [(), ("read",), ("read", "admin")])
def test_whoever_may_not_submit_is_refused_before_the_body(
    consortium: Consortium, scopes: tuple[str, ...]
) -> None:
    secret = "tz_unknown"
    if scopes:
        _, secret = consortium.homes["platform"].tokens.create("reads", scopes, 1)
    with consortium.client("platform", secret) as client:
        for body in (KNOWN, b"x" * (BODY_BYTES_MAX + 1)):
            assert told(client, PLAIN, body, "")[0] == (403 if scopes else 401)


def test_a_plain_submission_needs_no_route(tmp_path: Path) -> None:
    home = create_consortium(tmp_path / "homes", [(name, name) for name in ROLES], 3)["institution"]
    store = Store("sqlite://", home.genesis, party="institution")

    async def statuses() -> list[int]:
        app = build_app(Node(home, store), Draining())
        app.router.routes.clear()
        headers = {"authorization": f"Bearer {read_operator_token(home.path)}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://node", headers=headers
        ) as client:
            answers = [
                await client.post(
                    "/v1/records?wait=queued",
                    content=captured("D9", "d-9"),
                    headers={"content-type": kind},
                )
                for kind in (PLAIN, NOT_PLAIN)
            ]
        return [each.status_code for each in answers]

    with closing(store):
        assert asyncio.run(statuses()) == [202, 404]
