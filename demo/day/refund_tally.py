"""A second account of refunds and of their float, apart from the ledger's contracts."""

from __future__ import annotations

from collections import Counter

from demo.day.lines import Floats, Refunds
from demo.day.tally import Tally
from ledger.contracts.refund_float import (
    FloatStatement,
    RefundFloatConfirmed,
    RefundFloatDeposited,
)
from ledger.contracts.refunds import RefundFailed, RefundPaid, RefundRequested

REQUESTED, PAID, FAILED = "requested", "paid", "failed"


class RefundTally:
    """Account of a day's refunds, taken in the order of their times.

    ``free`` is what is left of what was ``deposited``: neither paid nor held. ``taken`` is what
    of a payment is requested or paid. Minor units.

    Args:
        tally: The account of the payments that are refunded.
    """

    def __init__(self, tally: Tally) -> None:
        self.requests: dict[str, RefundRequested] = {}
        self.states: dict[str, str] = {}
        self.movements: dict[str, FloatStatement] = {}
        self.deposited = 0
        self.free = 0
        self.taken: Counter[str] = Counter()
        self._tally = tally

    def take(self, floats: Floats, refunds: Refunds) -> None:
        """Take all lines of a day.

        Raises:
            ValueError: a movement is confirmed with another amount, or a refund has two results.
            LookupError: a movement or a refund is not known.
        """
        for line in sorted((*floats, *refunds), key=lambda line: line.record.at):
            record = line.record
            if isinstance(record, FloatStatement):
                self._move(record)
            elif isinstance(record, RefundRequested):
                self._request(record)
            else:
                self._answer(record)

    def sum_of(self, state: str) -> dict[str, int]:
        """Return how many refunds are in a state, and the sum of their amounts."""
        amounts = [row.amount for name, row in self.requests.items() if self.states[name] == state]
        return {"count": len(amounts), "amount": sum(amounts)}

    def _move(self, row: FloatStatement) -> None:
        self._tally.count()
        if not isinstance(row, RefundFloatConfirmed):
            self.movements[row.movement] = row
            return
        stated = self.movements[row.movement]
        if (row.amount, row.currency) != (stated.amount, stated.currency):
            raise ValueError(f"movement {row.movement} is confirmed with another amount")
        amount = row.amount if isinstance(stated, RefundFloatDeposited) else -row.amount
        self.deposited += amount
        self.free += amount

    def _request(self, row: RefundRequested) -> None:
        code = self._request_refusal(row)
        self._tally.count(code)
        if not code:
            self.requests[row.refund] = row
            self.states[row.refund] = REQUESTED
            self._take(row, row.amount)

    def _request_refusal(self, row: RefundRequested) -> str:
        if self.states.get(row.refund, FAILED) != FAILED:
            return "refund-exists"
        if not self._tally.stands(row.payment):
            return "not-captured"
        if self.taken[row.payment] + row.amount > self._tally.captures[row.payment].amount:
            return "refund-exceeds-payment"
        return "refund-exceeds-float" if row.amount > self.free else ""

    def _answer(self, row: RefundPaid | RefundFailed) -> None:
        if self.states[row.refund] != REQUESTED:
            raise ValueError(f"refund {row.refund} has its result already")
        self._tally.count()
        self.states[row.refund] = PAID if isinstance(row, RefundPaid) else FAILED
        if self.states[row.refund] == FAILED:
            request = self.requests[row.refund]
            self._take(request, -request.amount)

    def _take(self, row: RefundRequested, amount: int) -> None:
        self.free -= amount
        self.taken[row.payment] += amount
