"""The state as the contracts see it: rows by key, from memory where they were asked for before.

The cache remembers rows and the absence of rows. It takes over what blocks change in rows of every
kind that somebody has asked for; those that are only ever written, such as postings, never enter
it. It has two generations: a row that is used moves to the young one, and when that is full
the old one is dropped. That is nearly "least recently used" at a fraction of its bookkeeping.

What final blocks have changed and nobody has written yet stands before the cache until it is
written. Only then does the cache take it over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from ledger.state import Changes, Key, R, Row, Wanted

CACHE_ROWS_MAX = 100_000
QUERY_KEYS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""How many keys one query may ask for: few sizes, so that few statements are prepared."""

_UNKNOWN: Any = object()
_T = TypeVar("_T")
_Generation = dict[type[Row], dict[Key, Row | None]]


def held(rows: Mapping[Key, Row | None], keys: set[Key]) -> tuple[dict[Key, Row | None], set[Key]]:
    """Return those of the rows that are under ``keys``, and the keys under which none is.

    A set knows the hashes of its keys, so each is computed as seldom as can be.
    """
    unknown = keys.difference(rows)
    return {key: rows[key] for key in keys - unknown}, unknown


class RowSource(Protocol):
    """Where a view finds what its cache does not hold."""

    def select_rows(self, wanted: dict[type[Row], list[Key]]) -> dict[type[Row], list[Row]]:
        """Return the rows that exist under the wanted keys, in one snapshot."""


class StoreView:
    """A :class:`ledger.state.StateView` of the store's tip. It moves on with every final block.

    Args:
        source: Where rows are read.
        rows_max: How many rows and absences the cache holds at most.
    """

    def __init__(self, source: RowSource, rows_max: int = CACHE_ROWS_MAX) -> None:
        self._source = source
        self._half = max(1, rows_max // 2)
        self._young: _Generation = {}
        self._old: _Generation = {}
        self._count = 0
        self.unwritten: Changes = {}
        """What is not in the database yet: rows by type and key, None where one is gone."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key``, or None.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        row = self._cached(kind, key)
        if row is _UNKNOWN:
            found = self._source.select_rows({kind: [key]})[kind]
            row = found[0] if found else None
            self._remember(kind, key, row)
        return row  # type: ignore[no-any-return]

    def fetch(self, wanted: Wanted) -> Changes:
        """Return the rows under many keys, reading those not in memory, one query a table.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        found: Changes = {}
        missing: dict[type[Row], list[Key]] = {}
        for kind, keys in wanted.items():
            fresh = self.unwritten.get(kind)
            found[kind], unknown = held(fresh, keys) if fresh else ({}, keys)
            if unknown:
                hits, unknown = self._hits(kind, unknown)
                found[kind].update(hits)
            if unknown:
                missing[kind] = list(unknown)
        if missing:
            read = self._source.select_rows(missing)
            for kind, asked in missing.items():
                rows: dict[Key, Row | None] = dict.fromkeys(asked)
                rows.update({row.key: row for row in read[kind]})
                self._keep(kind, rows)
                found[kind].update(rows)
        return found

    def _hits(self, kind: type[Row], keys: set[Key]) -> tuple[dict[Key, Row | None], set[Key]]:
        hits, unknown = held(self._young.get(kind, {}), keys)
        old = self._old.get(kind)
        if unknown and old:
            again, unknown = held(old, unknown)
            for key in again:
                del old[key]
            self._keep(kind, again)
            hits.update(again)
        return hits, unknown

    def _keep(self, kind: type[Row], rows: Mapping[Key, Row | None]) -> None:
        if self._count >= self._half:
            self._old, self._young, self._count = self._young, {}, 0
        young = self._young.setdefault(kind, {})
        before = len(young)
        young.update(rows)
        self._count += len(young) - before

    def hold(self, changes: Changes) -> None:
        """Take over a final block's changes, which are not written yet."""
        for kind, rows in changes.items():
            self.unwritten.setdefault(kind, {}).update(rows)

    def is_absent(self, kind: type[Row], key: Key) -> bool:
        """Return whether it is known that the database has no row under ``key``."""
        row = self._young.get(kind, {}).get(key, _UNKNOWN)
        return (self._old.get(kind, {}).get(key, _UNKNOWN) if row is _UNKNOWN else row) is None

    def written(self) -> None:
        """Note that all is written; of kinds that somebody has asked for it stays in memory."""
        for kind, rows in self.unwritten.items():
            if kind in self._young or kind in self._old:
                self._keep(kind, rows)
        self.unwritten = {}

    def forget(self) -> None:
        """Empty the cache."""
        self._young, self._old, self._count = {}, {}, 0

    @property
    def cached_rows(self) -> int:
        """How many rows and absences are in memory."""
        return sum(len(rows) for each in (self._young, self._old) for rows in each.values())

    def _cached(self, kind: type[Row], key: Key) -> Any:
        rows = self.unwritten.get(kind)
        if rows is not None:
            row = rows.get(key, _UNKNOWN)
            if row is not _UNKNOWN:
                return row
        rows = self._young.get(kind)
        if rows is not None:
            row = rows.get(key, _UNKNOWN)
            if row is not _UNKNOWN:
                return row
        rows = self._old.get(kind)
        if rows is None:
            return _UNKNOWN
        row = rows.pop(key, _UNKNOWN)
        if row is not _UNKNOWN:
            self._remember(kind, key, row)
        return row

    def _remember(self, kind: type[Row], key: Key, row: Row | None) -> None:
        if self._count >= self._half:
            self._old, self._young, self._count = self._young, {}, 0
        self._young.setdefault(kind, {})[key] = row
        self._count += 1


def query_chunks(keys: list[_T]) -> Iterator[list[_T]]:
    """Yield ``keys`` in lists whose lengths are in :data:`QUERY_KEYS`, padded by repetition."""
    for start in range(0, len(keys), QUERY_KEYS[-1]):
        part = keys[start : start + QUERY_KEYS[-1]]
        size = next(each for each in QUERY_KEYS if each >= len(part))
        yield part + [part[-1]] * (size - len(part))
