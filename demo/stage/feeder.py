"""Feeders: a party's own system hands records to the party's node and waits until they are final.

When the node does not answer, or does not know the outcome yet, the same bytes are sent again:
the id makes that safe. Records about one subject are sent one after the other.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import httpx
import msgspec

from cli.errors import CheckFailed
from demo.day.conversations import subject_of
from demo.day.lines import DayLine
from ledger.records import Record

PATIENCE_S = 60.0
IN_FLIGHT = 8
_RETRY_S = 0.15
_TIMEOUT_S = 15.0
_WAIT_MS = 10_000
_BUSY = 503


class Feeder:
    """Feeder of one party's records to its own node over HTTP.

    Args:
        party: The party.
        url: Its own node's address.
        token: A token of that node.
        on_progress: Called with the number of records that just came to an end.
    """

    def __init__(
        self, party: str, url: str, token: str, on_progress: Callable[[int], None]
    ) -> None:
        self.party = party
        self.applied: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.refused_in_log = 0
        self.repeated = 0
        self.retries = 0
        self.latencies_ms: list[float] = []
        self._on_progress = on_progress
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_S,
            limits=httpx.Limits(max_connections=IN_FLIGHT + 2),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def feed(self, lines: Iterable[DayLine[Record]], page: int = 1) -> None:
        """Submit records in order, several at a time, and return when all are final.

        Args:
            lines: In the order in which the party would state them.
            page: How many go into one request.
        """
        under_way: dict[str, asyncio.Task[None]] = {}
        room = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            for group_of in _pages(lines, page):
                subjects = {subject_of(line.record) for line in group_of}
                earlier = {under_way[s] for s in subjects if s in under_way}
                await room.acquire()
                task = group.create_task(self._submit(group_of, earlier))
                task.add_done_callback(lambda _: room.release())
                under_way.update(dict.fromkeys(subjects, task))

    async def get(self, path: str, /, **query: str | int) -> Any:
        """Return the JSON at ``path`` of the own node, waiting for the node if need be."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = await self._http.get(path, params=query)
                if answer.status_code == 200:
                    return msgspec.json.decode(answer.content)
                if answer.status_code != _BUSY:
                    raise _unexpected(answer)
            except httpx.TransportError:
                self.retries += 1
            await self._pause(deadline)

    async def _submit(
        self, lines: Sequence[DayLine[Record]], earlier: set[asyncio.Task[None]]
    ) -> None:
        if earlier:
            await asyncio.wait(earlier)
        started = time.monotonic()
        results = await self._until_known(lines)
        if len(lines) == 1:
            self.latencies_ms.append((time.monotonic() - started) * 1000)
        for result in results:
            self._count(result)
        self._on_progress(len(results))

    async def _until_known(self, lines: Sequence[DayLine[Record]]) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE_S
        body = b"[" + b",".join(line.raw for line in lines) + b"]"
        while True:
            try:
                answer = await self._http.post(
                    "/v1/records",
                    params={"wait": "final", "timeout_ms": _WAIT_MS},
                    content=body,
                    headers={"content-type": "application/json"},
                )
                if answer.status_code == 200:
                    results: list[dict[str, Any]] = msgspec.json.decode(answer.content)
                    if all(result["definite"] for result in results):
                        return results
                elif answer.status_code != _BUSY:
                    raise _unexpected(answer)
            except httpx.TransportError:
                pass
            self.retries += 1
            await self._pause(deadline)

    async def _pause(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise CheckFailed(
                "no-answer", f"the node of {self.party} gave no answer for {PATIENCE_S:.0f} s"
            )
        await asyncio.sleep(_RETRY_S)

    def _count(self, result: dict[str, Any]) -> None:
        if "code" in result:
            self.refused[result["code"]] += 1
            self.refused_in_log += "entry" in result
        elif result["id"] in self.applied:
            self.repeated += 1
        else:
            self.applied.add(result["id"])


def _pages(lines: Iterable[DayLine[Record]], size: int) -> Iterator[list[DayLine[Record]]]:
    left = iter(lines)
    while page := list(islice(left, size)):
        yield page


def _unexpected(answer: httpx.Response) -> CheckFailed:
    try:
        problem = msgspec.json.decode(answer.content)
        return CheckFailed(problem["code"], problem["detail"], answer=problem)
    except (msgspec.DecodeError, KeyError, TypeError):
        return CheckFailed("unexpected-answer", f"status {answer.status_code} from a node")
