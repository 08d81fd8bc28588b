"""The trading hours of a generated day: orders, captures and the planted trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.day.cast import CURRENCY, Cast, Plan
from demo.day.dates import CUTOFF_TIME
from demo.day.dice import Dice
from demo.day.rows import (
    AMEND,
    CAPTURE,
    FIXED,
    INSTRUCT,
    LOST,
    RATIO,
    REVERSE,
    WITHDRAW,
    CaptureRow,
    Leg,
    OrderRow,
    format_legs,
    moment,
    parse_legs,
    stamp,
)

MINUTE_MS = 60_000
LATE_TIME = "22:30:00"
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
OPEN_TIME = "09:00:00"
_TRADING_MS = 11 * 60 * MINUTE_MS
_PPM_MIN, _PPM_MAX = 5_000, 60_000
_LEG_COUNTS = (1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 7)
_CHANNELS = ("wechat", "wechat", "alipay", "unionpay", "card")
_PURPOSES = {"fee": "fee", "service": "service", "share": "revenue-share"}

Halves = tuple[list[OrderRow], list[CaptureRow]]


@dataclass(slots=True)
class Trade:
    """What a day's trading wrote, in the order of the files."""

    orders: list[OrderRow]
    captures: list[CaptureRow]
    troubles: dict[str, tuple[str, ...]]


