"""Payments: what was captured, how it is to be split, and whether the two halves agree.

The institution states the capture, the platform the split instruction. Each half is a row of its
own. Only when payment, order, amount and currency are equal in both does money leave suspense for
the receivers: nothing reaches a receiver on one party's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance
from ledger.contracts import allocation, amendments, channels, fees, receivers, refunded, times
from ledger.contracts.allocation import NO_BUCKET, FormerLeg, Leg, Shares, Split
from ledger.contracts.channels import ChannelNumber, NumberedSubject, Sources
from ledger.contracts.halves import (
    CONFLICTING,
    Capture,
    Instruction,
    halves_expectation,
    payment_state,
    settle_halves,
)
from ledger.errors import Refused
from ledger.expectations import CAPTURE, FEE_REVERSAL, INSTRUCTION, REVERSAL, Expectation
from ledger.genesis import Genesis
from ledger.records import Amount, Currency, EventTime, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction

_NONE_PAID: Mapping[int, Leg] = {}


class PaymentCaptured(Record, frozen=True, kw_only=True, tag="payment.captured"):
    """The institution holds the buyer's money.

    ``channel_number`` is the channel's own number of it, ``sources`` say who paid which part.
    ``loan``, ``attempt``, ``compensation`` and ``buyback`` are reserved.

    Refused unless no loan is named; no capture of the payment stands; sources are named once and
    sum to the amount; the amount is within the limit, and no less than what of the payment is
    refunded, in the same currency; `captured_at` is at most a day after the block.
    """

    CODES = (
        "already-captured",
        "amount-over-limit",
        "loan-unknown",
        "refund-exceeds-payment",
        "source-twice",
        "sources-do-not-sum",
        "time-in-future",
        "wrong-currency",
    )

    payment: Identifier
    order: Identifier
    amount: Amount
    currency: Currency
    channel: Text
    captured_at: EventTime
    channel_number: ChannelNumber = ""
    sources: Sources = ()
    loan: Identifier = ""
    attempt: Identifier = ""
    compensation: Identifier = ""
    buyback: Identifier = ""


class PaymentReversed(Record, frozen=True, kw_only=True, tag="payment.reversed"):
    """The capture was void (冲正).

    Refused unless a capture stands; no refund is requested or paid, or an instruction contradicts
    the capture; no leg is in a payout.
    """

    CODES = ("leg-in-payout", "not-captured", "payment-refunded")

    payment: Identifier
    reason: Text


class SplitInstructed(Split, frozen=True, kw_only=True, tag="split.instructed"):
    """The platform says to whom the money of an order goes.

    Refused unless no instruction of the payment stands; the amount is within the limit; the
    legs add up; every receiver is registered, active and of the currency.
    """

    CODES = ("already-instructed", *Split.CODES)


class SplitAmended(Split, frozen=True, kw_only=True, tag="split.amended"):
    """The platform replaces its instruction for a payment.

    Refused unless an instruction stands; the legs that are in a payout stay as they are, and with
    them order, amount and currency; the other legs are as those of `split.instructed`.
    """

    CODES = ("not-instructed", "leg-in-payout", *Split.CODES)


class SplitWithdrawn(Record, frozen=True, kw_only=True, tag="split.withdrawn"):
    """The order was cancelled before its payment was captured.

    Refused unless no capture stands; an instruction stands, or a reversal waits to be
    acknowledged.
    """

    CODES = ("already-captured", "not-instructed")

    payment: Identifier
    reason: Text


def _captured(tx: Transaction, record: PaymentCaptured) -> None:
    payment = record.payment
    existing = tx.rows[Capture][payment,]
    if existing is not None and existing.stands:
        raise Refused(
            "already-captured",
            f"The payment {payment} is captured already; to correct it, reverse it first.",
            expected="a payment without a standing capture",
            got=f"captured in entry {existing.entry}",
        )
    if record.loan or record.attempt or record.compensation or record.buyback:
        raise allocation.loan_unknown(
            record.loan or record.attempt or record.compensation or record.buyback
        )
    books.refuse_amount(tx, record.amount, record.currency)
    if record.sources:
        channels.refuse_sources(record.sources, record.amount, record.currency)
    if existing is not None:
        refunded.refuse_less(tx, existing, record.amount, record.currency)
    times.refuse_future(tx, "captured_at", record.captured_at)
    times.business_date(tx, record.captured_at)
    capture = Capture(
        payment,
        record.order,
        record.amount,
        record.currency,
        record.channel,
        record.captured_at,
        record.channel_number,
        channels.stored(record.sources) if record.sources else (),
        tx.entry,
        True,
        0 if existing is None else existing.reversals,
    )
    tx.set(Capture, (payment,), capture)
    channels.keep_number(tx, record.channel_number, tx.subject)
    instruction = tx.rows[Instruction][payment,]
    if instruction is None or not instruction.stands:
        _hold(tx, capture)
        matter = (tx.subject, tx.sole("platform"))
        expectations.open_expectation(tx, INSTRUCTION, matter, capture.amount, capture.currency)
    elif not settle_halves(tx, capture, instruction, CAPTURE):
        _hold(tx, capture)
    else:
        _acknowledge_reversal(tx, capture)
        tx.put(replace(instruction, allocated=True))
        _allocate(tx, _legs(tx, instruction), capture)


def _allocate(tx: Transaction, legs: list[Leg], capture: Capture) -> None:
    """Enter the legs that were instructed before their payment was captured."""
    buckets = allocation.enter(tx, legs, [leg.amount for leg in legs], capture, books.RESERVE)
    for leg, bucket in zip(legs, buckets, strict=True):
        tx.set(Leg, (leg.payment, leg.leg), replace(leg, bucket=bucket))


def _instructed(tx: Transaction, record: SplitInstructed) -> None:
    existing = tx.rows[Instruction][record.payment,]
    if existing is not None and existing.stands:
        raise Refused(
            "already-instructed",
            f"The payment {record.payment} has an instruction; amend it with split.amended.",
            expected="a payment without a standing instruction",
            got=f"instructed in entry {existing.entry}",
        )
    _state_instruction(tx, record, _refuse_split(tx, record), existing)


def _amended(tx: Transaction, record: SplitAmended) -> None:
    existing = tx.rows[Instruction][record.payment,]
    if existing is None or not existing.stands:
        raise _not_instructed(record.payment, existing)
    old_legs = _legs(tx, existing)
    paid = {leg.leg: leg for leg in old_legs if allocation.payout_of(tx, leg)}
    shares = _refuse_split(tx, record, paid)
    amendments.refuse_moved(tx, record, shares, existing, paid)
    if existing.allocated:
        back = [leg for leg in old_legs if leg.leg not in paid]
        allocation.take_back(tx, back, existing.currency, books.suspense(record.payment))
    _state_instruction(tx, record, shares, existing, paid)


def _reversed(tx: Transaction, record: PaymentReversed) -> None:
    payment = record.payment
    capture = tx.rows[Capture][payment,]
    if capture is None or not capture.stands:
        raise Refused(
            "not-captured",
            f"Only a standing capture can be reversed, and the payment {payment} has none.",
            expected="a captured payment",
            got="no capture" if capture is None else f"reversed in entry {capture.entry}",
        )
    instruction = tx.rows[Instruction][payment,]
    if payment_state(capture, instruction) != CONFLICTING:
        refunded.refuse_refunded(tx, capture)
    legs = _legs(tx, instruction) if instruction is not None and instruction.allocated else []
    allocation.refuse_payout(tx, legs)
    if instruction is not None and instruction.allocated:
        allocation.take_back(tx, legs, instruction.currency, books.RESERVE)
        tx.put(replace(instruction, allocated=False))
        for leg in legs:
            tx.put(replace(leg, bucket=NO_BUCKET))
    else:
        lines = ((books.suspense(payment), capture.amount), (books.RESERVE, -capture.amount))
        books.post(tx, capture.currency, lines)
    reversals = capture.reversals + 1
    tx.put(replace(capture, stands=False, entry=tx.entry, reversals=reversals))
    half = halves_expectation(tx, CAPTURE)
    if half is not None and half.state != expectations.MET:
        expectations.meet(tx, half, f"capture reversed: {record.reason}")
    matter = (tx.subject, tx.sole("platform"))
    expectations.open_or_revise(tx, REVERSAL, matter, capture.amount, capture.currency)
    fees.await_reversal(tx, payment)


def _withdrawn(tx: Transaction, record: SplitWithdrawn) -> None:
    payment = record.payment
    instruction = tx.rows[Instruction][payment,]
    capture = tx.rows[Capture][payment,]
    _refuse_withdrawal(tx, payment, capture, instruction)
    detail = f"split withdrawn: {record.reason}"
    if instruction is not None and instruction.stands:
        tx.put(replace(instruction, stands=False, entry=tx.entry))
    expectations.meet_if_open(tx, CAPTURE, tx.subject, detail)
    expectations.meet_if_open(tx, REVERSAL, tx.subject, detail)


def _refuse_withdrawal(
    tx: Transaction, payment: str, capture: Capture | None, instruction: Instruction | None
) -> None:
    if capture is not None and capture.stands:
        clash = instruction is not None and instruction.stands and not instruction.allocated
        advice = (
            "the halves conflict, so correct the instruction with split.amended"
            if clash
            else "the institution has to reverse it first"
        )
        raise Refused(
            "already-captured",
            f"The money of payment {payment} is there; {advice}.",
            expected="a payment without a standing capture",
            got=f"captured in entry {capture.entry}",
        )
    if instruction is not None and instruction.stands:
        return
    reversal = tx.rows[Expectation][REVERSAL, tx.subject]
    if reversal is None or reversal.state != expectations.OPEN:
        raise _not_instructed(payment, instruction)


def _not_instructed(payment: str, withdrawn: Instruction | None) -> Refused:
    return Refused(
        "not-instructed",
        f"The payment {payment} has no standing instruction; state one with split.instructed.",
        expected="an instructed payment",
        got="none" if withdrawn is None else f"withdrawn in entry {withdrawn.entry}",
    )


def _refuse_split(tx: Transaction, record: Split, paid: Mapping[int, Leg] = _NONE_PAID) -> Shares:
    if record.loan or record.attempt:
        raise allocation.loan_unknown(record.loan or record.attempt)
    books.refuse_amount(tx, record.amount, record.currency)
    shares = allocation.compute(record, tx.genesis.limits.legs)
    fresh = [leg for leg in record.legs if leg.leg not in paid] if paid else record.legs
    receivers.refuse_closed(tx, fresh, record.currency)
    return shares


def _state_instruction(
    tx: Transaction,
    record: Split,
    shares: Shares,
    earlier: Instruction | None,
    paid: Mapping[int, Leg] = _NONE_PAID,
) -> None:
    """Make ``record`` the platform's half, in place of an earlier one; what is paid stays."""
    payment, amounts = record.payment, shares.amounts
    if earlier is not None:
        _drop_legs(tx, earlier, len(amounts))
    capture = tx.rows[Capture][payment,]
    if capture is not None:
        _acknowledge_reversal(tx, capture)
    buckets = [NO_BUCKET] * len(amounts)
    agreed = False
    if capture is None or not capture.stands:
        # Only instructions open this kind: without an earlier one there is nothing to revise.
        opens = expectations.open_expectation if earlier is None else expectations.open_or_revise
        matter = (tx.subject, tx.sole("institution"))
        opens(tx, CAPTURE, matter, record.amount, record.currency)
    elif settle_halves(tx, capture, record, INSTRUCTION):
        agreed = True
        buckets = _enter(tx, record, amounts, capture, paid)
    instruction = Instruction(
        payment,
        record.order,
        record.amount,
        record.currency,
        record.mode,
        shares.tail,
        record.tail_leg,
        len(amounts),
        tx.entry,
        True,
        agreed,
    )
    tx.set(Instruction, (payment,), instruction)
    state = tx.add if earlier is None else tx.set  # nobody asks for legs without an instruction
    for leg, amount, bucket in zip(record.legs, amounts, buckets, strict=True):
        number = leg.leg
        row = Leg(payment, number, leg.receiver, amount, leg.purpose, leg.ppm, bucket)
        state(Leg, (payment, number), row)


