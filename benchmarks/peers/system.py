"""Contract of a system that is measured: started, loaded and stopped, all on this machine."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from benchmarks.peers.built import Tools
from benchmarks.peers.programs import Programs
from benchmarks.peers.stream import Stream
from cli.errors import CheckFailed

STALL_S = 60.0
POLL_S = (0.1, 0.02)
"""Between two looks at how far all are: at most so long, and in the last tenth."""


class Nature(NamedTuple):
    """What a system does for a record, which says how far its figures can be compared."""

    signs: str
    executes: str
    syncs: str
    bulk: str
    waits: str


class Waited(NamedTuple):
    """What waiting clients came to: how long they went on, and what each answer took in ms."""

    seconds: float
    latencies_ms: list[float]


class System(ABC):
    """A system with its processes. It is started once, measured and stopped.

    Args:
        folder: An empty folder of its own.
        tools: What it is run with; :meth:`prepare` was called with them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    nodes: ClassVar[int]
    nature: ClassVar[Nature]

    def __init__(self, folder: Path, tools: Tools) -> None:
        self.folder, self.tools = folder, tools

    @classmethod  # noqa: B027 - some need nothing
    def prepare(cls, tools: Tools) -> None:
        """Download and build what it needs.

        Raises:
            CheckFailed: ``no-go`` or ``not-built``.
        """

    @abstractmethod
    async def start(self) -> None:
        """Start every process, and return when the system takes records."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop every process, whatever state they are in."""

    @abstractmethod
    def refuse_dead(self) -> None:
        """Return if every process runs.

        Raises:
            CheckFailed: one ended by itself; the message says what it printed last.
        """

    @property
    @abstractmethod
    def pids(self) -> Sequence[int]:
        """The processes whose work counts."""

    @abstractmethod
    async def bulk(self, stream: Stream, count: int) -> float:
        """Load records as fast as they are taken; return the seconds until all nodes have all."""

    @abstractmethod
    async def wait(self, stream: Stream, clients: int, seconds: float) -> Waited:
        """Let clients each submit a record, wait until it is final, and submit the next."""


class ProgramSystem(System):
    """A system whose processes are programs that this one starts, watches and stops."""

    def __init__(self, folder: Path, tools: Tools) -> None:
        super().__init__(folder, tools)
        self._programs = Programs(folder)

    async def stop(self) -> None:
        """Stop every process."""
        self._programs.stop()

    def refuse_dead(self) -> None:
        """Return if every process runs."""
        self._programs.refuse_dead()

    @property
    def pids(self) -> Sequence[int]:
        """The processes; one may do more than a node's work, such as an application's."""
        return self._programs.pids


async def until_all(count: Callable[[], Awaitable[int]], goal: int) -> None:
    """Wait until a count that only grows reaches a goal.

    Raises:
        CheckFailed: ``stalled``.
    """
    first = last = await count()
    moved, now = time.monotonic(), first
    while now < goal:
        if now > last:
            moved, last = time.monotonic(), now
        if time.monotonic() - moved > STALL_S:
            raise CheckFailed("stalled", f"{now} of {goal} records final, then nothing moved")
        await asyncio.sleep(POLL_S[10 * (goal - now) <= goal - first])
        now = await count()


async def closed_loop(asks: Iterable[Callable[[], Awaitable[None]]], seconds: float) -> Waited:
    """Let every client ask again and again; each waits for its answer before it asks anew.

    Raises:
        CheckFailed: ``stalled``.
    """
    latencies: list[float] = []
    began = time.perf_counter()

    async def client(ask: Callable[[], Awaitable[None]]) -> None:
        while (asked := time.perf_counter()) - began < seconds:
            await ask()
            latencies.append((time.perf_counter() - asked) * 1000)

    try:
        async with asyncio.timeout(seconds + STALL_S), asyncio.TaskGroup() as group:
            for ask in asks:
                group.create_task(client(ask))
    except TimeoutError:
        raise CheckFailed("stalled", f"clients waited {STALL_S:.0f} s for an answer") from None
    return Waited(time.perf_counter() - began, latencies)
