"""How payments, payouts, receivers and expectations are shown: what is stated, what is derived."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from api.limits import PAGE_MAX
from api.log_views import EntryView, timeline
from ledger import books, expectations
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.receivers import DATE_CHARS, Bucket, Receiver
from ledger.contracts.settlement import Payout, leg_state
from ledger.expectations import KINDS, Expectation
from node.storage.reads import Reader

ARRIVED = "arrived"
PAID = "paid"


class ExpectationView(msgspec.Struct, frozen=True, kw_only=True):
    """What one party still owes the log, or owed it.

    ``state`` is ``open``, ``overdue``, ``conflicting`` or ``met``, as of the time asked for;
    ``lateness_ms`` says by how much the other half came, or is, too late. Amounts are in minor
    units, times in ms since the epoch.
    """

    kind: str
    subject: str
    awaited: str
    opener: str
    amount: int
    currency: str
    opened_entry: int
    opened_at: int
    due_at: int
    state: str
    lateness_ms: int
    settled_entry: int | UnsetType = UNSET
    settled_at: int | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class CaptureView(msgspec.Struct, frozen=True, kw_only=True):
    """The institution's half of a payment. It stands until it is reversed."""

    order: str
    amount: int
    currency: str
    channel: str
    captured_at: int
    entry: int
    stands: bool