def _enter(
    tx: Transaction,
    record: Split,
    amounts: Sequence[int],
    capture: Capture,
    paid: Mapping[int, Leg],
) -> list[int]:
    """Enter the legs that are not paid; return the number of every leg's bucket."""
    source = books.suspense(record.payment)
    if not paid:
        return allocation.enter(tx, record.legs, amounts, capture, source)
    fresh = [leg for leg in record.legs if leg.leg not in paid]
    parts = [amounts[leg.leg - 1] for leg in fresh]
    entered = iter(allocation.enter(tx, fresh, parts, capture, source))
    return [paid[leg.leg].bucket if leg.leg in paid else next(entered) for leg in record.legs]


def _acknowledge_reversal(tx: Transaction, capture: Capture) -> None:
    """Meet the platform's acknowledgement, if it still owes one: it has spoken, or both agree."""
    if capture.reversals:
        expectations.meet_if_open(tx, REVERSAL, tx.subject)


def _hold(tx: Transaction, capture: Capture) -> None:
    amount = capture.amount
    lines = ((books.RESERVE, amount), (books.suspense(capture.payment), -amount))
    books.post(tx, capture.currency, lines)


def _legs(tx: Transaction, instruction: Instruction) -> list[Leg]:
    payment = instruction.payment
    found = [tx.rows[Leg][payment, number] for number in range(1, instruction.leg_count + 1)]
    return [leg for leg in found if leg is not None]