def trade(plan: Plan, cast: Cast, dice: Dice) -> Trade:
    """Draw a day's orders and captures, with every trouble planted."""
    each = max(1, plan.payments // PLANTED_PER)
    numbers = iter(dice.draw(range(plan.payments), each * len(TROUBLES)))
    planted = {next(numbers): name for name in TROUBLES for _ in range(each)}
    scene = _Scene(plan, cast, dice)
    result = Trade([], [], {})
    for number in range(plan.payments):
        trouble = planted.get(number, "")
        orders, captures = scene.payment(number, trouble)
        result.orders += orders
        result.captures += captures
        if trouble:
            known = result.troubles.get(trouble, ())
            result.troubles[trouble] = (*known, orders[0].payment)
    result.orders.sort(key=lambda row: (row.instructed_at, row.record))
    result.captures.sort(key=lambda row: (row.captured_at, row.record))
    return result


class _Scene:
    """Draws single payments."""

    def __init__(self, plan: Plan, cast: Cast, dice: Dice) -> None:
        self._plan = plan
        self._cast = cast
        self._dice = dice
        self._open_ms = moment(f"{plan.date}T{OPEN_TIME}+08:00")
        self._cutoff_ms = moment(f"{plan.date}T{CUTOFF_TIME}+08:00")
        self._late_ms = moment(f"{plan.date}T{LATE_TIME}+08:00")
        self._owned_next = 0
        self._spoil: dict[str, Callable[[OrderRow, CaptureRow], Halves]] = {
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
        """Return the rows of payment ``number``, spoiled by ``trouble``."""
        order = self._order(number, trouble)
        capture = self._capture(order)
        spoil = self._spoil.get(trouble)
        return spoil(order, capture) if spoil else ([order], [capture])

    def _order(self, number: int, trouble: str) -> OrderRow:
        step_ms = _TRADING_MS // self._plan.payments
        at_ms = self._open_ms + number * step_ms + self._dice.between(0, step_ms - 1)
        if trouble == CROSSING:
            at_ms = self._cutoff_ms - self._dice.between(100, 700)
        tag = f"{self._plan.date.replace('-', '')}-{number + 1:06d}"
        amount = self._dice.between(1_000, 250_000)
        mode, legs, tail_leg = self._legs(amount, trouble)
        return OrderRow(
            record=f"ins-{tag}",
            action=INSTRUCT,
            payment=f"pay-{tag}",
            order=f"ord-{tag}",
            amount=amount,
            currency=CURRENCY,
            mode=mode,
            legs=format_legs(legs),
            tail_leg=tail_leg,
            instructed_at=stamp(at_ms),
            delay=str(self._dice.between(20, 400)),
        )

    def _capture(self, order: OrderRow) -> CaptureRow:
        at_ms = moment(order.instructed_at) + self._dice.between(800, 8_000)
        return CaptureRow(
            record=order.record.replace("ins-", "cap-"),
            action=CAPTURE,
            payment=order.payment,
            order=order.order,
            amount=order.amount,
            currency=order.currency,
            channel=self._dice.pick(_CHANNELS),
            captured_at=stamp(at_ms),
            delay=str(self._dice.between(50, 900)),
        )

    def _legs(self, amount: int, trouble: str) -> tuple[str, tuple[Leg, ...], str]:
        if trouble == "ratio-with-tail":
            return RATIO, self._thirds(), self._dice.pick(("", "1"))
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
        legs = tuple(
            Leg(n + 1, name, share, _purpose(name))
            for n, (name, share) in enumerate(zip(names, shares, strict=True))
        )
        tail_leg = "1" if ratio and self._dice.one_in(3) else ""
        return RATIO if ratio else FIXED, legs, tail_leg

    def _thirds(self) -> tuple[Leg, ...]:
        shares = (333_333, 333_333, 333_334)
        names = self._receivers(len(shares))
        return tuple(
            Leg(n + 1, name, share, _purpose(name))
            for n, (name, share) in enumerate(zip(names, shares, strict=True))
        )

    def _receivers(self, count: int) -> list[str]:
        owned = min(max(0, count - 1), 2 if count < 4 else 3, len(self._cast.owned))
        names = [row.receiver for row in self._dice.draw(self._cast.merchants, count - owned)]
        for _ in range(owned):
            names.append(self._cast.owned[self._owned_next].receiver)
            self._owned_next = (self._owned_next + 1) % len(self._cast.owned)
        return names

    def _lose_capture(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [order], [capture._replace(delay=LOST)]

    def _lose_instruction(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [order._replace(delay=LOST)], [capture]

    def _notify_twice(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [order], [capture, capture._replace(delay=str(int(capture.delay) + 30_000))]

    def _capture_again(self, order: OrderRow, capture: CaptureRow) -> Halves:
        later = stamp(moment(capture.captured_at) + self._dice.between(2, 9) * 1_000)
        return [order], [capture, capture._replace(record=f"{capture.record}-b", captured_at=later)]

    def _differ(self, order: OrderRow, capture: CaptureRow) -> Halves:
        wrong = order.amount + self._dice.between(1, 99)
        return [_with_amount(order, wrong)], [capture]

    def _differ_and_amend(self, order: OrderRow, capture: CaptureRow) -> Halves:
        orders, captures = self._differ(order, capture)
        right = order._replace(record=order.record.replace("ins-", "amd-"), action=AMEND)
        return [*orders, _later(right, 90)], captures

    def _delay(self, order: OrderRow, capture: CaptureRow) -> Halves:
        notified_ms = self._late_ms + self._dice.between(0, 30 * MINUTE_MS)
        delay = str(notified_ms - moment(capture.captured_at))
        return [order], [capture._replace(delay=delay)]

    def _name_nobody(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [_with_receiver(order, f"shop-{self._dice.between(90_000, 99_999)}")], [capture]

    def _name_nobody_then_correct(self, order: OrderRow, capture: CaptureRow) -> Halves:
        wrong, captures = self._name_nobody(order, capture)
        return [*wrong, _corrected(order)], captures

    def _name_suspended(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [_with_receiver(order, self._dice.pick(self._cast.suspended).receiver)], [capture]

    def _widen_then_correct(self, order: OrderRow, capture: CaptureRow) -> Halves:
        legs = parse_legs(order.legs)
        used = {leg.receiver for leg in legs}
        spare = next(r.receiver for r in self._cast.merchants if r.receiver not in used)
        first = legs[0]._replace(share=legs[0].share - 1)
        wide = (first, *legs[1:], Leg(len(legs) + 1, spare, 1, "goods"))
        return [order._replace(legs=format_legs(wide)), _corrected(order)], [capture]

    def _cancel(self, order: OrderRow, capture: CaptureRow) -> Halves:
        return [order, _withdrawal(order, 3)], []

    def _reverse(self, order: OrderRow, capture: CaptureRow) -> Halves:
        undone = capture._replace(
            record=capture.record.replace("cap-", "rev-"),
            action=REVERSE,
            captured_at=stamp(moment(capture.captured_at) + 60 * MINUTE_MS),
        )
        return [order, _withdrawal(order, 70)], [capture, undone]


def _purpose(receiver: str) -> str:
    return _PURPOSES.get(receiver.rpartition("-")[2], "goods")


def _with_amount(order: OrderRow, amount: int) -> OrderRow:
    legs = parse_legs(order.legs)
    if order.mode == FIXED:
        legs = (legs[0]._replace(share=legs[0].share + amount - order.amount), *legs[1:])
    return order._replace(amount=amount, legs=format_legs(legs))


def _with_receiver(order: OrderRow, receiver: str) -> OrderRow:
    legs = parse_legs(order.legs)
    return order._replace(legs=format_legs((legs[0]._replace(receiver=receiver), *legs[1:])))


def _withdrawal(order: OrderRow, minutes: int) -> OrderRow:
    gone = order._replace(record=order.record.replace("ins-", "wdr-"), action=WITHDRAW)
    return _later(gone._replace(mode="", legs="", tail_leg=""), minutes)


def _corrected(order: OrderRow) -> OrderRow:
    return _later(order._replace(record=f"{order.record}-b"), 10)


def _later(order: OrderRow, minutes: int) -> OrderRow:
    return order._replace(instructed_at=stamp(moment(order.instructed_at) + minutes * MINUTE_MS))
