"""The running consortium with its feeders, and the day played on it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, NamedTuple

from demo.day.lines import DayFiles
from demo.day.phases import trading_captures, trading_orders
from demo.stage.feeder import Feeder
from demo.stage.morning import FundersMorning
from demo.stage.network import LocalNetwork
from demo.stage.observer import Observer
from demo.stage.outage import Outage, strike
from demo.stage.screen import Screen
from demo.stage.trading_day import TradingDay
from ledger.quorum import tolerance

_KILL_AT_PERCENT = 30
_GO_ON_PERCENT = 15


class Played(NamedTuple):
    """Account of the play: how long the day took, since when, and what befell which node.

    ``receipt_of`` names a record by author and id for which a receipt will be asked.
    """

    began_ms: int
    seconds: float
    outage: Outage | None
    no_kill: str
    receipt_of: tuple[str, str]


class Stage:
    """A consortium of real processes and the parties' feeders.

    Args:
        network: The consortium, its nodes not started.
        day: The day to play.
        screen: Told what happens.
        morning: The funders' morning after it, if the cast has one.
    """

    def __init__(
        self,
        network: LocalNetwork,
        day: DayFiles,
        screen: Screen,
        morning: FundersMorning | None = None,
    ) -> None:
        self.network = network
        self.screen = screen
        self.observer = Observer(network.nodes, screen)
        self.feeders: dict[str, Feeder] = {}
        self.morning = morning
        self._day = day
        self._done = 0
        self._midway = asyncio.Event()
        self._midway_at = 0

    async def close(self) -> None:
        """Close all connections; the processes are their owner's business."""
        for feeder in self.feeders.values():
            await feeder.close()
        await self.observer.close()

    async def play(self, *, kill: bool) -> Played:
        """Start the nodes and live through the day.

        Args:
            kill: Whether to kill the leading node midway, where the quorum allows it.
        """
        with self.screen.live():
            await self._start()
            watching = asyncio.create_task(self.observer.watch())
            try:
                began_ms, started = time.time_ns() // 1_000_000, time.monotonic()
                no_kill = self._no_kill(kill)
                outage = await self._live(no_kill)
                seconds = time.monotonic() - started
            finally:
                watching.cancel()
            self.screen.event("the day is over; every node is asked what it holds")
        first = trading_captures(self._day)[0]
        return Played(began_ms, seconds, outage, no_kill, (first.party, first.record.id))

    async def live_morning(self) -> dict[str, Any] | None:
        """Live through the funders' morning; return what it showed, or None without one."""
        if self.morning is None:
            return None
        with self.screen.live():
            watching = asyncio.create_task(self.observer.watch())
            try:
                return await self.morning.play(self.feeders, self.observer, self.screen)
            finally:
                watching.cancel()

    async def _start(self) -> None:
        nodes, genesis = self.network.nodes, self.network.genesis
        self.screen.event(f"founded {genesis.origin[:-48]}…")  # a line of 80 columns
        for line in tolerance(len(genesis.voters), genesis.quorum)[:-1]:
            self.screen.event(line)
        for node in nodes:
            node.start()
        await asyncio.gather(*(self.observer.until_ready(node.party) for node in nodes))
        self.screen.event(f"{len(nodes)} node processes are up, each with its own key and database")
        lines = [*self._day.lines, *(self.morning.lines if self.morning else ())]
        heard = (line.party for line in lines if line.delay_ms is not None)
        for party, total in Counter(heard).items():
            self.feeders[party] = self._feeder(party, total)

    def _feeder(self, party: str, total: int) -> Feeder:
        node = self.network.node(party)
        bar = self.screen.bar(f"{party} states", total)

        def on_progress(count: int) -> None:
            self.screen.advance(bar, count)
            self._done += count
            if self._midway_at and self._done >= self._midway_at:
                self._midway.set()

        return Feeder(party, node.url, node.token, on_progress)

    async def _live(self, no_kill: str) -> Outage | None:
        day = TradingDay(self._day, self.feeders, self.observer, self.screen)
        await self._at_once(day.register(), day.agree())
        outage = None
        if no_kill:
            self.screen.event(f"no node will be killed: {no_kill}")
            await day.trade()
        else:
            outage = await self._trade_through_outage(day)
        await self.observer.until_equal()
        await day.correct()
        await self._at_once(day.settle(0), day.refund())
        await day.come_late()
        await self._at_once(day.settle(1), day.charge(), day.dispute())
        return outage

    async def _at_once(self, *parts: Coroutine[Any, Any, None]) -> None:
        """Live through independent parts of the day side by side, until all nodes have them."""
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
        await self.observer.until_equal()

    async def _trade_through_outage(self, day: TradingDay) -> Outage:
        total = len(trading_orders(self._day)) + len(trading_captures(self._day))
        self._midway_at = self._done + total * _KILL_AT_PERCENT // 100
        async with asyncio.TaskGroup() as group:
            group.create_task(day.trade())
            striking = group.create_task(self._strike(total * _GO_ON_PERCENT // 100))
        return striking.result()

    async def _strike(self, entries: int) -> Outage:
        await self._midway.wait()
        return await strike(self.network.nodes, self.observer, self.screen, entries)

    def _no_kill(self, kill: bool) -> str:
        genesis = self.network.genesis
        if not kill:
            return "--no-kill was given"
        if len(genesis.voters) - genesis.quorum < 1:
            return f"with quorum {genesis.quorum} of {len(genesis.voters)} nobody may be down"
        return ""
