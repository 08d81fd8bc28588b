"""The refunds of a generated day: the float they come from, the requests, and how each one ended.

The float is one fen short of the smallest refund that is asked for beyond it. After the results the
platform tops it up, asks again for what failed and for what was refused, and takes the rest back.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from msgspec.structs import replace

from demo.day.cast import CURRENCY
from demo.day.dice import Dice
from demo.day.lines import DayFiles, DayLine, Floats, Refunds, at, those
from ledger.contracts.payments import PaymentCaptured
from ledger.contracts.refund_float import (
    FloatStatement,
    RefundFloatConfirmed,
    RefundFloatDeposited,
    RefundFloatWithdrawn,
)
from ledger.contracts.refunds import RefundFailed, RefundPaid, RefundRequested

_DEPOSIT_TIME = "07:30"
_REQUEST_TIME = "20:30"
_MINUTE_MS = 60_000
_SPARE = 100_000
_REASONS = ("goods returned", "order cancelled", "price adjusted")
_FAILURES = ("card closed", "name mismatch", "bank timeout")


class Refunding(NamedTuple):
    """Lines that a day's refunds wrote. ``unanswered`` names refunds without a result."""

    floats: Floats
    refunds: Refunds
    unanswered: tuple[str, ...]


def refunds(day: DayFiles, dice: Dice) -> Refunding:
    """Draw the refunds of a day whose trade is known."""
    return _Scribe(day, dice).work()


class _Scribe:
    """Writer of lines, each a little later than the one before."""

    def __init__(self, day: DayFiles, dice: Dice) -> None:
        self._day = day
        self._dice = dice
        captures = reversed(those(day.captures, PaymentCaptured))
        self._captures = {line.record.payment: line.record for line in captures}
        self._now_ms = 0
        self._moved = 0
        self._floats: list[DayLine[Any]] = []
        self._refunds: list[DayLine[Any]] = []

    def work(self) -> Refunding:
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
        self._pay(plain[:-1])
        self._fail(failing)
        self._pay(halves)
        self._deposit(sum(row.amount for row in beyond) + _SPARE)
        again = [replace(row, id=f"{row.id}-b") for row in (*failing, *beyond)]
        self._request(again)
        self._pause()
        self._pay(again)
        self._move(RefundFloatWithdrawn, "withdrawn", _SPARE)
        unanswered = (plain[-1].refund,)
        return Refunding(tuple(self._floats), tuple(self._refunds), unanswered)

    def _troubled(self, trouble: str) -> list[PaymentCaptured]:
        return [self._captures[payment] for payment in self._day.troubles[trouble]]

    def _some_of(self, capture: PaymentCaptured) -> RefundRequested:
        whole = self._dice.one_in(2)
        return _request_of(capture, capture.amount // (1 if whole else 3), self._reason())

    def _half_of(self, capture: PaymentCaptured) -> RefundRequested:
        return _request_of(capture, capture.amount // 2, self._reason())

    def _whole_of(self, capture: PaymentCaptured) -> RefundRequested:
        return _request_of(capture, capture.amount, self._reason())

    def _more_than_left(self, half: RefundRequested) -> RefundRequested:
        left = self._captures[half.payment].amount - half.amount
        return replace(half, id=f"{half.id}-2", refund=f"{half.refund}-2", amount=left + 1)

    def _reason(self) -> str:
        return self._dice.pick(_REASONS)

    def _at(self, time: str) -> None:
        self._now_ms = at(self._day.business_date, time)

    def _tick(self) -> int:
        self._now_ms += self._dice.between(200, 900)
        return self._now_ms

    def _pause(self) -> None:
        self._now_ms += 5 * _MINUTE_MS

    def _request(self, rows: list[RefundRequested]) -> None:
        platform = self._day.platform
        self._refunds += [DayLine(platform, replace(row, at=self._tick())) for row in rows]

    def _pay(self, rows: list[RefundRequested]) -> None:
        for row in rows:
            reference, now_ms = sha256(self._dice.octets(32)).hexdigest(), self._tick()
            self._answer(
                RefundPaid(
                    id=_result_of(row),
                    at=now_ms,
                    refund=row.refund,
                    bank_reference=reference,
                    paid_at=now_ms,
                )
            )

    def _fail(self, rows: list[RefundRequested]) -> None:
        for row in rows:
            now_ms, reason = self._tick(), self._dice.pick(_FAILURES)
            self._answer(
                RefundFailed(id=_result_of(row), at=now_ms, refund=row.refund, reason=reason)
            )

    def _answer(self, result: RefundPaid | RefundFailed) -> None:
        self._refunds.append(DayLine(self._day.institution, result))

    def _deposit(self, amount: int) -> None:
        self._move(RefundFloatDeposited, "deposited", amount)
        self._pause()

    def _move(self, kind: type[FloatStatement], done: str, amount: int) -> None:
        self._moved += 1
        movement = f"flt-{self._day.business_date.replace('-', '')}-{self._moved}"
        stated = self._day.institution, kind, done
        for party, said, word in (stated, (self._day.platform, RefundFloatConfirmed, "confirmed")):
            row = said(
                id=f"{movement}.{word}",
                at=self._tick(),
                movement=movement,
                amount=amount,
                currency=CURRENCY,
            )
            self._floats.append(DayLine(party, row))
            self._now_ms += _MINUTE_MS


def _request_of(capture: PaymentCaptured, amount: int, reason: str) -> RefundRequested:
    tag = capture.payment.removeprefix("pay-")
    return RefundRequested(
        id=f"rfq-{tag}",
        at=0,
        refund=f"ref-{tag}",
        payment=capture.payment,
        order=capture.order,
        amount=amount,
        currency=capture.currency,
        reason=reason,
    )


def _result_of(request: RefundRequested) -> str:
    return request.id.replace("rfq-", "rfr-")
