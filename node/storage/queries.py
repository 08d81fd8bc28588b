"""Questions of views to one snapshot, each answered from an index and bounded by a limit.

A :class:`ledger.state.Walk` names the columns that are fixed and those that give the order:
together they are an index of the row type, or its key, so that a page costs what it shows and
never a scan.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    tuple_,
)

from ledger import expectations
from ledger.books import Balance
from ledger.contracts.payouts import DueToReceiver, DueTotal, Payout, PayoutTotal
from ledger.contracts.receivers import Bucket, Receiver
from ledger.expectations import Expectation, UnmetTotal
from ledger.records import BatchHead
from ledger.state import R, Walk
from node.storage.reads import Reader as Snapshot
from node.storage.tables import INTEGER

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
        ahead = after is None or walk.backwards
        where = _on(table, walk if ahead else walk._replace(since=None))
        if after is not None:
            place = tuple_(*columns) if len(columns) > 1 else columns[0]
            seen = after if len(columns) > 1 else after[0]
            where.append(place < seen if walk.backwards else place > seen)
        order = [each.desc() for each in columns] if walk.backwards else columns
        query = select(table).where(*where).order_by(*order).limit(limit)
        return self.rows_of(kind, query)

    def count_along(self, kind: type[R], walk: Walk, most: int) -> int:
        """Return how many rows there are on a walk; ``most`` if there are as many or more."""
        table = self.mapped(kind).table
        columns = [table.c[name] for name in walk.order]
        found = select(*columns).where(*_on(table, walk)).limit(most).subquery()
        return int(self.values(select(func.count()).select_from(found))[0][0])

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
        return [_due_total(row) for row in self.values(query)]

    def due_most(self, latest: Mapping[str, str], limit: int) -> list[DueToReceiver]:
        """Return the receivers to which most is due that is in no payout, the most first.

        ``latest`` is as in :meth:`due_receivers`. As in :meth:`due_totals` one row of a receiver
        and business date is read each.
        """
        table = self.mapped(Bucket).table
        query = select(table.c.receiver, *_due_sums(table.c)).where(*_due(table, latest))
        rows = self.values(query.group_by(table.c.receiver))
        most = heapq.nsmallest(limit, rows, key=lambda row: (-_whole(row[2:4])[0], row[0]))
        found = self.rows_under(Receiver, [(row[0],) for row in most])
        return [_due_to_receiver(row, found[row[0],].currency) for row in most]

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
        return [PayoutTotal(*row[:4], *_whole(row[4:])) for row in self.values(query)]

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
        found: list[UnmetTotal] = []
        for state in (expectations.CONFLICTING, expectations.OPEN):
            rows = self.values(_unmet_query(table, {**where, "state": state}, as_of_ms))
            for opener, awaited, kind, currency, late, count, high, low, oldest in rows:
                amount = int(high) * _HIGH + int(low)
                shown = expectations.OVERDUE if late else state
                sums = (count, amount, oldest)
                found.append(UnmetTotal(opener, awaited, kind, currency, shown, *sums))
        return sorted(found, key=astuple)

    def oldest_unmet(self, state: str, limit: int) -> list[Expectation]:
        """Return expectations that are stored as open or as conflicting, the oldest first.

        What is open at a time is little beside what was ever awaited: the index by state has it.
        """
        table = self.mapped(Expectation).table
        query = select(table.c.kind, table.c.subject).where(table.c.state == state)
        keys = self.values(query.order_by(table.c.opened_entry).limit(limit))
        found = self.rows_under(Expectation, [tuple(key) for key in keys])
        return sorted(found.values(), key=lambda row: row.opened_entry)

    def sizes_at(self, times_ms: Sequence[int]) -> list[int]:
        """Return how many entries the log had at some times, in order, by the times of blocks."""
        newest, low, found = self.height(), 0, []
        for time_ms in times_ms:
            low = bisect_right(range(1, newest + 1), time_ms, low, key=lambda h: self._place(h)[0])
            found.append(self._place(low)[1] if low else 0)
        return found

    def stated_at(self, parties: Sequence[str]) -> dict[str, int]:
        """Return when each party's newest batch came in, by the time of its block, in ms."""
        heads = self.rows_under(BatchHead, [(party,) for party in parties]).values()
        batches, blocks = self._tables.batches, self._tables.blocks
        query = (
            select(batches.c.party, blocks.c.time)
            .join(blocks, blocks.c.height == batches.c.height)
            .where(or_(false(), *(_is_batch(batches, head) for head in heads)))
        )
        return {row[0]: row[1] for row in self.values(query)}

    def _place(self, height: int) -> tuple[int, int]:
        """Return the time of a block, and the size of the log after it."""
        blocks = self._tables.blocks
        sql = self.statements.query(blocks, "place", lambda: _place_of(blocks))
        return self.run(sql, (height,))[0]


def _is_batch(batches: Table, head: BatchHead) -> ColumnElement[bool]:
    return and_(batches.c.party == head.party, batches.c.number == head.number)


def _place_of(blocks: Table) -> Select[Any]:
    asked = blocks.c.height == bindparam("of", type_=INTEGER)
    return select(blocks.c.time, blocks.c.size).where(asked)


def _on(table: Table, walk: Walk) -> list[ColumnElement[bool]]:
    """Return the condition that a row is on a walk."""
    where: list[ColumnElement[bool]] = [table.c[name] == walk.fixed[name] for name in walk.fixed]
    first = table.c[walk.order[0]]
    if walk.since is not None:
        where.append(first >= walk.since)
    if walk.until is not None:
        where.append(first < walk.until)
    return where


def _due_sums(table: Any) -> list[ColumnElement[int]]:
    """Return the sums of legs, and of the amounts of all and of what came back, in parts."""
    again = case((table.returned != "", table.amount), else_=0)
    return [func.sum(table.legs), *_parts(table.amount), *_parts(again)]


def _parts(amount: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return func.sum(amount // _HIGH), func.sum(amount % _HIGH)


def _due_total(row: Sequence[Any]) -> DueTotal:
    business_date, cycle, currency, receivers, legs, *sums = row
    amount, again = _whole(sums)
    return DueTotal(business_date, cycle, currency, receivers, int(legs), amount, again)


def _due_to_receiver(row: Sequence[Any], currency: str) -> DueToReceiver:
    receiver, legs, *sums = row
    amount, again = _whole(sums)
    return DueToReceiver(receiver, currency, int(legs), amount, again)


def _whole(parts: Sequence[Any]) -> list[int]:
    return [int(high) * _HIGH + int(low) for high, low in zip(parts[::2], parts[1::2], strict=True)]


def _due(table: Table, latest: Mapping[str, str] | None) -> list[ColumnElement[bool]]:
    open_ones = table.c.payout == ""
    if latest is None:
        return [open_ones]
    return [open_ones, table.c.business_date <= case(latest, value=table.c.cycle)]


def _unmet_query(table: Table, where: Mapping[str, str], as_of_ms: int) -> Select[Any]:
    matter = (table.c.opener, table.c.awaited, table.c.kind, table.c.currency)
    amount = table.c.amount
    is_late = and_(table.c.state == expectations.OPEN, table.c.due_at < as_of_ms)
    late = case((is_late, 1), else_=0).label("late")
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
    return select(*matter, late, *sums).where(*wanted).group_by(*matter, "late")
