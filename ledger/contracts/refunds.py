"""Refunds: money of a captured payment that goes back to the buyer, out of the refund float.

The platform requests a refund and with that holds part of its float; the institution states that
it was paid or failed. Refunds are never netted (轧差) against what receivers are due: they leave
receivers, buckets and payouts alone, whether the payment was settled before or not.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance, money
from ledger.contracts import channels, refund_float, refunded, times
from ledger.contracts.channels import ChannelNumber
from ledger.contracts.halves import (
    CONFLICTING,
    Capture,
    Instruction,
    differences,
    payment_state,
)
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.refunded import RefundedPayment
from ledger.errors import Refused
from ledger.expectations import REFUND_RESULT, Expectation
from ledger.genesis import Genesis
from ledger.records import Amount, Commitment, Currency, EventTime, Identifier, Record, Rule, Text
from ledger.state import NEVER, Key, Keys, Row, Transaction

RefundState = Literal["requested", "paid", "failed"]
REQUESTED: Final = "requested"
PAID: Final = "paid"
FAILED: Final = "failed"


class RefundRequested(Record, frozen=True, kw_only=True, tag="refund.requested"):
    """The platform wants money of a payment to go back to the buyer.

    A failed refund is requested again under its own refund id: same payment and currency, and at
    most the amount of before. ``order`` may be named, and must then be the captured one.

    Refused unless the refund id is new, or its refund failed and this is of the same payment
    and currency and of no more; a capture stands, of this order and currency; no instruction
    contradicts it; all refunds together are within the captured amount; the amount is within
    the free float.
    """

    CODES = (
        "halves-conflict",
        "not-captured",
        "refund-differs",
        "refund-exceeds-float",
        "refund-exceeds-payment",
        "refund-exists",
        "wrong-currency",
        "wrong-order",
    )

    refund: Identifier
    payment: Identifier
    amount: Amount
    currency: Currency
    reason: Text
    order: Identifier = ""


class RefundPaid(Record, frozen=True, kw_only=True, tag="refund.paid"):
    """The buyer has the money; ``bank_reference`` commits to the bank's own reference.

    Refused unless the refund is in state requested; `paid_at` is at most a day after the block.
    """

    CODES = ("already-paid", "refund-failed", "time-in-future", "unknown-refund")

    refund: Identifier
    bank_reference: Commitment
    paid_at: EventTime
    channel_number: ChannelNumber = ""


class RefundFailed(Record, frozen=True, kw_only=True, tag="refund.failed"):
    """A refund did not go through, or came back after it was paid (退汇).

    Refused unless the refund is requested or paid.
    """

    CODES = ("refund-failed", "unknown-refund")

    refund: Identifier
    reason: Text
    channel_number: ChannelNumber = ""


class Refund(Row, frozen=True, kw_only=True):
    """One refund, as it was requested last. ``order`` is that of the payment's capture.

    ``attempts`` counts the requests; ``failure`` is why the last one failed; ``channel_number`` is
    the channel's own, or empty. ``paid_at`` is −1 until it is known. ``entry`` requested the refund
    first, ``last_entry`` changed it last.
    """

    TABLE: ClassVar[str] = "refunds"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("payment", "refund"), ("state", "refund"))

    refund: str
    payment: str
    order: str
    platform: str
    amount: int
    currency: str
    reason: str
    state: RefundState
    attempts: int
    failure: str = ""
    bank_reference: str = ""
    paid_at: int = NEVER
    channel_number: str = ""
    entry: int
    last_entry: int

    def leads_to(self) -> Keys:
        """Return the keys of the payment's sum and of the balances that a result moves."""
        currency = self.currency
        return [
            (Capture, (self.payment,)),
            (RefundedPayment, (self.payment,)),
            (Balance, (books.refund_due(self.payment), currency)),
            (Balance, (books.refund_float(self.platform), currency)),
            (Balance, (books.RESERVE, currency)),
        ]


def _requested(tx: Transaction, record: RefundRequested) -> None:
    existing = tx.rows[Refund][record.refund,]
    if existing is not None:
        _refuse_retry(existing, record)
    capture = _refuse_capture(tx, record)
    _refuse_amount(tx, record, capture)
    tx.put(
        Refund(
            refund=record.refund,
            payment=record.payment,
            order=capture.order,
            platform=tx.author,
            amount=record.amount,
            currency=record.currency,
            reason=record.reason,
            state=REQUESTED,
            attempts=1 if existing is None else existing.attempts + 1,
            entry=tx.entry if existing is None else existing.entry,
            last_entry=tx.entry,
        )
    )
    refunded.count(tx, record.payment, record.amount, 0)
    matter = (f"refund:{record.refund}", tx.sole("institution"))
    expectations.open_expectation(tx, REFUND_RESULT, matter, record.amount, record.currency)
    source = _source(tx, record.payment, tx.author)
    accounts = (source, books.refund_due(record.payment))
    books.transfer(tx, record.currency, accounts, record.amount)


