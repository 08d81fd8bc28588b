"""The workload's own small book: what was said and answered, as far as later records need it.

It is no second ledger. It is told of a record when the record was answered as applied, in the order
in which the answers came, and may be behind or mistaken when parties race: then a record that was
meant to be valid is refused, which is what happens to people as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Generic, TypeVar

from ledger.calendar import BusinessDays, YearDays
from ledger.contracts.allocation import share
from ledger.genesis import DAY_MS, Genesis
from simulator.chance import Chance
from simulator.workload.things import (
    Agreement,
    CalendarYear,
    Chain,
    Dispute,
    Invoice,
    Leg,
    Movement,
    Payment,
    Payout,
    Period,
    Receiver,
    Refund,
    Share,
    Thing,
)

NEAR = 40
"""How many of the latest things of a kind business is still about."""
CURRENCIES = ("CNY", "CNY", "CNY", "USD")
BACK_MS = 330 * DAY_MS
"""How long before the run the captures begin that it reports: fees need months that are over."""
STEP_MS = DAY_MS // 2
"""How much later, in the mean, the next payment was captured."""

CALENDAR_YEARS = (2025, 2026, 2027)
"""The years in which runs take place, which are founded, and amended on the way."""

T = TypeVar("T", bound=Thing)


class Shelf(Generic[T]):
    """Things of one kind, in the order in which the book learnt of them."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._named: dict[str, T] = {}

    def add(self, thing: T) -> None:
        """Put a thing on the shelf."""
        self._things.append(thing)

        self._named[thing.name] = thing

    def __len__(self) -> int:
        return len(self._things)

    def named(self, name: str) -> T | None:
        """Return the thing of that name, if there is one."""
        return self._named.get(name)

    def find(self, chance: Chance, fits: Callable[[T], bool]) -> T | None:
        """Return one of the latest things that fits, or None."""
        near = self._things[-NEAR:]
        first = chance.below(len(near))
        for place in range(len(near)):
            thing = near[(first + place) % len(near)]
            if fits(thing):
                return thing
        return None

    def some(self, chance: Chance, count: int, fits: Callable[[T], bool]) -> list[T]:
        """Return up to ``count`` different ones of the latest things that fit."""
        return chance.some([thing for thing in self._things[-NEAR:] if fits(thing)], count)


class Book:
    """All that the workload knows.

    Args:
        genesis: The consortium.
        parties: Who takes part, in order.
        now_ms: When the run begins.
    """

    def __init__(self, genesis: Genesis, parties: tuple[str, ...], now_ms: int) -> None:
        self.genesis = genesis
        self.parties = parties
        self.dealers = tuple(party for party in parties if party in genesis.voters)
        self.platform = genesis.sole("platform")
        self.institution = genesis.sole("institution")
        self.first_ms = self.cursor_ms = now_ms - BACK_MS
        self.receivers: Shelf[Receiver] = Shelf()
        self.payments: Shelf[Payment] = Shelf()
        self.payouts: Shelf[Payout] = Shelf()
        self.movements: Shelf[Movement] = Shelf()
        self.free: dict[str, int] = {}
        self.refunds: Shelf[Refund] = Shelf()
        self.disputes: Shelf[Dispute] = Shelf()
        self.fee_agreements: Shelf[Agreement] = Shelf()
        self.tariffs: dict[tuple[str, str], Chain] = {}
        self.periods: Shelf[Period] = Shelf()
        self.months: dict[tuple[str, str], Period] = {}
        self.invoices: Shelf[Invoice] = Shelf()
        self.profit_agreements: Shelf[Agreement] = Shelf()
        self.plans: dict[str, Chain] = {}
        self.shares: Shelf[Share] = Shelf()
        self.calendar_years: Shelf[CalendarYear] = Shelf()
        for year in CALENDAR_YEARS:
            self.calendar_years.add(CalendarYear(year))
        self.days = BusinessDays(self._decided)
        self._count = 0

    def number(self) -> int:
        """Return a number that was not used before."""
        self._count += 1
        return self._count

    def more_free(self, currency: str, amount: int) -> None:
        """Add to what is free of the refund float, or take away."""
        self.free[currency] = self.free.get(currency, 0) + amount

    def date(self, time_ms: int) -> str:
        """Return the business date of a time."""
        return self.genesis.calendar.business_date(time_ms)

    def due(self, day: str, cycle: str) -> str:
        """Return when money of a business date is due, by the calendar that holds."""
        return self.days.due(date.fromisoformat(day), cycle).isoformat()

    def _decided(self, year: int) -> YearDays | None:
        known = self.calendar_years.named(str(year))
        return (
            known if known is not None and known.held else self.genesis.calendar.founded.get(year)
        )

    def tariff(self, currency: str, channel: str) -> Chain:
        """Return the fee agreements in force for a currency and exactly this channel."""
        return self.tariffs.setdefault((currency, channel), Chain())

    def plan(self, currency: str) -> Chain:
        """Return the profit agreements in force for a currency."""
        return self.plans.setdefault(currency, Chain())

    def period(self, month: str, currency: str) -> Period:
        """Return what accrued in a month, which may be nothing."""
        found = self.months.get((month, currency))
        if found is None:
            found = self.months[month, currency] = Period(month, currency)
            self.periods.add(found)
        return found

    def place(self, payment: Payment) -> None:
        """Let the legs of a payment follow from its halves; what is in a payout stays."""
        held = {leg.number: leg for leg in payment.legs if leg.payout}
        for leg in payment.legs:
            if not leg.payout and leg in leg.receiver.due:
                leg.receiver.due.remove(leg)
        payment.legs = []
        capture, split = payment.capture, payment.split
        if capture is None or split is None or not payment.agrees:
            return
        stated = split["legs"]
        amounts = [leg.get("amount", 0) for leg in stated]
        if split["mode"] == "ratio":
            ppms = [leg["ppm"] for leg in stated]
            amounts = list(share(split["amount"], ppms, split.get("tail_leg", 0)).amounts)
        for leg, amount in zip(stated, amounts, strict=True):
            if leg["leg"] in held:
                payment.legs.append(held[leg["leg"]])
                continue
            receiver = self.receivers.named(leg["receiver"])
            if receiver is None or not amount:
                continue
            day = self.date(capture["captured_at"])
            payment.legs.append(Leg((payment, leg["leg"]), receiver, amount, day))
            receiver.due.append(payment.legs[-1])
