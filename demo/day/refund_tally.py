"""A second account of refunds and of their float, apart from the ledger's contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from demo.day.rows import (
    CONFIRM,
    DEPOSIT,
    FAILED,
    FloatRow,
    RefundResultRow,
    RefundRow,
    moment,
)
from demo.day.tally import Tally

REQUESTED = "requested"


class RefundTally:
    """Takes a day's refunds in the order of their times.

    ``free`` is what is left of what was ``deposited``: neither paid nor held. ``taken`` is what
    of a payment is requested or paid. Minor units.

    Args:
        tally: The account of the payments that are refunded.
    """

    def __init__(self, tally: Tally) -> None:
        self.requests: dict[str, RefundRow] = {}
        self.states: dict[str, str] = {}
        self.movements: dict[str, FloatRow] = {}
        self.deposited = 0
        self.free = 0
        self.taken: Counter[str] = Counter()
        self._tally = tally

    def take(
        self,
        floats: Iterable[FloatRow],
        requests: Iterable[RefundRow],
        results: Iterable[RefundResultRow],
    ) -> None:
        """Take all rows of a day."""
        timed = [(moment(row.stated_at), self._move, row) for row in floats]
        timed += [(moment(row.requested_at), self._request, row) for row in requests]  # type: ignore[misc]
        timed += [(moment(row.stated_at), self._answer, row) for row in results]  # type: ignore[misc]
        for _, take, row in sorted(timed, key=lambda each: each[0]):
            take(row)

    def sum_of(self, state: str) -> dict[str, int]:
        """Return how many refunds are in a state, and the sum of their amounts."""
        amounts = [row.amount for name, row in self.requests.items() if self.states[name] == state]
        return {"count": len(amounts), "amount": sum(amounts)}

    def _move(self, row: FloatRow) -> None:
        self._tally.count()
        if row.action != CONFIRM:
            self.movements[row.movement] = row
            return
        stated = self.movements[row.movement]
        if (row.amount, row.currency) != (stated.amount, stated.currency):
            raise ValueError(f"movement {row.movement} is confirmed with another amount")
        amount = row.amount if stated.action == DEPOSIT else -row.amount
        self.deposited += amount
        self.free += amount

    def _request(self, row: RefundRow) -> None:
        code = self._request_refusal(row)
        self._tally.count(code)
        if not code:
            self.requests[row.refund] = row
            self.states[row.refund] = REQUESTED
            self._take(row, row.amount)

    def _request_refusal(self, row: RefundRow) -> str:
        if self.states.get(row.refund, FAILED) != FAILED:
            return "refund-exists"
        if not self._tally.stands(row.payment):
            return "not-captured"
        if self.taken[row.payment] + row.amount > self._tally.captures[row.payment].amount:
            return "refund-exceeds-payment"
        return "refund-exceeds-float" if row.amount > self.free else ""

    def _answer(self, row: RefundResultRow) -> None:
        if self.states[row.refund] != REQUESTED:
            raise ValueError(f"refund {row.refund} has its result already")
        self.states[row.refund] = row.result
        self._tally.count()
        if row.result == FAILED:
            request = self.requests[row.refund]
            self._take(request, -request.amount)

    def _take(self, row: RefundRow, amount: int) -> None:
        self.free -= amount
        self.taken[row.payment] += amount
