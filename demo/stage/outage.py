"""The outage of the node that leads the current slot: killed, missed, restarted, caught up."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from cli.errors import CheckFailed
from demo.stage.observer import Observer
from demo.stage.processes import NodeProcess
from demo.stage.screen import Screen

_DOWN_MIN_S = 1.5
_DOWN_MAX_S = 6.0
_POLL_S = 0.05
_CATCH_UP_S = 40.0


class Outage(NamedTuple):
    """Fate of the killed node. Seconds since the start of the demo, or of the event."""

    party: str
    slot: int
    killed_at_s: float
    down_s: float
    entries_missed: int
    caught_up_s: float


async def strike(
    nodes: list[NodeProcess], observer: Observer, screen: Screen, entries: int
) -> Outage:
    """Kill the leader, wait until the others went on by ``entries``, restart it, see it catch up.

    Raises:
        CheckFailed: the others did not go on, or the node did not catch up.
    """
    victim, status = await _leader(nodes, observer)
    victim.kill()
    killed_at_s = screen.elapsed_s
    screen.event(f"kill -9 {victim.party}, which leads slot {status['slot']}")
    frozen = await _size_elsewhere(observer, victim.party)
    down = time.monotonic()
    while (waited := time.monotonic() - down) < _DOWN_MAX_S:
        size = await _size_elsewhere(observer, victim.party)
        if waited >= _DOWN_MIN_S and size >= frozen + entries:
            break
        await asyncio.sleep(_POLL_S)
    victim.start()
    back = time.monotonic()
    goal = await _size_elsewhere(observer, victim.party)
    screen.event(f"the others went on to entry {goal}; {victim.party} is started again")
    await _caught_up(victim, observer, goal)
    caught_up_s = time.monotonic() - back
    screen.event(f"{victim.party} has caught up, {caught_up_s:.1f} s after its start")
    return Outage(
        victim.party,
        status["slot"],
        round(killed_at_s, 2),
        round(back - down, 2),
        goal - frozen,
        round(caught_up_s, 2),
    )


async def _leader(
    nodes: list[NodeProcess], observer: Observer
) -> tuple[NodeProcess, dict[str, Any]]:
    statuses = [status for status in (await observer.statuses()).values() if status]
    if not statuses:
        raise CheckFailed("unreachable", "no node answers")
    newest = max(statuses, key=lambda status: int(status["slot"]))
    return next(node for node in nodes if node.party == newest["leader"]), newest


async def _size_elsewhere(observer: Observer, party: str) -> int:
    found = await observer.statuses()
    return max((s["size"] for name, s in found.items() if s and name != party), default=0)


async def _caught_up(victim: NodeProcess, observer: Observer, goal: int) -> None:
    deadline = time.monotonic() + _CATCH_UP_S
    while time.monotonic() < deadline:
        victim.refuse_dead()
        status = await observer.status(victim.party)
        if status and status["size"] >= goal:
            return
        await asyncio.sleep(_POLL_S)
    raise CheckFailed("not-caught-up", f"{victim.party} did not catch up in {_CATCH_UP_S:.0f} s")
