"""Holds a conversation between the parties: each turn when its party knows what was said before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from cli.errors import CheckFailed
from demo.day.conversations import Turn
from demo.stage.feeder import PATIENCE_S, Feeder

PAGE_RECORDS = 50
_WATCH_S = 0.05


async def hold(turns: Iterable[Turn], feeders: dict[str, Feeder]) -> None:
    """Have the feeders say their turns, and return when all is final.

    A turn begins when the node of its party has the block in which the one before it ended.
    """
    height = 0
    for turn in turns:
        feeder = feeders[turn.party]
        await _reached(feeder, height)
        await feeder.feed(turn.lines, PAGE_RECORDS)
        height = await _height(feeder)


async def _reached(feeder: Feeder, height: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while await _height(feeder) < height:
        if time.monotonic() > deadline:
            raise CheckFailed(
                "not-seen", f"the node of {feeder.party} did not come to block {height}"
            )
        await asyncio.sleep(_WATCH_S)


async def _height(feeder: Feeder) -> int:
    return int((await feeder.get("/v1/status"))["height"])
