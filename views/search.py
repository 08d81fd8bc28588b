"""Search: which payments belong to an order, a receiver, an amount or a date."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from ledger.calendar import Calendar
from ledger.contracts.allocation import Leg
from ledger.contracts.disputes import shown_state
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.refunds import Refund
from ledger.state import Walk
from views.channels import subjects_numbered
from views.labels import Amount, Attempt, ChannelNumber, Currency, Label, Loan, Order, Payment
from views.listing import Asked, BadQuestion, Column, Filter, Listing
from views.payments import CapturedAt, Channel, ShownPaymentState
from views.reader import Reader, walked
from views.standing import standing_disputes
from views.texts import gettext
from views.view import ViewStruct

_DAY_MS = 86_400_000
_AFTER_ALL = "~"
"""A sign after all those of identifiers."""

Place = tuple[Any, ...]


class FoundPayment(ViewStruct, frozen=True, kw_only=True):
    """One payment that was found. Amount and order are the capture's, or else the instruction's."""

    payment: Payment
    order: Order
    state: ShownPaymentState
    amount: Amount
    currency: Currency
    channel: Channel = ""
    captured_at: CapturedAt = -1
    channel_number: ChannelNumber = ""
    loan: Loan = ""
    attempt: Attempt = ""


class Span(NamedTuple):
    """From which ms on, and before which, a payment was captured; None where that is open."""

    since: int | None
    until: int | None

    def holds(self, captured_at: int | None) -> bool:
        """Return whether a payment was captured within, if that matters."""
        if self.since is None and self.until is None:
            return True
        if captured_at is None or captured_at < (self.since or 0):
            return False
        return self.until is None or captured_at < self.until


class Hit(NamedTuple):
    """A payment and its place on the walk: two columns, as far as they are there."""

    number: int
    payment: str
    leg: int = 0


def _rows(asked: Asked) -> Iterator[Hit]:
    by = {name: value for name, value in asked.given.items() if name not in ("from", "to")}
    span = _span(asked)
    if len(by) > 1:
        said = gettext("search by one at a time, not by {names}")
        raise BadQuestion(said.format(names=gettext(" and ").join(by)))
    return _hits(asked, by, span)


def _fits(asked: Asked, hit: Hit) -> bool:
    return _span(asked).holds(_captured_at(asked.reader, hit))


def _items(asked: Asked, hits: Sequence[Hit]) -> list[FoundPayment]:
    return found_payments(asked.reader, [hit.payment for hit in hits])


_CAPTURED = Column(
    Label("captured", "收款时间", "ms"), fields=("captured_at",), absent=Label("no", "未收款")
)

SEARCH = Listing(
    name="search",
    title=Label("Find payments", "查找支付"),
    operation="search",
    member="payments",
    row=Hit,
    view=FoundPayment,
    help=(
        "Find payments by order, id, loan, receiver, amount, channel's number, or date captured."
        "\n\nWith nothing asked, the newest captures."
    ),
    filters=(
        Filter(name="order", kind="id", judged=True, help="The order's id."),
        Filter(
            name="payment",
            kind="id",
            judged=True,
            help="How the payment's id begins, or the whole of it.",
        ),
        Filter(
            name="receiver", kind="receiver", judged=True, help="A receiver of one of its legs."
        ),
        Filter(name="loan", kind="loan", judged=True, help="The loan that it repays."),
        Filter(
            name="amount",
            kind="positive",
            judged=True,
            option=None,
            help="What was captured.",
        ),
        Filter(
            name="amount_shown",
            kind="displayed",
            judged=True,
            option="amount",
            help="What was captured.",
        ),
        Filter(
            name="channel_number",
            kind="id",
            judged=True,
            help="The channel's own number of the payment or of a refund (微信订单号).",
        ),
        Filter(
            name="from", kind="day", judged=True, help="Captured on this business date or later."
        ),
        Filter(
            name="to", kind="day", judged=True, help="Captured on this business date or before."
        ),
    ),
    columns=(
        ("payment", "order"),
        "state",
        "amount",
        _CAPTURED,
    ),
    none=Label("no payment was found", "没有找到支付"),
    order=("number", "payment", "leg"),
    rows=_rows,
    fits=_fits,
    items=_items,
)


def found_payments(reader: Reader, names: list[str]) -> list[FoundPayment]:
    """Return payments as a search shows them."""
    captures = reader.rows_under(Capture, [(name,) for name in names])
    instructions = reader.rows_under(Instruction, [(name,) for name in names])
    disputes = standing_disputes(reader, [f"payment:{name}" for name in names])
    views = []
    for name in names:
        capture, instruction = captures.get((name,)), instructions.get((name,))
        half = capture or instruction
        if half is None:
            continue
        state = payment_state(capture, instruction)
        shown: Any = shown_state(state, disputes.get(f"payment:{name}", ()))
        view = FoundPayment(
            payment=name,
            order=half.order,
            state=shown,
            amount=half.amount,
            currency=half.currency,
            channel="" if capture is None else capture.channel,
            captured_at=-1 if capture is None else capture.captured_at,
            channel_number=capture.channel_number if capture else "",
            loan=half.loan,
            attempt=half.attempt,
        )
        views.append(view)
    return views


def _span(asked: Asked) -> Span:
    """Return the time from the beginning of one business date to the end of another."""
    since, to = asked.given.get("from", ""), asked.given.get("to", "")
    calendar: Calendar = asked.genesis.calendar
    if since and to and since > to:
        said = gettext("query.from: {since} is after `to`, {until}; swap them")
        raise BadQuestion(said.format(since=since, until=to))
    start = calendar.starts_at_ms(date.fromisoformat(since)) if since else None
    end = calendar.starts_at_ms(date.fromisoformat(to)) + _DAY_MS if to else None
    return Span(start, end)


def _hits(asked: Asked, by: Mapping[str, Any], span: Span) -> Iterator[Hit]:
    """Yield what is found by one key, or else by date, in the order of its index."""
    reader, after, chunk = asked.reader, asked.after, asked.limit + 1
    if "receiver" in by:
        return _of_receiver(reader, by["receiver"], after, chunk)
    if "loan" in by:
        return _repaying(reader, by["loan"], after)
    if "channel_number" in by:
        return _numbered(reader, by["channel_number"], after)
    if "order" in by or "payment" in by:
        name = by.get("payment", "")
        fixed = {"order": by["order"]} if "order" in by else {}
        walk = Walk(fixed, ("payment",), name or None, name + _AFTER_ALL if name else None)
        return _of_halves(reader, walk, after, chunk)
    place = None if after is None else after[:2]
    if "amount_shown" in by:
        walks = [
            (Walk({"amount": amount}, ("captured_at", "payment"), *span), currencies)
            for amount, currencies in by["amount_shown"].minor_units().items()
        ]
        found = (_captured(reader, walk, place, chunk, codes) for walk, codes in walks)
        return merge(*found)
    newest = not by and span == (None, None)
    walk = Walk(by, ("captured_at", "payment"), *span, backwards=newest)
    return _captured(reader, walk, place, chunk)


def _captured(
    reader: Reader,
    walk: Walk,
    place: tuple[Any, ...] | None,
    chunk: int,
    currencies: Container[str] | None = None,
) -> Iterator[Hit]:
    """Yield captures along a walk by time, in one of some currencies if these are given."""
    for row in walked(reader, Capture, walk, place, chunk):
        if currencies is None or row.currency in currencies:
            yield Hit(row.captured_at, row.payment)


def _of_halves(reader: Reader, walk: Walk, after: Place | None, chunk: int) -> Iterator[Hit]:
    """Yield payments of which either half is on a walk by id, each once."""
    place = None if after is None else after[1:2]
    captures = (row.payment for row in walked(reader, Capture, walk, place, chunk))
    instructions = (row.payment for row in walked(reader, Instruction, walk, place, chunk))
    return (Hit(0, payment) for payment, _ in groupby(merge(captures, instructions)))


def _numbered(reader: Reader, number: str, after: Place | None) -> Iterator[Hit]:
    """Yield payments that have a channel's number, or of which a refund has it."""
    refunds = [(name,) for name in subjects_numbered(reader, number, "refund")]
    names = {row.payment for row in reader.rows_under(Refund, refunds).values()}
    names.update(subjects_numbered(reader, number, "payment"))
    yield from (Hit(0, name) for name in sorted(names) if after is None or name > after[1])


