"""Books as they are read: postings by entry and by account, and balances at any height.

The balance of an account at a height is the sum of its postings with an entry below the log's size
there, and stands beside the last of them. The sum over a class of accounts is got from the nearest
place where it is kept (:mod:`node.storage.past_balances`), and what was posted between; before
anything is kept, from the balances at the tip, less what was posted since.

Only these two modules read the table of postings.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Select, and_, case, func, literal, select, tuple_

from ledger.books import RESERVE, Balance, Posting
from ledger.chart import CHART, CLASSES, OTHERS, AccountClass, PartyBook, Share, share_of
from ledger.contracts import ROWS
from ledger.contracts.payments import PaymentCaptured
from ledger.contracts.receivers import Receiver
from ledger.genesis import Genesis
from ledger.posted import Place, PostedEntry, PostedLine
from ledger.records import type_name
from node.storage.past_balances import PastBalances, posted_lines
from node.storage.reads import Reader
from node.storage.tables import tables_of

ENTRIES_PAGE = 500
"""Entries of an export whose postings are read at once."""

OWNERS_CACHED = 10_000
CAPTURED = type_name(PaymentCaptured)

_tables = tables_of(ROWS)
_entries, _blocks = _tables.entries, _tables.blocks
_postings, _balances = _tables.rows[Posting].table, _tables.rows[Balance].table
_receivers = _tables.rows[Receiver].table
_ENTRY = (
    _entries.c.index, _entries.c.height, _blocks.c.time, _entries.c.party,
    _entries.c.id, _entries.c.type, _entries.c.subject,
)  # fmt: skip


class AccountTotal(NamedTuple):
    """What was posted to an account up to a place. All in minor units, ``credit`` too positive."""

    account: str
    currency: str
    debit: int
    credit: int
    postings: int

    @property
    def balance(self) -> int:
        """The balance, debit positive."""
        return self.debit - self.credit


class AccountBalance(NamedTuple):
    """The balance of an account in a currency, in minor units, debit positive."""

    account: str
    currency: str
    balance: int


class ClassTotal(NamedTuple):
    """The sum of the balances of a class of accounts; ``name`` is the class, or others."""

    name: str
    currency: str
    balance: int


class CapturedTotal(NamedTuple):
    """What was captured in a currency: how often, and how much in minor units."""

    currency: str
    captures: int
    amount: int


class StatementLine(NamedTuple):
    """One line of an account's statement: its place in its entry, and the balance after it."""

    entry: PostedEntry
    line: int
    amount: int
    balance: int


