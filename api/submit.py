"""Submitting records: one, an array, or a stream of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers import json_answer
from api.auth import require
from api.draining import Draining
from api.limits import ARRAY_RECORDS_MAX, BODY_BYTES_MAX, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX
from api.openapi import JSON, NDJSON, SUBMISSION
from api.problems import Problem
from api.results import ACCEPTED, RecordResult, problem_of, result_of, waiting_at
from api.shares import StreamShares
from api.stream import BulkResponse, take
from ledger import canonical

if TYPE_CHECKING:
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

_array = msgspec.json.Decoder(list[msgspec.Raw])


def submit_routes(node: Node, draining: Draining) -> APIRouter:
    """Return the router that takes records for ``node``."""
    router = APIRouter(tags=["records"], dependencies=[require(node.tokens, "submit")])
    shares = StreamShares()

    @router.post("/v1/records", **SUBMISSION)
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
            return BulkResponse(node, draining, request, (timeout_s, shares.share()))
        if kind != JSON:
            raise Problem("unsupported-media-type", f"expected {JSON} or {NDJSON}, got {kind!r}")
        body = (await read_body(request)).strip()
        with draining.submission():
            if body.startswith(b"["):
                submissions = await take(node, _array_of(body), shares.turn)
                await _finish(node, draining, submissions, timeout_s)
                waiting = waiting_at(node)
                return json_answer([result_of(each, waiting) for each in submissions])
            (submission,) = submissions = node.submit([_one_of(body)])
            await _finish(node, draining, submissions, timeout_s)
            return _answer(result_of(submission, waiting_at(node)))

    return router


async def read_body(request: Request) -> bytes:
    """Return the whole body.

    Raises:
        Problem: ``body-too-large``.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20:
        _refuse_body(int(announced))
    body = bytearray()
    async for part in request.stream():
        body += part
        _refuse_body(len(body))
    return bytes(body)


def _refuse_body(size: int) -> None:
    if size > BODY_BYTES_MAX:
        raise Problem(
            "body-too-large", f"at most {BODY_BYTES_MAX} bytes; send more records as {NDJSON}"
        )


async def _finish(
    node: Node, draining: Draining, submissions: Sequence[Submission], timeout_s: float
) -> None:
    if timeout_s:
        await draining.wait(node.wait(submissions, timeout_s))


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
