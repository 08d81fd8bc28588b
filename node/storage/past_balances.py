"""Balances of the past by class of accounts, kept in memory for whoever asks for them.

A sum over a class of accounts at a place of the log is a sum over all that was posted until then.
Here such sums are kept for every :data:`STEP` entries: one pass over all postings in a thread of
its own, made when somebody opens the books, and then only added to. What lies between a kept place
and the one that is asked for is a few thousand lines, however long the log. A log only grows, so
what is kept stays true; nothing is written, and who never asks costs nothing.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from threading import Lock, Thread
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, select

from ledger.books import Posting
from ledger.chart import CHART, CLASSES, AccountClass
from ledger.contracts import ROWS
from ledger.contracts.receivers import Receiver
from node.errors import NodeError
from node.storage.reads import Reader
from node.storage.tables import tables_of

STEP = 2048
"""Entries between two places at first; twice as many whenever there are too many places."""
PLACES_MAX = 16_384
ADDED_MAX = 32 * STEP
"""Entries that are added to the sums in one snapshot."""
OWNERS_CACHED = 10_000

logger = logging.getLogger("tongzhang.storage")

_tables = tables_of(ROWS)
_postings, _receivers = _tables.rows[Posting].table, _tables.rows[Receiver].table


class SumKey(NamedTuple):
    """Of which class, party and currency a sum is.

    ``party`` is the one that the account names or that owns its receiver; empty for all others.
    """

    kind: str
    party: str
    currency: str


Sums = Mapping[SumKey, int]
OpenReader = Callable[[], AbstractContextManager[Reader]]


class KnownSums(NamedTuple):
    """Sums of what the entries before ``size`` have posted."""

    size: int
    sums: Sums


class PastBalances:
    """Sums at many places of one log. May be called from any thread.

    Args:
        open_reader: Gives a reader on one snapshot, in any thread.
    """

    def __init__(self, open_reader: OpenReader) -> None:
        self._open_reader = open_reader
        self._lock = Lock()
        self._step, self._places = STEP, 0
        self._sums: dict[SumKey, array[int]] = {}
        self._adding: Thread | None = None

    def near(self, size: int, tip: int) -> KnownSums | None:
        """Return the sums at the kept place that is nearest to a size; None before there are any.

        Args:
            size: How many entries the place that is asked for has.
            tip: How many the snapshot has from which the difference will be read.
        """
        with self._lock:
            known = min(self._places, tip // self._step)
            place = min((size + self._step // 2) // self._step, known)
            if not place:
                return None
            found = {key: sums[place - 1] for key, sums in self._sums.items()}
            return KnownSums(place * self._step, found)

    def keep_up(self, tip: int) -> Thread | None:
        """Have what is missing added, in a thread; return the thread that does it, if one does."""
        with self._lock:
            is_level = tip // self._step <= self._places
            if is_level or (self._adding is not None and self._adding.is_alive()):
                return self._adding
            self._adding = Thread(target=self._add, name="past balances", daemon=True)
            self._adding.start()
            return self._adding

    def _add(self) -> None:
        try:
            if not self._places:
                self._begin()
            while self._go_on():
                pass
        except NodeError as error:
            logger.warning("balances of the past are not kept: %s", error)

    def _begin(self) -> None:
        """Go over all postings once, class by class."""
        with self._open_reader() as reader:
            size = _size(reader)
            while size // self._step > PLACES_MAX:
                self._step *= 2
            places = size // self._step
            sums: dict[SumKey, array[int]] = {}
            for kind in CHART:
                for key, place, amount in _sums_of(reader, kind, self._step, places):
                    sums.setdefault(key, _zeros(places))[place] += amount
        for each in sums.values():
            for place in range(1, places):
                each[place] += each[place - 1]
        with self._lock:
            self._sums, self._places = sums, places

    def _go_on(self) -> bool:
        """Add the next places; return whether there may be more."""
        if self._places >= PLACES_MAX:
            self._thin_out()
        begin, step = self._places * self._step, self._step
        most = min(max(ADDED_MAX // step, 1), PLACES_MAX - self._places)
        with self._open_reader() as reader:
            end = min(begin + most * step, _size(reader) // step * step)
            owner_of = lru_cache(OWNERS_CACHED)(partial(_owner_of, reader))
            added = [
                _posted(reader, start, start + step, owner_of) for start in range(begin, end, step)
            ]
        for each in added:
            self._append(each)
        return bool(added)

    def _append(self, more: Sums) -> None:
        with self._lock:
            for key in more.keys() - self._sums.keys():
                self._sums[key] = _zeros(self._places)
            for key, sums in self._sums.items():
                sums.append((sums[-1] if sums else 0) + more.get(key, 0))
            self._places += 1

    def _thin_out(self) -> None:
        """Keep every second place."""
        with self._lock:
            self._sums = {key: sums[1::2] for key, sums in self._sums.items()}
            self._places, self._step = self._places // 2, self._step * 2


def posted_lines(reader: Reader, start: int, end: int) -> Iterator[tuple[str, str, int]]:
    """Yield account, currency and amount of what entries ``start`` to before ``end`` posted."""
    table = _postings.c
    query = select(table.account, table.currency, table.amount)
    rows = reader.connection.execute(query.where(table.entry >= start, table.entry < end))
    return (tuple(row) for row in rows)


def _posted(
    reader: Reader, start: int, end: int, owner_of: Callable[[str], str]
) -> dict[SumKey, int]:
    """Return the sums of what the entries from ``start`` to before ``end`` have posted."""
    found: dict[SumKey, int] = {}
    for account, currency, amount in posted_lines(reader, start, end):
        name, _, of = account.partition(":")
        kind = CLASSES[name].of
        party = owner_of(of) if kind == "receiver" else of if kind == "party" else ""
        key = SumKey(name, party, currency)
        found[key] = found.get(key, 0) + amount
    return found


def _sums_of(
    reader: Reader, kind: AccountClass, step: int, places: int
) -> Iterator[tuple[SumKey, int, int]]:
    """Yield what was posted to a class between any two places: key, number of the place, sum."""
    table, name = _postings.c, kind.name
    party: ColumnElement[str] = literal("")
    joined: Any = _postings
    if kind.of == "party":
        party = func.substr(table.account, len(name) + 2)
    elif kind.of == "receiver":
        party = func.coalesce(_receivers.c.owner, "")
        is_its = _receivers.c.receiver == func.substr(table.account, len(name) + 2)
        joined = _postings.outerjoin(_receivers, is_its)
    # ; is the sign after :
    own = and_(table.account > f"{name}:", table.account < f"{name};")
    place = table.entry // step
    query = (
        select(party, table.currency, place, func.sum(table.amount))
        .select_from(joined)
        .where(own if kind.of else table.account == name, table.entry < places * step)
        .group_by(party, table.currency, place)
    )
    for of, currency, number, amount in reader.connection.execute(query):
        yield SumKey(name, of, currency), number, int(amount)


def _owner_of(reader: Reader, receiver: str) -> str:
    row = reader.row(Receiver, (receiver,))
    return "" if row is None else row.owner


def _size(reader: Reader) -> int:
    """Return how many entries a snapshot has."""
    height = reader.height()
    return reader.blocks(height, 1)[0].header.size if height else 0


def _zeros(count: int) -> array[int]:
    return array("q", bytes(8 * count))