def _refuse_retry(existing: Refund, record: RefundRequested) -> None:
    if existing.state != FAILED:
        raise Refused(
            "refund-exists",
            "A refund id is used once, and again only to retry a refund that failed.",
            expected="a new refund id, or that of a failed refund",
            got=f"{existing.refund}, {existing.state} in entry {existing.last_entry}",
        )
    same = (record.payment, record.currency) == (existing.payment, existing.currency)
    if not same or record.amount > existing.amount:
        raise Refused(
            "refund-differs",
            f"A retry of {existing.refund} is of the same payment and currency, and of no more.",
            expected=f"payment {existing.payment}, "
            f"at most {money(existing.amount, existing.currency)}",
            got=f"payment {record.payment}, {money(record.amount, record.currency)}",
        )


def _refuse_capture(tx: Transaction, record: RefundRequested) -> Capture:
    capture = tx.rows[Capture][record.payment,]
    if capture is None or not capture.stands:
        raise Refused(
            "not-captured",
            f"Only captured money can be refunded, and of {record.payment} there is none.",
            expected="a captured payment",
            got="no capture" if capture is None else f"reversed in entry {capture.entry}",
        )
    if record.order and record.order != capture.order:
        raise Refused(
            "wrong-order",
            f"The payment {record.payment} belongs to one order.",
            expected=capture.order,
            got=record.order,
        )
    if record.currency != capture.currency:
        raise Refused(
            "wrong-currency",
            f"The payment {record.payment} is refunded in the currency it was captured in.",
            expected=capture.currency,
            got=record.currency,
        )
    _refuse_conflict(tx, capture)
    return capture


def _refuse_conflict(tx: Transaction, capture: Capture) -> None:
    """Return unless the platform's own half says that the captured amount is another."""
    instruction = tx.rows[Instruction][capture.payment,]
    if instruction is not None and payment_state(capture, instruction) == CONFLICTING:
        raise Refused(
            "halves-conflict",
            f"What was captured for {capture.payment} is contested, so none of it is refunded "
            "until the platform has amended its instruction, or the institution has reversed its "
            "capture and stated it anew.",
            expected=f"halves of {capture.payment} that agree",
            got=differences(capture, instruction) or "legs other than the ledger allocates",
        )


def _refuse_amount(tx: Transaction, record: RefundRequested, capture: Capture) -> None:
    amount, currency = record.amount, record.currency
    taken = tx.rows[RefundedPayment][record.payment,]
    used = 0 if taken is None else taken.requested + taken.paid
    if capture.waits:
        _refuse_allocated(tx, capture, amount + used)
        return
    if amount > capture.amount - used:
        raise Refused(
            "refund-exceeds-payment",
            f"The refunds of one payment never exceed it: of {money(capture.amount, currency)} "
            f"captured for {record.payment}, {money(used, currency)} is or is being refunded.",
            expected=f"at most {money(capture.amount - used, currency)}",
            got=money(amount, currency),
        )
    usable = refund_float.free(tx, tx.author, currency)
    if amount > usable:
        raise Refused(
            "refund-exceeds-float",
            "Refunds are paid from the float that was deposited beforehand, "
            "never from what receivers are due; deposit more first.",
            expected=f"at most {money(usable, currency)}",
            got=money(amount, currency),
        )


def _refuse_allocated(tx: Transaction, capture: Capture, amount: int) -> None:
    """Return if no more than what is overpaid of a loan's money is refunded in all."""
    attempt = tx.rows[RepaymentAttempt][capture.loan, capture.attempt] if capture.loan else None
    overpaid = 0 if attempt is None else attempt.overpaid
    if amount > overpaid:
        raise Refused(
            "refund-exceeds-payment",
            "Of a loan's money only what is overpaid is refunded, all refunds together; the rest "
            "is allocated.",
            expected=f"at most {money(overpaid, capture.currency)} in all",
            got=money(amount, capture.currency),
        )


def _source(tx: Transaction, payment: str, platform: str) -> str:
    """Return the account a refund comes from: the float, or what a loan was overpaid by."""
    capture = tx.rows[Capture][payment,]
    if capture is not None and capture.waits:
        return books.suspense(payment)
    return books.refund_float(platform)


