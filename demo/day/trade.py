"""The trading hours of a generated day: orders, captures and the planted trouble."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec.structs import asdict, replace

from demo.day.cast import CURRENCY, Cast, DayPlan
from demo.day.dates import CUTOFF_TIME
from demo.day.dice import Dice
from demo.day.lines import Captures, DayLine, Orders, R, at
from ledger.contracts.allocation import SplitLeg
from ledger.contracts.payments import (
    PaymentCaptured,
    SplitAmended,
    SplitInstructed,
    SplitWithdrawn,
)
from ledger.contracts.reversals import PaymentReversed

MINUTE_MS = 60_000
LATE_TIME = "22:30"
CROSSING = "cut-off-crossing"
REFUND_TROUBLES = (
    "refund",
    "refund-failed-retried",
    "refund-beyond-payment",
    "refund-beyond-float",
)
TROUBLES = (
    "lost-capture-notification",
    "lost-instruction",
    "doubled-notification",
    "captured-again",
    "differing-amount",
    "differing-amount-corrected",
    "late-notification",
    "unknown-receiver",
    "unknown-receiver-corrected",
    "suspended-receiver",
    "too-many-legs-corrected",
    "ten-legs",
    "ratio-with-tail",
    "cancelled-order",
    "reversed-capture",
    CROSSING,
    *REFUND_TROUBLES,
    "fee-miscalculated",
    "disputed-leg",
)
"""Every kind of trouble. Each is planted at least once, and once in 100 payments."""

PLANTED_PER = 100
LEGS_MAX = 10
_MILLION = 1_000_000
OPEN_TIME = "09:00"
_TRADING_MS = 11 * 60 * MINUTE_MS
_PPM_MIN, _PPM_MAX = 5_000, 60_000
_LEG_COUNTS = (1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 7)
_CHANNELS = ("wechat", "wechat", "alipay", "unionpay", "card")
_PURPOSES = {"fee": "fee", "service": "service", "share": "revenue-share"}

OrderLine: TypeAlias = DayLine[SplitInstructed]
CaptureLine: TypeAlias = DayLine[PaymentCaptured]
Halves = tuple[Orders, Captures]


@dataclass(slots=True)
class Trade:
    """Lines that a day's trading wrote, in the order of the files."""

    orders: Orders
    captures: Captures
    troubles: dict[str, tuple[str, ...]]


