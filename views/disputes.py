"""Disputes: as a list, and as they are shown beside, and in the state of, what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from msgspec.structs import replace

from ledger.contracts.disputes import DISPUTED, STANDING, Dispute, DisputeState
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import SUSPENDED, Receiver
from ledger.contracts.refund_float import FloatMovement
from ledger.contracts.refunds import Refund
from ledger.state import Walk
from views.labels import Entry, Label, LastEntry, Reason, Subject
from views.listing import PAGE_MAX, Column, Filter, Listing
from views.reader import Reader
from views.view import ViewStruct, views_of

S = TypeVar("S", Payout, Receiver, FloatMovement, Refund)
"""Rows that have a state and can be disputed."""

IS_DISPUTED = {DISPUTED: "有争议"}
"""The word of whatever a dispute stands about."""


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
        Label(
            "state",
            "状态",
            words={"open": "待答复", "upheld": "成立", "rejected": "驳回", "withdrawn": "撤回"},
        ),
    ]
    entry: Entry
    last_entry: LastEntry
    leg: Annotated[int, Label("leg", "分账行", "count")] = 0
    answer: Annotated[str, Label("answer", "答复", "text")] = ""


def _about(item: Mapping[str, Any]) -> str:
    return f"{item['subject']}/leg:{item['leg']}" if "leg" in item else str(item["subject"])


DISPUTES = Listing(
    name="disputes",
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
    columns=(
        ("dispute", Column(Label("about", "事项"), text=_about)),
        "state",
        ("raiser", "against"),
        ("reason", "answer"),
    ),
)


def disputes_about(reader: Reader, subjects: Sequence[str]) -> list[DisputeView]:
    """Return the disputes about any of ``subjects``, or their legs, in the order of the log."""
    walks = (Walk({"subject": subject}, ("state", "dispute")) for subject in subjects)
    found: list[Dispute] = [
        row for walk in walks for row in reader.along(Dispute, walk, limit=PAGE_MAX)
    ]
    found.sort(key=lambda row: row.entry)
    return views_of(DisputeView, found)


def standing_disputes(reader: Reader, subjects: Sequence[str]) -> dict[str, list[Dispute]]:
    """Return the disputes that stand about ``subjects``, and about their legs, by subject."""
    found: dict[str, list[Dispute]] = {}
    for row in reader.rows_among(Dispute, {"subject": subjects, "state": STANDING}):
        found.setdefault(row.subject, []).append(row)
    return found


def shown(state: str, disputes: Sequence[DisputeView]) -> Any:
    """Return the state to show of what the disputes are about, or of what contains it."""
    is_disputed = any(each.state in STANDING for each in disputes)
    return DISPUTED if is_disputed and state != SUSPENDED else state


def disputed_among(reader: Reader, kind: str, names: Sequence[str]) -> set[str]:
    """Return which of the things of a kind, such as ``payout``, are disputed: one query."""
    found = standing_disputes(reader, [f"{kind}:{name}" for name in names])
    return {subject.partition(":")[2] for subject in found}


def as_shown(reader: Reader, kind: str, rows: Sequence[S]) -> list[S]:
    """Return rows of a kind with the state to show, for a whole page in one query."""
    disputed = disputed_among(reader, kind, [row.key[0] for row in rows])
    return [
        replace(row, state=DISPUTED) if row.key[0] in disputed and row.state != SUSPENDED else row
        for row in rows
    ]
