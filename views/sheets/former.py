"""Money as it was known at an earlier size of the log, from the records up to there.

Rows hold how payments and payouts stand now. What changed since is worked out again from the
entries about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from ledger.contracts import decode_record
from ledger.contracts.allocation import NO_BUCKET, FormerLeg, Leg, Split, compute
from ledger.contracts.halves import Capture, Instruction, differences
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.payments import PaymentCaptured, SplitWithdrawn
from ledger.contracts.payouts import CONFIRMED, CONFLICTING, CREATED, PAID, RETURNED, Payout
from ledger.contracts.receivers import Bucket, Receiver, ReceiverResumed, ReceiverSuspended
from ledger.contracts.reversals import PaymentReversed
from ledger.contracts.settlement import SettlementConfirmed, SettlementPaid, SettlementReturned
from ledger.entry import decode_entry
from ledger.limits import LEGS_CEILING
from ledger.records import Record
from ledger.state import Walk
from views.reader import Reader, walked
from views.timeline import TIMELINE_MAX

GONE: Final = -1
"""The number of a bucket that a leg has left since: it was due, and in no payout."""


class Halves(NamedTuple):
    """The halves of a payment, and the legs as they are instructed."""

    capture: Capture | None = None
    instruction: Instruction | None = None
    legs: tuple[Leg, ...] = ()


def records_before(reader: Reader, subject: str, size: int) -> Iterator[tuple[int, Record]]:
    """Yield the applied records about a subject among the first ``size`` entries, oldest first."""
    for entry in reversed(reader.newest_about(subject, TIMELINE_MAX, applied=True)):
        if entry.index < size:
            yield entry.index, decode_record(decode_entry(entry.leaf).record)


def halves_before(reader: Reader, attempt: RepaymentAttempt, size: int) -> Halves:
    """Return the halves of a repayment's payment as they were after ``size`` entries."""
    found = Halves()
    for index, record in records_before(reader, f"payment:{attempt.payment}", size):
        found = _after(found, index, record)
    capture, instruction, legs = found
    if capture is None or instruction is None or not (capture.stands and instruction.stands):
        return found
    stated = sorted(f"{leg.receiver}:{leg.amount}" for leg in legs)
    agrees = not differences(capture, instruction) and (
        (stated, instruction.overpaid) == (sorted(attempt.shares), attempt.overpaid)
    )
    if not agrees:
        return found
    placed = tuple(_placed(reader, leg, instruction.entry, size) for leg in legs)
    return Halves(capture, replace(instruction, allocated=True), placed)


def _after(before: Halves, index: int, record: Record) -> Halves:
    """Return halves after a record about their payment."""
    capture, instruction, _ = before
    if isinstance(record, PaymentCaptured):
        return before._replace(capture=_capture(record, index, capture))
    if isinstance(record, PaymentReversed) and capture is not None:
        ended = replace(capture, stands=False, entry=index, reversals=capture.reversals + 1)
        return before._replace(capture=ended)
    if isinstance(record, Split):
        return before._replace(instruction=_instruction(record, index), legs=_legs(record))
    if isinstance(record, SplitWithdrawn) and instruction is not None:
        return before._replace(instruction=replace(instruction, stands=False, entry=index))
    return before


def _capture(record: PaymentCaptured, index: int, before: Capture | None) -> Capture:
    return Capture(
        payment=record.payment,
        order=record.order,
        amount=record.amount,
        currency=record.currency,
        channel=record.channel,
        captured_at=record.captured_at,
        channel_number=record.channel_number,
        sources=(),
        loan=record.loan,
        attempt=record.attempt,
        compensation=record.compensation,
        entry=index,
        stands=True,
        reversals=0 if before is None else before.reversals,
    )


def _instruction(record: Split, index: int) -> Instruction:
    return Instruction(
        payment=record.payment,
        order=record.order,
        amount=record.amount,
        currency=record.currency,
        mode=record.mode,
        tail=0,
        tail_leg=record.tail_leg,
        leg_count=len(record.legs),
        loan=record.loan,
        attempt=record.attempt,
        overpaid=record.overpaid,
        entry=index,
        stands=True,
        allocated=False,
    )


