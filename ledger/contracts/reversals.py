"""Reversals (冲正): a capture was void. What it had moved, and done to a loan, is undone."""

from __future__ import annotations

from msgspec.structs import replace

from ledger import books, expectations
from ledger.contracts import (
    allocation,
    fees,
    instructions,
    loan_money,
    refunded,
)
from ledger.contracts.allocation import NO_BUCKET
from ledger.contracts.halves import (
    CONFLICTING,
    Capture,
    Instruction,
    halves_expectation,
    halves_keys,
    payment_state,
)
from ledger.errors import Refused
from ledger.expectations import CAPTURE, FEE_REVERSAL, REVERSAL, Expectation
from ledger.genesis import Genesis
from ledger.records import Day, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction


class PaymentReversed(Record, frozen=True, kw_only=True, tag="payment.reversed"):
    """The capture was void (冲正). What it did to a loan is undone as of ``date``.

    Refused unless a capture stands; no refund is requested or paid, or an instruction contradicts
    the capture, which is of no loan; no leg is in a payout; money of a loan has a date, which does
    not go back; what passed by a compensation is as it was.
    """

    CODES = (
        "claims-paid-since",
        "date-goes-back",
        "date-missing",
        "leg-in-payout",
        "no-such-date",
        "not-captured",
        "payment-refunded",
        "time-in-future",
    )

    payment: Identifier
    reason: Text
    date: Day = ""


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
    if capture.waits or payment_state(capture, instruction) != CONFLICTING:
        refunded.refuse_refunded(tx, capture)
    allocated = instruction if instruction is not None and instruction.allocated else None
    legs = [] if allocated is None else instructions.legs_of(tx, allocated)
    allocation.refuse_payout(tx, legs)
    day = loan_money.refuse_undated(tx, record.date) if capture.waits else None
    held = capture.amount - sum(leg.amount for leg in legs if leg.bucket)
    if allocated is not None:
        allocation.take_back(tx, legs, allocated.currency, books.RESERVE)
        stands = not capture.compensation
        tx.put(replace(allocated, allocated=False, stands=stands))
        for leg in legs:
            tx.put(replace(leg, bucket=NO_BUCKET))
    if held:
        accounts = (books.suspense(payment), books.RESERVE)
        books.transfer(tx, capture.currency, accounts, held)
    if day is not None:
        loan_money.take_back(tx, capture, day)
    reversals = capture.reversals + 1
    tx.put(replace(capture, stands=False, entry=tx.entry, reversals=reversals))
    fees.await_reversal(tx, payment)
    if capture.compensation:
        return  # no instruction of the platform stands, and none was awaited
    half = halves_expectation(tx, CAPTURE)
    if half is not None and half.state != expectations.MET:
        expectations.meet(tx, half, f"capture reversed: {record.reason}")
    matter = (tx.subject, tx.sole("platform"))
    expectations.open_or_revise(tx, REVERSAL, matter, capture.amount, capture.currency)


def _keys(record: PaymentReversed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    payment = record.payment
    return [
        *halves_keys(payment),
        (refunded.RefundedPayment, (payment,)),
        (fees.FeeCharge, (payment, fees.CURRENT)),
        (Expectation, (FEE_REVERSAL, f"payment:{payment}")),
    ]


def _subject(record: PaymentReversed) -> str:
    return f"payment:{record.payment}"


ROWS: tuple[type[Row], ...] = ()
RULES = (Rule(PaymentReversed, ("institution",), _reversed, _keys, _subject),)
EXAMPLES: tuple[Record, ...] = (
    PaymentReversed(
        at=1_760_000_000_007,
        id="inst-0005",
        payment="P-2025-1003",
        reason="the channel voided the capture",
    ),
)
