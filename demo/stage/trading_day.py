"""The business day itself: which lines each party's feeder states, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from cli.errors import CheckFailed
from demo.day import conversations, phases
from demo.day.conversations import Turn, subject_of
from demo.day.lines import DayFiles, DayLine, Orders, records
from demo.stage.feeder import PATIENCE_S, Feeder
from demo.stage.observer import Observer
from demo.stage.pages import all_of
from demo.stage.screen import Screen
from ledger.contracts.disputes import DisputeRaised
from ledger.contracts.receivers import ReceiverRegistered
from ledger.contracts.refunds import RefundRequested
from ledger.contracts.settlement import SettlementCreated
from ledger.records import Record

T = TypeVar("T")

PAGE_RECORDS = 50
PAGED_FROM_PAYMENTS = 2000
_WATCH_S = 0.1


class TradingDay:
    """One day, driven through the feeders.

    Args:
        day: What is stated.
        feeders: One feeder per party that states anything.
        observer: Tells when all nodes have come to one height.
        screen: Told what happens.
    """

    def __init__(
        self, day: DayFiles, feeders: dict[str, Feeder], observer: Observer, screen: Screen
    ) -> None:
        self._day = day
        self._feeders = feeders
        self._platform = feeders[day.platform]
        self._institution = feeders[day.institution]
        self._observer = observer
        self._screen = screen
        self._page = PAGE_RECORDS if len(day.captures) > PAGED_FROM_PAYMENTS else 1

    async def register(self) -> None:
        """Register the receivers, and suspend those under review."""
        receivers = self._day.receivers
        count = len(records(receivers, ReceiverRegistered))
        self._screen.event(f"institution registers {count} receivers")
        await self._institution.feed(receivers, self._page)

    async def agree(self) -> None:
        """Agree on fees and on profit sharing, and fill the refund float."""
        turns = conversations.opening(self._day)
        count = sum(len(turn.lines) for turn in turns)
        self._screen.event(f"fees, profit sharing and the refund float: {count} records")
        await hold(self._feeders, turns)

    async def trade(self) -> None:
        """Captures and split instructions, concurrently."""
        orders = phases.trading_orders(self._day)
        captures = phases.trading_captures(self._day)
        self._screen.event(f"trading: {len(captures)} captures, {len(orders)} split instructions")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._platform.feed(orders, self._page))
            group.create_task(self._institution.feed(captures, self._page))

    async def correct(self) -> None:
        """The institution takes void captures back; the platform mends what its node shows."""
        reversals = phases.reversals(self._day)
        corrections = phases.corrections(self._day)
        self._screen.event(f"corrections: {len(reversals)} reversals, {len(corrections)} mends")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._institution.feed(reversals))
            group.create_task(self._mend(corrections))
        await self._observer.until_equal()

    async def _mend(self, corrections: Orders) -> None:
        captured = {line.record.payment for line in self._day.captures}
        cancelled = [line for line in corrections if line.record.payment not in captured]
        await self._platform.feed(cancelled)
        wrong = [line for line in corrections if line.record.payment in captured]
        contradicted, reversed_ = {"state": "conflicting"}, {"kind": "reversal", "state": "open"}
        await self._once_shown(self._platform, wrong, contradicted, reversed_)

    async def settle(self, run: int) -> None:
        """Pay out what is due, say how each payout ended, and have the arrivals confirmed.

        Args:
            run: 0 for the run of the day, 1 for that of the next business date.
        """
        date, payouts, arrived = list(phases.runs(self._day))[run]
        count = len(records(payouts, SettlementCreated))
        self._screen.event(f"cut-off {date}: {count} payouts, {len(arrived)} confirmed")
        await self._institution.feed(payouts, self._page)
        async with asyncio.TaskGroup() as group:
            for party in {line.party for line in arrived}:
                own = [line for line in arrived if line.party == party]
                awaited = {"kind": "arrival", "state": "open", "awaited": party}
                group.create_task(self._once_shown(self._feeders[party], own, awaited))

    async def refund(self) -> None:
        """Ask for refunds, answer them, and ask again for those that failed or were refused."""
        refunds = self._day.refunds
        requests = len(records(refunds, RefundRequested))
        results = len(refunds) - requests
        self._screen.event(f"refunds: {requests} requests, {results} results")
        await hold(self._feeders, conversations.refunding(self._day))

    async def charge(self) -> None:
        """Charge the fees, invoice and settle the month, and share the income."""
        self._screen.event(f"fees: {len(self._day.fees)} charges, then invoice and profit sharing")
        await hold(self._feeders, conversations.charging(self._day))

    async def dispute(self) -> None:
        """Raise disputes and answer them."""
        raised = records(self._day.disputes, DisputeRaised)
        self._screen.event(f"{len(raised)} disputes are raised")
        await hold(self._feeders, conversations.disputing(self._day))

    async def come_late(self) -> None:
        """Hand in the notifications that come after the payouts."""
        captures = phases.late_captures(self._day)
        self._screen.event(f"{len(captures)} captures are notified late")
        await self._institution.feed(captures)

    async def _once_shown(
        self, feeder: Feeder, lines: Iterable[DayLine[Record]], *queries: dict[str, str]
    ) -> None:
        """Have a party state each line once its node lists the subject among the expectations."""
        waiting = {subject_of(line.record): line for line in lines}

        async def seen() -> list[str]:
            shown = [await all_of(feeder.get, "expectations", **query) for query in queries]
            subjects = {each["subject"] for expectations in shown for each in expectations}
            return sorted(waiting.keys() & subjects)

        while waiting:
            ready = await _until(seen, f"{feeder.party} shows nothing of {next(iter(waiting))}")
            await feeder.feed([waiting.pop(subject) for subject in ready])


async def hold(
    feeders: Mapping[str, Feeder], turns: Iterable[Turn], page: int = PAGE_RECORDS
) -> None:
    """Have the feeders say their turns, and return when all is final.

    A turn begins when the node of its party has the block in which the one before it ended.

    Args:
        feeders: One feeder per party that says anything.
        turns: The conversation.
        page: How many records go into one request.
    """
    height = 0
    for turn in turns:
        feeder = feeders[turn.party]
        reached = partial(_has_come_to, feeder, height)
        await _until(reached, f"{feeder.party} did not come to block {height}")
        await feeder.feed(turn.lines, page)
        height = await _height(feeder)


async def _height(feeder: Feeder) -> int:
    return int((await feeder.get("/v1/status"))["height"])


async def _has_come_to(feeder: Feeder, height: int) -> bool:
    return await _height(feeder) >= height


async def _until(look: Callable[[], Awaitable[T]], lack: str) -> T:
    """Return what ``look`` finds as soon as it finds anything; ``lack`` says what it does not."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await look()):
                await asyncio.sleep(_WATCH_S)
            return found
    except TimeoutError:
        said = f"the node of {lack} within {PATIENCE_S:.0f} s"
        raise CheckFailed("not-seen", said) from None
