"""Questions of business to one snapshot, each answered from an index and bounded by a limit.

A :class:`Walk` names the columns that are fixed and those that give the order: together they are
an index of the row type, or its key, so that a page costs what it shows and never a scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, Table, and_, case, func, not_, select, tuple_

from ledger import expectations
from ledger.books import Balance
from ledger.contracts.channels import NumberedSubject
from ledger.contracts.disputes import STANDING, Dispute
from ledger.contracts.receivers import Bucket
from ledger.expectations import Expectation
from ledger.state import R, Row
from node.storage.reads import Reader

_HIGH = 1 << 20
"""Sums are made of high and low parts, since the sum of many amounts may exceed 64 bits."""

Position = tuple[Any, ...]


class Walk(NamedTuple):
    """A way along an index.

    ``fixed`` are the values of its leading columns and ``order`` the columns after them, of which
    the first may be bounded: not below ``since``, and below ``until``.
    """

    fixed: Mapping[str, Any]
    order: Sequence[str]
    since: Any = None
    until: Any = None


def along(
    reader: Reader, kind: type[R], walk: Walk, after: Position | None = None, limit: int = 100
) -> list[R]:
    """Return up to ``limit`` rows on a walk.

    Args:
        reader: The snapshot.
        kind: The row type.
        walk: Which rows, in which order.
        after: The values of the order's columns in the last row already seen.
        limit: How many rows at most.
    """
    table = reader.mapped(kind).table
    order = [table.c[name] for name in walk.order]
    where: list[ColumnElement[bool]] = [table.c[name] == walk.fixed[name] for name in walk.fixed]
    if after is not None:
        where.append(tuple_(*order) > after if len(order) > 1 else order[0] > after[0])
    elif walk.since is not None:
        where.append(order[0] >= walk.since)
    if walk.until is not None:
        where.append(order[0] < walk.until)
    query = select(table).where(*where).order_by(*order).limit(limit)
    return reader.rows_of(kind, query)


def walked(
    reader: Reader, kind: type[R], walk: Walk, after: Position | None = None, chunk: int = 200
) -> Iterator[R]:
    """Yield the rows on a walk, ``chunk`` a query."""
    while True:
        rows = along(reader, kind, walk, after, chunk)
        yield from rows
        if len(rows) < chunk:
            return
        after = position_on(rows[-1], walk)


def position_on(row: Row, walk: Walk) -> Position:
    """Return the position of a row on a walk: what :func:`along` goes on after."""
    return tuple(getattr(row, name) for name in walk.order)


def due_receivers(
    reader: Reader, latest: Mapping[str, str] | None, after: str, limit: int
) -> list[str]:
    """Return receivers to which something is due that is in no payout, in their order.

    Args:
        reader: The snapshot.
        latest: By cycle the last business date of captures that counts; all count if it is None.
        after: The last receiver already seen, or the empty string.
        limit: How many at most.
    """
    table = reader.mapped(Bucket).table
    query = (
        select(table.c.receiver)
        .distinct()
        .where(*_due(table, latest), table.c.receiver > after)
        .order_by(table.c.receiver)
        .limit(limit)
    )
    return [row[0] for row in reader.values(query)]


def due_buckets(
    reader: Reader, latest: Mapping[str, str] | None, first: str, last: str
) -> list[Bucket]:
    """Return what is due to the receivers from ``first`` to ``last``, in no payout.

    Buckets come by receiver and business date, and so by due date. ``latest`` is as in
    :func:`due_receivers`.
    """
    table = reader.mapped(Bucket).table
    query = select(table).where(
        *_due(table, latest), table.c.receiver >= first, table.c.receiver <= last
    )
    order = (table.c.receiver, table.c.business_date, table.c.seq)
    return reader.rows_of(Bucket, query.order_by(*order))


def _due(table: Table, latest: Mapping[str, str] | None) -> list[ColumnElement[bool]]:
    open_ones = table.c.payout == ""
    if latest is None:
        return [open_ones]
    return [open_ones, table.c.business_date <= case(latest, value=table.c.cycle)]


def subjects_numbered(reader: Reader, number: str, kind: str) -> list[str]:
    """Return the ids of what records with a channel's number were about, of one kind."""
    rows = walked(reader, NumberedSubject, Walk({"number": number}, ("subject",)))
    parts = (row.subject.partition(":") for row in rows)
    return [name for of, _, name in parts if of == kind]


def standing_disputes(reader: Reader, subjects: Sequence[str]) -> dict[str, list[Dispute]]:
    """Return the disputes that stand about ``subjects``, and about their legs, by subject."""
    table = reader.mapped(Dispute).table
    found: dict[str, list[Dispute]] = {}
    if not subjects:
        return found
    query = select(table).where(table.c.subject.in_(subjects), table.c.state.in_(STANDING))
    for row in reader.rows_of(Dispute, query):
        found.setdefault(row.subject, []).append(row)
    return found


def sums_under(reader: Reader, account_class: str) -> dict[str, int]:
    """Return by currency the sum of the balances of all accounts of a class, debit positive."""
    table = reader.mapped(Balance).table
    account = table.c.account
    # ";" is the sign after ":".
    within = and_(account > f"{account_class}:", account < f"{account_class};")
    query = select(table.c.currency, func.sum(table.c.amount)).where(within)
    query = query.group_by(table.c.currency).order_by(table.c.currency)
    return {currency: int(amount) for currency, amount in reader.values(query)}


class UnmetSum(msgspec.Struct, frozen=True):
    """What ``awaited`` owes ``opener`` of one kind: one-sided entries (单边账), summed.

    ``state`` is open, overdue or conflicting. ``amount`` is the sum in minor units, ``oldest_at``
    when the oldest was opened, in ms since the epoch.
    """

    opener: str
    awaited: str
    kind: str
    currency: str
    state: str
    count: int
    amount: int
    oldest_at: int


def unmet_sums(reader: Reader, where: Mapping[str, str], as_of_ms: int) -> list[UnmetSum]:
    """Return the sums of what is not met, by opener, awaited party, kind, currency and state.

    Args:
        reader: The snapshot.
        where: Values of ``opener``, ``awaited`` or ``kind`` to which the sums are narrowed.
        as_of_ms: Judge at this time what is overdue.
    """
    table = reader.mapped(Expectation).table
    late = table.c.due_at < as_of_ms
    found: list[UnmetSum] = []
    for state, shown, timely in (
        (expectations.CONFLICTING, expectations.CONFLICTING, None),
        (expectations.OPEN, expectations.OPEN, not_(late)),
        (expectations.OPEN, expectations.OVERDUE, late),
    ):
        query = _unmet_query(table, {**where, "state": state})
        rows = reader.values(query if timely is None else query.where(timely))
        for opener, awaited, kind, currency, count, high, low, oldest in rows:
            amount = int(high) * _HIGH + int(low)
            matter = (opener, awaited, kind, currency, shown)
            found.append(UnmetSum(*matter, count, amount, oldest))
    return sorted(found, key=lambda each: msgspec.structs.astuple(each)[:5])


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
