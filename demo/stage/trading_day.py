"""The business day itself: what each party's feeder states, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cli.errors import CheckFailed
from demo.day import conversations, phases, statements
from demo.day.conversations import Turn
from demo.day.rows import SUSPENDED, ConfirmationRow, Day, OrderRow, moment
from demo.stage.conversation import PAGE_RECORDS, hold
from demo.stage.feeder import Feeder, Statement
from demo.stage.observer import Observer
from demo.stage.pages import all_of
from demo.stage.screen import Screen

PAGED_FROM_PAYMENTS = 2000
_WATCH_S = 0.1
_PATIENCE_S = 60.0
_OPENING = "T08:00:00+08:00"


class TradingDay:
    """Drives one day through the feeders.

    Args:
        day: The day's rows.
        feeders: One feeder per party that states anything.
        observer: Tells when all nodes have come to one height.
        screen: Told what happens.
    """

    def __init__(
        self, day: Day, feeders: dict[str, Feeder], observer: Observer, screen: Screen
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
        at_ms = moment(f"{self._day.business_date}{_OPENING}")
        rows = self._day.receivers
        closed = [row for row in rows if row.status == SUSPENDED]
        self._screen.event(f"institution registers {len(rows)} receivers")
        await self._institution.feed(
            [Statement(row.receiver, statements.registered(row, at_ms)) for row in rows]
            + [Statement(row.receiver, statements.suspended(row, at_ms)) for row in closed],
            self._page,
        )

    async def agree(self) -> None:
        """Agree on fees and on profit sharing, and fill the refund float."""
        turns = conversations.opening(self._day)
        self._screen.event(f"fees, profit sharing and the refund float: {_count(turns)} records")
        await hold(turns, self._feeders)

    async def trade(self) -> None:
        """Captures and split instructions, concurrently."""
        orders = phases.trading_orders(self._day)
        captures = phases.trading_captures(self._day)
        self._screen.event(f"trading: {len(captures)} captures, {len(orders)} split instructions")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._platform.feed(_orders(orders), self._page))
            group.create_task(
                self._institution.feed(
                    (Statement(row.payment, statements.capture_record(row)) for row in captures),
                    self._page,
                )
            )

    async def correct(self) -> None:
        """The institution takes void captures back; the platform mends what its node shows."""
        reversals = phases.reversals(self._day)
        corrections = phases.corrections(self._day)
        self._screen.event(f"corrections: {len(reversals)} reversals, {len(corrections)} mends")
        async with asyncio.TaskGroup() as group:
            group.create_task(
                self._institution.feed(
                    Statement(row.payment, statements.capture_record(row)) for row in reversals
                )
            )
            group.create_task(self._mend(corrections))
        await self._observer.until_equal()

    async def _mend(self, rows: list[OrderRow]) -> None:
        waiting = {row.payment: row for row in rows}
        cancelled = self._cancelled()

        async def seen() -> list[OrderRow]:
            shown = await self._subjects(self._platform, state="conflicting")
            shown |= await self._subjects(self._platform, kind="reversal", state="open")
            return [r for p, r in waiting.items() if p in cancelled or f"payment:{p}" in shown]

        while waiting:
            ready = await _until(seen, "the platform's node shows nothing to mend")
            await self._platform.feed(_orders(ready))
            for row in ready:
                del waiting[row.payment]

    def _cancelled(self) -> set[str]:
        captured = {row.payment for row in self._day.captures}
        return {row.payment for row in self._day.orders if row.payment not in captured}

    async def settle(self, run: int) -> None:
        """Pay out what is due, say how each payout ended, and have the arrivals confirmed.

        Args:
            run: 0 for the run of the day, 1 for that of the next business date.
        """
        date, rows, arrived = list(phases.runs(self._day))[run]
        self._screen.event(f"cut-off {date}: {len(rows)} payouts, {len(arrived)} confirmed")
        created = [Statement(row.payout, statements.payout_created(row)) for row in rows]
        results = [Statement(row.payout, statements.payout_result(row)) for row in rows]
        await self._institution.feed(created + results, self._page)
        await self._confirm_all(arrived)

    async def refund(self) -> None:
        """Ask for refunds, answer them, and ask again for those that failed or were refused."""
        turns = conversations.refunding(self._day)
        requests, results = len(self._day.refunds), len(self._day.refund_results)
        self._screen.event(f"refunds: {requests} requests, {results} results")
        await hold(turns, self._feeders)

    async def charge(self) -> None:
        """Charge the fees, invoice and settle the month, and share the income."""
        self._screen.event(f"fees: {len(self._day.fees)} charges, then invoice and profit sharing")
        await hold(conversations.charging(self._day), self._feeders)

    async def dispute(self) -> None:
        """Raise disputes and answer them."""
        self._screen.event(f"{len(self._day.disputes)} disputes are raised")
        await hold(conversations.disputing(self._day), self._feeders)

    async def _confirm_all(self, arrived: list[ConfirmationRow]) -> None:
        by_party: dict[str, dict[str, ConfirmationRow]] = {}
        for row in arrived:
            by_party.setdefault(row.party, {})[f"payout:{row.payout}"] = row
        async with asyncio.TaskGroup() as group:
            for party, rows in by_party.items():
                group.create_task(self._confirm(self._feeders[party], rows))

    async def _confirm(self, feeder: Feeder, waiting: dict[str, ConfirmationRow]) -> None:
        async def seen() -> list[str]:
            shown = await self._subjects(feeder, kind="arrival", state="open", awaited=feeder.party)
            return [subject for subject in waiting if subject in shown]

        while waiting:
            ready = await _until(seen, f"the node of {feeder.party} shows no arrival")
            await feeder.feed(
                Statement(subject, statements.confirmed(waiting[subject])) for subject in ready
            )
            for subject in ready:
                del waiting[subject]

    async def come_late(self) -> None:
        """Hand in the notifications that come after the payouts."""
        rows = phases.late_captures(self._day)
        self._screen.event(f"{len(rows)} captures are notified late")
        await self._institution.feed(
            Statement(row.payment, statements.capture_record(row)) for row in rows
        )

    async def _subjects(self, feeder: Feeder, **query: str) -> set[str]:
        shown = await all_of(feeder.get, "expectations", **query)
        return {expectation["subject"] for expectation in shown}


def _count(turns: Iterable[Turn]) -> int:
    return sum(len(turn.said) for turn in turns)


def _orders(rows: Iterable[OrderRow]) -> Iterable[Statement]:
    return (Statement(row.payment, statements.order_record(row)) for row in rows)


async def _until(look: Callable[[], Awaitable[list[Any]]], complaint: str) -> list[Any]:
    """Return what ``look`` finds as soon as it finds anything."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not (found := await look()):
                await asyncio.sleep(_WATCH_S)
            return found
    except TimeoutError:
        raise CheckFailed("not-seen", f"{complaint} within {_PATIENCE_S:.0f} s") from None
