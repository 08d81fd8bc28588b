"""Readers of the log and the state beside the writer: one consistent snapshot each.

Questions of a fixed form are compiled once and go to the driver's cursor, as what the writer says
does (docs/adr/0011-the-writer-drives-its-cursor.md). A reader rebuilds blocks and batches exactly
as they were signed: a record's bytes are a substring of its entry's leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)

from ledger.batch import Batch
from ledger.block import Block, decode_header
from ledger.entry import APPLIED, decode_entry
from ledger.errors import LedgerError
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Key, R
from node.errors import CorruptLedger
from node.storage.engine import Statements
from node.storage.stored import (
    BatchOfEntry,
    BlockSummary,
    StoredBlock,
    StoredEntry,
    StoredEvidence,
)
from node.storage.tables import INTEGER, RowTable
from node.storage.view import query_chunks


class Reader:
    """Answers questions about one snapshot. Comes from :meth:`node.storage.store.Store.reader`.

    Everything may raise ``StorageError`` (the database could not be read) and ``CorruptLedger``
    (what was read is not what was stored).

    Args:
        connection: The snapshot's connection.
        sql: The statements of this database.
    """

    def __init__(self, connection: Connection, sql: Statements) -> None:
        self.connection = connection
        driver: Any = connection.connection.driver_connection
        self._cursor = driver.cursor()
        self.statements = sql
        self._tables = sql.tables

    def entry(self, index: int) -> StoredEntry | None:
        """Return the entry at ``index``."""
        found = self.entries(index, 1)
        return found[0] if found and found[0].index == index else None

    def entries(self, start: int, limit: int) -> list[StoredEntry]:
        """Return up to ``limit`` entries from index ``start`` on."""
        table = self._tables.entries
        sql = self.statements.query(table, "from", lambda: _from(table))
        return [StoredEntry(*row) for row in self.run(sql, (start, limit))]

    def newest_about(self, subject: str, limit: int, *, applied: bool) -> list[StoredEntry]:
        """Return the newest entries about ``subject``, the newest first.

        Args:
            subject: Such as ``payment:P1``.
            limit: How many entries at most.
            applied: Whether those that were applied, or those that were refused.
        """
        table = self._tables.entries
        name = "applied about" if applied else "refused about"
        sql = self.statements.query(table, name, lambda: _about(table, applied))
        return [StoredEntry(*row) for row in self.run(sql, (subject, limit))]

    def block(self, height: int) -> StoredBlock | None:
        """Return the block at ``height``, or None if there is none yet."""
        found = self.run(self.statements.select(self._tables.blocks, 1), (height,))
        if not found:
            return None
        row = _BlockRow(*found[0])
        with _intact(height):
            block = Block(row.raw_header, row.signature, self._batches(height, row))
            return StoredBlock(block, row.justification, row.certificate)

    def blocks(self, start: int, limit: int) -> list[BlockSummary]:
        """Return up to ``limit`` summaries of blocks from height ``start`` on."""
        table = self._tables.blocks
        sql = self.statements.query(table, "summaries", lambda: _summaries(table))
        return [_summary(_SummaryRow(*row)) for row in self.run(sql, (start, limit))]

    def block_range(
        self, from_height: int, limit_bytes: int, limit_count: int
    ) -> list[StoredBlock]:
        """Return blocks for a peer that catches up, the last of them with its certificate.

        Args:
            from_height: The first height wanted.
            limit_bytes: Size of headers, records and proofs after which no block is added.
            limit_count: How many blocks at most.

        Returns:
            Blocks in order; none if no certificate is known from there on. Both limits give way
            when no block within them has a certificate: then the range goes on up to the first.
        """
        found: list[StoredBlock] = []
        pending: list[StoredBlock] = []
        size, height = 0, from_height
        while (stored := self.block(height)) is not None:
            size += _size_bytes(stored)
            over = size > limit_bytes or height - from_height >= limit_count
            if over and found:
                break
            pending.append(stored)
            if stored.certificate is not None:
                found += pending
                pending = []
            height += 1
        return found

    def meta(self, key: str) -> str | None:
        """Return what the database says of itself under a key."""
        found = self.run(self.statements.select(self._tables.meta, 1), (key,))
        return found[0][1] if found else None

    def latest_certificate(self) -> tuple[int, bytes] | None:
        """Return the highest certified block's height and certificate."""
        table = self._tables.blocks
        query = select(table.c.height, table.c.certificate).where(table.c.certificate.is_not(None))
        row = self._first(query.order_by(table.c.height.desc()).limit(1))
        return None if row is None else (row.height, row.certificate)

    def certificates(self, start: int, limit: int) -> list[tuple[int, bytes]]:
        """Return heights and certificates of the first certified blocks from a height on.

        A block without one is final by the next that there is.
        """
        table = self._tables.blocks
        is_one = (table.c.height >= start, table.c.certificate.is_not(None))
        query = select(table.c.height, table.c.certificate).where(*is_one)
        found = self._fetch(query.order_by(table.c.height).limit(limit))
        return [(row.height, row.certificate) for row in found]

    def height(self) -> int:
        """Return the height of the snapshot's last block; 0 before the first."""
        table = self._tables.blocks
        newest = self.statements.query(table, "newest", lambda: _newest(table))
        return self.run(newest, ())[0][0] or 0

    def size_after(self, height: int) -> int:
        """Return how many entries the log had after a block; more than any after the last one."""
        following = self.blocks(height + 1, 1)
        return following[0].first_index if following else SAFE_INTEGER_MAX

    def tile(self, level: int, index: int) -> bytes | None:
        """Return a tile's hashes, full or partial."""
        found = self.run(self.statements.select(self._tables.tiles, 1), (level, index))
        return found[0][2] if found else None

    def batch_of_entry(self, index: int) -> BatchOfEntry | None:
        """Return the whole batch that holds the entry at ``index``."""
        entry = self.entry(index)
        if entry is None:
            return None
        table = self._tables.batches
        place = (table.c.height == entry.height, table.c.first_index <= index)
        query = select(table).where(*place).order_by(table.c.first_index.desc()).limit(1)
        return self._whole_batch(self._first(query))

    def batch(self, party: str, number: int) -> BatchOfEntry | None:
        """Return a party's batch by its number."""
        table = self._tables.batches
        place = (table.c.party == party, table.c.number == number)
        return self._whole_batch(self._first(select(table).where(*place)))

    def row(self, kind: type[R], key: Key) -> R | None:
        """Return the row of state under ``key``."""
        mapped = self._tables.rows[kind]
        found = self.run(self.statements.select(mapped.table, 1), key)
        return mapped.decode(found[0]) if found else None  # type: ignore[return-value]

    def rows_under(self, kind: type[R], keys: Iterable[Key]) -> dict[Key, R]:
        """Return the rows of state that exist under many keys."""
        mapped = self._tables.rows[kind]
        found: dict[Key, R] = {}
        for part in query_chunks(list(dict.fromkeys(keys))):
            sql = self.statements.select(mapped.table, len(part))
            flat = tuple(value for key in part for value in key)
            for values in self.run(sql, flat):
                found[values[: kind.KEY]] = mapped.decode(values)  # type: ignore[assignment]
        return found

    def rows_of(self, kind: type[R], query: Select[Any]) -> list[R]:
        """Return the rows of state that ``query`` selects, whole, from the table of ``kind``."""
        mapped = self._tables.rows[kind]
        return [mapped.decode(tuple(row)) for row in self._fetch(query)]  # type: ignore[misc]

    def values(self, query: Select[Any]) -> list[tuple[Any, ...]]:
        """Return what ``query`` selects."""
        return [tuple(row) for row in self._fetch(query)]

    def mapped(self, kind: type[R]) -> RowTable:
        """Return a row type's table, to ask about it with :meth:`rows_of` or :meth:`values`."""
        return self._tables.rows[kind]

    def block_times(self, heights: Iterable[int]) -> dict[int, int]:
        """Return the times of blocks, in ms since the epoch, by height."""
        table = self._tables.blocks
        query = select(table.c.height, table.c.time).where(table.c.height.in_(list(heights)))
        return {row[0]: row[1] for row in self._fetch(query)}

    def rows(
        self,
        kind: type[R],
        where: Mapping[str, str | int | bool] | None = None,
        after_key: Key | None = None,
        limit: int = 100,
    ) -> list[R]:
        """Return up to ``limit`` rows of state in the order of their keys.

        Args:
            kind: The row type.
            where: Values that fields must have.
            after_key: The key of the last row already seen; None for the beginning.
            limit: How many rows at most.
        """
        mapped = self._tables.rows[kind]
        table = mapped.table
        keys = [table.c[name] for name in mapped.key_fields]
        query = select(table).order_by(*keys).limit(limit)
        for name, value in (where or {}).items():
            query = query.where(table.c[name] == value)
        if after_key is not None:
            query = query.where(tuple_(*keys) > tuple(after_key))
        return [mapped.decode(tuple(row)) for row in self._fetch(query)]  # type: ignore[misc]

    def evidence(self) -> list[StoredEvidence]:
        """Return all evidence, the oldest first."""
        table = self._tables.evidence
        query = select(table).order_by(table.c.created_at, table.c.id)
        return [StoredEvidence(*row) for row in self._fetch(query)]

    def evidence_by_id(self, evidence_id: str) -> StoredEvidence | None:
        """Return one piece of evidence, or None."""
        table = self._tables.evidence
        row = self._first(select(table).where(table.c.id == evidence_id))
        return None if row is None else StoredEvidence(*row)

    def _batches(self, height: int, block: _BlockRow) -> tuple[Batch, ...]:
        table = self._tables.batches
        sql = self.statements.query(table, "of block", lambda: _of_block(table))
        found = [_BatchRow(*row) for row in self.run(sql, (height,))]
        records = self._records(block.first_index, block.size)
        batches, start = [], 0
        for row in found:
            end = start + row.records
            batches.append(Batch(row.raw_header, row.signature, records[start:end]))
            start = end
        return tuple(batches)

    def _whole_batch(self, row: Any) -> BatchOfEntry | None:
        if row is None:
            return None
        with _intact(row.height):
            records = self._records(row.first_index, row.first_index + row.count)
            place = (row.party, row.number, row.height, row.raw_header, row.signature)
            whole = BatchOfEntry(*place, row.first_index, row.count, records)
            whole.batch()
            return whole

    def _records(self, start: int, end: int) -> tuple[bytes, ...]:
        table = self._tables.entries
        sql = self.statements.query(table, "leaves", lambda: _leaves(table))
        return tuple(decode_entry(leaf).record for (leaf,) in self.run(sql, (start, end)))

    def run(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a query given as text of :class:`Statements`."""
        self._cursor.execute(sql, values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    def _fetch(self, query: Select[Any]) -> Sequence[Any]:
        return self.connection.execute(query).fetchall()

    def _first(self, query: Select[Any]) -> Any:
        return self.connection.execute(query).first()


class _BlockRow(NamedTuple):
    height: int
    slot: int
    hash: bytes
    time: int
    raw_header: bytes
    signature: bytes
    justification: bytes
    certificate: bytes | None
    first_index: int
    size: int
    checksum: bytes


class _SummaryRow(NamedTuple):
    height: int
    hash: bytes
    raw_header: bytes
    signature: bytes
    first_index: int
    certified: int


class _BatchRow(NamedTuple):
    party: str
    number: int
    height: int
    position: int
    hash: bytes
    raw_header: bytes
    signature: bytes
    first_index: int
    records: int


def _whole(name: str) -> BindParameter[int]:
    return bindparam(name, type_=INTEGER)


def _bounded(query: Select[Any]) -> Select[Any]:
    # The offset is written out: the SQLite dialect would make it a parameter of its own.
    return query.limit(_whole("most")).offset(literal_column("0"))


def _from(entries: Table) -> Select[Any]:
    index = entries.c.index
    return _bounded(select(entries).where(index >= _whole("start")).order_by(index))


def _about(entries: Table, applied: bool) -> Select[Any]:
    index, subject, outcome = entries.c.index, entries.c.subject, entries.c.outcome
    done: ColumnElement[str] = literal_column(f"'{APPLIED}'")
    place = (
        subject == bindparam("about", type_=subject.type),
        outcome == done if applied else outcome != done,
    )
    return _bounded(select(entries).where(*place).order_by(index.desc()))


def _leaves(entries: Table) -> Select[Any]:
    index = entries.c.index
    span = (index >= _whole("start"), index < _whole("stop"))
    return select(entries.c.leaf).where(*span).order_by(index)


def _of_block(batches: Table) -> Select[Any]:
    place = batches.c.height == _whole("of")
    return select(batches).where(place).order_by(batches.c.position)


def _newest(blocks: Table) -> Select[Any]:
    return select(func.max(blocks.c.height))


def _summaries(blocks: Table) -> Select[Any]:
    height, signed = blocks.c.height, (blocks.c.raw_header, blocks.c.signature)
    certified = blocks.c.certificate.is_not(None)
    query = select(height, blocks.c.hash, *signed, blocks.c.first_index, certified)
    return _bounded(query.where(height >= _whole("start")).order_by(height))


@contextmanager
def _intact(height: int) -> Iterator[None]:
    """Turn what the decoders say of stored bytes into a damaged block's error."""
    try:
        yield
    except (LedgerError, TypeError, AttributeError, ValueError) as error:
        raise CorruptLedger(f"what is stored of it is damaged: {error}.", height=height) from error


def _summary(row: _SummaryRow) -> BlockSummary:
    with _intact(row.height):
        signed = (decode_header(row.raw_header), row.raw_header, row.signature)
        return BlockSummary(row.height, row.hash, *signed, row.first_index, bool(row.certified))


def _size_bytes(stored: StoredBlock) -> int:
    block = stored.block
    proofs = len(stored.justification) + len(stored.certificate or b"")
    return len(block.raw_header) + proofs + sum(batch.size_bytes for batch in block.batches)
