"""Replay: every record is stated again, and what comes out is compared with what is stored.

What comes out is kept in a scratch database of rows alone, with a mark of how far it is: a replay
that was cut short goes on from there, unless the machine was started anew (nothing is synced).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, literal_column, select, tuple_

from ledger.batch import Batch
from ledger.entry import decode_entry
from ledger.errors import LedgerError
from ledger.execute import execute
from ledger.genesis import Genesis
from ledger.log.merkle import leaf_hash, root_of
from ledger.state import Changes, Key, Row
from node.errors import CorruptLedger, NodeError, StorageError
from node.storage.bulk import Memory
from node.storage.engine import SQLITE_FILES
from node.storage.log_check import ReadBlock
from node.storage.reads import Reader
from node.storage.store import Store
from node.storage.tables import RowTable
from node.storage.walked import Walked, tip_at, walked_to
from node.storage.writes import write_rows

PAGE_ROWS = 2000
ROWS_WAITING = 30_000
"""Rows after which what has changed is written to the scratch database."""
WAITING_S = 1.0
"""How long a row waits for that: a node that is killed every few seconds goes on checking."""
ROWS_KEPT = 80_000
"""Rows in memory after which the older ones are dropped: twice as many at most."""
FREE_BYTES_MIN = 512 * 1024 * 1024
"""Space that a scratch database leaves on its volume: the node has to write there, too."""
MARK = "replayed"
"""Names the mark in the table ``meta``."""
_PRAGMAS = (
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -131072",
    "PRAGMA wal_autocheckpoint = 16000",
)


class ReplayMark(msgspec.Struct, frozen=True):
    """The last block whose changes a scratch database holds.

    ``database`` is the id of the database that it was read from, ``boot`` the run of the machine.
    """

    height: int
    hash: str
    database: str
    boot: str


class Scratch(Store):
    """The rows of state that come out of the log, in a SQLite file.

    Args:
        path: The file; one that is there is gone on with.
        genesis: The consortium's founding document.
        rows: The row types of the contracts.

    Raises:
        StorageError: ``scratch-failed``.
    """

    def __init__(self, path: Path, genesis: Genesis, rows: tuple[type[Row], ...]) -> None:
        self.path = path
        with own_errors():
            super().__init__(f"sqlite:///{path}", genesis, rows=rows)
            with self._writer.reading("set up the scratch database"):
                for pragma in _PRAGMAS:
                    self._writer.fetch(pragma, ())
                for index in self._indexes():
                    self._writer.fetch(f"DROP INDEX IF EXISTS {index}", ())
        self._waiting: Changes = {}
        self._count = 0
        self._mark: ReplayMark | None = None
        self._flushes = 0
        self._flushed_s = time.monotonic()
        self.memory = Memory(self, self.flush, ROWS_KEPT)
        """The state after the last block."""

    def mark(self) -> ReplayMark | None:
        """Return the mark of the last block that is written, or None."""
        with own_errors():
            text = self.noted(MARK)
            return msgspec.json.decode(text, type=ReplayMark) if text else None

    def take(self, changes: Changes, mark: ReplayMark) -> None:
        """Take over what a block has changed."""
        self._mark = mark
        for kind, rows in changes.items():
            self._waiting.setdefault(kind, {}).update(rows)
            self._count += len(rows)
        self.memory.merge(changes)
        if self._count >= ROWS_WAITING or time.monotonic() - self._flushed_s >= WAITING_S:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits.

        Raises:
            StorageError: ``disk-full``, before the volume is.
        """
        if self._mark is None or not self._count:
            return
        if shutil.disk_usage(self.path.parent).free < FREE_BYTES_MIN:
            raise StorageError(
                "disk-full",
                f"less than {FREE_BYTES_MIN // 1024 // 1024} MB are free in {self.path.parent}: "
                "the check has stopped there. Free space and start the node again",
            )
        text = msgspec.json.encode(self._mark).decode()
        with own_errors(), self._writer.writing("keep what was replayed"):
            # In the order of their keys: rows that are written together lie together.
            ordered = {kind: dict(sorted(rows.items())) for kind, rows in self._waiting.items()}
            write_rows(self._writer, self.statements, ordered)
            self._writer.run(self.statements.upsert(self.tables.meta), [(MARK, text)])
        self._waiting, self._count = {}, 0
        self._flushes += 1
        self._flushed_s = time.monotonic()
        self.memory.turn(self._flushes, self._flushes)

    def _indexes(self) -> list[str]:
        """Return the names of the indexes of rows: nobody looks for a row here but by its key."""
        tables = (mapped.table for mapped in self.tables.rows.values())
        return [str(index.name) for table in tables for index in table.indexes]

    def _refuse_other_tables(self) -> None:
        """Return: it is not the ledger's database, and has no indexes."""

    def remove(self) -> None:
        """Close it and remove its files."""
        self.close()
        remove(self.path)


