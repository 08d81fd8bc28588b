"""Allocation: which leg of a split gets how much, to the last minor unit.

Fixed amounts must sum to the payment. Ratios are parts per million: every leg gets its exact share
rounded down, and what is left over (the tail, 尾差) goes one unit each to the legs with the largest
remainders, ties to the earlier leg; or whole to the one leg that was named to absorb it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from ledger import books
from ledger.books import money
from ledger.contracts import receivers
from ledger.errors import Refused
from ledger.limits import LEGS_CEILING, SAFE_INTEGER_MAX
from ledger.records import Amount, AmountOrNothing, Currency, Identifier, Record, Text
from ledger.state import Key, Keys, Row, Transaction

MILLION = 1_000_000
NO_BUCKET = 0
_NUMBERS = list(range(1, LEGS_CEILING + 1))

Mode = Literal["fixed", "ratio"]
LegAmount = Annotated[
    int,
    Meta(
        ge=1,
        le=SAFE_INTEGER_MAX,
        description="minor units of a leg in fixed mode; a leg that gets nothing is left out",
    ),
]
Ppm = Annotated[int, Meta(ge=1, le=MILLION, description="parts per million")]
LegNumber = Annotated[int, Meta(ge=1, le=LEGS_CEILING)]


class SplitLeg(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """One leg as the platform states it: ``amount`` in fixed mode, ``ppm`` in ratio mode."""

    leg: LegNumber
    receiver: Identifier
    purpose: Text
    amount: LegAmount = 0
    ppm: Ppm = 0


class Split(Record, frozen=True, kw_only=True):
    """The split of a payment: the fields that an instruction and its amendment share.

    ``tail_leg`` may name the leg that absorbs the tail of a ratio. ``loan`` and ``attempt`` name
    the repayment that is split; the part of it that is ``overpaid`` is in no leg, and without a leg
    all of it is.
    """

    CODES: ClassVar[tuple[str, ...]] = (
        "amount-over-limit",
        "amounts-do-not-sum",
        "allocation-differs",
        "attempt-missing",
        "compensation-split",
        "leg-form",
        "leg-order",
        "loan-not-disbursed",
        "loan-unknown",
        "overpaid-alone",
        "ratios-do-not-sum",
        "receiver-suspended",
        "tail-leg",
        "too-many-legs",
        "unknown-receiver",
        "wrong-currency",
    )

    payment: Identifier
    order: Identifier
    amount: Amount
    currency: Currency
    mode: Mode
    legs: Annotated[tuple[SplitLeg, ...], Meta(max_length=LEGS_CEILING)]
    tail_leg: LegNumber = 0
    loan: Identifier = ""
    attempt: Identifier = ""
    overpaid: AmountOrNothing = 0


class Allocation(NamedTuple):
    """Amount per leg, in minor units, and how many units of them were the tail."""

    amounts: Sequence[int]
    tail: int


class Leg(Row, frozen=True):
    """One leg with its resulting amount. ``bucket`` is 0 while nothing of it is due."""

    TABLE: ClassVar[str] = "legs"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("receiver", "bucket", "payment", "leg"),)

    payment: str
    leg: int
    receiver: str
    amount: int
    purpose: str
    ppm: int
    bucket: int

    def leads_to(self) -> Keys:
        """Return the keys of its receiver and its bucket."""
        found: list[tuple[type[Row], Key]] = [(receivers.Receiver, (self.receiver,))]
        if self.bucket:
            found.append((receivers.Bucket, (self.receiver, self.bucket)))
        return found


class FormerLeg(Row, frozen=True):
    """A leg that was in payouts, which all came back before its split changed.

    It was amended, or its payment reversed, in entry ``until``. ``bucket`` is the receiver's number
    of the bucket that it was in: the payouts before that entry that took it carried this leg.
    """

    TABLE: ClassVar[str] = "former_legs"
    KEY: ClassVar[int] = 3
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("receiver", "bucket", "payment", "leg", "until"),
    )

    payment: str
    leg: int
    until: int
    receiver: str
    bucket: int
    amount: int
    purpose: str
    ppm: int


class Captured(Protocol):
    """The part of a capture that allocation needs: how much money came, and when."""

    @property
    def amount(self) -> int:
        """Minor units."""

    @property
    def captured_at(self) -> int:
        """When the money was captured, ms since the epoch."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""

    @property
    def waits(self) -> bool:
        """Whether what is due to a suspended receiver waits."""


