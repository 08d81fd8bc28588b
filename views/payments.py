"""Payments: where is this money? Both halves, every leg, refunds, fee, disputes, who said what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ledger.contracts.allocation import FormerLeg, Leg, Mode
from ledger.contracts.channels import SourceName
from ledger.contracts.fees import CURRENT, FeeCharge
from ledger.contracts.halves import Capture, Instruction, PaymentState, payment_state
from ledger.contracts.payouts import RETURNED
from ledger.contracts.payouts import Payout as PayoutRow
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Walk
from views.calendars import DueDates
from views.disputes import DisputeView, disputes_about
from views.expectations import ExpectationView, expectations_on
from views.fees import ChargeView, charge_view
from views.labels import (
    Amount,
    AsOf,
    Attempt,
    ChannelNumber,
    Compensation,
    Currency,
    Entry,
    Label,
    Loan,
    Order,
    Payment,
    Whole,
    state_label,
)
from views.legs import VOID, LegView, buckets_of, leg_views, money_by_state
from views.payouts import PayoutSummary, payout_summaries
from views.reader import Reader, walked
from views.refunds import RefundView, refunds_of
from views.standing import state_or_disputed
from views.timeline import EntryView, timeline
from views.view import ViewStruct, converted

ShownPaymentState = Annotated[
    Literal[PaymentState, "disputed"],
    state_label(
        True,
        captured="已收款",
        instructed="已指示",
        split="已分账",
        conflicting="不一致",
        reversed="已冲正",
        withdrawn="已撤回",
        unknown="未知",
    ),
]
CapturedAt = Annotated[int, Label("captured at", "收款时间", "ms")]
Channel = Annotated[str, Label("channel", "渠道")]

_SOURCE_WORDS = {"buyer": "买方", "platform-subsidy": "平台补差", "coupon": "优惠券"}


class SourceView(ViewStruct, frozen=True, kw_only=True):
    """Who paid which part of a payment: buyer, platform-subsidy or coupon."""

    source: Annotated[SourceName, Label("source", "来源", words=_SOURCE_WORDS)]
    amount: Amount


class CaptureView(ViewStruct, frozen=True, kw_only=True):
    """The institution's half of a payment. It stands until it is reversed.

    ``channel_number`` is the channel's own number of it, ``sources`` say who paid which part. Of a
    loan's money ``loan`` and ``attempt`` are the borrower's, ``compensation`` is the guarantor's.
    """

    order: Order
    amount: Amount
    currency: Currency
    channel: Channel
    captured_at: CapturedAt
    entry: Entry
    stands: Annotated[bool, Label("stands", "有效")]
    reversals: Annotated[int, Label("reversals", "冲正次数", "count")]
    channel_number: ChannelNumber = ""
    sources: list[SourceView] = msgspec.field(default_factory=list)
    loan: Loan = ""
    attempt: Attempt = ""
    compensation: Compensation = ""


class InstructionView(ViewStruct, frozen=True, kw_only=True):
    """The platform's half of a payment. ``tail`` counts minor units that ratios left over.

    ``overpaid`` is what of a repayment is in no leg.
    """

    order: Order
    amount: Amount
    currency: Currency
    mode: Annotated[Mode, Label("mode", "方式", words={"fixed": "按金额", "ratio": "按比例"})]
    tail: Annotated[int, Label("tail", "尾差", "minor")]
    entry: Entry
    stands: Annotated[bool, Label("stands", "有效")]
    allocated: Annotated[bool, Label("allocated", "已入账")]
    loan: Loan = ""
    attempt: Attempt = ""
    overpaid: Annotated[int, Label("overpaid", "溢缴", "minor")] = 0


class PaymentView(ViewStruct, frozen=True, kw_only=True):
    """Everything the log knows of one payment.

    ``state`` is captured or instructed (one half), split or conflicting (both), reversed or
    withdrawn; disputed while a dispute stands; unknown if every record was refused. ``money`` says
    where what was captured is: in suspense until the halves agree, then by the states of the legs.
    ``payouts`` are those that its legs are in or came back with, also the legs of earlier splits.
    ``expectations`` and ``timeline`` are those of the payment and of its payouts, refunds and
    disputes; the timeline has the newest entries, the refused ones too, and all if it is
    ``timeline_whole``. ``fee`` is the last charge; ``earlier_fees``
    are those of earlier captures, which were invoiced and stand. ``as_of`` is the time in ms at
    which what is awaited was judged; all else is as it stands now.
    """

    payment: Payment
    as_of: AsOf
    state: ShownPaymentState
    legs: list[LegView]
    money: dict[str, int]
    payouts: list[PayoutSummary]
    refunds: list[RefundView]
    disputes: list[DisputeView]
    earlier_fees: list[ChargeView]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    timeline_whole: Whole
    capture: CaptureView | UnsetType = UNSET
    instruction: InstructionView | UnsetType = UNSET
    fee: ChargeView | UnsetType = UNSET


def payment_view(
    reader: Reader, genesis: Genesis, payment: str, as_of_ms: int
) -> PaymentView | None:
    """Return what the log knows of ``payment``, or None if it knows nothing."""
    capture = reader.row(Capture, (payment,))
    instruction = reader.row(Instruction, (payment,))
    legs = [] if instruction is None else _legs_of(reader, instruction)
    payouts = _payouts_of(reader, payment, legs)
    refunds = refunds_of(reader, payment)
    parts = [f"payout:{each.payout}" for each in payouts]
    parts += [f"refund:{each.refund}" for each in refunds]
    disputes = disputes_about(reader, [f"payment:{payment}", *parts])
    own = [each for each in disputes if each.subject == f"payment:{payment}"]
    subjects = [f"payment:{payment}", *parts, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    if not entries:
        return None
    earlier, charge = _charges_of(reader, payment)
    state = payment_state(capture, instruction)
    views = leg_views(reader, legs, DueDates(reader, genesis))
    if instruction is not None and (state == "reversed" or not instruction.stands):
        views = [replace(each, state=VOID) for each in views]
    return PaymentView(
        payment=payment,
        as_of=as_of_ms,
        state=state_or_disputed(state, own),
        legs=views,
        money=_money(capture, instruction, views),
        payouts=payouts,
        refunds=refunds,
        disputes=disputes,
        earlier_fees=[charge_view(reader, each, capture) for each in earlier],
        expectations=expectations_on(reader, subjects, as_of_ms),
        timeline=entries,
        timeline_whole=whole,
        capture=UNSET if capture is None else _capture_view(capture),
        instruction=UNSET if instruction is None else converted(InstructionView, instruction),
        fee=UNSET if charge is None else charge_view(reader, charge, capture),
    )


def _charges_of(reader: Reader, payment: str) -> tuple[list[FeeCharge], FeeCharge | None]:
    """Return the charges of earlier captures, oldest first, and the last charge."""
    last = reader.row(FeeCharge, (payment, CURRENT))
    if last is None:
        return [], None
    keys = [(payment, number) for number in range(CURRENT + 1, CURRENT + 1 + last.earlier)]
    found = reader.rows_under(FeeCharge, keys)
    return [found[key] for key in keys if key in found], last


def _money(
    capture: Capture | None, instruction: Instruction | None, legs: list[LegView]
) -> dict[str, int]:
    """Return where the money is that was captured, in minor units; none is where none came."""
    if capture is None or not capture.stands:
        return {}
    if instruction is None or not instruction.allocated:
        return {"suspense": capture.amount}
    return money_by_state(legs)


def _legs_of(reader: Reader, instruction: Instruction) -> list[Leg]:
    keys = [(instruction.payment, number) for number in range(1, instruction.leg_count + 1)]
    found = reader.rows_under(Leg, keys)
    return [found[key] for key in keys if key in found]


def _payouts_of(reader: Reader, payment: str, legs: list[Leg]) -> list[PayoutSummary]:
    """Return the payouts that legs are or were in, each once, in the order of the log.

    A bucket names the last payout that came back; those before it are found by the receiver.
    """
    found: dict[str, PayoutRow] = {}
    buckets = buckets_of(reader, legs).values()
    until = _left(reader, payment)
    for bucket in buckets:
        if bucket.returned:
            until.setdefault(bucket.receiver, {})[str(bucket.seq)] = SAFE_INTEGER_MAX
        payout = reader.row(PayoutRow, (bucket.payout,)) if bucket.payout else None
        if payout is not None:
            found[payout.payout] = payout
    for receiver, ends in until.items():
        found.update((row.payout, row) for row in _came_back(reader, receiver, ends))
    ordered = sorted(found.values(), key=lambda each: each.entry)
    return payout_summaries(reader, ordered)


def _left(reader: Reader, payment: str) -> dict[str, dict[str, int]]:
    """Return by receiver and bucket the last entry in which a former leg of a payment left it."""
    until: dict[str, dict[str, int]] = {}
    for leg in walked(reader, FormerLeg, Walk({"payment": payment}, ("leg", "until"))):
        ends = until.setdefault(leg.receiver, {})
        ends[str(leg.bucket)] = max(leg.until, ends.get(str(leg.bucket), 0))
    return until


def _came_back(reader: Reader, receiver: str, until: dict[str, int]) -> Iterator[PayoutRow]:
    """Yield a receiver's payouts that came back, of buckets until an entry each: one walk."""
    walk = Walk({"receiver": receiver, "state": RETURNED}, ("payout",))
    for row in walked(reader, PayoutRow, walk):
        if any(row.entry < until.get(seq, 0) for seq in row.buckets):
            yield row


def _capture_view(capture: Capture) -> CaptureView:
    return converted(CaptureView, capture, sources=[_source(text) for text in capture.sources])


def _source(stored: str) -> SourceView:
    source, _, amount = stored.partition(":")
    name: Any = source  # a row has the names that its record may have
    return SourceView(source=name, amount=int(amount))
