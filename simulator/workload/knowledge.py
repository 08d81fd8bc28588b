"""The knowledge of the workload: what was said and answered, as far as later records need it.

It is no second ledger. It is told of a record when the record was answered as applied, in the order
in which the answers came, and may be behind or mistaken when parties race: then a record that was
meant to be valid is refused, which is what happens to people as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Generic, TypeVar

from ledger.calendar import BusinessDays, YearDays
from ledger.contracts.allocation import share
from ledger.genesis import DAY_MS, Genesis
from simulator.chance import Chance
from simulator.workload.loan_subjects import KnownCompensation, KnownLoan, KnownLoanMoney
from simulator.workload.subjects import (
    Chain,
    Known,
    KnownAgreement,
    KnownCalendarYear,
    KnownDispute,
    KnownInvoice,
    KnownLeg,
    KnownMovement,
    KnownPayment,
    KnownPayout,
    KnownPeriod,
    KnownReceiver,
    KnownRefund,
    KnownShare,
)

NEAR = 40
"""Count of the latest subjects of a kind that business is still about."""
CURRENCIES = ("CNY", "CNY", "CNY", "USD")
BACK_MS = 330 * DAY_MS
"""Time before the run at which reported captures begin: fees need months that are over."""
STEP_MS = DAY_MS // 2
"""Mean time from the capture of one payment to that of the next."""

CALENDAR_YEARS = (2025, 2026, 2027)
"""The years in which runs take place, which are founded, and amended on the way."""

T = TypeVar("T", bound=Known)


class Shelf(Generic[T]):
    """Subjects of one kind, in the order in which they became known."""

    def __init__(self) -> None:
        self._subjects: list[T] = []
        self._named: dict[str, T] = {}

    def add(self, subject: T) -> None:
        """Put a subject on the shelf."""
        self._subjects.append(subject)
        self._named[subject.name] = subject

    def __len__(self) -> int:
        return len(self._subjects)

    def __iter__(self) -> Iterator[T]:
        return iter(self._subjects)

    def count(self, fits: Callable[[T], bool]) -> int:
        """Return how many of the latest subjects fit."""
        return sum(1 for subject in self._subjects[-NEAR:] if fits(subject))

    def get(self, name: str) -> T | None:
        """Return the subject of that name, if there is one."""
        return self._named.get(name)

    def find(self, chance: Chance, fits: Callable[[T], bool]) -> T | None:
        """Return one of the latest subjects that fits, or None."""
        near = self._subjects[-NEAR:]
        first = chance.below(len(near))
        for place in range(len(near)):
            subject = near[(first + place) % len(near)]
            if fits(subject):
                return subject
        return None

    def some(self, chance: Chance, count: int, fits: Callable[[T], bool]) -> list[T]:
        """Return up to ``count`` different ones of the latest subjects that fit."""
        return chance.some([subject for subject in self._subjects[-NEAR:] if fits(subject)], count)


class Knowledge:
    """The whole knowledge of a workload.

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
        self.receivers: Shelf[KnownReceiver] = Shelf()
        self.payments: Shelf[KnownPayment] = Shelf()
        self.payouts: Shelf[KnownPayout] = Shelf()
        self.movements: Shelf[KnownMovement] = Shelf()
        self.free: dict[str, int] = {}
        self.refunds: Shelf[KnownRefund] = Shelf()
        self.disputes: Shelf[KnownDispute] = Shelf()
        self.fee_agreements: Shelf[KnownAgreement] = Shelf()
        self.fee_chains: dict[tuple[str, str], Chain] = {}
        self.periods: Shelf[KnownPeriod] = Shelf()
        self.months: dict[tuple[str, str], KnownPeriod] = {}
        self.invoices: Shelf[KnownInvoice] = Shelf()
        self.profit_agreements: Shelf[KnownAgreement] = Shelf()
        self.profit_chains: dict[str, Chain] = {}
        self.shares: Shelf[KnownShare] = Shelf()
        self.loans: Shelf[KnownLoan] = Shelf()
        self.loan_money: Shelf[KnownLoanMoney] = Shelf()
        self.compensations: Shelf[KnownCompensation] = Shelf()
        self.calendar_years: Shelf[KnownCalendarYear] = Shelf()
        for year in CALENDAR_YEARS:
            self.calendar_years.add(KnownCalendarYear(year))
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
        known = self.calendar_years.get(str(year))
        return (
            known if known is not None and known.held else self.genesis.calendar.founded.get(year)
        )

    def fee_chain(self, currency: str, channel: str) -> Chain:
        """Return the fee agreements in force for a currency and exactly this channel."""
        return self.fee_chains.setdefault((currency, channel), Chain())

    def profit_chain(self, currency: str) -> Chain:
        """Return the profit agreements in force for a currency."""
        return self.profit_chains.setdefault(currency, Chain())

    def period(self, month: str, currency: str) -> KnownPeriod:
        """Return what accrued in a month, which may be nothing."""
        found = self.months.get((month, currency))
        if found is None:
            found = self.months[month, currency] = KnownPeriod(month, currency)
            self.periods.add(found)
        return found

    def keep_payment(self, payment: KnownPayment) -> None:
        """Learn of a half of a payment, and what follows for its legs."""
        if isinstance(payment, KnownLoanMoney):
            if self.loan_money.get(payment.name) is None:
                self.loan_money.add(payment)
        elif self.payments.get(payment.name) is None:
            self.payments.add(payment)
        self.derive_legs(payment)

    def derive_legs(self, payment: KnownPayment) -> None:
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
            receiver = self.receivers.get(leg["receiver"])
            if receiver is None or not amount or (payment.waits and receiver.suspended):
                continue
            day = self.date(capture["captured_at"])
            payment.legs.append(KnownLeg((payment, leg["leg"]), receiver, amount, day))
            receiver.due.append(payment.legs[-1])
