"""Submitting records: one, an array, or a stream of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.answers import json_answer
from api.auth import header_of, require
from api.draining import Draining
from api.limits import ARRAY_RECORDS_MAX, BODY_BYTES_MAX, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX
from api.openapi import JSON, NDJSON, SUBMISSION
from api.problems import ANSWERED, Problem, answer_to
from api.results import ACCEPTED, RecordResult, problem_of, result_of, waiting_at
from api.shares import StreamShares
from api.stream import BulkResponse, take
from ledger import canonical

if TYPE_CHECKING:
    from node.home.tokens import Token
    from node.host.submission import Submission
    from node.node import Node

Wait = Annotated[
    Literal["final", "queued"],
    Query(description="`final`: until the record is in the log. `queued`: return at once."),
]
TimeoutMs = Annotated[
    int,
    Query(ge=0, le=TIMEOUT_MS_MAX, description="How long to wait for final, at most."),
]

PATH = "/v1/records"

_PLAIN_TIMEOUTS_S = {
    b"": TIMEOUT_MS_DEFAULT / 1000,
    b"wait=final": TIMEOUT_MS_DEFAULT / 1000,
    b"wait=queued": 0.0,
}
"""How long records are waited for, by what the address may have after its ``?`` to be plain."""
_PLAIN_KIND = JSON.encode()

_array = msgspec.json.Decoder(list[msgspec.Raw])


class JsonRecords:
    """Takes what is submitted as JSON: one record, or an array of them.

    Args:
        node: The node.
        draining: Counts submissions under way.
    """

    def __init__(self, node: Node, draining: Draining) -> None:
        self._node = node
        self._draining = draining
        self.shares = StreamShares()
        """What many records are taken within, in arrays and streams alike."""

    async def take(self, scope: Scope, receive: Receive, timeout_s: float) -> Response:
        """Return the answer to a request of somebody who may submit.

        Args:
            scope: The request.
            receive: Gives its body.
            timeout_s: How long the records are waited for; 0 for not at all.

        Raises:
            Problem: nothing was taken, or the single record was refused.
            NodeError: what :meth:`node.node.Node.submit` raises.
            ClientDisconnect: the client went away before its body was whole.
        """
        body = (await read_body(scope, receive)).strip()
        with self._draining.submission():
            if body.startswith(b"["):
                submissions = await take(self._node, _array_of(body), self.shares.turn)
                await self._finish(submissions, timeout_s)
                waiting = waiting_at(self._node)
                return json_answer([result_of(each, waiting) for each in submissions])
            (submission,) = submissions = self._node.submit([_one_of(body)])
            await self._finish(submissions, timeout_s)
            waiting = UNSET if submission.done else waiting_at(self._node)
            return _answer(result_of(submission, waiting))

    async def _finish(self, submissions: Sequence[Submission], timeout_s: float) -> None:
        if timeout_s:
            await self._draining.wait(self._node.wait(submissions, timeout_s))


def submit_routes(node: Node, draining: Draining, records: JsonRecords) -> APIRouter:
    """Return the router that takes records for ``node``."""
    router = APIRouter(tags=["records"], dependencies=[require(node.tokens, "submit")])

    @router.post(PATH, **SUBMISSION)
    async def submit_records(
        request: Request, wait: Wait = "final", timeout_ms: TimeoutMs = TIMEOUT_MS_DEFAULT
    ) -> Response:
        """Submit one record, an array of records, or a stream of them, one a line.

        A record is sent in its canonical form and taken exactly as sent. Submitting the same
        bytes again is safe: the existing entry is returned.
        """
        timeout_s = timeout_ms / 1000 if wait == "final" else 0.0
        kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind == NDJSON:
            return BulkResponse(node, draining, request, (timeout_s, records.shares.share()))
        if kind != JSON:
            raise Problem("unsupported-media-type", f"expected {JSON} or {NDJSON}, got {kind!r}")
        return await records.take(request.scope, request.receive, timeout_s)

    return router


class DirectRecords:
    """Takes records as most clients send them, past the application.

    It belongs right behind whatever finds out whose request it is. What is not plain, and what is
    to be refused before its body is read, goes on to the application: to the route of the same
    address, which takes everything that may be submitted and says what may not.

    Args:
        app: The application.
        records: Takes what is submitted as JSON.
    """

    def __init__(self, app: ASGIApp, records: JsonRecords) -> None:
        self._app = app
        self._records = records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain submission; pass every other request on."""
        if not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        scope["template"] = PATH
        timeout_s = _PLAIN_TIMEOUTS_S[scope["query_string"]]
        try:
            response = await self._records.take(scope, receive, timeout_s)
        except ANSWERED as error:
            response = answer_to(error, PATH)
        await response(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    """Return whether a request's head leaves nothing to ask or to refuse."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
        return False
    token: Token | None = scope["token"]
    return (
        token is not None
        and "submit" in token.scopes
        and scope["query_string"] in _PLAIN_TIMEOUTS_S
        and header_of(scope, b"content-type") == _PLAIN_KIND
    )


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the whole body.

    Raises:
        Problem: ``body-too-large``.
        ClientDisconnect: the client went away before.
    """
    announced = header_of(scope, b"content-length")
    if announced.isdigit() and len(announced) < 20:
        _refuse_body(int(announced))
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        _refuse_body(len(body))
        more = message.get("more_body", False)
    return bytes(body)


def _refuse_body(size: int) -> None:
    if size > BODY_BYTES_MAX:
        raise Problem(
            "body-too-large", f"at most {BODY_BYTES_MAX} bytes; send more records as {NDJSON}"
        )


def _one_of(body: bytes) -> bytes:
    if not body:
        raise Problem("empty-body", "expected one record, or an array of records")
    return body


def _array_of(body: bytes) -> list[bytes]:
    try:
        raws = _array.decode(body)
    except (ValueError, RecursionError) as error:
        found = canonical.diagnose(body, "the array", str(error))
        raise Problem(found.code, found.message) from None
    if len(raws) > ARRAY_RECORDS_MAX:
        raise Problem(
            "too-many-records",
            f"an array has at most {ARRAY_RECORDS_MAX} records, got {len(raws)}; nothing of it was "
            f"taken. Send them as {NDJSON}, one a line: a stream has no limit",
        )
    if not raws:
        raise Problem("empty-body", "expected at least one record in the array")
    return [bytes(raw) for raw in raws]


def _answer(result: RecordResult) -> Response:
    if result.status == ACCEPTED:
        return json_answer(result, status=ACCEPTED, headers={"location": str(result.ask)})
    if result.status != 200:
        raise problem_of(result)
    return json_answer(result)