def _paid(tx: Transaction, record: RefundPaid) -> None:
    refund = _require(tx, record.refund)
    if refund.state == FAILED:
        raise _failed_before(refund)
    if refund.state == PAID:
        raise Refused(
            "already-paid",
            f"The refund {refund.refund} was stated as paid before.",
            expected="a refund in state requested",
            got=f"paid in entry {refund.last_entry}",
        )
    times.refuse_future(tx, "paid_at", record.paid_at)
    tx.put(
        replace(
            refund,
            state=PAID,
            bank_reference=record.bank_reference,
            paid_at=record.paid_at,
            channel_number=record.channel_number,
            last_entry=tx.entry,
        )
    )
    channels.keep_number(tx, record.channel_number, f"refund:{refund.refund}")
    refunded.count(tx, refund.payment, -refund.amount, refund.amount)
    expectations.meet_if_open(tx, REFUND_RESULT, f"refund:{refund.refund}")
    accounts = (books.refund_due(refund.payment), books.RESERVE)
    books.transfer(tx, refund.currency, accounts, refund.amount)


def _failed(tx: Transaction, record: RefundFailed) -> None:
    refund = _require(tx, record.refund)
    if refund.state == FAILED:
        raise _failed_before(refund)
    came_back = refund.state == PAID
    number = record.channel_number or refund.channel_number
    failed = replace(refund, state=FAILED, failure=record.reason, last_entry=tx.entry)
    tx.put(replace(failed, channel_number=number))
    channels.keep_number(tx, record.channel_number, f"refund:{refund.refund}")
    amount = refund.amount
    refunded.count(tx, refund.payment, *((0, -amount) if came_back else (-amount, 0)))
    detail = f"refund failed: {record.reason}"
    expectations.meet_if_open(tx, REFUND_RESULT, f"refund:{refund.refund}", detail)
    source = books.RESERVE if came_back else books.refund_due(refund.payment)
    back = _source(tx, refund.payment, refund.platform)
    books.transfer(tx, refund.currency, (source, back), amount)


def _require(tx: Transaction, name: str) -> Refund:
    refund = tx.rows[Refund][name,]
    if refund is None:
        raise Refused(
            "unknown-refund",
            "A refund is requested with refund.requested before its result is stated.",
            expected="a requested refund",
            got=name,
        )
    return refund


def _failed_before(refund: Refund) -> Refused:
    return Refused(
        "refund-failed",
        f"The refund {refund.refund} failed ({refund.failure}); the platform has to request it "
        "again before there is another result.",
        expected="a refund in state requested or paid",
        got=f"failed in entry {refund.last_entry}",
    )


def _request_keys(record: RefundRequested, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    payment, currency = record.payment, record.currency
    return [
        (Refund, (record.refund,)),
        (Capture, (payment,)),
        (Instruction, (payment,)),
        (RefundedPayment, (payment,)),
        (Balance, (books.refund_due(payment), currency)),
        *refund_float.float_keys(genesis.sole("platform"), currency),
    ]


def _result_keys(
    record: RefundPaid | RefundFailed, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    name = record.refund
    return [(Refund, (name,)), (Expectation, (REFUND_RESULT, f"refund:{name}"))]


def _subject(record: RefundRequested | RefundPaid | RefundFailed) -> str:
    return f"refund:{record.refund}"


def _refused_subject(record: RefundRequested) -> str:
    """A request that was refused made no refund: who looks for it asks about the payment."""
    return f"payment:{record.payment}"


_INSTITUTION = ("institution",)

ROWS: tuple[type[Row], ...] = (Refund, RefundedPayment)
RULES = (
    Rule(RefundRequested, ("platform",), _requested, _request_keys, _subject, _refused_subject),
    Rule(RefundPaid, _INSTITUTION, _paid, _result_keys, _subject),
    Rule(RefundFailed, _INSTITUTION, _failed, _result_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    RefundRequested(
        at=1_760_000_000_032,
        id="plat-0031",
        refund="RF-2025-0001",
        payment="P-2025-1001",
        amount=2_500,
        currency="CNY",
        reason="one item returned",
        order="O-2025-1001",
    ),
    RefundPaid(
        at=1_760_000_000_033,
        id="inst-0031",
        refund="RF-2025-0001",
        bank_reference="d4" * 32,
        paid_at=1_760_000_000_033,
        channel_number="50300002025100912345678901234",
    ),
    RefundFailed(
        at=1_760_000_000_034, id="inst-0032", refund="RF-2025-0002", reason="the card is closed"
    ),
)
