"""Settlement: what is due, upcoming, in transit, paid and returned, by day and by receiver.

Nothing here grows with the log. What is due is summed over open buckets, one a receiver and
business date; what is in transit or paid is the balance of a class of accounts; payouts are summed
by cut-off date over the days that are shown, along an index that has their amounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from ledger.contracts.payouts import CONFLICTING, CREATED, RETURNED, PayoutTotal
from ledger.contracts.payouts import Payout as PayoutRow
from ledger.contracts.receivers import Bucket
from ledger.genesis import Genesis
from ledger.state import Walk
from views.calendars import DueDates, today
from views.labels import (
    Amount,
    Currency,
    DueDate,
    Label,
    LastEntry,
    Payout,
    Provisional,
    Receiver,
    state_label,
)
from views.payouts import PayoutSummary, payout_summaries
from views.reader import Reader
from views.view import ViewStruct

DAYS_MAX = 31
SHOWN_MAX = 20
"""Receivers, and payouts in each state, that are shown; the lists have them all."""

_DUE = state_label(due="应付", upcoming="未到期")


class SettlementSum(ViewStruct, frozen=True, kw_only=True):
    """Where the money of a currency is that receivers are owed, in minor units.

    ``again`` is the part of due and upcoming that was in payouts which came back; ``paid`` is paid
    to owners who have not confirmed its arrival.
    """

    currency: Currency
    due: Annotated[int, Label("due", "应付", "minor")]
    upcoming: Annotated[int, Label("upcoming", "未到期", "minor")]
    again: Annotated[int, Label("of it due again", "其中退回重付", "minor")]
    in_transit: Annotated[int, Label("in transit", "在途", "minor")]
    paid: Annotated[int, Label("paid, arrival awaited", "已付待确认", "minor")]


class DueDay(ViewStruct, frozen=True, kw_only=True):
    """What falls due on a date and is in no payout; ``again`` is the part of it that came back."""

    due_date: DueDate
    state: Annotated[Literal["due", "upcoming"], _DUE]
    currency: Currency
    receivers: Annotated[int, Label("receivers", "收款方数", "count")]
    leg_count: Annotated[int, Label("legs", "笔数", "count")]
    amount: Amount
    again: Annotated[int, Label("due again", "退回重付", "minor")] = 0
    provisional: Provisional = False


class DueReceiverSum(ViewStruct, frozen=True, kw_only=True):
    """What is due to a receiver by now; ``again`` is the part of it that came back."""

    receiver: Receiver
    currency: Currency
    leg_count: Annotated[int, Label("legs", "笔数", "count")]
    amount: Amount
    again: Annotated[int, Label("due again", "退回重付", "minor")] = 0


class PayoutDay(ViewStruct, frozen=True, kw_only=True):
    """The payouts of a cut-off date, by what became of them, in minor units."""

    cutoff_date: Annotated[str, Label("cut-off", "截止日", "date")]
    currency: Currency
    count: Annotated[int, Label("payouts", "结算单数", "count")]
    created: Annotated[int, Label("in transit", "在途", "minor")] = 0
    paid: Annotated[int, Label("paid", "已付款", "minor")] = 0
    confirmed: Annotated[int, Label("arrived", "已到账", "minor")] = 0
    returned: Annotated[int, Label("came back", "已退回", "minor")] = 0
    conflicting: Annotated[int, Label("contradicted", "不一致", "minor")] = 0


class CameBack(ViewStruct, frozen=True, kw_only=True):
    """A payout that came back, and what became of its money since.

    ``due_again`` is in no payout; ``payouts`` are those that took the rest. What is in neither went
    another way: its split was amended or reversed.
    """

    payout: Payout
    receiver: Receiver
    amount: Amount
    currency: Currency
    cutoff_date: Annotated[str, Label("cut-off", "截止日", "date")]
    return_reason: Annotated[str, Label("came back", "退回原因", "text")]
    due_again: Annotated[int, Label("due again", "退回重付", "minor")]
    payouts: Annotated[list[str], Label("paid out again with", "重付结算单", link="payout")]
    last_entry: LastEntry


class SettlementView(ViewStruct, frozen=True, kw_only=True):
    """Settlement on the business date ``on``.

    ``days`` are the due dates up to ``until``, what is overdue too, with what falls due later
    in ``later``. ``payouts`` are those of cut-off dates from ``since`` on, so many days before
    the last that there is. ``receivers`` are those to which most is due; ``in_transit``,
    ``conflicting`` and ``came_back`` are payouts, the last by name: of each at most 20, and the
    lists have them all.
    """

    on: Annotated[str, Label("business date", "业务日", "date")]
    since: Annotated[str, Label("payouts since", "结算单起始日", "date")]
    until: Annotated[str, Label("due until", "应付截止日", "date")]
    sums: list[SettlementSum]
    days: list[DueDay]
    later: list[DueDay]
    receivers: list[DueReceiverSum]
    payouts: list[PayoutDay]
    in_transit: list[PayoutSummary]
    conflicting: list[PayoutSummary]
    came_back: list[CameBack]


def settlement_view(reader: Reader, genesis: Genesis, days: int, now_ms: int) -> SettlementView:
    """Return settlement as it stands, with so many days back and ahead."""
    on = today(reader, genesis, now_ms)
    since, until = _moved(min(on, _last_cutoff(reader) or on), -days), _moved(on, days)
    dates = DueDates(reader, genesis)
    every = _due_days(reader, dates, on)
    most = reader.due_most(dates.latest(on), SHOWN_MAX)
    return SettlementView(
        on=on,
        since=since,
        until=until,
        sums=_sums(reader, every),
        days=[each for each in every if each.due_date <= until],
        later=[each for each in every if each.due_date > until],
        receivers=[
            DueReceiverSum(
                receiver=each.receiver,
                currency=each.currency,
                leg_count=each.legs,
                amount=each.amount,
                again=each.again,
            )
            for each in most
        ],
        payouts=_payout_days(reader.payout_totals(since)),
        in_transit=payout_summaries(reader, _last(reader, CREATED)),
        conflicting=payout_summaries(reader, _last(reader, CONFLICTING)),
        came_back=_came_back(reader, _last(reader, RETURNED)),
    )


def _last_cutoff(reader: Reader) -> str:
    """Return the last cut-off date of a payout; nothing without payouts."""
    walk = Walk({}, ("cutoff_date", "state", "currency", "amount"), backwards=True)
    return next((each.cutoff_date for each in reader.along(PayoutRow, walk, None, 1)), "")


def _moved(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _due_days(reader: Reader, dates: DueDates, on: str) -> list[DueDay]:
    """Return what falls due by date and currency, the earliest first."""
    found: dict[tuple[str, bool, str], Counter[str]] = {}
    for each in reader.due_totals():
        due, provisional = dates.of(each)
        sums = found.setdefault((due, provisional, each.currency), Counter())
        sums.update(
            receivers=each.receivers, leg_count=each.legs, amount=each.amount, again=each.again
        )
    return [
        DueDay(
            due_date=due,
            state="due" if due <= on else "upcoming",
            currency=currency,
            provisional=provisional,
            **sums,
        )
        for (due, provisional, currency), sums in sorted(found.items())
    ]


def _sums(reader: Reader, days: Sequence[DueDay]) -> list[SettlementSum]:
    in_transit, paid = reader.sums_under("in_transit"), reader.sums_under("paid")
    found = []
    for currency in sorted({each.currency for each in days} | set(in_transit) | set(paid)):
        own = [each for each in days if each.currency == currency]
        found.append(
            SettlementSum(
                currency=currency,
                due=sum(each.amount for each in own if each.state == "due"),
                upcoming=sum(each.amount for each in own if each.state == "upcoming"),
                again=sum(each.again for each in own),
                in_transit=-in_transit.get(currency, 0),
                paid=-paid.get(currency, 0),
            )
        )
    return found


def _payout_days(totals: Sequence[PayoutTotal]) -> list[PayoutDay]:
    """Return payouts by cut-off date and currency, the latest first."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for each in totals:
        sums = found.setdefault((each.cutoff_date, each.currency), Counter())
        sums.update({"count": each.count, each.state: each.amount})
    return [
        PayoutDay(cutoff_date=day, currency=currency, **sums)
        for (day, currency), sums in sorted(found.items(), reverse=True)
    ]


def _last(reader: Reader, state: str) -> list[PayoutRow]:
    """Return the last payouts in a state by name."""
    walk = Walk({"state": state}, ("payout",), backwards=True)
    return reader.along(PayoutRow, walk, None, SHOWN_MAX)


def _came_back(reader: Reader, payouts: Sequence[PayoutRow]) -> list[CameBack]:
    keys = [(each.receiver, int(seq)) for each in payouts for seq in each.buckets]
    buckets = reader.rows_under(Bucket, keys)
    views = []
    for each in payouts:
        own = [
            buckets[key] for seq in each.buckets if (key := (each.receiver, int(seq))) in buckets
        ]
        views.append(
            CameBack(
                payout=each.payout,
                receiver=each.receiver,
                amount=each.amount,
                currency=each.currency,
                cutoff_date=each.cutoff_date,
                return_reason=each.return_reason,
                due_again=sum(bucket.amount for bucket in own if not bucket.payout),
                payouts=sorted({bucket.payout for bucket in own if bucket.payout}),
                last_entry=each.last_entry,
            )
        )
    return views
