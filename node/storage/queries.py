"""Questions of views to one snapshot, each answered from an index and bounded by a limit.

A :class:`ledger.state.Walk` names the columns that are fixed and those that give the order:
together they are an index of the row type, or its key, so that a page costs what it shows and
never a scan.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    func,
    not_,
    select,
    tuple_,
)

from ledger import expectations
from ledger.books import Balance
from ledger.contracts.payouts import DueToReceiver, DueTotal, Payout, PayoutTotal
from ledger.contracts.receivers import Bucket, Receiver
from ledger.expectations import Expectation, UnmetTotal
from ledger.state import R, Walk
from node.storage.reads import Reader as Snapshot

_HIGH = 1 << 20
"""Sums are made of high and low parts, since the sum of many amounts may exceed 64 bits."""


class LedgerReader(Snapshot):
    """A reader that answers what views ask (``views.reader``)."""

    def along(
        self, kind: type[R], walk: Walk, after: tuple[Any, ...] | None = None, limit: int = 100
    ) -> list[R]:
        """Return up to ``limit`` rows on a walk.

        Args:
            kind: The row type.
            walk: Which rows, in which order.
            after: The values of the order's columns in the last row already seen.
            limit: How many rows at most.
        """
        table = self.mapped(kind).table
        columns = [table.c[name] for name in walk.order]
        where: list[ColumnElement[bool]] = [
            table.c[name] == walk.fixed[name] for name in walk.fixed
        ]
        if after is not None:
            place = tuple_(*columns) if len(columns) > 1 else columns[0]
            seen = after if len(columns) > 1 else after[0]
            where.append(place < seen if walk.backwards else place > seen)
        if walk.since is not None and (after is None or walk.backwards):
            where.append(columns[0] >= walk.since)
        if walk.until is not None:
            where.append(columns[0] < walk.until)
        order = [each.desc() for each in columns] if walk.backwards else columns
        query = select(table).where(*where).order_by(*order).limit(limit)
        return self.rows_of(kind, query)

    def rows_among(self, kind: type[R], among: Mapping[str, Sequence[Any]]) -> list[R]:
        """Return the rows of which each of some columns is one of some values."""
        table = self.mapped(kind).table
        if not all(among.values()):
            return []
        where = [table.c[name].in_(values) for name, values in among.items()]
        return self.rows_of(kind, select(table).where(*where))

    def due_receivers(self, latest: Mapping[str, str] | None, after: str, limit: int) -> list[str]:
        """Return receivers to which something is due that is in no payout, in their order.

        Args:
            latest: By cycle the last business date of captures that counts; all count if None.
            after: The last receiver already seen, or the empty string.
            limit: How many at most.
        """
        table = self.mapped(Bucket).table
        query = (
            select(table.c.receiver)
            .distinct()
            .where(*_due(table, latest), table.c.receiver > after)
            .order_by(table.c.receiver)
            .limit(limit)
        )
        return [row[0] for row in self.values(query)]

    def due_buckets(self, latest: Mapping[str, str] | None, first: str, last: str) -> list[Bucket]:
        """Return what is due to the receivers from ``first`` to ``last``, in no payout.

        Buckets come by receiver and business date, and so by due date. ``latest`` is as in
        :func:`due_receivers`.
        """
        table = self.mapped(Bucket).table
        query = select(table).where(
            *_due(table, latest), table.c.receiver >= first, table.c.receiver <= last
        )
        order = (table.c.receiver, table.c.business_date, table.c.seq)
        return self.rows_of(Bucket, query.order_by(*order))

    def due_totals(self) -> list[DueTotal]:
        """Return what is in no payout, summed by business date of captures, cycle and currency.

        One row of a receiver and business date is read each, however many legs it has.
        """
        table, receivers = self.mapped(Bucket).table.c, self.mapped(Receiver).table.c
        matter = (table.business_date, table.cycle, receivers.currency)
        query = (
            select(*matter, func.count(table.receiver.distinct()), *_due_sums(table))
            .where(table.payout == "", receivers.receiver == table.receiver)
            .group_by(*matter)
            .order_by(*matter)
        )
        return [DueTotal(*row[:4], **_dues(row[4:])) for row in self.values(query)]

    def due_most(self, latest: Mapping[str, str], limit: int) -> list[DueToReceiver]:
        """Return the receivers to which most is due that is in no payout, the most first.

        ``latest`` is as in :meth:`due_receivers`. As in :meth:`due_totals` one row of a receiver
        and business date is read each.
        """
        buckets, receivers = self.mapped(Bucket).table, self.mapped(Receiver).table.c
        query = (
            select(buckets.c.receiver, func.min(receivers.currency), *_due_sums(buckets.c))
            .where(*_due(buckets, latest), receivers.receiver == buckets.c.receiver)
            .group_by(buckets.c.receiver)
        )
        sums = (DueToReceiver(*row[:2], **_dues(row[2:])) for row in self.values(query))
        return heapq.nsmallest(limit, sums, key=lambda each: (-each.amount, each.receiver))

    def payout_totals(self, since: str) -> list[PayoutTotal]:
        """Return the payouts of cut-off dates from ``since`` on, summed by date and state."""
        table = self.mapped(Payout).table.c
        matter = (table.cutoff_date, table.state, table.currency)
        query = (
            select(*matter, func.count(), *_parts(table.amount))
            .where(table.cutoff_date >= since)
            .group_by(*matter)
            .order_by(*matter)
        )
        return [
            PayoutTotal(day, state, currency, count, _whole(high, low))
            for day, state, currency, count, high, low in self.values(query)
        ]

    def sums_under(self, account_class: str) -> dict[str, int]:
        """Return by currency the sum of the balances of all accounts of a class, debit positive."""
        table = self.mapped(Balance).table
        account = table.c.account
        # ";" is the sign after ":".
        within = and_(account > f"{account_class}:", account < f"{account_class};")
        query = select(table.c.currency, func.sum(table.c.amount)).where(within)
        query = query.group_by(table.c.currency).order_by(table.c.currency)
        return {currency: int(amount) for currency, amount in self.values(query)}

    def unmet_sums(self, where: Mapping[str, str], as_of_ms: int) -> list[UnmetTotal]:
        """Return the sums of what is not met, by opener, awaited party, kind, currency and state.

        Args:
            where: Values of ``opener``, ``awaited`` or ``kind`` to which the sums are narrowed.
            as_of_ms: Judge at this time what is overdue.
        """
        table = self.mapped(Expectation).table
        late = table.c.due_at < as_of_ms
        found: list[UnmetTotal] = []
        for state, shown, timely in (
            (expectations.CONFLICTING, expectations.CONFLICTING, None),
            (expectations.OPEN, expectations.OPEN, not_(late)),
            (expectations.OPEN, expectations.OVERDUE, late),
        ):
            query = _unmet_query(table, {**where, "state": state})
            rows = self.values(query if timely is None else query.where(timely))
            for opener, awaited, kind, currency, count, high, low, oldest in rows:
                sums = (count, _whole(high, low), oldest)
                found.append(UnmetTotal(opener, awaited, kind, currency, shown, *sums))
        return sorted(found, key=astuple)


def _due_sums(table: Any) -> list[ColumnElement[int]]:
    """Return the sums of legs, and of the amounts of all and of what came back, in parts."""
    again = case((table.returned != "", table.amount), else_=0)
    return [func.sum(table.legs), *_parts(table.amount), *_parts(again)]


def _parts(amount: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return func.sum(amount // _HIGH), func.sum(amount % _HIGH)


def _whole(high: Any, low: Any) -> int:
    return int(high) * _HIGH + int(low)


def _dues(sums: Sequence[Any]) -> dict[str, Any]:
    """Return what :func:`_due_sums` found, by name."""
    return {"legs": int(sums[0]), "amount": _whole(*sums[1:3]), "again": _whole(*sums[3:5])}


def _due(table: Table, latest: Mapping[str, str] | None) -> list[ColumnElement[bool]]:
    open_ones = table.c.payout == ""
    if latest is None:
        return [open_ones]
    return [open_ones, table.c.business_date <= case(latest, value=table.c.cycle)]


def _unmet_query(table: Table, where: Mapping[str, str]) -> Select[Any]:
    matter = (table.c.opener, table.c.awaited, table.c.kind, table.c.currency)
    amount = table.c.amount
    sums = (
        func.count(),
        func.sum(amount // _HIGH),
        func.sum(amount % _HIGH),
        func.min(table.c.opened_at),
    )
    wanted = [table.c[name] == value for name, value in where.items() if name != "kind"]
    if "kind" in where:
        # As a range, lest a database takes the primary key, and with it what is met.
        wanted += [table.c.kind >= where["kind"], table.c.kind < where["kind"] + " "]
    return select(*matter, *sums).where(*wanted).group_by(*matter)
