"""Payments: what was captured, how it is to be split, and whether the two halves agree.

The institution states the capture, the platform the split instruction. Each half is a row of its
own. Only when payment, order, amount and currency are equal in both does money leave suspense for
the receivers: nothing reaches a receiver on one party's word.
"""

from __future__ import annotations

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance
from ledger.contracts import (
    allocation,
    channels,
    instructions,
    loan_money,
    receivers,
    refunded,
    times,
)
from ledger.contracts.allocation import FormerLeg, Leg, Split, SplitLeg
from ledger.contracts.channels import ChannelNumber, NumberedSubject, Source, Sources
from ledger.contracts.halves import (
    Capture,
    Instruction,
    halves_keys,
    settle_halves,
)
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.errors import Refused
from ledger.expectations import CAPTURE, INSTRUCTION, REVERSAL, Expectation
from ledger.genesis import Genesis
from ledger.records import Amount, Currency, EventTime, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction


class PaymentCaptured(Record, frozen=True, kw_only=True, tag="payment.captured"):
    """The institution holds the buyer's money.

    ``channel_number`` is the channel's own number of it, ``sources`` say who paid which part.
    A repayment names ``loan`` and ``attempt``, a guarantor's money its ``compensation``;
    ``buyback`` is reserved.

    Refused unless no capture of the payment stands; sources are named once and sum to the amount;
    the amount is within the limit, and no less than what of the payment is refunded, in the same
    currency; `captured_at` is at most a day after the block; the loan is disbursed, something of it
    is open, the attempt is new, and nothing of the payment is refunded; the compensation is stated,
    awaits its money, and nothing is instructed.
    """

    CODES = (
        "already-captured",
        "already-instructed",
        "amount-over-limit",
        "attempt-exists",
        "attempt-missing",
        "buyback-unknown",
        "compensation-settled",
        "compensation-unknown",
        "date-goes-back",
        "loan-and-compensation",
        "loan-not-disbursed",
        "loan-settled",
        "loan-unknown",
        "payment-refunded",
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


class SplitInstructed(Split, frozen=True, kw_only=True, tag="split.instructed"):
    """The platform says to whom the money of an order goes.

    Refused unless no instruction of the payment stands; the amount is within the limit; the
    legs add up; every receiver is registered, of the currency, and active unless a loan is named;
    a loan is disbursed, and once its repayment is captured the legs are what the ledger allocates;
    the money is of no compensation.
    """

    CODES = ("already-instructed", *Split.CODES)


class SplitAmended(Split, frozen=True, kw_only=True, tag="split.amended"):
    """The platform replaces its instruction for a payment.

    Refused unless an instruction stands; the legs that are in a payout stay as they are, and with
    them order, amount, currency, loan and attempt; the other legs are as those of
    `split.instructed`; of a guarantor's money they are the ledger's own, of which those that wait
    are then entered.
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
    books.refuse_amount(tx, record.amount, record.currency)
    if record.sources:
        channels.refuse_sources(record.sources, record.amount, record.currency)
    if existing is not None:
        refunded.refuse_less(tx, existing, record.amount, record.currency)
    times.refuse_future(tx, "captured_at", record.captured_at)
    day = times.business_date(tx, record.captured_at)
    loan = loan_money.refuse_loan(tx, record, day)
    if loan is not None and existing is not None:
        refunded.refuse_of_loan(tx, existing)
    capture = Capture(
        payment=payment,
        order=record.order,
        amount=record.amount,
        currency=record.currency,
        channel=record.channel,
        captured_at=record.captured_at,
        channel_number=record.channel_number,
        sources=channels.stored(record.sources) if record.sources else (),
        loan=record.loan,
        attempt=record.attempt,
        compensation=record.compensation,
        entry=tx.entry,
        stands=True,
        reversals=0 if existing is None else existing.reversals,
    )
    tx.set(Capture, (payment,), capture)
    channels.keep_number(tx, record.channel_number, tx.subject)
    if loan is not None and loan_money.keep(tx, loan, capture):
        instructions.acknowledge_reversal(tx, capture)
        return
    instruction = tx.rows[Instruction][payment,]
    if instruction is None or not instruction.stands:
        _hold(tx, capture)
        matter = (tx.subject, tx.sole("platform"))
        expectations.open_expectation(tx, INSTRUCTION, matter, capture.amount, capture.currency)
    elif not settle_halves(tx, capture, instruction, CAPTURE) or (
        loan is not None and instructions.contradict(tx, capture, instruction)
    ):
        _hold(tx, capture)
    else:
        instructions.acknowledge_reversal(tx, capture)
        tx.put(replace(instruction, allocated=True))
        _allocate(tx, instructions.legs_of(tx, instruction), capture)


def _allocate(tx: Transaction, legs: list[Leg], capture: Capture) -> None:
    """Enter the legs that were instructed before their payment was captured."""
    buckets = allocation.enter(tx, legs, [leg.amount for leg in legs], capture, books.RESERVE)
    held = capture.amount
    for leg, bucket in zip(legs, buckets, strict=True):
        tx.set(Leg, (leg.payment, leg.leg), replace(leg, bucket=bucket))
        held -= leg.amount if bucket else 0
    if held:
        accounts = (books.RESERVE, books.suspense(capture.payment))
        books.transfer(tx, capture.currency, accounts, held)


def _instructed(tx: Transaction, record: SplitInstructed) -> None:
    existing = tx.rows[Instruction][record.payment,]
    if existing is not None and existing.stands:
        raise Refused(
            "already-instructed",
            f"The payment {record.payment} has an instruction; amend it with split.amended.",
            expected="a payment without a standing instruction",
            got=f"instructed in entry {existing.entry}",
        )
    instructions.state_instruction(tx, record, instructions.refuse_split(tx, record), existing)


def _amended(tx: Transaction, record: SplitAmended) -> None:
    existing = tx.rows[Instruction][record.payment,]
    if existing is None or not existing.stands:
        raise _not_instructed(record.payment, existing)
    capture = tx.rows[Capture][record.payment,]
    if capture is not None and capture.stands and capture.compensation:
        instructions.release_waiting(tx, record, existing, capture)
        return
    old_legs = instructions.legs_of(tx, existing)
    paid = {leg.leg: leg for leg in old_legs if allocation.payout_of(tx, leg)}
    shares = instructions.refuse_split(tx, record, paid)
    instructions.refuse_moved(tx, record, shares, existing, paid)
    if existing.allocated:
        back = [leg for leg in old_legs if leg.leg not in paid]
        allocation.take_back(tx, back, existing.currency, books.suspense(record.payment))
    instructions.state_instruction(tx, record, shares, existing, paid)


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


def _hold(tx: Transaction, capture: Capture) -> None:
    accounts = (books.RESERVE, books.suspense(capture.payment))
    books.transfer(tx, capture.currency, accounts, capture.amount)


def _capture_keys(record: PaymentCaptured, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    payment, currency = record.payment, record.currency
    key = (payment,)
    return [
        (Capture, key),
        (Instruction, key),
        (Balance, (books.RESERVE, currency)),
        (Balance, (books.suspense(payment), currency)),
        *loan_money.keys(record),
    ]


def _split_keys(record: Split, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    key = (record.payment,)
    keys: list[tuple[type[Row], Key]] = [(Capture, key), (Instruction, key)]
    keys += [(receivers.Receiver, (leg.receiver,)) for leg in record.legs]
    if record.loan:
        keys.append((RepaymentAttempt, (record.loan, record.attempt)))
    return keys


def _withdrawal_keys(record: SplitWithdrawn, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return list(halves_keys(record.payment))


def _subject(record: PaymentCaptured | SplitWithdrawn | Split) -> str:
    return f"payment:{record.payment}"


ROWS: tuple[type[Row], ...] = (Capture, Instruction, Leg, FormerLeg, NumberedSubject)
RULES = (
    Rule(PaymentCaptured, ("institution",), _captured, _capture_keys, _subject),
    Rule(SplitInstructed, ("platform",), _instructed, _split_keys, _subject),
    Rule(SplitAmended, ("platform",), _amended, _split_keys, _subject),
    Rule(SplitWithdrawn, ("platform",), _withdrawn, _withdrawal_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    PaymentCaptured(
        at=1_760_000_000_004,
        id="inst-0004",
        payment="P-2025-1001",
        order="O-2025-1001",
        amount=10_000,
        currency="CNY",
        channel="wechat",
        captured_at=1_760_000_000_004,
        channel_number="4200002025100912345678901234",
        sources=(
            Source(source="buyer", amount=9_500),
            Source(source="platform-subsidy", amount=500),
        ),
    ),
    SplitInstructed(
        at=1_760_000_000_003,
        id="plat-0001",
        payment="P-2025-1001",
        order="O-2025-1001",
        amount=10_000,
        currency="CNY",
        mode="fixed",
        legs=(
            SplitLeg(leg=1, receiver="shop-7", purpose="goods", amount=9_000),
            SplitLeg(leg=2, receiver="platform-fees", purpose="service fee", amount=1_000),
        ),
    ),
    SplitAmended(
        at=1_760_000_000_005,
        id="plat-0002",
        payment="P-2025-1001",
        order="O-2025-1001",
        amount=10_000,
        currency="CNY",
        mode="ratio",
        legs=(
            SplitLeg(leg=1, receiver="shop-7", purpose="goods", ppm=900_000),
            SplitLeg(leg=2, receiver="platform-fees", purpose="service fee", ppm=100_000),
        ),
    ),
    SplitWithdrawn(
        at=1_760_000_000_006,
        id="plat-0003",
        payment="P-2025-1002",
        reason="order cancelled by the buyer",
    ),
)
