"""Looks at the attacked node from outside: its memory, its status, whether it answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from benchmarks.attacks.attack import MEMORY_KEPT_MB_MAX
from benchmarks.attacks.honest import Probe
from benchmarks.attacks.relay import Relay
from benchmarks.peers.programs import usage
from cli.errors import CheckFailed
from demo.stage.observer import Observer

ATTACKED, DIALLER = "institution", "platform"
POLL_S = 0.1
STATUS_WAIT_S = 30.0
MB = 1024 * 1024


class Watch:
    """Looks at the attacked node while it is attacked.

    Args:
        pid: Its process.
        observer: Reads its status.
        probe: Asks whether it answers.
        honest: Whether the party that dials it is honest; else its node is switched off.
    """

    def __init__(self, pid: int, observer: Observer, probe: Probe, *, honest: bool) -> None:
        self._pid = pid
        self._observer = observer
        self._probe = probe
        self._honest = honest
        self._peak = 0.0
        self._link = 0
        self._jobs: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Watch:
        self._jobs = [
            asyncio.create_task(job)
            for job in (self._probe.run(), self._weigh(), self._look_at_link())
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def link(self) -> int:
        """Return which link of the dialler to the attacked node it is that is up; 0 for none."""
        return self._link

    async def begin(self, relay: Relay) -> dict[str, Any]:
        """Count from now on; return where everything stands."""
        self._probe.begin()
        self._peak = memory_mb(self._pid)
        return await self._stand(relay)

    async def end(self, relay: Relay, before: dict[str, Any]) -> dict[str, Any]:
        """Return where everything stands, once the last handshake has had its time.

        A node that does not tell is taken to stand where it stood before.
        """
        peak, stall_s = self._peak, self._probe.longest_s()
        await asyncio.sleep(5 * POLL_S)  # what was heard of the link may be of before the last cut
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while self._honest and not self._link:
                    await asyncio.sleep(POLL_S)
        try:
            stand = await self._stand(relay)
        except CheckFailed:
            stand, stall_s = before, max(stall_s, self._probe.longest_s())
        return {**stand, "peak": max(peak, self._peak), "stall_s": stall_s}

    async def memory_kept(self, before: float, seconds: float) -> float:
        """Return how much more memory than before is held, once it has had time to go back."""
        kept = memory_mb(self._pid) - before
        deadline = time.monotonic() + seconds
        while kept > MEMORY_KEPT_MB_MAX / 3 and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            kept = min(kept, memory_mb(self._pid) - before)
        return kept

    async def _stand(self, relay: Relay) -> dict[str, Any]:
        attacked = await self._status(ATTACKED)
        dialler = await self._status(DIALLER) if self._honest else None
        convicted = {*attacked["evidence"]} - (set() if self._honest else {DIALLER})
        others = {name: link for name, link in attacked["peers"].items() if name != DIALLER}
        return {
            "memory": memory_mb(self._pid),
            "height": attacked["height"],
            "slot": attacked["final_slot"],
            "links": sum(link["connects"] - link["connected"] for link in others.values()),
            "handshakes": dialler["peers"][ATTACKED]["connects"] if dialler else 0,
            "convicted": len(convicted),
            "dialled": relay.dialled,
        }

    async def _status(self, party: str) -> dict[str, Any]:
        deadline = time.monotonic() + STATUS_WAIT_S
        while time.monotonic() < deadline:
            status = await self._observer.status(party)
            if status is not None:
                return status
            await asyncio.sleep(POLL_S)
        raise CheckFailed("unreachable", f"the node of {party} does not tell its status")

    async def _weigh(self) -> None:
        while True:
            self._peak = max(self._peak, memory_mb(self._pid))
            await asyncio.sleep(POLL_S)

    async def _look_at_link(self) -> None:
        while self._honest:
            status = await self._observer.status(DIALLER)
            link = {} if status is None else status["peers"][ATTACKED]
            self._link = link["connects"] if link.get("connected") else 0
            await asyncio.sleep(POLL_S)


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and of those that it has started, in MB."""
    return usage([pid]).memory / MB
