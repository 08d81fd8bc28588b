"""Refunds with their state, as a list and of a payment."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from ledger.contracts.refunds import Refund, RefundState
from ledger.state import Walk
from views.labels import (
    Amount,
    BankReference,
    ChannelNumber,
    Currency,
    Entry,
    Label,
    LastEntry,
    Order,
    PaidAt,
    Payment,
    Reason,
    state_label,
)
from views.listing import Column, Filter, Listing
from views.reader import Reader, walked
from views.standing import as_shown
from views.view import ViewStruct, views_of


class RefundView(ViewStruct, frozen=True, kw_only=True):
    """One refund as it was requested last.

    ``attempts`` counts the requests, ``failure`` says why the last one failed.
    """

    refund: Annotated[str, Label("refund", "退款", link="refund")]
    payment: Payment
    order: Order
    state: Annotated[
        Literal[RefundState, "disputed"],
        state_label(True, requested="已申请", paid="已退款", failed="失败"),
    ]
    amount: Amount
    currency: Currency
    reason: Reason
    attempts: Annotated[int, Label("tries", "次数", "count")]
    entry: Entry
    last_entry: LastEntry
    failure: Annotated[str, Label("failure", "失败原因", "text")] = ""
    bank_reference: BankReference = ""
    paid_at: PaidAt = -1
    channel_number: ChannelNumber = ""


REFUNDS = Listing(
    name="refunds",
    title=Label("Refunds", "退款"),
    row=Refund,
    view=RefundView,
    help="""List refunds with their state.

    Tries counts how often a refund was requested: a failed one is requested again under its id.
    Why is the reason of the request, or of the failure.

    \b
    Examples:
      tongzhang refunds --home net/platform --state failed
      tongzhang refunds --home net/platform --payment pay-20260302-000001 --json
    """,
    filters=(
        Filter(name="payment", kind="payment", help="Only refunds of this payment."),
        Filter(name="state", kind="choice", words=get_args(RefundState)),
    ),
    none=Label("no refunds", "没有退款"),
    columns=(
        ("refund", "payment"),
        "state",
        "attempts",
        "amount",
        Column(Label("why", "原因"), fields=("failure", "reason")),
    ),
    subject="refund",
)


def refunds_of(reader: Reader, payment: str) -> list[RefundView]:
    """Return the refunds of a payment in the order of their first request."""
    rows = walked(reader, Refund, Walk({"payment": payment}, ("refund",)))
    ordered = sorted(rows, key=lambda each: each.entry)
    return as_shown(reader, "refund", views_of(RefundView, ordered))
