"""Bulk: many blocks executed one after the other, while another process writes what they change.

The blocks' rows are collected as statements with plain tuples, some thousand entries at a time, a
row that several blocks changed once. The other process executes them, in order, a transaction each
time. What is not written yet lies in layers over the database, so that execution sees all of it.

The database can be made again: it is not synced here.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ledger.block import Block
from ledger.execute import Execution
from ledger.log.tiles import grow
from ledger.state import ABSENT, Changes, Key, R, Row, StateView, Wanted
from node.errors import StorageError
from node.storage.engine import Statements
from node.storage.store import Store
from node.storage.view import RowSource, held
from node.storage.writes import write_block

CHUNK_ENTRIES = 4000
"""Entries that are written in one transaction."""
CHUNKS_AHEAD = 3
"""Chunks that are executed and not written yet, at most."""
GENERATION_ROWS = 400_000
"""Rows in memory after which the older ones are dropped: twice as many at most."""
_CACHE_KIB = 512 * 1024
_PRAGMAS = (
    "PRAGMA synchronous = OFF",
    f"PRAGMA cache_size = -{_CACHE_KIB}",
    "PRAGMA wal_autocheckpoint = 16000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA busy_timeout = 10000",
)
_Rows = tuple[tuple[int, ...], list[Any]]
_Generation = dict[type[Row], dict[Key, Row | None]]
_decoder = msgspec.msgpack.Decoder(dict[str, tuple[tuple[int, ...], list[list[Any]]]])


class Chunk:
    """What is written in one transaction, by statement."""

    def __init__(self) -> None:
        self.leaf_hashes: list[bytes] = []
        self._changes: Changes = {}
        self._statements: dict[str, _Rows] = {}

    def run(self, sql: str, rows: Sequence[Sequence[Any]], texts: tuple[int, ...] = ()) -> None:
        """Take one statement for many rows.

        Args:
            sql: The statement.
            rows: Its values.
            texts: Which of them are tuples of texts, to be written as JSON.
        """
        if rows:
            self._statements.setdefault(sql, (texts, []))[1].extend(rows)

    def merge(self, changes: Changes) -> None:
        """Take over what a block changed."""
        for kind, rows in changes.items():
            self._changes.setdefault(kind, {}).update(rows)

    def encode(self, sql: Statements) -> bytes:
        """Return everything for the process that executes it, each row once."""
        for kind, rows in self._changes.items():
            mapped = sql.tables.rows[kind]
            standing: Any = [row for row in rows.values() if row is not None]
            self.run(sql.upsert(mapped.table), standing, mapped.texts)
            if len(standing) < len(rows):
                gone = [key for key, row in rows.items() if row is None]
                self.run(sql.delete(mapped.table), gone)
        return msgspec.msgpack.encode(self._statements)


class WriterProcess:
    """A process that executes statements on a SQLite database, chunk by chunk. It is forked.

    Use it in a ``with``: it has ended when that is left. Ctrl-C does not reach it, so that no chunk
    is cut short; if its parent is gone, it ends by itself.

    Args:
        path: The database's file; it is opened with the first chunk.
    """

    def __init__(self, path: Path) -> None:
        context = multiprocessing.get_context("fork")
        chunks, self._chunks = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        ours = (self._chunks, self._answers)
        self._process = context.Process(
            target=_write, args=(path, chunks, answers, ours), name="writer", daemon=True
        )
        self._process.start()
        chunks.close()
        answers.close()
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._feeder = threading.Thread(target=self._feed, name="feeder", daemon=True)
        self._feeder.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        if error is not None:
            self._process.terminate()
        self._feeder.join()
        self._process.join()
        self._answers.close()

    def send(self, chunk: bytes) -> None:
        """Hand over a chunk: the encoded statements of a transaction."""
        self._waiting.put(chunk)

    def done(self, *, wait: bool) -> int:
        """Return how many chunks were written since this was asked before.

        Args:
            wait: Wait until there is one.

        Raises:
            StorageError: ``disk-full`` or ``storage-failed``; nothing more is written.
        """
        count = 0
        while (wait and not count) or self._answers.poll():
            try:
                said = self._answers.recv_bytes()
            except EOFError:
                said = b"storage-failed: the process that writes has ended"
            if said:
                code, _, message = said.decode("utf-8", "replace").partition(": ")
                raise StorageError(code, message)
            count += 1
        return count

    def _feed(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            while (chunk := self._waiting.get()) is not None:
                self._chunks.send_bytes(chunk)
        self._chunks.close()


def _write(
    path: Path, chunks: Connection, answers: Connection, others: Sequence[Connection]
) -> None:
    """Execute chunks until there are no more."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for each_end in others:
        each_end.close()
    database: sqlite3.Connection | None = None
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            chunk = chunks.recv_bytes()
            try:
                database = database or _opened(path)
                _execute(database, _decoder.decode(chunk))
            except sqlite3.Error as error:
                full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
                code = "disk-full" if full else "storage-failed"
                answers.send_bytes(f"{code}: could not write the index: {error}".encode())
                break
            answers.send_bytes(b"")
    if database is not None:
        database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in _PRAGMAS:
        database.execute(pragma).close()
    return database


def _execute(database: sqlite3.Connection, statements: dict[str, _Rows]) -> None:
    database.execute("BEGIN")
    for sql, (texts, rows) in statements.items():
        for place in texts:
            for row in rows:
                if row[place] is not None:
                    row[place] = msgspec.json.encode(row[place]).decode()
        database.executemany(sql, rows)
    database.execute("COMMIT")


