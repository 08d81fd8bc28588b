"""Deliveries of papers, as a list."""

from __future__ import annotations

from typing import Annotated, get_args

from ledger.contracts.deliveries import Delivery, DeliveryState
from views.labels import Entry, Label, LastEntry, state_label
from views.listing import Filter, Listing
from views.view import ViewStruct


class DeliveryView(ViewStruct, frozen=True, kw_only=True):
    """One delivery. ``entry`` sent it, ``last_entry`` changed it last."""

    delivery: Annotated[str, Label("delivery", "寄送")]
    recipient: Annotated[str, Label("to", "收件方")]
    contents: Annotated[str, Label("contents", "内容", "text")]
    state: Annotated[DeliveryState, state_label(sent="已寄出", received="已签收")]
    entry: Entry
    last_entry: LastEntry


DELIVERIES = Listing(
    name="deliveries",
    row=Delivery,
    view=DeliveryView,
    help="List deliveries of papers.",
    filters=(
        Filter(name="recipient", kind="party", help="Only those that were sent to this party."),
        Filter(name="state", kind="choice", words=get_args(DeliveryState)),
    ),
    columns=("delivery", "recipient", "state", "contents"),
)