def _legs(record: Split) -> tuple[Leg, ...]:
    amounts = compute(record, LEGS_CEILING).amounts
    return tuple(
        Leg(record.payment, leg.leg, leg.receiver, amount, leg.purpose, leg.ppm, NO_BUCKET)
        for leg, amount in zip(record.legs, amounts, strict=True)
    )


def _placed(reader: Reader, leg: Leg, stated: int, size: int) -> Leg:
    """Return a leg with the bucket that it was in, if its receiver was not suspended then."""
    if _was_suspended(reader, leg.receiver, stated):
        return leg
    walk = Walk({"payment": leg.payment, "leg": leg.leg}, ("until",))
    for row in walked(reader, FormerLeg, walk):
        if row.until >= size and row.receiver == leg.receiver:
            return replace(leg, bucket=row.bucket)
    row_now = reader.row(Leg, (leg.payment, leg.leg))
    same = row_now is not None and row_now.receiver == leg.receiver and row_now.bucket
    return replace(leg, bucket=row_now.bucket if row_now is not None and same else GONE)


def _was_suspended(reader: Reader, receiver: str, entry: int) -> bool:
    suspended = False
    for _, record in records_before(reader, f"receiver:{receiver}", entry):
        if isinstance(record, ReceiverSuspended | ReceiverResumed):
            suspended = isinstance(record, ReceiverSuspended)
    return suspended


class BucketsBefore:
    """Buckets and payouts as they were after ``size`` entries.

    Args:
        reader: The snapshot.
        size: How many entries count.
    """

    def __init__(self, reader: Reader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._taken: dict[str, dict[str, tuple[str, str]]] = {}
        self.payouts: dict[str, Payout] = {}
        """The payouts of the receivers that were asked about, by name."""

    def of(self, leg: Leg, day: str) -> Bucket:
        """Return the bucket of a leg as it was: in which payout, or with which it came back.

        Args:
            leg: In a bucket, which may have been deleted since.
            day: The business date of its capture.
        """
        key = (leg.receiver, leg.bucket)
        row = self._reader.row(Bucket, key)
        if row is None:
            receiver = self._reader.row(Receiver, (leg.receiver,))
            cycle = "T+1" if receiver is None else receiver.cycle
            row = Bucket(leg.receiver, leg.bucket, day, cycle, leg.amount, 1)
        return self._bucket(row)

    def _bucket(self, row: Bucket) -> Bucket:
        taken = self._taken.get(row.receiver)
        if taken is None:
            taken = self._taken[row.receiver] = self._read(row.receiver)
        payout, returned = taken.get(str(row.seq), ("", ""))
        return replace(row, payout=payout, returned=returned)

    def _read(self, receiver: str) -> dict[str, tuple[str, str]]:
        rows = walked(self._reader, Payout, Walk({"receiver": receiver}, ("payout",)))
        taken: dict[str, tuple[str, str]] = {}
        for row in sorted(rows, key=lambda each: each.entry):
            if row.entry >= self._size:
                continue
            payout = self.payouts[row.payout] = self._before(row)
            back = payout.state == RETURNED
            pair = ("", row.payout) if back else (row.payout, "")
            taken.update(dict.fromkeys(row.buckets, pair))
        return taken

    def _before(self, row: Payout) -> Payout:
        """Return a payout as it was."""
        if row.last_entry < self._size:
            return row
        found = replace(
            row, state=CREATED, return_reason="", confirmed_amount=0, confirmed_currency=""
        )
        said = False
        for index, record in records_before(self._reader, f"payout:{row.payout}", self._size):
            if isinstance(record, SettlementPaid):
                found = replace(found, state=PAID, return_reason="")
            elif isinstance(record, SettlementReturned):
                found = replace(found, state=RETURNED, return_reason=record.reason)
            elif isinstance(record, SettlementConfirmed):
                said = True
                found = replace(
                    found, confirmed_amount=record.amount, confirmed_currency=record.currency
                )
            found = replace(found, last_entry=index)
        return _compared(found) if said else found


def _compared(payout: Payout) -> Payout:
    """Return a payout of which both have spoken."""
    if payout.return_reason:
        state = CONFLICTING if payout.confirmed_amount else RETURNED
        return replace(payout, state=state)
    stated = (payout.confirmed_amount, payout.confirmed_currency)
    agrees = stated == (payout.amount, payout.currency)
    return replace(payout, state=CONFIRMED if agrees else CONFLICTING)