class Memory:
    """The state with what is not written yet: a :class:`ledger.state.StateView`.

    It remembers rows in two generations, and drops the old one when the young one is full and all
    of the old one is written. Rows of a kind that nobody has asked for are not kept: before the
    first question about such a kind everything is written.

    Args:
        source: Where rows are read that are not remembered.
        write: Returns when everything is written.
        rows_max: Rows in memory after which the older ones are dropped: twice as many at most.
    """

    def __init__(
        self, source: RowSource, write: Callable[[], None], rows_max: int = GENERATION_ROWS
    ) -> None:
        self._source = source
        self._write = write
        self._rows_max = rows_max
        self._young: _Generation = {}
        self._old: _Generation = {}
        self._passed_by: set[type[Row]] = set()
        self._count = 0
        self.turned = 0
        """How many chunks were handed over when the generations last changed."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return the row under ``key``, or None."""
        rows = self._young.get(kind)
        row: Any = ABSENT if rows is None else rows.get(key, ABSENT)
        if row is ABSENT:
            row = self.fetch({kind: {key}})[kind][key]
        return row  # type: ignore[no-any-return]

    def fetch(self, wanted: Wanted) -> Changes:
        """Return the rows under many keys, None where there is none."""
        found: Changes = {}
        missing: dict[type[Row], list[Key]] = {}
        for kind, keys in wanted.items():
            if kind not in self._young:
                self._keep(kind)
            own, unknown = held(self._young[kind], keys)
            old = self._old.get(kind)
            if unknown and old:
                again, unknown = held(old, unknown)
                self._remember(kind, again)
                own.update(again)
            if unknown:
                missing[kind] = list(unknown)
            found[kind] = own
        if missing:
            for kind, rows in self._source.select_rows(missing).items():
                read: dict[Key, Row | None] = dict.fromkeys(missing[kind])
                read.update({row.key: row for row in rows})
                self._remember(kind, read)
                found[kind].update(read)
        return found

    def merge(self, changes: Changes) -> None:
        """Take over what a block changed."""
        for kind, rows in changes.items():
            if kind in self._young:
                self._remember(kind, rows)
            else:
                self._passed_by.add(kind)

    def turn(self, handed: int, written: int) -> None:
        """Drop the old generation, if that is due and all of it is written.

        Args:
            handed: How many chunks were handed over.
            written: How many of them are written.
        """
        if self._count >= self._rows_max and written >= self.turned:
            self._old, self._young = self._young, {kind: {} for kind in self._young}
            self._count, self.turned = 0, handed

    def forget(self) -> None:
        """Drop all rows: every one is written."""
        self._young, self._old = {}, {}

    def _keep(self, kind: type[Row]) -> None:
        """Remember rows of a kind from now on; those that were not are in the database then."""
        if kind in self._passed_by:
            self._write()
        self._young[kind] = {}

    def _remember(self, kind: type[Row], rows: Mapping[Key, Row | None]) -> None:
        self._young[kind].update(rows)
        self._count += len(rows)


class Bulk:
    """Adds blocks to a scratch database.

    Args:
        store: The database, for reading.
        process: What writes to it.
    """

    def __init__(self, store: Store, process: WriterProcess) -> None:
        self._store = store
        self._chunk = Chunk()
        self._handed = self._written = 0
        self._memory = Memory(store, self._write_all)
        self._size = store.tip().size
        self._edge: dict[int, tuple[int, bytes]] = {}
        self._process = process

    @property
    def view(self) -> StateView:
        """The state after the last block that was added."""
        return self._memory

    def add(
        self, block: Block, execution: Execution, marks: Callable[[], Mapping[str, str]]
    ) -> None:
        """Add the next block.

        Args:
            block: The block.
            execution: What executing it on :attr:`view` gave.
            marks: Gives what stands in the table ``meta`` once the block is written.
        """
        chunk = self._chunk
        write_block(chunk, self._store.statements, block, execution, (b"", None))
        chunk.merge(execution.changes)
        chunk.leaf_hashes += execution.leaf_hashes
        self._memory.merge(execution.changes)
        if len(chunk.leaf_hashes) >= CHUNK_ENTRIES:
            self._hand_over(marks())

    def finish(self, marks: Mapping[str, str], last: Mapping[str, Sequence[Any]]) -> None:
        """Return when everything is written.

        Args:
            marks: What stands in the table ``meta`` then.
            last: Statements, with the values of each, that come after all blocks.
        """
        for sql, values in last.items():
            self._chunk.run(sql, [values])
        self._hand_over(marks)
        self._settle()
        self._memory.forget()

    def _hand_over(self, marks: Mapping[str, str]) -> None:
        chunk, sql, tables = self._chunk, self._store.statements, self._store.tables
        tiles = grow(self._size, chunk.leaf_hashes, self._edge_tile)
        self._edge.update({level: (index, data) for level, index, data in tiles})
        chunk.run(sql.upsert(tables.tiles), tiles)
        chunk.run(sql.upsert(tables.meta), list(marks.items()))
        self._size += len(chunk.leaf_hashes)
        self._process.send(chunk.encode(sql))
        self._chunk = Chunk()
        self._handed += 1
        self._written += self._process.done(wait=self._handed - self._written > CHUNKS_AHEAD)
        self._memory.turn(self._handed, self._written)

    def _settle(self) -> None:
        while self._written < self._handed:
            self._written += self._process.done(wait=True)

    def _write_all(self) -> None:
        self._hand_over({})
        self._settle()

    def _edge_tile(self, level: int, index: int) -> bytes | None:
        if level not in self._edge:
            return self._store.edge.tile(level, index)
        last, data = self._edge[level]
        return data if last == index else None