def _repaying(reader: Reader, loan: str, after: Place | None) -> Iterator[Hit]:
    """Yield the payments by which a loan was repaid."""
    attempts = walked(reader, RepaymentAttempt, Walk({"loan": loan}, ("attempt",)))
    names = sorted({row.payment for row in attempts if row.payment})
    yield from (Hit(0, name) for name in names if after is None or name > after[1])


def _of_receiver(reader: Reader, receiver: str, after: Place | None, chunk: int) -> Iterator[Hit]:
    """Yield payments of which a leg goes to a receiver, those that are not allocated first.

    Legs of one payment may be in several buckets, or in none: it is found at the first.
    """
    walk = Walk({"receiver": receiver}, ("bucket", "payment", "leg"))
    legs = walked(reader, Leg, walk, after, chunk)
    for (bucket, payment), same in groupby(legs, key=lambda leg: (leg.bucket, leg.payment)):
        last = max(leg.leg for leg in same)
        if bucket == _first_bucket(reader, receiver, payment):
            yield Hit(bucket, payment, last)


def _first_bucket(reader: Reader, receiver: str, payment: str) -> int:
    instruction = reader.row(Instruction, (payment,))
    count = 0 if instruction is None else instruction.leg_count
    legs = reader.rows_under(Leg, [(payment, number) for number in range(1, count + 1)])
    return min((leg.bucket for leg in legs.values() if leg.receiver == receiver), default=0)


def _captured_at(reader: Reader, hit: Hit) -> int | None:
    capture = reader.row(Capture, (hit.payment,))
    return None if capture is None else capture.captured_at
