"""Payouts: transfers to receivers with the legs they settle, as one, and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.responses import Response

from api.answers import json_answer
from api.business.calendars import DueDates
from api.business.disputes import DisputeView, as_shown, disputes_about, shown
from api.business.expectations import ExpectationView, expectations_on
from api.business.legs import LegView
from api.business.parameters import AsOf, Id, known, now_ms
from api.business.payout_legs import carried_by, no_such_payout, views_of
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.lists import Asked, Format, Page, list_answer
from api.log_views import EntryView, timeline
from api.named import refuse_unknown_receiver
from api.openapi import describe, describe_list
from api.paging import ONE_TEXT, Cursor, Limit, Name, cursor_of, page_of, place_of
from api.reading import Reading
from ledger.contracts.payouts import Payout
from ledger.genesis import Genesis
from node.storage.queries import Walk, subjects_numbered, walked
from node.storage.reads import Reader

PayoutState = Annotated[
    Literal["created", "paid", "returned", "confirmed", "conflicting"] | None,
    Query(description="Only in this state."),
]


class PayoutSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer to a receiver. ``entry`` created it, ``last_entry`` changed it last.

    ``state`` is created, paid, returned, confirmed or conflicting; disputed while a dispute stands.
    ``confirmed_amount`` in ``confirmed_currency`` is what the receiver's owner said arrived;
    ``return_reason`` is why the institution says that it came back.
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
    return_reason: str | UnsetType = UNSET
    channel_number: str | UnsetType = UNSET


class PayoutView(PayoutSummary, frozen=True, kw_only=True):
    """One transfer to a receiver and the legs it settles, of which at most 1000 are shown here.

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


def payout_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to payouts."""

    @router.get("/v1/payouts", **describe_list(PayoutPage, "no-such-receiver"))
    def list_payouts(
        *,
        request: Request,
        receiver: Id = "",
        state: PayoutState = None,
        channel_number: Id = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List payouts, of a receiver, in a state, or of a channel's number."""
        asked = {"receiver": receiver, "state": state}
        walk = Walk({name: value for name, value in asked.items() if value}, ("payout",))
        with reading.reader() as reader:
            refuse_unknown_receiver(reader, receiver)
            after = place_of(request, cursor, ONE_TEXT)
            if channel_number:
                rows = _numbered(reader, channel_number, walk.fixed, after)
            else:
                rows = walked(reader, Payout, walk, after, limit + 1)
            found, last = page_of(rows, lambda _: True, limit)
            views = payout_summaries(reader, found)
        goes_on = cursor_of(request, None if last is None else (last.payout,))
        page = PayoutPage(payouts=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, PayoutSummary, views, goes_on))

    @router.get("/v1/payouts/{payout}", **describe(PayoutView, "no-such-payout"))
    def show_payout(payout: Name, as_of: AsOf = None) -> Response:
        """Show a payout and the legs that it settles."""
        with reading.reader() as reader:
            view = payout_view(reader, reading.genesis, payout, now_ms(as_of))
        if view is None:
            raise no_such_payout(payout)
        return json_answer(view)


def payout_view(reader: Reader, genesis: Genesis, name: str, as_of_ms: int) -> PayoutView | None:
    """Return what the log knows of a payout, or None if it knows nothing."""
    payout = reader.row(Payout, (name,))
    if payout is None:
        return None
    subject = f"payout:{name}"
    disputes = disputes_about(reader, [subject])
    subjects = [subject, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    state = shown(payout.state, disputes)
    carried = carried_by(reader, payout, PAGE_MAX)
    return PayoutView(
        **msgspec.structs.asdict(_summary(replace(payout, state=state))),
        as_of=as_of_ms,
        legs=views_of(reader, payout, carried, DueDates(reader, genesis)),
        disputes=disputes,
        expectations=expectations_on(reader, subjects, as_of_ms),
        timeline=entries,
        timeline_whole=whole,
    )


def _numbered(
    reader: Reader, number: str, fixed: Mapping[str, str], after: tuple[str, ...] | None
) -> Iterator[Payout]:
    """Yield the payouts with a channel's number, as far as other filters let them."""
    names = sorted(subjects_numbered(reader, number, "payout"))
    rows = reader.rows_under(
        Payout, [(name,) for name in names if after is None or name > after[0]]
    )
    found = (rows[name,] for name in names if (name,) in rows)
    yield from (row for row in found if all(getattr(row, key) == fixed[key] for key in fixed))


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
        confirmed_amount=payout.confirmed_amount if payout.confirmed_currency else UNSET,
        confirmed_currency=payout.confirmed_currency or UNSET,
        received_at=known(payout.received_at),
        return_reason=payout.return_reason or UNSET,
        channel_number=payout.channel_number or UNSET,
    )
