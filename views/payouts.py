"""Payouts: transfers to receivers with the legs they settle, as one, and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec
from msgspec.structs import replace

from ledger.contracts.payouts import Payout as PayoutRow
from ledger.contracts.payouts import PayoutState
from ledger.genesis import Genesis
from views.calendars import DueDates
from views.channels import subjects_numbered
from views.disputes import DisputeView, disputes_about
from views.expectations import ExpectationView, expectations_on
from views.labels import (
    Amount,
    AsOf,
    BankReference,
    ChannelNumber,
    ConfirmedCurrency,
    Currency,
    Entry,
    Label,
    LastEntry,
    Legs,
    Owner,
    PaidAt,
    Payout,
    ReceivedAt,
    Receiver,
    Whole,
    state_label,
)
from views.legs import LegView
from views.listing import PAGE_MAX, Asked, Filter, Listing, walked_rows
from views.payout_legs import carried_by, carried_views
from views.reader import Reader
from views.standing import as_shown, state_or_disputed
from views.timeline import EntryView, timeline
from views.view import ViewStruct, converted


class PayoutSummary(ViewStruct, frozen=True, kw_only=True):
    """One transfer to a receiver. ``entry`` created it, ``last_entry`` changed it last.

    ``confirmed_amount`` in ``confirmed_currency`` is what the receiver's owner said arrived;
    ``return_reason`` is why the institution says that it came back.
    """

    payout: Payout
    state: Annotated[
        Literal[PayoutState, "disputed"],
        state_label(
            True,
            created="已创建",
            paid="已付款",
            returned="已退回",
            confirmed="已到账",
            conflicting="不一致",
        ),
    ]
    receiver: Receiver
    amount: Amount
    currency: Currency
    cutoff_date: Annotated[str, Label("cut-off", "截止日", "date")]
    leg_count: Legs
    entry: Entry
    last_entry: LastEntry
    owner: Owner = ""
    bank_reference: BankReference = ""
    paid_at: PaidAt = -1
    confirmed_amount: Annotated[int, Label("owner says", "到账确认", "minor")] = 0
    confirmed_currency: ConfirmedCurrency = ""
    received_at: ReceivedAt = -1
    return_reason: Annotated[str, Label("came back", "退回原因", "text")] = ""
    channel_number: ChannelNumber = ""


class PayoutView(PayoutSummary, frozen=True, kw_only=True):
    """One transfer to a receiver and the legs it settles, of which at most 1000 are shown here.

    They are those that it was created with; ``void`` are those that went another way after it came
    back. ``as_of`` is the time in ms at which what is awaited was judged; all else is as it stands
    now.
    """

    as_of: AsOf
    legs: list[LegView]
    disputes: list[DisputeView]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    timeline_whole: Whole


def _rows(asked: Asked) -> Iterator[PayoutRow]:
    """Yield payouts along an index, or those with a channel's number."""
    if "channel_number" not in asked.given:
        return walked_rows(PAYOUTS, asked)
    numbered = subjects_numbered(asked.reader, asked.given["channel_number"], "payout")
    names = [name for name in sorted(numbered) if asked.after is None or name > asked.after[0]]
    rows = asked.reader.rows_under(PayoutRow, [(name,) for name in names])
    return (rows[name,] for name in names if (name,) in rows)


def _items(asked: Asked, rows: Sequence[PayoutRow]) -> list[PayoutSummary]:
    return payout_summaries(asked.reader, rows)


PAYOUTS = Listing(
    name="payouts",
    title=Label("Payouts", "结算单"),
    row=PayoutRow,
    view=PayoutSummary,
    help="List payouts, of a receiver, in a state, or of a channel's number.",
    filters=(
        Filter(name="receiver", kind="receiver", help="Only to this receiver."),
        Filter(name="state", kind="choice", words=get_args(PayoutState)),
        Filter(
            name="channel_number",
            kind="id",
            help="Only with this number of the channel or bank.",
        ),
    ),
    none=Label("no payouts", "没有结算单"),
    columns=(("payout", "receiver"), "state", "cutoff_date", "leg_count", "amount"),
    rows=_rows,
    items=_items,
)


def payout_view(reader: Reader, genesis: Genesis, name: str, as_of_ms: int) -> PayoutView | None:
    """Return what the log knows of a payout, or None if it knows nothing."""
    payout = reader.row(PayoutRow, (name,))
    if payout is None:
        return None
    subject = f"payout:{name}"
    disputes = disputes_about(reader, [subject])
    subjects = [subject, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    state = state_or_disputed(payout.state, disputes)
    carried = carried_by(reader, payout, PAGE_MAX)
    return PayoutView(
        **msgspec.structs.asdict(_summary(replace(payout, state=state))),
        as_of=as_of_ms,
        legs=carried_views(reader, payout, carried, DueDates(reader, genesis)),
        disputes=disputes,
        expectations=expectations_on(reader, subjects, as_of_ms),
        timeline=entries,
        timeline_whole=whole,
    )


def payout_summaries(reader: Reader, payouts: Sequence[PayoutRow]) -> list[PayoutSummary]:
    """Return payouts as a list shows them."""
    return as_shown(reader, "payout", [_summary(row) for row in payouts])


def _summary(payout: PayoutRow) -> PayoutSummary:
    return converted(PayoutSummary, payout, leg_count=payout.legs)