def _capture_keys(record: PaymentCaptured, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    payment, currency = record.payment, record.currency
    key = (payment,)
    return [
        (Capture, key),
        (Instruction, key),
        (Balance, (books.RESERVE, currency)),
        (Balance, (books.suspense(payment), currency)),
    ]


def _split_keys(record: Split, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    key = (record.payment,)
    keys: list[tuple[type[Row], Key]] = [(Capture, key), (Instruction, key)]
    keys += [(receivers.Receiver, (leg.receiver,)) for leg in record.legs]
    return keys


def _drop_legs(tx: Transaction, instruction: Instruction, keep: int) -> None:
    """Delete the legs that an instruction of ``keep`` legs does not overwrite."""
    for number in range(keep + 1, instruction.leg_count + 1):
        tx.delete(Leg, (instruction.payment, number))


def _payment_keys(
    record: PaymentReversed | SplitWithdrawn, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    payment = record.payment
    subject = f"payment:{payment}"
    return [
        (Capture, (payment,)),
        (Instruction, (payment,)),
        (Expectation, (CAPTURE, subject)),
        (Expectation, (INSTRUCTION, subject)),
        (Expectation, (REVERSAL, subject)),
    ]


def _reversal_keys(record: PaymentReversed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    payment = record.payment
    return [
        *_payment_keys(record, genesis),
        (refunded.RefundedPayment, (payment,)),
        (fees.FeeCharge, (payment, fees.CURRENT)),
        (Expectation, (FEE_REVERSAL, f"payment:{payment}")),
    ]


def _subject(record: PaymentCaptured | PaymentReversed | SplitWithdrawn | Split) -> str:
    return f"payment:{record.payment}"


ROWS: tuple[type[Row], ...] = (Capture, Instruction, Leg, FormerLeg, NumberedSubject)
RULES = (
    Rule(PaymentCaptured, ("institution",), _captured, _capture_keys, _subject),
    Rule(PaymentReversed, ("institution",), _reversed, _reversal_keys, _subject),
    Rule(SplitInstructed, ("platform",), _instructed, _split_keys, _subject),
    Rule(SplitAmended, ("platform",), _amended, _split_keys, _subject),
    Rule(SplitWithdrawn, ("platform",), _withdrawn, _payment_keys, _subject),
)