def trade(plan: DayPlan, cast: Cast, dice: Dice) -> Trade:
    """Draw a day's orders and captures, with every trouble planted."""
    each = max(1, plan.payments // PLANTED_PER)
    numbers = iter(dice.draw(range(plan.payments), each * len(TROUBLES)))
    planted = {next(numbers): name for name in TROUBLES for _ in range(each)}
    scene = _Scene(plan, cast, dice)
    halves, troubles = [], defaultdict(list)
    for number in range(plan.payments):
        trouble = planted.get(number, "")
        halves.append(scene.payment(number, trouble))
        if trouble:
            troubles[trouble].append(halves[-1][0][0].record.payment)
    return Trade(
        orders=_by_time(line for orders, _ in halves for line in orders),
        captures=_by_time(line for _, captures in halves for line in captures),
        troubles={name: tuple(payments) for name, payments in troubles.items()},
    )


def _by_time(lines: Iterable[DayLine[R]]) -> tuple[DayLine[R], ...]:
    return tuple(sorted(lines, key=lambda line: (line.record.at, line.record.id)))


class _Scene:
    """Payments, drawn one by one."""

    def __init__(self, plan: DayPlan, cast: Cast, dice: Dice) -> None:
        self._plan = plan
        self._cast = cast
        self._dice = dice
        self._open_ms = at(plan.date, OPEN_TIME)
        self._cutoff_ms = at(plan.date, CUTOFF_TIME)
        self._late_ms = at(plan.date, LATE_TIME)
        self._owned_next = 0
        self._spoil: dict[str, Callable[[OrderLine, CaptureLine], Halves]] = {
            "lost-capture-notification": self._lose_capture,
            "lost-instruction": self._lose_instruction,
            "doubled-notification": self._notify_twice,
            "captured-again": self._capture_again,
            "differing-amount": self._differ,
            "differing-amount-corrected": self._differ_and_amend,
            "late-notification": self._delay,
            "unknown-receiver": self._name_nobody,
            "unknown-receiver-corrected": self._name_nobody_then_correct,
            "suspended-receiver": self._name_suspended,
            "too-many-legs-corrected": self._widen_then_correct,
            "cancelled-order": self._cancel,
            "reversed-capture": self._reverse,
        }

    def payment(self, number: int, trouble: str) -> Halves:
        """Return the lines of payment ``number``, spoiled by ``trouble``."""
        order = self._order(number, trouble)
        capture = self._capture(order)
        spoil = self._spoil.get(trouble)
        return spoil(order, capture) if spoil else ((order,), (capture,))

    def _order(self, number: int, trouble: str) -> OrderLine:
        step_ms = _TRADING_MS // self._plan.payments
        at_ms = self._open_ms + number * step_ms + self._dice.between(0, step_ms - 1)
        if trouble == CROSSING:
            at_ms = self._cutoff_ms - self._dice.between(100, 700)
        tag = f"{self._plan.date.replace('-', '')}-{number + 1:06d}"
        amount = self._dice.between(1_000, 250_000)
        instruction = SplitInstructed(
            id=f"ins-{tag}",
            at=at_ms,
            payment=f"pay-{tag}",
            order=f"ord-{tag}",
            amount=amount,
            currency=CURRENCY,
            **self._split(amount, trouble),
        )
        return DayLine(self._plan.platform, instruction, self._dice.between(20, 400))

    def _capture(self, order: OrderLine) -> CaptureLine:
        split = order.record
        at_ms = split.at + self._dice.between(800, 8_000)
        capture = PaymentCaptured(
            id=split.id.replace("ins-", "cap-"),
            at=at_ms,
            payment=split.payment,
            order=split.order,
            amount=split.amount,
            currency=split.currency,
            channel=self._dice.pick(_CHANNELS),
            captured_at=at_ms,
        )
        return DayLine(self._plan.institution, capture, self._dice.between(50, 900))

    def _split(self, amount: int, trouble: str) -> dict[str, Any]:
        if trouble == "ratio-with-tail":
            thirds = (333_333, 333_333, 333_334)
            legs = _legs(self._receivers(len(thirds)), "ppm", thirds)
            return {"mode": "ratio", "legs": legs, "tail_leg": self._dice.pick((0, 1))}
        count = self._dice.pick(_LEG_COUNTS)
        if trouble in ("ten-legs", "too-many-legs-corrected"):
            count = LEGS_MAX
        ratio = self._dice.one_in(3)
        whole = _MILLION if ratio else amount
        names = self._receivers(count)
        shares = [
            whole * self._dice.between(_PPM_MIN, _PPM_MAX) // _MILLION for _ in range(count - 1)
        ]
        shares.insert(0, whole - sum(shares))
        return {
            "mode": "ratio" if ratio else "fixed",
            "legs": _legs(names, "ppm" if ratio else "amount", shares),
            "tail_leg": 1 if ratio and self._dice.one_in(3) else 0,
        }

    def _receivers(self, count: int) -> list[str]:
        owned = min(max(0, count - 1), 2 if count < 4 else 3, len(self._cast.owned))
        names = [row.receiver for row in self._dice.draw(self._cast.merchants, count - owned)]
        for _ in range(owned):
            names.append(self._cast.owned[self._owned_next].receiver)
            self._owned_next = (self._owned_next + 1) % len(self._cast.owned)
        return names

    def _lose_capture(self, order: OrderLine, capture: CaptureLine) -> Halves:
        return (order,), (capture._replace(delay_ms=None),)

    def _lose_instruction(self, order: OrderLine, capture: CaptureLine) -> Halves:
        return (order._replace(delay_ms=None),), (capture,)

    def _notify_twice(self, order: OrderLine, capture: CaptureLine) -> Halves:
        later_ms = capture.heard_at - capture.record.at + 30_000
        return (order,), (capture, capture._replace(delay_ms=later_ms))

    def _capture_again(self, order: OrderLine, capture: CaptureLine) -> Halves:
        first = capture.record
        later_ms = first.at + self._dice.between(2, 9) * 1_000
        again = capture.but(id=f"{first.id}-b", at=later_ms, captured_at=later_ms)
        return (order,), (capture, again)

    def _differ(self, order: OrderLine, capture: CaptureLine) -> Halves:
        wrong, split = self._dice.between(1, 99), order.record
        legs = _with_more(split.legs, wrong) if split.mode == "fixed" else split.legs
        return (order.but(amount=split.amount + wrong, legs=legs),), (capture,)

    def _differ_and_amend(self, order: OrderLine, capture: CaptureLine) -> Halves:
        orders, captures = self._differ(order, capture)
        right = _later(order, 90).but(id=order.record.id.replace("ins-", "amd-")).record
        amended = DayLine(order.party, SplitAmended(**asdict(right)), order.delay_ms)
        return (*orders, amended), captures

    def _delay(self, order: OrderLine, capture: CaptureLine) -> Halves:
        notified_ms = self._late_ms + self._dice.between(0, 30 * MINUTE_MS)
        return (order,), (capture._replace(delay_ms=notified_ms - capture.record.at),)

    def _name_nobody(self, order: OrderLine, capture: CaptureLine) -> Halves:
        return (_paying(order, f"shop-{self._dice.between(90_000, 99_999)}"),), (capture,)

    def _name_nobody_then_correct(self, order: OrderLine, capture: CaptureLine) -> Halves:
        wrong, captures = self._name_nobody(order, capture)
        return (*wrong, _corrected(order)), captures

    def _name_suspended(self, order: OrderLine, capture: CaptureLine) -> Halves:
        return (_paying(order, self._dice.pick(self._cast.suspended).receiver),), (capture,)

    def _widen_then_correct(self, order: OrderLine, capture: CaptureLine) -> Halves:
        legs = order.record.legs
        used = {leg.receiver for leg in legs}
        spare = next(r.receiver for r in self._cast.merchants if r.receiver not in used)
        last = replace(_with_more(legs[:1], 1 - _share(legs[0]))[0], leg=len(legs) + 1)
        wide = (*_with_more(legs, -1), replace(last, receiver=spare, purpose="goods"))
        return (order.but(legs=wide), _corrected(order)), (capture,)

    def _cancel(self, order: OrderLine, capture: CaptureLine) -> Halves:
        return (order, _withdrawal(order, 3)), ()

    def _reverse(self, order: OrderLine, capture: CaptureLine) -> Halves:
        undone = PaymentReversed(
            id=capture.record.id.replace("cap-", "rev-"),
            at=capture.record.at + 60 * MINUTE_MS,
            payment=capture.record.payment,
            reason="capture was void",
        )
        return (order, _withdrawal(order, 70)), (
            capture,
            DayLine(capture.party, undone, capture.delay_ms),
        )


def _legs(receivers: Sequence[str], unit: str, shares: Sequence[int]) -> tuple[SplitLeg, ...]:
    """Return legs with shares of a unit: ``amount``, or ``ppm``."""
    named = enumerate(zip(receivers, shares, strict=True), 1)
    return tuple(
        SplitLeg(leg=leg, receiver=name, purpose=_purpose(name), **{unit: share})
        for leg, (name, share) in named
    )


def _purpose(receiver: str) -> str:
    return _PURPOSES.get(receiver.rpartition("-")[2], "goods")


def _share(leg: SplitLeg) -> int:
    return leg.amount or leg.ppm


def _with_more(legs: tuple[SplitLeg, ...], more: int) -> tuple[SplitLeg, ...]:
    """Return legs of which the first has a larger share."""
    unit = "amount" if legs[0].amount else "ppm"
    return replace(legs[0], **{unit: _share(legs[0]) + more}), *legs[1:]


def _paying(order: OrderLine, receiver: str) -> OrderLine:
    first, *rest = order.record.legs
    return order.but(legs=(replace(first, receiver=receiver), *rest))


def _withdrawal(order: OrderLine, minutes: int) -> DayLine[SplitWithdrawn]:
    gone = SplitWithdrawn(
        id=order.record.id.replace("ins-", "wdr-"),
        at=order.record.at + minutes * MINUTE_MS,
        payment=order.record.payment,
        reason="order cancelled",
    )
    return DayLine(order.party, gone, order.delay_ms)


def _corrected(order: OrderLine) -> OrderLine:
    return _later(order, 10).but(id=f"{order.record.id}-b")


def _later(order: OrderLine, minutes: int) -> OrderLine:
    return order.but(at=order.record.at + minutes * MINUTE_MS)
