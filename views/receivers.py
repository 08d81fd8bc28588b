"""Receivers: what is due to each, and a statement of how its money moved."""

from __future__ import annotations

from typing import Annotated

from msgspec.structs import replace

from ledger import books
from ledger.contracts.receivers import Receiver, ReceiverKind
from views.disputes import DisputeView, disputes_about
from views.due import DuePayout, Judged, ShownReceiverState, due_to
from views.labels import Currency, Entry, Label, Owner, Party, Reason, Subject, Whole
from views.labels import Receiver as ReceiverName
from views.reader import Reader
from views.standing import state_or_disputed
from views.timeline import EntryView, timeline
from views.view import ViewStruct

Due = Annotated[int, Label("due", "应付", "minor")]
InTransit = Annotated[int, Label("in transit", "在途", "minor")]
Paid = Annotated[int, Label("paid", "已付", "minor")]
Arrived = Annotated[int, Label("arrived", "已到账", "minor")]


class ReceiverView(ViewStruct, frozen=True, kw_only=True):
    """A receiver, what is due to it, and what the books hold of it (credits positive).

    ``state`` is active, disputed while a dispute stands, or suspended whatever is disputed, with
    the ``reason`` of that. ``on`` is the business date, today's, that tells what is due from
    what is upcoming.
    """

    receiver: ReceiverName
    on: Annotated[str, Label("business date", "业务日", "date")]
    state: ShownReceiverState
    kind: Annotated[
        ReceiverKind,
        Label("kind", "种类", words={"bank_account": "银行账户", "payment_account": "支付账户"}),
    ]
    cycle: Annotated[str, Label("cycle", "结算周期")]
    currency: Currency
    last4: Annotated[str, Label("ends in", "尾号")]
    commitment: Annotated[str, Label("commitment", "账户承诺")]
    due: list[DuePayout]
    pending: Due
    in_transit: InTransit
    paid: Paid
    disputes: list[DisputeView]
    timeline: list[EntryView]
    timeline_whole: Whole
    owner: Owner = ""
    held_at: Annotated[str, Label("held at", "开户机构")] = ""
    reason: Reason = ""


class ReceiverLine(ViewStruct, frozen=True, kw_only=True):
    """What one entry changed for a receiver, and the sums after it.

    ``due`` is owed and in no payout, ``in_transit`` in payouts without a result, ``paid`` the sum
    of what was paid and did not come back, ``arrived`` what of it the owner has confirmed. ``date``
    is the business date of the entry's block.
    """

    entry: Entry
    time: Annotated[int, Label("time", "时间", "ms")]
    date: Annotated[str, Label("date", "日期", "date")]
    party: Party
    id: Annotated[str, Label("id", "编号")]
    type: Annotated[str, Label("record", "记录")]
    subject: Subject
    due_change: Annotated[int, Label("due change", "应付变动", "minor")]
    in_transit_change: Annotated[int, Label("in transit change", "在途变动", "minor")]
    paid_change: Annotated[int, Label("paid change", "已付变动", "minor")]
    arrived_change: Annotated[int, Label("arrived change", "到账变动", "minor")]
    due: Due
    in_transit: InTransit
    paid: Paid
    arrived: Arrived


def receiver_view(reader: Reader, row: Receiver, judged: Judged) -> ReceiverView:
    """Return what the log knows of a receiver; ``judged`` tells due from upcoming."""
    name = row.receiver
    subject = f"receiver:{name}"
    disputes = disputes_about(reader, [subject])
    row = replace(row, state=state_or_disputed(row.state, disputes))
    subjects = [subject, *(f"dispute:{each.dispute}" for each in disputes)]
    entries, whole = timeline(reader, subjects)
    return ReceiverView(
        receiver=name,
        on=judged[0],
        state=row.state,
        kind=row.kind,
        cycle=row.cycle,
        currency=row.currency,
        last4=row.last4,
        commitment=row.commitment,
        due=due_to(reader, row, judged),
        pending=_owed(reader, books.pending(name), row.currency),
        in_transit=_owed(reader, books.in_transit(name), row.currency),
        paid=_owed(reader, books.paid(name), row.currency),
        disputes=disputes,
        timeline=entries,
        timeline_whole=whole,
        owner=row.owner,
        held_at=row.held_at,
        reason=row.reason,
    )


def _owed(reader: Reader, account: str, currency: str) -> int:
    balance = reader.row(books.Balance, (account, currency))
    return 0 if balance is None else -balance.amount
