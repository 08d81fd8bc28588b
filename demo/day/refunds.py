"""The refunds of a generated day: the float they come from, the requests, and how each one ended.

The float is one fen short of the smallest refund that is asked for beyond it. After the results the
platform tops it up, asks again for what failed and for what was refused, and takes the rest back.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from demo.day.cast import CURRENCY
from demo.day.dice import Dice
from demo.day.rows import (
    CONFIRM,
    DEPOSIT,
    FAILED,
    PAID,
    WITHDRAW,
    CaptureRow,
    Day,
    FloatRow,
    RefundResultRow,
    RefundRow,
    moment,
    stamp,
)

_DEPOSIT_TIME = "07:30:00"
_REQUEST_TIME = "20:30:00"
_MINUTE_MS = 60_000
_SPARE = 100_000
_REASONS = ("goods returned", "order cancelled", "price adjusted")
_FAILURES = ("card closed", "name mismatch", "bank timeout")


class Refunds(NamedTuple):
    """What a day's refunds wrote into the files. ``unanswered`` names refunds without a result."""

    floats: tuple[FloatRow, ...]
    requests: tuple[RefundRow, ...]
    results: tuple[RefundResultRow, ...]
    unanswered: tuple[str, ...]


def refunds(day: Day, dice: Dice) -> Refunds:
    """Draw the refunds of a day whose trade is known."""
    return _Desk(day, dice).work()


class _Desk:
    """Writes rows one after the other, each a little later than the one before."""

    def __init__(self, day: Day, dice: Dice) -> None:
        self._day = day
        self._dice = dice
        self._captures = {row.payment: row for row in reversed(day.captures)}
        self._now_ms = 0
        self._floats: list[FloatRow] = []
        self._requests: list[RefundRow] = []
        self._results: list[RefundResultRow] = []

    def work(self) -> Refunds:
        plain = [self._some_of(payment) for payment in self._troubled("refund")]
        failing = [self._some_of(payment) for payment in self._troubled("refund-failed-retried")]
        halves = [self._half_of(payment) for payment in self._troubled("refund-beyond-payment")]
        beyond = [self._whole_of(payment) for payment in self._troubled("refund-beyond-float")]
        first = [*plain, *failing, *halves]
        spare = min(row.amount for row in beyond) - 1
        self._at(_DEPOSIT_TIME)
        self._deposit(sum(row.amount for row in first) + spare)
        self._at(_REQUEST_TIME)
        self._request([*first, *map(self._more_than_left, halves), *beyond])
        self._pause()
        self._answer(plain[:-1], PAID)
        self._answer(failing, FAILED)
        self._answer(halves, PAID)
        self._deposit(sum(row.amount for row in beyond) + _SPARE)
        again = [row._replace(record=f"{row.record}-b") for row in (*failing, *beyond)]
        self._request(again)
        self._pause()
        self._answer(again, PAID)
        self._move(WITHDRAW, _SPARE)
        return Refunds(
            tuple(self._floats),
            tuple(self._requests),
            tuple(self._results),
            unanswered=(plain[-1].refund,),
        )

    def _troubled(self, trouble: str) -> list[CaptureRow]:
        return [self._captures[payment] for payment in self._day.troubles[trouble]]

    def _some_of(self, capture: CaptureRow) -> RefundRow:
        whole = self._dice.one_in(2)
        return _request_of(capture, capture.amount // (1 if whole else 3), self._reason())

    def _half_of(self, capture: CaptureRow) -> RefundRow:
        return _request_of(capture, capture.amount // 2, self._reason())

    def _whole_of(self, capture: CaptureRow) -> RefundRow:
        return _request_of(capture, capture.amount, self._reason())

    def _more_than_left(self, half: RefundRow) -> RefundRow:
        left = self._captures[half.payment].amount - half.amount
        return half._replace(record=f"{half.record}-2", refund=f"{half.refund}-2", amount=left + 1)

    def _reason(self) -> str:
        return self._dice.pick(_REASONS)

    def _at(self, time: str) -> None:
        self._now_ms = moment(f"{self._day.business_date}T{time}+08:00")

    def _tick(self) -> str:
        self._now_ms += self._dice.between(200, 900)
        return stamp(self._now_ms)

    def _pause(self) -> None:
        self._now_ms += 5 * _MINUTE_MS

    def _request(self, rows: list[RefundRow]) -> None:
        self._requests += [row._replace(requested_at=self._tick()) for row in rows]

    def _answer(self, rows: list[RefundRow], result: str) -> None:
        for row in rows:
            paid = result == PAID
            self._results.append(
                RefundResultRow(
                    record=row.record.replace("rfq-", "rfr-"),
                    refund=row.refund,
                    result=result,
                    bank_reference=sha256(self._dice.octets(32)).hexdigest() if paid else "",
                    stated_at=self._tick(),
                    reason="" if paid else self._dice.pick(_FAILURES),
                )
            )

    def _deposit(self, amount: int) -> None:
        self._move(DEPOSIT, amount)
        self._pause()

    def _move(self, action: str, amount: int) -> None:
        movements = {row.movement for row in self._floats}
        movement = f"flt-{self._day.business_date.replace('-', '')}-{len(movements) + 1}"
        for party, said in ((self._day.institution, action), (self._day.platform, CONFIRM)):
            row = FloatRow(party, said, movement, amount, CURRENCY, self._tick())
            self._floats.append(row)
            self._now_ms += _MINUTE_MS


def _request_of(capture: CaptureRow, amount: int, reason: str) -> RefundRow:
    tag = capture.payment.removeprefix("pay-")
    return RefundRow(
        record=f"rfq-{tag}",
        refund=f"ref-{tag}",
        payment=capture.payment,
        order=capture.order,
        amount=amount,
        currency=capture.currency,
        reason=reason,
        requested_at="",
    )
