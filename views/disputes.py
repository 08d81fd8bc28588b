"""Disputes: as a list, and as they are shown beside what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args

from ledger.contracts.disputes import Dispute, DisputeState
from views.labels import Entry, Label, LastEntry, Reason, Subject, state_label
from views.listing import PAGE_MAX, Column, Filter, Listing
from views.reader import Reader
from views.view import ViewStruct, views_of


class DisputeView(ViewStruct, frozen=True, kw_only=True):
    """One dispute about a subject, or about the ``leg`` of a payment.

    ``answer`` says why it has its state. One that is open or rejected stands.
    """

    dispute: Annotated[str, Label("dispute", "争议", link="dispute")]
    subject: Subject
    raiser: Annotated[str, Label("raised by", "提出方")]
    against: Annotated[str, Label("against", "答复方")]
    reason: Reason
    state: Annotated[
        DisputeState,
        state_label(open="待答复", upheld="成立", rejected="驳回", withdrawn="撤回"),
    ]
    entry: Entry
    last_entry: LastEntry
    leg: Annotated[int, Label("leg", "分账行", "count")] = 0
    answer: Annotated[str, Label("answer", "答复", "text")] = ""


def _about(item: Mapping[str, Any]) -> str:
    return f"{item['subject']}/leg:{item['leg']}" if "leg" in item else str(item["subject"])


DISPUTES = Listing(
    name="disputes",
    title=Label("Disputes", "争议"),
    row=Dispute,
    view=DisputeView,
    help="""List disputes: who contests what, and what the answer was.

    \b
    Examples:
      tongzhang disputes --home net/platform --state open
      tongzhang disputes --home net/institution --against institution --json
    """,
    filters=(
        Filter(name="state", kind="choice", words=get_args(DisputeState)),
        Filter(name="against", kind="party", help="Only those that this party has to answer."),
        Filter(name="raiser", kind="party", help="Only those that this party raised."),
    ),
    none=Label("no disputes", "没有争议"),
    columns=(
        ("dispute", Column(Label("about", "事项"), text=_about)),
        "state",
        ("raiser", "against"),
        ("reason", "answer"),
    ),
)


def disputes_about(reader: Reader, subjects: Sequence[str]) -> list[DisputeView]:
    """Return the disputes about any of ``subjects``, or their legs, in the order of the log.

    The newest 1000 are returned.
    """
    found = reader.rows_among(Dispute, {"subject": subjects})
    return views_of(DisputeView, sorted(found, key=lambda row: row.entry)[-PAGE_MAX:])