def compute(split: Split, legs_max: int) -> Allocation:
    """Return what each leg of ``split`` gets. The amounts sum exactly to the payment.

    Args:
        split: The instruction.
        legs_max: How many legs the consortium allows.

    Raises:
        Refused: ``too-many-legs``, ``leg-order``, ``leg-form``, ``tail-leg``,
            ``amounts-do-not-sum`` or ``ratios-do-not-sum``.
    """
    numbers, amounts, ppms = [], [], []
    for leg in split.legs:
        numbers.append(leg.leg)
        amounts.append(leg.amount)
        ppms.append(leg.ppm)
    if len(numbers) > legs_max or numbers != _NUMBERS[: len(numbers)]:
        _refuse_leg_numbers(split, legs_max)
    if split.mode == "ratio":
        if 0 in ppms or any(amounts) or sum(ppms) != MILLION or split.tail_leg > len(ppms):
            _refuse_ratios(split)
        return share(max(split.amount - split.overpaid, 0), ppms, split.tail_leg)
    if 0 in amounts or any(ppms) or sum(amounts) + split.overpaid != split.amount or split.tail_leg:
        _refuse_amounts(split, amounts)
    return Allocation(amounts, 0)


def share(amount: int, ppms: Sequence[int], tail_leg: int = 0) -> Allocation:
    """Share ``amount`` by ratios that sum to one million.

    Args:
        amount: Minor units.
        ppms: Parts per million, one a leg.
        tail_leg: 1-based number of the leg that absorbs the tail; 0 for largest remainders.
    """
    amounts = [amount * ppm // MILLION for ppm in ppms]
    tail = amount - sum(amounts)
    if tail_leg:
        amounts[tail_leg - 1] += tail
        return Allocation(amounts, tail)
    if tail:
        remainders = [amount * ppm % MILLION for ppm in ppms]
        for _ in range(tail):
            leg = remainders.index(max(remainders))  # of equal ones the earliest
            amounts[leg] += 1
            remainders[leg] = -1
    return Allocation(amounts, tail)


def refuse_payout(tx: Transaction, legs: Sequence[Leg]) -> None:
    """Return if no leg is in a payout.

    Raises:
        Refused: ``leg-in-payout``.
    """
    for leg in legs:
        payout = payout_of(tx, leg)
        if payout:
            raise Refused(
                "leg-in-payout",
                f"Leg {leg.leg} of payment {leg.payment} is in payout {payout}; "
                "it can be corrected only before, or after that payout was returned.",
                expected="no leg in a payout",
                got=f"leg {leg.leg} in payout {payout}",
            )


def payout_of(tx: Transaction, leg: Leg) -> str:
    """Return the payout that a leg is in, or the empty string; one that came back is none."""
    bucket = tx.rows[receivers.Bucket][leg.receiver, leg.bucket] if leg.bucket else None
    return "" if bucket is None else bucket.payout


def enter(
    tx: Transaction,
    legs: Sequence[Leg | SplitLeg],
    amounts: Sequence[int],
    capture: Captured,
    source: str,
) -> list[int]:
    """Place legs of a payment in the buckets of its date, and post them against ``source``.

    Args:
        tx: The record's transaction.
        legs: Legs of a payment whose halves agree.
        amounts: What each of them gets, in minor units.
        capture: The institution's half.
        source: The account that the money comes from.

    Returns:
        The number of each leg's bucket, or :data:`NO_BUCKET`: a leg of nothing is due nothing, and
        one to a suspended receiver may wait.
    """
    lines, whole = [(source, 0)], 0
    day = tx.genesis.calendar.business_date(capture.captured_at)
    registered = tx.rows[receivers.Receiver]
    buckets = []
    for leg, amount in zip(legs, amounts, strict=True):
        if not amount:
            buckets.append(NO_BUCKET)
            continue
        name = leg.receiver
        receiver = registered[name,] or receivers.require(tx, name)
        if receiver.state != receivers.ACTIVE and capture.waits:
            buckets.append(NO_BUCKET)
            continue
        buckets.append(receivers.place(tx, receiver, day, amount))
        lines.append((books.pending(name), -amount))
        whole += amount
    if whole:
        lines[0] = (source, whole)
        books.post(tx, capture.currency, lines)
    return buckets


def take_back(tx: Transaction, legs: Sequence[Leg], currency: str, target: str) -> None:
    """Undo :func:`enter` for legs that are in no payout, and post them back to ``target``."""
    lines = []
    whole = 0
    for leg in legs:
        if leg.bucket:
            if receivers.take_back(tx, leg.receiver, leg.bucket, leg.amount).returned:
                tx.put(_former(leg, tx.entry))
            lines.append((books.pending(leg.receiver), leg.amount))
            whole += leg.amount
    if lines:
        lines.append((target, -whole))
        books.post(tx, currency, lines)


def _former(leg: Leg, until: int) -> FormerLeg:
    return FormerLeg(
        payment=leg.payment,
        leg=leg.leg,
        until=until,
        receiver=leg.receiver,
        bucket=leg.bucket,
        amount=leg.amount,
        purpose=leg.purpose,
        ppm=leg.ppm,
    )


def _refuse_leg_numbers(split: Split, legs_max: int) -> None:
    legs = split.legs
    if len(legs) > legs_max:
        raise Refused(
            "too-many-legs",
            "The consortium limits the legs of a split.",
            expected=f"at most {legs_max} legs",
            got=f"{len(legs)}",
        )
    for number, leg in enumerate(legs, 1):
        if leg.leg != number:
            raise Refused(
                "leg-order",
                "Legs are numbered 1, 2, … in their order.",
                expected=f"leg {number}",
                got=f"leg {leg.leg}",
            )


def _refuse_amounts(split: Split, amounts: Sequence[int]) -> None:
    for leg in split.legs:
        if not leg.amount or leg.ppm:
            raise _leg_form(leg, "an amount and no ppm, because the mode is fixed")
    if split.tail_leg:
        raise Refused(
            "tail-leg",
            "Fixed amounts leave no tail.",
            expected="no tail_leg in fixed mode",
            got=f"tail_leg {split.tail_leg}",
        )
    total = sum(amounts) + split.overpaid
    if total != split.amount:
        raise Refused(
            "amounts-do-not-sum",
            "The amounts of the legs, and what is overpaid, must sum to the payment; the "
            f"difference is {money(total - split.amount, split.currency)}.",
            expected=money(split.amount, split.currency),
            got=money(total, split.currency),
        )


def _refuse_ratios(split: Split) -> None:
    for leg in split.legs:
        if not leg.ppm or leg.amount:
            raise _leg_form(leg, "ppm and no amount, because the mode is ratio")
    total = sum(leg.ppm for leg in split.legs)
    if total != MILLION:
        raise Refused(
            "ratios-do-not-sum",
            "The ratios of the legs must sum to one million.",
            expected=f"{MILLION} ppm",
            got=f"{total} ppm",
        )
    if split.tail_leg > len(split.legs):
        raise Refused(
            "tail-leg",
            "The leg that absorbs the tail must be one of the split's.",
            expected=f"1 to {len(split.legs)}",
            got=f"{split.tail_leg}",
        )


def _leg_form(leg: SplitLeg, expected: str) -> Refused:
    got = " and ".join(
        text
        for value, text in ((leg.amount, f"amount {leg.amount}"), (leg.ppm, f"ppm {leg.ppm}"))
        if value
    )
    return Refused(
        "leg-form",
        f"Leg {leg.leg} must be stated in the mode of its split.",
        expected=expected,
        got=got or "neither",
    )
