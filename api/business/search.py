"""Search: which payments belong to an order, a receiver, an amount or a date."""

from __future__ import annotations

from collections.abc import Container, Iterator
from heapq import merge
from itertools import groupby
from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.parameters import DayFilter, Displayed, Id, day_of, shown_of
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.named import refuse_unknown_receiver
from api.openapi import describe_list
from api.paging import Cursor, Limit, Whole, cursor_of, page_of, place_of
from api.problems import Problem
from api.reading import Reading
from ledger import forms
from ledger.calendar import Calendar
from ledger.contracts.allocation import Leg
from ledger.contracts.disputes import shown_state
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.refunds import Refund
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import Walk, standing_disputes, subjects_numbered, walked
from node.storage.reads import Reader

_DAY_MS = 86_400_000
_AFTER_ALL = "~"
"""A sign after all those of identifiers."""

Prefix = Annotated[
    str,
    Query(
        pattern=forms.IDENTIFIER,
        description="How the payment's id begins, or the whole of it.",
    ),
]
Amount = Annotated[
    int | None,
    Query(ge=1, le=SAFE_INTEGER_MAX, description="What was captured, in minor units."),
]
From = Annotated[DayFilter, Query(alias="from", description="Captured on this business date on.")]
To = Annotated[DayFilter, Query(description="Captured up to this business date.")]
Place = tuple[Whole, str, Whole]

_places = msgspec.json.Decoder(Place)


class FoundPayment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment that was found. Amount and order are the capture's, or else the instruction's."""

    payment: str
    order: str
    state: str
    amount: int
    currency: str
    channel: str | UnsetType = UNSET
    captured_at: int | UnsetType = UNSET
    channel_number: str | UnsetType = UNSET


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """Payments that were found. A page may be short: go on while there is a ``next``."""

    payments: list[FoundPayment]
    next: str | UnsetType = UNSET


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


def search_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route that searches."""

    @router.get("/v1/search", **describe_list(SearchPage, "no-such-receiver"))
    def search(
        *,
        request: Request,
        order: Id = "",
        payment: Prefix = "",
        receiver: Id = "",
        amount: Amount = None,
        amount_shown: Displayed = "",
        channel_number: Id = "",
        since: From = "",
        to: To = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """Find payments by order, id, receiver, amount, channel's number, or date of capture."""
        asked = {"order": order, "payment": payment, "receiver": receiver, "amount": amount}
        asked |= {"amount_shown": amount_shown, "channel_number": channel_number}
        by = {name: value for name, value in asked.items() if value}
        span = _span(reading.genesis.calendar, since, to)
        _refuse_question(by, span)
        with reading.reader() as reader:
            refuse_unknown_receiver(reader, receiver)
            hits = _hits(reader, by, span, (place_of(request, cursor, _places), limit + 1))
            found, last = page_of(hits, lambda hit: span.holds(_captured_at(reader, hit)), limit)
            views = found_payments(reader, [hit.payment for hit in found])
        goes_on = cursor_of(request, last)
        page = SearchPage(payments=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, FoundPayment, views, goes_on))


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
        view = FoundPayment(
            payment=name,
            order=half.order,
            state=shown_state(state, disputes.get(f"payment:{name}", ())),
            amount=half.amount,
            currency=half.currency,
            channel=UNSET if capture is None else capture.channel,
            captured_at=UNSET if capture is None else capture.captured_at,
            channel_number=(capture.channel_number if capture else "") or UNSET,
        )
        views.append(view)
    return views


def _span(calendar: Calendar, since: str, to: str) -> Span:
    """Return the time from the beginning of one business date to the end of another."""
    if since and to and since > to:
        raise Problem("bad-parameter", f"query.from: {since} is after `to`, {to}; swap them")
    start = calendar.starts_at_ms(day_of(since, "from")) if since else None
    return Span(start, calendar.starts_at_ms(day_of(to, "to")) + _DAY_MS if to else None)


def _refuse_question(by: dict[str, str | int], span: Span) -> None:
    if len(by) > 1:
        raise Problem("bad-parameter", f"search by one at a time, not by {' and '.join(by)}")
    if not by and span == (None, None):
        what = "order, payment, receiver, amount, amount_shown, channel_number, from or to"
        raise Problem("bad-parameter", f"say what to search by: {what}")


def _hits(
    reader: Reader, by: dict[str, str | int], span: Span, page: tuple[Place | None, int]
) -> Iterator[Hit]:
    """Yield what is found by one key, or else by date, in the order of its index."""
    after, chunk = page
    if "receiver" in by:
        return _of_receiver(reader, str(by["receiver"]), after, chunk)
    if "channel_number" in by:
        return _numbered(reader, str(by["channel_number"]), after)
    if "order" in by or "payment" in by:
        name = str(by.get("payment", ""))
        fixed = {"order": by["order"]} if "order" in by else {}
        walk = Walk(fixed, ("payment",), name or None, name + _AFTER_ALL if name else None)
        return _of_halves(reader, walk, after, chunk)
    place = None if after is None else after[:2]
    if "amount_shown" in by:
        shown = shown_of(str(by["amount_shown"]), "amount_shown")
        walks = [
            (Walk({"amount": amount}, ("captured_at", "payment"), *span), currencies)
            for amount, currencies in shown.minor_units().items()
        ]
        found = (_captured(reader, walk, place, chunk, codes) for walk, codes in walks)
        return merge(*found)
    walk = Walk(by, ("captured_at", "payment"), *span)
    return _captured(reader, walk, place, chunk)


def _captured(
    reader: Reader,
    walk: Walk,
    place: tuple[Whole, str] | None,
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
