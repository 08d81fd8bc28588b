"""A plain second account of a day: what must come out, worked out without the ledger's contracts.

It knows the business rules only as far as the day's files use them, keeps everything in dicts,
and shares nothing with the ledger but the calendar and the allocation of ratios. The demo and the
tests hold the running nodes against it.
"""

from __future__ import annotations

from collections import Counter

from cli.day.rows import (
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
from ledger.calendar import Calendar
from ledger.contracts.allocation import share

LEGS_MAX = 10


class Tally:
    """Takes a day's rows in the order in which they can have happened.

    Args:
        receivers: The institution's receivers.
    """

    def __init__(self, receivers: tuple[ReceiverRow, ...]) -> None:
        self.receivers = {row.receiver: row for row in receivers}
        self.applied = len(receivers) + sum(row.status == SUSPENDED for row in receivers)
        self.refused: Counter[str] = Counter()
        self.repeated = 0
        self.orders: dict[str, OrderRow] = {}
        self.captures: dict[str, CaptureRow] = {}
        self.withdrawn: set[str] = set()
        self.reversed: set[str] = set()
        self.payouts: dict[str, PayoutRow] = {}
        self.confirmations: dict[str, ConfirmationRow] = {}
        self._settled: set[tuple[str, str]] = set()
        self._calendar = Calendar()

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

    def due(self, cutoff_date: str) -> dict[str, list[int]]:
        """Return the leg amounts due per receiver up to a date, in order of payment and leg."""
        due: dict[str, list[int]] = {}
        for payment in sorted(self.captures):
            if self.state(payment) != "complete":
                continue
            captured_ms = moment(self.captures[payment].captured_at)
            for receiver, amount in self.split(payment):
                cycle = self.receivers[receiver].cycle
                unpaid = (payment, receiver) not in self._settled
                if unpaid and self._calendar.due_date(captured_ms, cycle) <= cutoff_date:
                    due.setdefault(receiver, []).append(amount)
        return due

    def settle(self, rows: tuple[PayoutRow, ...], cutoff_date: str) -> None:
        """Take the run of payouts.

        Raises:
            ValueError: a payout is not what is due to its receiver.
        """
        due = self.due(cutoff_date)
        for row in rows:
            amounts = due.get(row.receiver, [])
            if (row.amount, row.legs) != (sum(amounts), len(amounts)):
                raise ValueError(f"payout {row.payout} is not what is due to {row.receiver}")
            self.payouts[row.payout] = row
            self.applied += 2
        receivers = {row.receiver for row in rows if row.result == PAID}
        self._settled.update(
            (payment, receiver)
            for payment in self.captures
            if self.state(payment) == "complete"
            for receiver, _ in self.split(payment)
            if receiver in receivers
        )

    def confirm(self, row: ConfirmationRow) -> None:
        """Take one owner's word on what reached its account."""
        self.confirmations[row.payout] = row
        self.applied += 1

    def state(self, payment: str) -> str:
        """Return ``complete``, ``open``, ``conflicting``, or ``void`` when it was taken back."""
        order, capture = self.orders.get(payment), self.captures.get(payment)
        if payment in self.withdrawn or payment in self.reversed:
            return "void"
        if order is None or capture is None:
            return "open"
        same = (order.order, order.amount, order.currency) == (
            capture.order,
            capture.amount,
            capture.currency,
        )
        return "complete" if same else "conflicting"

    def split(self, payment: str) -> list[tuple[str, int]]:
        """Return receiver and amount of every leg of a payment's instruction."""
        row = self.orders[payment]
        legs = parse_legs(row.legs)
        amounts = [leg.share for leg in legs]
        if row.mode == RATIO:
            amounts = list(share(row.amount, amounts, int(row.tail_leg or 0)).amounts)
        return [(leg.receiver, amount) for leg, amount in zip(legs, amounts, strict=True)]
