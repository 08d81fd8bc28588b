"""Attacks by clients: whoever has a token of the node, be it in malice or by carelessness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.attacks.attack import (
    MEMORY,
    P50_MS_MAX,
    STALL_S_MAX,
    SUBMISSIONS_PERCENT_MIN,
    Attack,
    Bound,
    Target,
)
from benchmarks.attacks.strangers import again_and_again, until_over
from benchmarks.attacks.wire import Wire, chunk, request

BODY_BYTES = 1024 * 1024
LINES = (chunk(b'{"type":"x"}\n' * 1024), chunk(b"1\n" * 8192))
"""What is poured: lines whose results are sixty times as long, and lines as short as can be."""
STREAM_STALL_S_MAX = 2.0
READS = (
    "/v1/entries?limit=1000",
    "/v1/expectations?state=unmet&limit=1000",
    "/v1/expectations/summary",
    "/v1/balances?limit=1000",
    "/v1/search?receiver=shop-1&limit=1000",
    "/v1/log?start=1",
)
REFUSED_WAIT_S = 0.5
BUSY = 503


async def array_of_numbers(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()
    body = b"[" + b",".join([b"1"] * ((BODY_BYTES - 2) // 2)) + b"]"
    post = request("POST", "/v1/records", target.token, body, content_type="application/json")

    async def send_once() -> None:
        wire = await Wire.open(target.host, target.port)
        try:
            while (answer := await wire.ask(post, keep=False)).status == BUSY:
                done["told to come again"] += 1
            done[f"answered {answer.status}"] += 1
            done["bytes answered"] += answer.size
        finally:
            wire.close()

    await until_over(target.seconds, *(send_once() for _ in range(size)))
    return done


async def unread_streams(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()
    head = request(
        "POST",
        "/v1/records?wait=queued",
        target.token,
        content_type="application/x-ndjson",
        transfer_encoding="chunked",
    )

    def stream(lines: bytes) -> Callable[[Wire], Awaitable[None]]:
        async def pour(wire: Wire) -> None:
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await wire.send(head)
            while True:
                await wire.send(lines)
                done["bytes"] += len(lines)

        return pour

    pouring = [stream(LINES[number % len(LINES)]) for number in range(size)]
    await until_over(target.seconds, *(again_and_again(pour, target, done) for pour in pouring))
    return done


async def heavy_readers(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()

    def reader(number: int) -> Callable[[Wire], Awaitable[None]]:
        async def read(wire: Wire) -> None:
            turn = number
            while True:
                asked = request("GET", READS[turn % len(READS)], target.token)
                answer = await wire.ask(asked, keep=False)
                done[f"answered {answer.status}"] += 1
                done["bytes answered"] += answer.size
                turn += 1
                if answer.status != 200:
                    await asyncio.sleep(float(answer.headers.get("retry-after", REFUSED_WAIT_S)))

        return read

    await until_over(
        target.seconds, *(again_and_again(reader(number), target, done) for number in range(size))
    )
    return done


ATTACKS = (
    Attack(
        "array-of-numbers",
        "array of 520,000 numbers, 1 MiB, in a single request",
        array_of_numbers,
        size=(1, 1),
        seconds=(20, 10),
        bounds=(*MEMORY, Bound("stall_s", STALL_S_MAX)),
    ),
    Attack(
        "unread-streams",
        "streams of lines whose results are never read",
        unread_streams,
        size=(24, 24),
        seconds=(15, 4),
        bounds=(*MEMORY, Bound("stall_s", STREAM_STALL_S_MAX)),
    ),
    Attack(
        "heavy-readers",
        "readers of whole pages and of the log, while 12 clients submit single records",
        heavy_readers,
        size=(64, 64),
        seconds=(10, 4),
        bounds=(
            Bound("submissions_percent", SUBMISSIONS_PERCENT_MIN, least=True),
            Bound("p50_ms", P50_MS_MAX),
        ),
    ),
)
"""Every attack that needs a token."""