class BookReader:
    """Reads books on one snapshot.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        party: Whose book it is; empty for the common books.
        past: What is kept of the past.
    """

    def __init__(
        self, reader: Reader, genesis: Genesis, party: str = "", past: PastBalances | None = None
    ) -> None:
        self._reader = reader
        self._past = past
        self._genesis = genesis
        self._party = party
        self.owner_of = lru_cache(OWNERS_CACHED)(self._owner_of)
        self._book = PartyBook(genesis, party, self._owned) if party else None
        self._kinds = [kind for kind in CHART if self._share(kind) != "none"]

    # -- postings ---------------------------------------------------------------------------------

    def entries(self, start: int, end: int) -> list[PostedEntry]:
        """Return the entries from ``start`` to before ``end`` that stand in this book."""
        lines: dict[int, list[tuple[str, str, int]]] = {}
        facts: dict[int, Any] = {}
        table = _postings.c
        query: Select[Any] = select(
            table.entry, table.account, table.currency, table.amount, *_ENTRY
        )
        query = _with_entries(query).where(table.entry >= start, table.entry < end)
        for row in self._fetch(query.order_by(table.entry, table.line)):
            lines.setdefault(row[0], []).append(tuple(row[1:4]))
            facts[row[0]] = row[4:]
        found = []
        for index, own in lines.items():
            part = own if self._book is None else self._book.part(own)
            if part:
                found.append(self._entry(facts[index], part))
        return found

    def statement(
        self, account: tuple[str, str], size: int, after: tuple[int, int], limit: int
    ) -> list[StatementLine]:
        """Return lines of an account in the order of the log.

        Args:
            account: Account and currency.
            size: Entries from here on are left out.
            after: Entry and place in it of the last line already seen; entry −1 to begin.
            limit: How many lines at most.
        """
        table = _postings.c
        query: Select[Any] = select(table.line, table.amount, table.balance, *_ENTRY)
        query = _with_entries(query)
        query = query.where(*_one(account), table.entry < size)
        query = query.where(tuple_(table.entry, table.line) > after)
        found = self._fetch(query.order_by(table.entry, table.line).limit(limit))
        return [StatementLine(self._entry(row[3:], ()), *row[:3]) for row in found]

    def balance(self, account: tuple[str, str], size: int) -> int | None:
        """Return an account's balance in a currency at a size of the log; None if never used."""
        table = _postings.c
        mine = select(table.balance).where(*_one(account))
        last = mine.where(table.entry < size).order_by(table.entry.desc(), table.line.desc())
        found = self._fetch(last.limit(1))
        if found:
            return int(found[0][0])
        return 0 if self._fetch(mine.limit(1)) else None

    # -- sums -------------------------------------------------------------------------------------

    def accounts(
        self,
        size: int,
        after: tuple[str, str] | None,
        limit: int,
        kinds: Container[str] = CLASSES,
    ) -> list[AccountTotal]:
        """Return what was posted to each account of this book before entry ``size``.

        Args:
            size: The log's size at the place.
            after: Account and currency of the last one already seen.
            limit: How many accounts at most.
            kinds: Of which classes.
        """
        found: list[AccountTotal] = []
        for kind in sorted(self._kinds, key=lambda kind: kind.name):
            passed = after is not None and after[0].partition(":")[0] > kind.name
            if passed or kind.name not in kinds or len(found) == limit:
                continue
            where = [self._mine(kind, _postings.c.account), _postings.c.entry < size]
            if after is not None:
                where.append(tuple_(_postings.c.account, _postings.c.currency) > after)
            found += self._account_totals(where, limit - len(found))
        return found

    def standing(
        self,
        size: int | None,
        after: tuple[str, str] | None,
        limit: int,
        kinds: Container[str] = CLASSES,
    ) -> list[AccountBalance]:
        """Return the accounts of this book that have a balance.

        Args:
            size: The log's size at the place; None at the end of this snapshot, where balances
                are kept.
            after: Account and currency of the last one already seen.
            limit: How many accounts at most.
            kinds: Of which classes.
        """
        table = _balances if size is None else _postings
        key = (table.c.account, table.c.currency)
        found: list[AccountBalance] = []
        for kind in sorted(self._kinds, key=lambda kind: kind.name):
            passed = after is not None and after[0].partition(":")[0] > kind.name
            if passed or kind.name not in kinds or len(found) == limit:
                continue
            amount = table.c.amount if size is None else func.sum(table.c.amount)
            query = select(*key, amount).where(self._mine(kind, table.c.account))
            if after is not None:
                query = query.where(tuple_(*key) > after)
            if size is not None:
                query = query.where(table.c.entry < size).group_by(*key).having(amount != 0)
            rows = self._fetch(query.order_by(*key).limit(limit - len(found)))
            found += [AccountBalance(row[0], row[1], int(row[2])) for row in rows]
        return found

    def classes(self, size: int, tip: int) -> list[ClassTotal]:
        """Return the sum of balances by class and currency, without zeros.

        In a party's book the last ones are what balances it in the books of others.

        Args:
            size: The log's size at the place.
            tip: The log's size at the end of this snapshot.
        """
        found: list[ClassTotal] = []
        rest: dict[str, int] = {}
        sums = self._sums_near(size, tip) or self._sums_before(size, tip)
        for kind in self._kinds:
            for currency, amount in sorted(sums[kind.name].items()):
                rest[currency] = rest.get(currency, 0) - amount
                found.append(ClassTotal(kind.name, currency, amount))
        found += [ClassTotal(OTHERS, *each) for each in sorted(rest.items())]
        return [each for each in found if each.balance]

    def captured(self, start: int, end: int) -> list[CapturedTotal]:
        """Return by currency what the captures from entry ``start`` to before ``end`` brought in.

        It is what they posted to the reserve. Whatever is reversed later was captured all the same.
        """
        table, found = _postings.c, []
        for currency in self._currencies(RESERVE):
            span = (table.entry >= start, table.entry < end, table.amount > 0)
            query: Any = (
                select(func.count(table.entry.distinct()), func.sum(table.amount))
                .join_from(_postings, _entries, _entries.c.index == table.entry)
                .where(*_one((RESERVE, currency)), *span, _entries.c.type == CAPTURED)
            )
            count, amount = self._fetch(query)[0]
            if count:
                found.append(CapturedTotal(currency, count, int(amount)))
        return found

    def _sums_near(self, size: int, tip: int) -> dict[str, dict[str, int]]:
        """Return the sums at a size by class and currency, from the nearest kept place if any."""
        known = None if self._past is None else self._past.near(size, tip)
        if known is None or tip - size <= abs(size - known.size):
            return {}
        found: dict[str, dict[str, int]] = {kind.name: {} for kind in self._kinds}
        for (name, party, currency), amount in known.sums.items():
            if name in found and (self._share(CLASSES[name]) == "all" or party == self._party):
                _add(found[name], currency, amount)
        sign = 1 if known.size < size else -1
        between = sorted((known.size, size))
        for account, currency, amount in posted_lines(self._reader, *between):
            if self._book is None or self._book.holds(account):
                _add(found[account.partition(":")[0]], currency, sign * amount)
        return found

    def _sums_before(self, size: int, tip: int) -> dict[str, dict[str, int]]:
        """Return the sums at a size by class and currency, from the balances at the tip."""
        found: dict[str, dict[str, int]] = {}
        for kind in self._kinds:
            sums = self._by_currency(_balances, [self._mine(kind, _balances.c.account)])
            if size < tip:
                later = [self._mine(kind, _postings.c.account), _postings.c.entry >= size]
                for currency, amount in self._by_currency(_postings, later).items():
                    _add(sums, currency, -amount)
            found[kind.name] = sums
        return found

    def _currencies(self, account: str) -> Iterator[str]:
        """Yield the currencies of an account, one search of the index each."""
        table, last = _postings.c, ""
        while True:
            query = select(table.currency).where(table.account == account, table.currency > last)
            row = self._fetch(query.order_by(table.currency).limit(1))
            if not row:
                return
            last = row[0][0]
            yield last

    def _account_totals(
        self, where: Sequence[ColumnElement[bool]], limit: int
    ) -> list[AccountTotal]:
        key = (_postings.c.account, _postings.c.currency)
        amount = _postings.c.amount
        query = (
            select(
                *key,
                func.sum(case((amount > 0, amount), else_=0)),
                func.sum(case((amount < 0, -amount), else_=0)),
                func.count(),
            )
            .where(*where)
            .group_by(*key)
            .order_by(*key)
            .limit(limit)
        )
        return [
            AccountTotal(row[0], row[1], int(row[2]), int(row[3]), row[4])
            for row in self._fetch(query)
        ]

    def _by_currency(self, table: Any, where: Sequence[ColumnElement[bool]]) -> dict[str, int]:
        query = select(table.c.currency, func.sum(table.c.amount)).where(*where)
        return {row[0]: int(row[1]) for row in self._fetch(query.group_by(table.c.currency))}

    def _mine(self, kind: AccountClass, account: Column[str]) -> ColumnElement[bool]:
        """Return the condition that an account is of ``kind`` and in this book."""
        if self._share(kind) == "owned":
            owned = select(literal(f"{kind.name}:").concat(_receivers.c.receiver))
            return account.in_(owned.where(_receivers.c.owner == self._party))
        if not kind.of:
            return account == kind.name
        name = kind.name if self._share(kind) == "all" else f"{kind.name}:{self._party}"
        if name != kind.name and ":" not in kind.of:
            return account == name
        return and_(account > f"{name}:", account < f"{name};")  # ; is the sign after :

    def _share(self, kind: AccountClass) -> Share:
        return share_of(kind, self._genesis, self._party) if self._party else "all"

    # -- rows -------------------------------------------------------------------------------------

    def _entry(self, facts: Any, lines: Sequence[tuple[str, str, int]]) -> PostedEntry:
        index, height, time, party, record_id, type_, subject = facts
        return PostedEntry(
            index=index,
            height=height,
            time=time,
            date=self._genesis.calendar.business_date(time),
            party=party,
            id=record_id,
            type=type_,
            subject=subject,
            postings=[PostedLine(account=a, currency=c, amount=n) for a, c, n in lines],
        )

    def _owned(self, receiver: str) -> bool:
        return self.owner_of(receiver) == self._party

    def _owner_of(self, receiver: str) -> str:
        row = self._reader.row(Receiver, (receiver,))
        return "" if row is None else row.owner

    def _fetch(self, query: Select[Any]) -> Sequence[Any]:
        return self._reader.connection.execute(query).fetchall()


def posted_pages(
    open_reader: Callable[[], AbstractContextManager[Reader]],
    genesis: Genesis,
    place: Place,
    party: str = "",
) -> Iterator[list[PostedEntry]]:
    """Yield the entries of a book up to ``place``, page by page.

    Each page is read on a snapshot of its own, so that a slow reader holds nothing of the database
    meanwhile.
    """
    for start in range(0, place.size, ENTRIES_PAGE):
        with open_reader() as reader:
            end = min(start + ENTRIES_PAGE, place.size)
            found = BookReader(reader, genesis, party).entries(start, end)
        yield found


def _with_entries(query: Select[Any]) -> Select[Any]:
    joined = query.join_from(_postings, _entries, _entries.c.index == _postings.c.entry)
    return joined.join(_blocks, _blocks.c.height == _entries.c.height)


def _one(account: tuple[str, str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _postings.c.account == account[0], _postings.c.currency == account[1]


def _add(sums: dict[str, int], currency: str, amount: int) -> None:
    sums[currency] = sums.get(currency, 0) + amount
