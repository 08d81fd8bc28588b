"""A plain second account of a day: what must come out, worked out without the ledger's contracts.

It knows the business rules only as far as the day's files use them, keeps everything in dicts, and
shares nothing with the ledger but the fields of records, neither dates nor sums: so it notices what
goes wrong there. The demo and the tests hold the running nodes against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from demo.day.dates import PlainCalendar
from demo.day.lines import Payouts, Registry, records
from ledger.contracts.allocation import Split
from ledger.contracts.payments import (
    PaymentCaptured,
    SplitAmended,
    SplitInstructed,
    SplitWithdrawn,
)
from ledger.contracts.receivers import ReceiverRegistered, ReceiverSuspended
from ledger.contracts.reversals import PaymentReversed
from ledger.contracts.settlement import (
    SettlementConfirmed,
    SettlementCreated,
    SettlementPaid,
    SettlementReturned,
)

LEGS_MAX = 10
_MILLION = 1_000_000
COMPLETE, OPEN, CONFLICTING, VOID = "complete", "open", "conflicting", "void"


def shares(amount: int, ppms: Sequence[int], tail_leg: int = 0) -> list[int]:
    """Return the parts of ``amount`` by ratios in ppm that sum to one million.

    What rounding down leaves goes to the leg ``tail_leg``, counted from 1, or, if that is 0, one
    unit each to those with the largest remainders, ties to the earlier.
    """
    exact = [divmod(amount * ppm, _MILLION) for ppm in ppms]
    parts = [whole for whole, _ in exact]
    by_rest = sorted(range(len(parts)), key=lambda at: -exact[at][1])
    left = amount - sum(parts)
    for at in [tail_leg - 1] * left if tail_leg else by_rest[:left]:
        parts[at] += 1
    return parts


class Tally:
    """Account of a day's records, taken in the order in which they can have happened.

    Args:
        registry: The institution's receivers.
        dates: The institution's calendar.
    """

    def __init__(self, registry: Registry, dates: PlainCalendar) -> None:
        self.receivers = {row.receiver: row for row in records(registry, ReceiverRegistered)}
        self.applied = len(registry)
        self.refused: Counter[str] = Counter()
        self.repeated = 0
        self.orders: dict[str, Split] = {}
        self.captures: dict[str, PaymentCaptured] = {}
        self.withdrawn: set[str] = set()
        self.reversed: set[str] = set()
        self.payouts: dict[str, SettlementCreated] = {}
        self.paid: set[str] = set()
        self.confirmations: dict[str, SettlementConfirmed] = {}
        self.dates = dates
        self._suspended = {row.receiver for row in records(registry, ReceiverSuspended)}
        self._settled: set[tuple[str, str]] = set()

    def count(self, code: str = "") -> None:
        """Count a record as applied, or as refused with ``code``."""
        if code:
            self.refused[code] += 1
        else:
            self.applied += 1

    def order(self, row: SplitInstructed | SplitAmended | SplitWithdrawn) -> None:
        """Take one record of the platform's."""
        if isinstance(row, SplitWithdrawn):
            self.withdrawn.add(row.payment)
            self.count()
            return
        code = self._order_refusal(row)
        self.count(code)
        if not code:
            self.orders[row.payment] = row

    def _order_refusal(self, row: Split) -> str:
        if len(row.legs) > LEGS_MAX:
            return "too-many-legs"
        for leg in row.legs:
            if leg.receiver not in self.receivers:
                return "unknown-receiver"
            if leg.receiver in self._suspended:
                return "receiver-suspended"
        if isinstance(row, SplitInstructed) and row.payment in self.orders:
            return "already-instructed"
        return ""

    def capture(self, row: PaymentCaptured | PaymentReversed) -> None:
        """Take one notification of the institution's."""
        known = self.captures.get(row.payment)
        if isinstance(row, PaymentReversed):
            self.reversed.add(row.payment)
            self.count()
        elif known is None:
            self.captures[row.payment] = row
            self.count()
        elif known.id == row.id:
            self.repeated += 1
        else:
            self.count("already-captured")

    def due(self, cutoff_date: str) -> dict[str, list[tuple[str, int]]]:
        """Return the payments and leg amounts due per receiver up to a date."""
        due: dict[str, list[tuple[str, int]]] = {}
        for payment, receiver, amount in self.unsettled():
            captured_ms = self.captures[payment].captured_at
            cycle = self.receivers[receiver].cycle
            if amount and self.dates.due_date(captured_ms, cycle) <= cutoff_date:
                due.setdefault(receiver, []).append((payment, amount))
        return due

    def unsettled(self) -> Iterator[tuple[str, str, int]]:
        """Yield payment, receiver and amount of every leg whose halves agree and that is not paid.

        A leg whose payout came back is not paid.
        """
        for payment in sorted(self.captures):
            if self.state(payment) != COMPLETE:
                continue
            for receiver, amount in self.split(payment):
                if (payment, receiver) not in self._settled:
                    yield payment, receiver, amount

    def settle(self, run: Payouts, cutoff_date: str) -> None:
        """Take one run of payouts.

        Raises:
            ValueError: a payout is not what is due to its receiver, or has not one result.
        """
        due = self.due(cutoff_date)
        paid = {row.payout for row in records(run, SettlementPaid)}
        returned = {row.payout for row in records(run, SettlementReturned)}
        for row in records(run, SettlementCreated):
            legs = due.get(row.receiver, [])
            if (row.amount, row.legs) != (sum(amount for _, amount in legs), len(legs)):
                raise ValueError(f"payout {row.payout} is not what is due to {row.receiver}")
            if (row.payout in paid) == (row.payout in returned):
                raise ValueError(f"payout {row.payout} is to end in one way: paid, or returned")
            self.payouts[row.payout] = row
            if row.payout in paid:
                self._settled.update((payment, row.receiver) for payment, _ in legs)
        self.paid |= paid
        self.applied += len(run)

    def confirm(self, row: SettlementConfirmed) -> None:
        """Take one owner's word on what reached its account."""
        self.confirmations[row.payout] = row
        self.count()

    def stands(self, payment: str) -> bool:
        """Return whether the payment was captured, as far as the log knows, and not reversed."""
        return payment in self.captures and payment not in self.reversed

    def state(self, payment: str) -> str:
        """Return ``complete``, ``open``, ``conflicting``, or ``void`` when it was taken back."""
        order, capture = self.orders.get(payment), self.captures.get(payment)
        if payment in self.withdrawn or payment in self.reversed:
            return VOID
        if order is None or capture is None:
            return OPEN
        same = (order.order, order.amount, order.currency) == (
            capture.order,
            capture.amount,
            capture.currency,
        )
        return COMPLETE if same else CONFLICTING

    def arrival(self, payout: str) -> str:
        """Return the state of a payout's arrival, or the empty string where none is awaited."""
        row = self.payouts[payout]
        if payout not in self.paid or not self.receivers[row.receiver].owner:
            return ""
        confirmed = self.confirmations.get(payout)
        if confirmed is None:
            return OPEN
        same = (confirmed.amount, confirmed.currency) == (row.amount, row.currency)
        return COMPLETE if same else CONFLICTING

    def split(self, payment: str) -> list[tuple[str, int]]:
        """Return receiver and amount of every leg of a payment's instruction."""
        row = self.orders[payment]
        amounts = [leg.amount for leg in row.legs]
        if row.mode == "ratio":
            amounts = shares(row.amount, [leg.ppm for leg in row.legs], row.tail_leg)
        return [(leg.receiver, amount) for leg, amount in zip(row.legs, amounts, strict=True)]
