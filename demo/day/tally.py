"""A plain second account of a day: what must come out, worked out without the ledger's contracts.

It knows the business rules only as far as the day's files use them, keeps everything in dicts,
and shares nothing with the ledger, neither dates nor sums: so it notices what goes wrong there. The
demo and the tests hold the running nodes against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from demo.day.dates import Dates
from demo.day.rows import (
    AMEND,
    PAID,
    RATIO,
    REVERSE,
    SUSPENDED,
    WITHDRAW,
    CaptureRow,
    ConfirmationRow,
    OrderRow,
    PayoutRow,
    ReceiverRow,
    moment,
    parse_legs,
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
    """Takes a day's rows in the order in which they can have happened.

    Args:
        receivers: The institution's receivers.
        dates: The institution's calendar.
    """

    def __init__(self, receivers: tuple[ReceiverRow, ...], dates: Dates) -> None:
        self.receivers = {row.receiver: row for row in receivers}
        self.applied = len(receivers) + sum(row.status == SUSPENDED for row in receivers)
        self.applied += 2 * len(dates.declared)
        self.refused: Counter[str] = Counter()
        self.repeated = 0
        self.orders: dict[str, OrderRow] = {}
        self.captures: dict[str, CaptureRow] = {}
        self.withdrawn: set[str] = set()
        self.reversed: set[str] = set()
        self.payouts: dict[str, PayoutRow] = {}
        self.confirmations: dict[str, ConfirmationRow] = {}
        self._settled: set[tuple[str, str]] = set()
        self.dates = dates

    def count(self, code: str = "") -> None:
        """Count a record as applied, or as refused with ``code``."""
        if code:
            self.refused[code] += 1
        else:
            self.applied += 1

    def order(self, row: OrderRow) -> None:
        """Take one row of the platform's."""
        code = self._order_refusal(row)
        if code:
            self.refused[code] += 1
            return
        self.applied += 1
        if row.action == WITHDRAW:
            self.withdrawn.add(row.payment)
        else:
            self.orders[row.payment] = row

    def _order_refusal(self, row: OrderRow) -> str:
        legs = parse_legs(row.legs)
        if len(legs) > LEGS_MAX:
            return "too-many-legs"
        for leg in legs:
            receiver = self.receivers.get(leg.receiver)
            if receiver is None:
                return "unknown-receiver"
            if receiver.status == SUSPENDED:
                return "receiver-suspended"
        if row.action not in (AMEND, WITHDRAW) and row.payment in self.orders:
            return "already-instructed"
        return ""

    def capture(self, row: CaptureRow) -> None:
        """Take one notification of the institution's."""
        if row.action == REVERSE:
            self.reversed.add(row.payment)
            self.applied += 1
            return
        known = self.captures.get(row.payment)
        if known is None:
            self.captures[row.payment] = row
            self.applied += 1
        elif known.record == row.record:
            self.repeated += 1
        else:
            self.refused["already-captured"] += 1

    def due(self, cutoff_date: str) -> dict[str, list[tuple[str, int]]]:
        """Return the payments and leg amounts due per receiver up to a date."""
        due: dict[str, list[tuple[str, int]]] = {}
        for payment, receiver, amount in self.unsettled():
            captured_ms = moment(self.captures[payment].captured_at)
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

    def settle(self, rows: Iterable[PayoutRow], cutoff_date: str) -> None:
        """Take one run of payouts.

        Raises:
            ValueError: a payout is not what is due to its receiver.
        """
        due = self.due(cutoff_date)
        for row in rows:
            legs = due.get(row.receiver, [])
            if (row.amount, row.legs) != (sum(amount for _, amount in legs), len(legs)):
                raise ValueError(f"payout {row.payout} is not what is due to {row.receiver}")
            self.payouts[row.payout] = row
            self.applied += 2
            if row.result == PAID:
                self._settled.update((payment, row.receiver) for payment, _ in legs)

    def confirm(self, row: ConfirmationRow) -> None:
        """Take one owner's word on what reached its account."""
        self.confirmations[row.payout] = row
        self.applied += 1

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
        if row.result != PAID or not self.receivers[row.receiver].owner:
            return ""
        confirmed = self.confirmations.get(payout)
        if confirmed is None:
            return OPEN
        same = (confirmed.amount, confirmed.currency) == (row.amount, row.currency)
        return COMPLETE if same else CONFLICTING

    def split(self, payment: str) -> list[tuple[str, int]]:
        """Return receiver and amount of every leg of a payment's instruction."""
        row = self.orders[payment]
        legs = parse_legs(row.legs)
        amounts = [leg.share for leg in legs]
        if row.mode == RATIO:
            amounts = shares(row.amount, amounts, int(row.tail_leg or 0))
        return [(leg.receiver, amount) for leg, amount in zip(legs, amounts, strict=True)]
