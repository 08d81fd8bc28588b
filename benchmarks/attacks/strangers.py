"""Attacks by strangers: whoever can reach the port, without a token and without a key.

They come from many addresses of the loopback network, 127.66.x.y, and honest clients and peers from
127.0.0.1: a limit per address alone stops none of them. Who guesses tokens shares the clients'.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count

from benchmarks.attacks.attack import (
    MEMORY,
    SUBMISSIONS_PERCENT_MIN,
    Attack,
    Bound,
    Target,
)
from benchmarks.attacks.wire import Gone, Wire, frame_head, request, upgrade

ADDRESSES = 64
RENEW_S = 2.0
RETRY_S = 1.0
PART_BYTES = 64 * 1024
HEAD_BYTES = 100_000
CONNECTIONS = 16
GUESSES_PER_S_MAX = 100


async def until_over(seconds: float, *jobs: Awaitable[None]) -> None:
    """Run jobs side by side until they end or the time is over, and end them then."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


async def again_and_again(
    act: Callable[[Wire], Awaitable[None]],
    target: Target,
    done: Counter[str],
    *,
    source: str = "",
    retry_s: float = RETRY_S,
) -> None:
    """Connect and act, and do it anew some time after the node has closed the connection."""
    while True:
        try:
            wire = await Wire.open(target.host, target.port, source)
        except Gone:
            done["not connected"] += 1
        else:
            done["connected"] += 1
            try:
                await act(wire)
            except (Gone, OSError):
                done["closed by the node"] += 1
            finally:
                wire.close()
        await asyncio.sleep(retry_s)


def address(number: int) -> str:
    """Return one of the strangers' addresses."""
    return f"127.66.0.{number % ADDRESSES + 1}"


async def unfinished_frames(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()

    async def drip(wire: Wire) -> None:
        await wire.ask(upgrade())
        await wire.send(frame_head(target.frame_bytes_max))
        left = target.frame_bytes_max - 1
        while left > 0:
            await wire.send(bytes(min(left, PART_BYTES)))
            done["bytes"] += min(left, PART_BYTES)
            left -= PART_BYTES
        await wire.reader.read()

    jobs = (again_and_again(drip, target, done, source=address(number)) for number in range(size))
    await until_over(target.seconds, *jobs)
    return done


async def idle_strangers(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()

    async def idle(wire: Wire) -> None:
        while True:
            await wire.ask(request("GET", "/livez"))
            await asyncio.sleep(RENEW_S)

    jobs = (again_and_again(idle, target, done, source=address(number)) for number in range(size))
    await until_over(target.seconds, *jobs)
    return done


async def handshake_flood(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()
    begun: set[asyncio.Task[None]] = set()

    async def begin(number: int) -> None:
        try:
            wire = await Wire.open(target.host, target.port, address(number))
            try:
                answer = await wire.ask(upgrade())
                done[f"answered {answer.status}"] += 1
                await wire.reader.read()
            finally:
                wire.close()
        except (Gone, OSError):
            done["closed by the node"] += 1

    async def begin_all() -> None:
        async for number in paced(size):
            task = asyncio.create_task(begin(number))
            begun.add(task)
            task.add_done_callback(begun.discard)

    await until_over(target.seconds, begin_all())
    for task in tuple(begun):
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    return done


async def large_heads(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()
    head = request("GET", "/livez", x_filler="a" * HEAD_BYTES)

    async def send_all() -> None:
        async for number in paced(size):
            try:
                wire = await Wire.open(target.host, target.port, address(number))
            except Gone:
                continue
            try:
                status = (await wire.ask(head)).status
                done["heads_passed" if status < 400 else f"refused {status}"] += 1
            except (Gone, OSError):
                done["closed by the node"] += 1
            finally:
                wire.close()

    await until_over(target.seconds, send_all())
    return done


async def token_guesses(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()

    async def guess(wire: Wire) -> None:
        while True:
            token = f"tz_{secrets.token_urlsafe(32)}"
            done[f"answered {(await wire.ask(request('GET', '/v1/status', token))).status}"] += 1

    await until_over(
        target.seconds, *(again_and_again(guess, target, done, retry_s=0) for _ in range(size))
    )
    answered = sum(number for what, number in done.items() if what.startswith("answered"))
    done["guesses_judged_per_s"] = round(answered / target.seconds)
    return done


async def openapi(target: Target, size: int) -> Counter[str]:
    done: Counter[str] = Counter()
    turns = asyncio.Queue[int](CONNECTIONS)

    async def ask(wire: Wire) -> None:
        while True:
            await turns.get()
            answer = await wire.ask(request("GET", "/openapi.json"), keep=False)
            done[f"answered {answer.status}"] += 1

    async def pace() -> None:
        async for number in paced(size):
            await turns.put(number)

    jobs = (again_and_again(ask, target, done, source=address(n)) for n in range(CONNECTIONS))
    await until_over(target.seconds, pace(), *jobs)
    return done


class paced:  # noqa: N801 - it reads as a verb
    """Counts from 0 on, so many times a second; what came late is made up for.

    Args:
        per_s: How many times a second.
    """

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._numbers = count()
        self._began = asyncio.get_running_loop().time()

    def __aiter__(self) -> paced:
        return self

    async def __anext__(self) -> int:
        number = next(self._numbers)
        due = self._began + number / self._per_s
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        return number


HANDSHAKES = Bound("handshakes_failed", 0)
HANDSHAKES_TRIED = Bound("handshakes", 1, least=True)

ATTACKS = (
    Attack(
        "unfinished-frames",
        "sockets to /peer, each with a frame of 4 MB that never ends, before any proof",
        unfinished_frames,
        size=(300, 100),
        seconds=(8, 3),
    ),
    Attack(
        "idle-strangers",
        "idle connections from 64 addresses, each kept by /livez, while a peer comes back",
        idle_strangers,
        size=(768, 768),
        seconds=(10, 4),
        bounds=(*MEMORY, HANDSHAKES, HANDSHAKES_TRIED),
        cuts=True,
    ),
    Attack(
        "handshake-flood",
        "upgrades a second that say nothing, while a peer 150 ms away shakes hands",
        handshake_flood,
        size=(330, 330),
        seconds=(10, 4),
        bounds=(*MEMORY, HANDSHAKES, HANDSHAKES_TRIED),
        cuts=True,
    ),
    Attack(
        "large-heads",
        "requests a second with a header of 100 kB, sent at once",
        large_heads,
        size=(50, 50),
        seconds=(4, 2),
        bounds=(*MEMORY, Bound("heads_passed", 0)),
    ),
    Attack(
        "token-guesses",
        "connections on which wrong tokens are tried as fast as they are answered",
        token_guesses,
        size=(CONNECTIONS, CONNECTIONS),
        seconds=(6, 3),
        bounds=(
            *MEMORY,
            Bound("guesses_judged_per_s", GUESSES_PER_S_MAX),
            Bound("submissions_percent", SUBMISSIONS_PERCENT_MIN, least=True),
        ),
    ),
    Attack(
        "openapi",
        "requests a second for /openapi.json",
        openapi,
        size=(300, 300),
        seconds=(6, 3),
        bounds=(*MEMORY, Bound("submissions_percent", SUBMISSIONS_PERCENT_MIN, least=True)),
    ),
)
"""Every attack that needs nothing but the port."""