def remove(path: Path) -> None:
    """Remove a scratch database, if there is one."""
    for suffix in SQLITE_FILES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@contextmanager
def own_errors() -> Iterator[None]:
    """Tell what befalls a scratch database from damage to the ledger.

    Raises:
        StorageError: ``scratch-failed``.
    """
    try:
        yield
    except (NodeError, msgspec.DecodeError) as error:
        raise StorageError(
            "scratch-failed",
            f"the scratch database of the check cannot be used: {error}. Nothing is known against "
            "the ledger by that; the next check begins with a new one",
        ) from error


class Replay:
    """Executes the blocks of a log and compares what comes out with entries and rows.

    Args:
        genesis: The consortium's founding document.
        scratch: Where what comes out is kept.
        walked: The place whose state ``scratch`` holds.
        origin: The id of the database that is read, and the run of the machine.
    """

    def __init__(
        self, genesis: Genesis, scratch: Scratch, walked: Walked, origin: tuple[str, str]
    ) -> None:
        self._genesis = genesis
        self._scratch = scratch
        self._tip, self._frontier = walked.tip, walked.frontier.copy()
        self._origin = origin

    def take(self, block: ReadBlock) -> None:
        """Execute the next block.

        Raises:
            CorruptLedger: it comes out differently.
            StorageError: ``scratch-failed`` or ``disk-full``.
        """
        header, height = block.header, block.header.height
        try:
            with own_errors():
                execution = execute(
                    self._genesis,
                    self._tip,
                    self._frontier,
                    self._scratch.memory,
                    header.time,
                    _batches(block),
                )
        except LedgerError as error:
            raise CorruptLedger(f"it cannot be executed: {error}.", height=height) from None
        expected = [
            (e.index, height, e.party, e.id, e.type, e.subject, e.outcome, leaf)
            for e, leaf in zip(execution.entries, execution.leaves, strict=True)
        ]
        _compare_entries(height, block.entries, expected)
        if (execution.size, execution.root.hex()) != (header.size, header.root):
            raise CorruptLedger("other outcomes come out of its records.", height=height)
        if execution.state.hex() != header.state:
            said = f"state {execution.state.hex()} comes out, its header says {header.state}."
            raise CorruptLedger(said, height=height)
        self._tip, self._frontier = block.tip, execution.frontier
        mark = ReplayMark(height, block.tip.hash.hex(), *self._origin)
        self._scratch.take(execution.changes, mark)

    def compare(self, kind: type[Row], after: Key | None, reader: Reader) -> Key | None:
        """Compare the next rows of a kind, and return the last one's key; None at the end.

        Args:
            kind: The row type.
            after: The key that was returned before; None for the first rows.
            reader: A snapshot of the block up to which was executed.

        Raises:
            CorruptLedger: names the first row that differs.
            StorageError: ``scratch-failed`` or ``disk-full``.
        """
        self._scratch.flush()
        stored = _page(reader, kind, after)
        with own_errors(), self._scratch.own_reader() as own:
            expected = _page(own, kind, after)
        if stored != expected:
            _name_difference(reader.mapped(kind), stored, expected)
        return stored[-1][: kind.KEY] if stored else None


