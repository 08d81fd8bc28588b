"""Payouts: transfers to receivers with the legs they settle, as one, and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.responses import Response

from api.answers import json_answer
from api.business.disputes import DisputeView, as_shown, disputes_about, shown
from api.business.expectations import ExpectationView, expectations_on
from api.business.legs import LegView, former_leg_views, leg_views
from api.business.parameters import AsOf, Id, known, now_ms
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.lists import Asked, Format, Page, list_answer
from api.log_views import EntryView, timeline
from api.named import refuse_unknown_receiver
from api.openapi import describe, describe_list
from api.paging import ONE_TEXT, Cursor, Limit, Name, cursor_of, page_of, place_of
from api.problems import Problem
from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.payouts import RETURNED, Payout
from node.storage.queries import Walk, walked
from node.storage.reads import Reader
from node.storage.store import Store

PayoutState = Annotated[
    Literal["created", "paid", "returned", "confirmed", "conflicting"] | None,
    Query(description="Only in this state."),
]


class PayoutSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer to a receiver. ``entry`` created it, ``last_entry`` changed it last.

    ``state`` is created, paid, returned, confirmed or conflicting; disputed while a dispute is
    open. ``confirmed_amount`` in ``confirmed_currency`` is what the receiver's owner said arrived.
    """

    payout: str
    state: str
    receiver: str
    amount: int
    currency: str
    cutoff_date: str
    leg_count: int
    entry: int
    last_entry: int
    owner: str | UnsetType = UNSET
    bank_reference: str | UnsetType = UNSET
    paid_at: int | UnsetType = UNSET
    confirmed_amount: int | UnsetType = UNSET
    confirmed_currency: str | UnsetType = UNSET
    received_at: int | UnsetType = UNSET


class PayoutView(PayoutSummary, frozen=True, kw_only=True):
    """One transfer to a receiver and the legs it settles, of which at most a page is listed.

    They are those that it was created with; ``void`` are those that went another way after it came
    back. ``as_of`` is the time in ms at which what is awaited was judged; all else is as it stands
    now.
    """

    as_of: int
    legs: list[LegView]
    disputes: list[DisputeView]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    timeline_whole: bool


class PayoutPage(msgspec.Struct, frozen=True, kw_only=True):
    """Payouts by id. Go on while there is a ``next``."""

    payouts: list[PayoutSummary]
    next: str | UnsetType = UNSET


def payout_routes(router: APIRouter, store: Store) -> None:
    """Add the routes to payouts."""

    @router.get("/v1/payouts", **describe_list(PayoutPage, "no-such-receiver"))
    def list_payouts(
        *,
        request: Request,
        receiver: Id = "",
        state: PayoutState = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List payouts, of a receiver or in a state."""
        asked = {"receiver": receiver, "state": state}
        walk = Walk({name: value for name, value in asked.items() if value}, ("payout",))
        with store.reader() as reader:
            refuse_unknown_receiver(reader, receiver)
            rows = walked(reader, Payout, walk, place_of(request, cursor, ONE_TEXT), limit + 1)
            found, last = page_of(rows, lambda _: True, limit)
            views = payout_summaries(reader, found)
        goes_on = cursor_of(request, None if last is None else (last.payout,))
        page = PayoutPage(payouts=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, PayoutSummary, views, goes_on))

    @router.get("/v1/payouts/{payout}", **describe(PayoutView, "no-such-payout"))
    def show_payout(payout: Name, as_of: AsOf = None) -> Response:
        """Show a payout and the legs that it settles."""
        with store.reader() as reader:
            view = payout_view(reader, payout, now_ms(as_of))
        if view is None:
            raise Problem(
                "no-such-payout",
                f"no applied record is about payout {payout!r}; if it was refused, that stands in "
                "the timeline of its receiver",
            )
        return json_answer(view)


def payout_view(reader: Reader, name: str, as_of_ms: int) -> PayoutView | None:
    """Return what the log knows of a payout, or None if it knows nothing."""
    payout = reader.row(Payout, (name,))
    if payout is None:
        return None
    subject = f"payout:{name}"
    disputes = disputes_about(reader, [subject])
    subjects = [subject, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    state = shown(payout.state, disputes)
    return PayoutView(
        **msgspec.structs.asdict(_summary(replace(payout, state=state))),
        as_of=as_of_ms,
        legs=_leg_views(reader, payout),
        disputes=disputes,
        expectations=expectations_on(reader, subjects, as_of_ms),
        timeline=entries,
        timeline_whole=whole,
    )


def payout_summaries(reader: Reader, payouts: Sequence[Payout]) -> list[PayoutSummary]:
    """Return payouts as a list shows them."""
    return [_summary(row) for row in as_shown(reader, "payout", payouts)]


def _summary(payout: Payout) -> PayoutSummary:
    return PayoutSummary(
        payout=payout.payout,
        state=payout.state,
        receiver=payout.receiver,
        amount=payout.amount,
        currency=payout.currency,
        cutoff_date=payout.cutoff_date,
        leg_count=payout.legs,
        entry=payout.entry,
        last_entry=payout.last_entry,
        owner=payout.owner or UNSET,
        bank_reference=payout.bank_reference or UNSET,
        paid_at=known(payout.paid_at),
        confirmed_amount=payout.confirmed_amount or UNSET,
        confirmed_currency=payout.confirmed_currency or UNSET,
        received_at=known(payout.received_at),
    )


def _leg_views(reader: Reader, payout: Payout) -> list[LegView]:
    """Return the legs that a payout carried when it was created, and carries unless it came back.

    No leg joins a bucket that came back, so what is or was in its buckets since was in it.
    """
    stayed, left = _legs_of(reader, payout), _former_legs_of(reader, payout)
    views = [*leg_views(reader, stayed), *former_leg_views(reader, left, payout.payout)]
    return sorted(views, key=lambda each: (each.payment, each.leg))[:PAGE_MAX]


def _legs_of(reader: Reader, payout: Payout) -> list[Leg]:
    found = (leg for walk in _walks(payout, "leg") for leg in walked(reader, Leg, walk))
    return list(islice(found, PAGE_MAX))


def _former_legs_of(reader: Reader, payout: Payout) -> list[FormerLeg]:
    """Return the legs that left the buckets of a payout after it had carried them."""
    if payout.state != RETURNED:
        return []
    walks = _walks(payout, "leg", "until")
    found = (leg for walk in walks for leg in walked(reader, FormerLeg, walk))
    return list(islice((leg for leg in found if leg.until > payout.entry), PAGE_MAX))


def _walks(payout: Payout, *order: str) -> Iterator[Walk]:
    for seq in payout.buckets:
        yield Walk({"receiver": payout.receiver, "bucket": int(seq)}, ("payment", *order))