class InstructionView(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's half of a payment. ``tail`` counts minor units that ratios left over."""

    order: str
    amount: int
    currency: str
    mode: str
    tail: int
    entry: int
    stands: bool
    allocated: bool


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """One leg and how far its money has got.

    ``state`` is one of instructed, allocated, in-payout, paid, arrived, returned, disputed or
    nothing-due. ``ends_at`` is the last state this leg can reach: ``paid`` where no party owns the
    receiver and so nobody can state the arrival.
    """

    payment: str
    leg: int
    receiver: str
    amount: int
    purpose: str
    state: str
    ends_at: str
    ppm: int | UnsetType = UNSET
    due_date: str | UnsetType = UNSET
    payout: str | UnsetType = UNSET
    returned_payout: str | UnsetType = UNSET


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the log knows of one payment.

    ``state`` is captured or instructed (one half), split or conflicting (both), reversed or
    withdrawn. ``money`` sums the legs' amounts by their state, so that a failed leg shows.
    """

    payment: str
    state: str
    legs: list[LegView]
    money: dict[str, int]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    capture: CaptureView | UnsetType = UNSET
    instruction: InstructionView | UnsetType = UNSET


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer to a receiver and the legs it settles, of which at most a page is listed."""

    payout: str
    state: str
    receiver: str
    amount: int
    currency: str
    cutoff_date: str
    leg_count: int
    legs: list[LegView]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    owner: str | UnsetType = UNSET
    bank_reference: str | UnsetType = UNSET
    paid_at: int | UnsetType = UNSET
    confirmed_amount: int | UnsetType = UNSET
    received_at: int | UnsetType = UNSET


class DueView(msgspec.Struct, frozen=True, kw_only=True):
    """What is due to a receiver on one date and not in a payout."""

    due_date: str
    amount: int
    leg_count: int
    returned_payout: str | UnsetType = UNSET


class ReceiverView(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver, what is due to it, and what the books hold of it (credits positive)."""

    receiver: str
    state: str
    kind: str
    cycle: str
    currency: str
    last4: str
    commitment: str
    due: list[DueView]
    pending: int
    in_transit: int
    paid: int
    timeline: list[EntryView]
    owner: str | UnsetType = UNSET
    held_at: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


def payment_view(reader: Reader, payment: str, as_of_ms: int) -> PaymentView | None:
    """Return what the log knows of ``payment``, or None if it knows nothing."""
    capture = reader.row(Capture, (payment,))
    instruction = reader.row(Instruction, (payment,))
    if capture is None and instruction is None:
        return None
    legs = [] if instruction is None else _legs_of(reader, instruction)
    subjects = [f"payment:{payment}", *(f"payout:{name}" for name in _payouts_of(legs))]
    money: dict[str, int] = {}
    for leg in legs:
        money[leg.state] = money.get(leg.state, 0) + leg.amount
    return PaymentView(
        payment=payment,
        state=payment_state(capture, instruction),
        legs=legs,
        money=money,
        expectations=_expectations_on(reader, subjects, as_of_ms),
        timeline=timeline(reader, subjects),
        capture=UNSET if capture is None else _capture_view(capture),
        instruction=UNSET if instruction is None else _instruction_view(instruction),
    )


def payout_view(reader: Reader, name: str, as_of_ms: int) -> PayoutView | None:
    """Return what the log knows of a payout, or None if it knows nothing."""
    payout = reader.row(Payout, (name,))
    if payout is None:
        return None
    legs: list[Leg] = []
    for seq in payout.buckets:
        where: dict[str, str | int] = {"receiver": payout.receiver, "bucket": int(seq)}
        legs += reader.rows(Leg, where, limit=PAGE_MAX - len(legs))
        if len(legs) == PAGE_MAX:
            break
    subject = f"payout:{name}"
    return PayoutView(
        payout=name,
        state=payout.state,
        receiver=payout.receiver,
        amount=payout.amount,
        currency=payout.currency,
        cutoff_date=payout.cutoff_date,
        leg_count=payout.legs,
        legs=_leg_views(reader, legs),
        expectations=_expectations_on(reader, [subject], as_of_ms),
        timeline=timeline(reader, [subject]),
        owner=payout.owner or UNSET,
        bank_reference=payout.bank_reference or UNSET,
        paid_at=_time(payout.paid_at),
        confirmed_amount=payout.confirmed_amount or UNSET,
        received_at=_time(payout.received_at),
    )


def receiver_view(reader: Reader, name: str) -> ReceiverView | None:
    """Return what the log knows of a receiver, or None if it knows nothing."""
    receiver = reader.row(Receiver, (name,))
    if receiver is None:
        return None
    return ReceiverView(
        receiver=name,
        state=receiver.state,
        kind=receiver.kind,
        cycle=receiver.cycle,
        currency=receiver.currency,
        last4=receiver.last4,
        commitment=receiver.commitment,
        due=_due_to(reader, receiver),
        pending=_owed(reader, books.pending(name), receiver.currency),
        in_transit=_owed(reader, books.in_transit(name), receiver.currency),
        paid=_owed(reader, books.paid(name), receiver.currency),
        timeline=timeline(reader, [f"receiver:{name}"]),
        owner=receiver.owner or UNSET,
        held_at=receiver.held_at or UNSET,
        reason=receiver.reason or UNSET,
    )


def expectation_view(expectation: Expectation, as_of_ms: int) -> ExpectationView:
    """Return an expectation as of a time."""
    return ExpectationView(
        kind=expectation.kind,
        subject=expectation.subject,
        awaited=expectation.awaited,
        opener=expectation.opener,
        amount=expectation.amount,
        currency=expectation.currency,
        opened_entry=expectation.opened_entry,
        opened_at=expectation.opened_at,
        due_at=expectation.due_at,
        state=expectations.status(expectation, as_of_ms),
        lateness_ms=expectations.lateness_ms(expectation, as_of_ms),
        settled_entry=_time(expectation.settled_entry),
        settled_at=_time(expectation.settled_at),
        detail=expectation.detail or UNSET,
    )


def _capture_view(capture: Capture) -> CaptureView:
    return CaptureView(
        order=capture.order,
        amount=capture.amount,
        currency=capture.currency,
        channel=capture.channel,
        captured_at=capture.captured_at,
        entry=capture.entry,
        stands=capture.stands,
    )


def _instruction_view(instruction: Instruction) -> InstructionView:
    return InstructionView(
        order=instruction.order,
        amount=instruction.amount,
        currency=instruction.currency,
        mode=instruction.mode,
        tail=instruction.tail,
        entry=instruction.entry,
        stands=instruction.stands,
        allocated=instruction.allocated,
    )


def _legs_of(reader: Reader, instruction: Instruction) -> list[LegView]:
    numbers = range(1, instruction.leg_count + 1)
    found = [reader.row(Leg, (instruction.payment, number)) for number in numbers]
    return _leg_views(reader, [leg for leg in found if leg is not None])


def _leg_views(reader: Reader, legs: list[Leg]) -> list[LegView]:
    receivers: dict[str, Receiver | None] = {}
    buckets: dict[tuple[str, int], Bucket | None] = {}
    payouts: dict[str, Payout | None] = {"": None}
    views = []
    for leg in legs:
        place = (leg.receiver, leg.bucket)
        if leg.receiver not in receivers:
            receivers[leg.receiver] = reader.row(Receiver, (leg.receiver,))
        if place not in buckets:
            buckets[place] = reader.row(Bucket, place) if leg.bucket else None
        bucket = buckets[place]
        name = bucket.payout if bucket is not None else ""
        if name not in payouts:
            payouts[name] = reader.row(Payout, (name,))
        views.append(_leg_view(leg, receivers[leg.receiver], bucket, payouts[name]))
    return views


def _leg_view(
    leg: Leg, receiver: Receiver | None, bucket: Bucket | None, payout: Payout | None
) -> LegView:
    return LegView(
        payment=leg.payment,
        leg=leg.leg,
        receiver=leg.receiver,
        amount=leg.amount,
        purpose=leg.purpose,
        state=leg_state(leg, bucket, payout),
        ends_at=ARRIVED if receiver is not None and receiver.owner else PAID,
        ppm=leg.ppm or UNSET,
        due_date=UNSET if bucket is None else bucket.due_date,
        payout=UNSET if payout is None else payout.payout,
        returned_payout=(bucket.returned or UNSET) if bucket is not None else UNSET,
    )


def _payouts_of(legs: list[LegView]) -> list[str]:
    """Return the payouts that a payment's legs are or were in, each once."""
    names: dict[str, None] = {}
    for leg in legs:
        for name in (leg.returned_payout, leg.payout):
            if isinstance(name, str):
                names[name] = None
    return list(names)


def _expectations_on(
    reader: Reader, subjects: Iterable[str], as_of_ms: int
) -> list[ExpectationView]:
    found = [reader.row(Expectation, (kind, subject)) for subject in subjects for kind in KINDS]
    known = sorted((each for each in found if each is not None), key=lambda each: each.opened_entry)
    return [expectation_view(each, as_of_ms) for each in known]


def _due_to(reader: Reader, receiver: Receiver) -> list[DueView]:
    due = []
    for text in sorted(receiver.open_buckets)[:PAGE_MAX]:
        bucket = reader.row(Bucket, (receiver.receiver, int(text[DATE_CHARS + 1 :])))
        if bucket is not None:
            due.append(
                DueView(
                    due_date=bucket.due_date,
                    amount=bucket.amount,
                    leg_count=bucket.legs,
                    returned_payout=bucket.returned or UNSET,
                )
            )
    return due


def _owed(reader: Reader, account: str, currency: str) -> int:
    balance = reader.row(books.Balance, (account, currency))
    return 0 if balance is None else -balance.amount


def _time(value: int) -> int | UnsetType:
    return UNSET if value < 0 else value