def replayed(
    reader: Reader, genesis: Genesis, scratch: Scratch, origin: tuple[str, str]
) -> Walked | None:
    """Return the place up to which a scratch database is replayed; None if it is not believed.

    It is not if it was made of another database, or before the machine was started anew.

    Args:
        reader: A snapshot of the database that is read.
        genesis: The consortium's founding document.
        scratch: The scratch database.
        origin: The id of the database, and the run of the machine.
    """
    mark = scratch.mark()
    if mark is None or (mark.database, mark.boot) != origin:
        return None
    tip = tip_at(reader, mark.height)
    if tip is None or tip.hash.hex() != mark.hash:
        return None
    return walked_to(reader, scratch.tables, genesis, tip)


def _batches(block: ReadBlock) -> tuple[Batch, ...]:
    """Return the batches of a block, whose records are those that were signed."""
    found, start = [], 0
    for row in block.batches:
        own = block.entries[start : start + row.count]
        start += row.count
        records = tuple([decode_entry(entry.leaf).record for entry in own])
        batch = Batch(row.raw_header, row.signature, records)
        if root_of([leaf_hash(record) for record in records]).hex() != batch.header.root:
            raise CorruptLedger(
                f"batch {batch.number} of {batch.party} does not hold what was signed.",
                height=block.header.height,
            )
        found.append(batch)
    return tuple(found)


def _compare_entries(
    height: int, stored: Sequence[Any], expected: Sequence[tuple[Any, ...]]
) -> None:
    for entry, due in zip(stored, expected, strict=True):
        if entry == due:
            continue
        for column, held, wanted in zip(entry._fields, entry, due, strict=True):
            if held != wanted:
                raise CorruptLedger(
                    f"entry {due[0]} has the {column} {held!r}, and should have {wanted!r}.",
                    height=height,
                )


def _page(reader: Reader, kind: type[Row], after: Key | None) -> list[tuple[Any, ...]]:
    """Return the values of the next rows of a kind, in the order of their keys."""
    mapped = reader.mapped(kind)
    sql = reader.statements
    if after is None:
        return reader.run(
            sql.query(mapped.table, f"first {PAGE_ROWS} rows", lambda: _rows(mapped)), ()
        )
    text = sql.query(mapped.table, f"{PAGE_ROWS} rows after", lambda: _rows_after(mapped))
    return reader.run(text, after)


def _rows(mapped: RowTable) -> Select[Any]:
    keys = [mapped.table.c[name] for name in mapped.key_fields]
    # Both are written out: they would become parameters.
    query = select(mapped.table).order_by(*keys).limit(literal_column(str(PAGE_ROWS)))
    return query.offset(literal_column("0"))


def _rows_after(mapped: RowTable) -> Select[Any]:
    keys = [mapped.table.c[name] for name in mapped.key_fields]
    place = [bindparam(f"after_{key.name}", type_=key.type) for key in keys]
    return _rows(mapped).where(tuple_(*keys) > tuple_(*place))


def _name_difference(
    mapped: RowTable, stored: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]
) -> None:
    """Raise an error that names the first row that differs.

    Raises:
        CorruptLedger: with the row.
    """
    table, count = mapped.kind.TABLE, mapped.kind.KEY
    held = {values[:count]: values for values in stored}
    due = {values[:count]: values for values in expected}
    for key in sorted(held.keys() | due.keys()):
        if held.get(key) == due.get(key):
            continue
        if key not in held:
            raise CorruptLedger(f"a row of {table} is missing: {mapped.decode(due[key])}.")
        if key not in due:
            raise CorruptLedger(f"a row of {table} should not be: {mapped.decode(held[key])}.")
        raise CorruptLedger(
            f"a row of {table} is {mapped.decode(held[key])}, "
            f"and should be {mapped.decode(due[key])}."
        )
