"""The store: everything one node must not lose, written in whole transactions.

A block is one transaction: its header and batches, entries, tiles, changed rows, and the votes and
own batches that it makes obsolete. Votes, proposals, own batches and evidence are one transaction
before they are acted upon (R7, I2). One thread writes and uses the view; readers of other threads
get snapshots of their own from :meth:`Store.reader`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import RLock
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, RootTransaction, Select, delete, select
from sqlalchemy.exc import SQLAlchemyError

from ledger.block import Block, Tip, genesis_tip, tip_of, tip_of_header
from ledger.contracts import ROWS
from ledger.errors import LedgerError
from ledger.execute import Execution
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier
from ledger.log.tiles import TileReader, hash_reader
from ledger.state import Key, Row
from node.errors import CorruptLedger, StorageError
from node.storage.engine import in_memory, node_error, open_engine, statements_of, translated
from node.storage.reads import Reader
from node.storage.tables import tables_of
from node.storage.view import CACHE_ROWS_MAX, StoreView, query_chunks
from node.storage.writes import run, tile_reader, write_block

SCHEMA_VERSION = "1"

_OWNERSHIP = {"genesis": "wrong-ledger", "party": "wrong-party", "schema": "wrong-schema"}
_NEXT_STEP = {
    "genesis": "correct the database's URL in node.toml",
    "party": "correct the database's URL in node.toml",
    "schema": "run it with the version that made it; a rebuild would cost this party its vote",
}
_SNAPSHOT = "REPEATABLE READ"


class ConsensusItem(NamedTuple):
    """A vote, proposal or certificate of one slot. Saved again, it is replaced."""

    slot: int
    kind: str
    name: str
    body: bytes


class JournalItem(NamedTuple):
    """An own sealed batch that is not final yet. Its number can be taken only once (I2)."""

    number: int
    body: bytes


class EvidenceItem(NamedTuple):
    """What convicts a key. ``created_at`` is in ms since the epoch; the first one stays."""

    id: str
    body: bytes
    created_at: int


Item = ConsensusItem | JournalItem | EvidenceItem


class Store:
    """One node's database, opened and checked against its genesis. ``id`` names it for ever.

    Args:
        url: ``sqlite:///FILE``, ``sqlite://`` or ``postgresql+psycopg://…``.
        genesis: The consortium's founding document.
        party: Whose node this is; empty leaves that open.
        rows: The row types of the contracts.
        cache_rows: How many rows the view keeps in memory at most.

    Raises:
        StorageError: ``wrong-ledger``, ``wrong-party`` or ``wrong-schema``, if the database belongs
            to something else; ``disk-full`` or ``storage-failed``, if it cannot be used.
        CorruptLedger: what it says of its last block contradicts itself.
    """

    def __init__(
        self,
        url: str,
        genesis: Genesis,
        *,
        party: str = "",
        rows: tuple[type[Row], ...] = ROWS,
        cache_rows: int = CACHE_ROWS_MAX,
    ) -> None:
        self.genesis = genesis
        self.engine: Engine = open_engine(url)
        self.tables = tables_of(rows)
        self._sql = statements_of(self.tables, self.engine.dialect.name)
        self._lock = RLock()
        self._view = StoreView(self, cache_rows)
        self._doubtful = False
        try:
            with translated("open the database"):
                self._connection = self.engine.connect()
                self._prepare(party)
            self._load()
        except BaseException:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections. The store cannot be used afterwards."""
        with self._lock:
            self._connection.close()
            self.engine.dispose()

    def tip(self) -> Tip:
        """Return the last committed block's tip; genesis' before the first block."""
        return self._tip

    def frontier(self) -> Frontier:
        """Return a copy of the log's frontier at the tip."""
        return self._frontier.copy()

    def view(self) -> StoreView:
        """Return the state at the tip. It is one object, and moves on with each commit."""
        return self._view

    def save(self, items: Sequence[Item]) -> None:
        """Store votes, own batches and evidence durably, all or none.

        Raises:
            StorageError: ``disk-full`` or ``storage-failed``, the latter also when an own batch's
                number is already taken (I2). Nothing is stored, unless it is not ``definite``.
        """
        consensus = [each for each in items if isinstance(each, ConsensusItem)]
        journal = [each for each in items if isinstance(each, JournalItem)]
        evidence = [each for each in items if isinstance(each, EvidenceItem)]
        with self._writing("save votes and own batches") as connection:
            run(connection, self._sql.upsert(self.tables.consensus), consensus)
            run(connection, self._sql.insert(self.tables.journal), journal)
            run(connection, self._sql.keep(self.tables.evidence), evidence)

    def load_consensus(self) -> list[ConsensusItem]:
        """Return what is stored of slots after the tip's, by slot, kind and name."""
        table = self.tables.consensus
        query = select(table).order_by(table.c.slot, table.c.kind, table.c.name)
        return [ConsensusItem(*row) for row in self._fetch("read the votes", query)]

    def load_journal(self) -> list[JournalItem]:
        """Return the own batches that are not final, by number."""
        table = self.tables.journal
        query = select(table).order_by(table.c.number)
        return [JournalItem(*row) for row in self._fetch("read the own batches", query)]

    def commit(
        self,
        block: Block,
        execution: Execution,
        certificate: bytes | None,
        justification: bytes,
        *,
        journal_upto: int = 0,
    ) -> None:
        """Store a final block and all it changes, or nothing.

        Args:
            block: The next block after the tip.
            execution: What executing it on the tip gave.
            certificate: The encoded certificate that makes it final; None if a descendant's does.
            justification: The encoded certificates that came with its proposal.
            journal_upto: Number of the last own batch that is final with it; 0 for none.

        Raises:
            StorageError: ``wrong-block``; ``disk-full`` or ``storage-failed``, after which the tip
                is still the old one, unless the error is not ``definite``: then close the store and
                open it again to learn which.
        """
        self._refuse_other_block(block, execution)
        with self._writing(f"commit block {block.height}") as connection:
            write_block(connection, self._sql, block, execution, (justification, certificate))
            consensus, journal = self.tables.consensus, self.tables.journal
            connection.execute(delete(consensus).where(consensus.c.slot <= block.slot))
            connection.execute(delete(journal).where(journal.c.number <= journal_upto))
        self._view.apply(execution.changes)
        self._tip = tip_of(block)
        self._frontier = execution.frontier.copy()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Give a :class:`Reader` on one consistent snapshot; for use from any thread.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        # All users of a database in memory share one connection, and so take turns.
        turn = self._lock if in_memory(self.engine) else nullcontext()
        level = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": _SNAPSHOT}
        with turn, translated("read"), self.engine.connect() as connection:
            yield Reader(connection.execution_options(**level), self._sql)

    @contextmanager
    def own_reader(self) -> Iterator[Reader]:
        """Give a :class:`Reader` on the writer's own connection; for the writer's thread, briefly.

        It never waits for readers of other threads, however many there are.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        with self._lock, translated("read"), self._connection.begin():
            yield Reader(self._connection, self._sql)

    def block_hash(self, height: int) -> bytes | None:
        """Return the hash of the block at ``height``, or None if there is none."""
        if height == self._tip.height:
            return self._tip.hash
        table = self.tables.blocks
        found = self._fetch(
            "read a block's hash", select(table.c.hash).where(table.c.height == height)
        )
        return bytes(found[0][0]) if found else None

    def abstains(self) -> bool:
        """Return whether this node must not vote, because it lost the votes of its key (R7)."""
        return self._meta().get("abstains") == "1"

    def set_abstains(self, abstains: bool) -> None:
        """Store whether this node must not vote."""
        with self._writing("note whether this node votes") as connection:
            self._put_meta(connection, {"abstains": "1" if abstains else "0"})

    def select_rows(self, wanted: dict[type[Row], list[Key]]) -> dict[type[Row], list[Row]]:
        """Return the rows that exist under the wanted keys, in one snapshot."""
        with self._lock, translated("read the state"), self._connection.begin():
            return {kind: self._select_kind(kind, keys) for kind, keys in wanted.items()}

    def _select_kind(self, kind: type[Row], keys: list[Key]) -> list[Row]:
        mapped = self.tables.rows[kind]
        rows: list[Row] = []
        for part in query_chunks(keys):
            sql = self._sql.select(mapped.table, len(part))
            flat = tuple(value for key in part for value in key)
            found = self._connection.exec_driver_sql(sql, flat)
            rows += [mapped.decode(tuple(each)) for each in found]
        return rows

    def _prepare(self, party: str) -> None:
        own = {
            "genesis": self.genesis.ledger,
            "schema": f"{SCHEMA_VERSION}:{self.tables.fingerprint()}",
        }
        if party:
            own["party"] = party
        with self._connection.begin():
            self.tables.meta.create(self._connection, checkfirst=True)
        known = self._meta()
        for key, code in _OWNERSHIP.items():
            if key in own and known.get(key, own[key]) != own[key]:
                raise StorageError(
                    code,
                    f"expected a database of {key} {own[key]}, this one is of {known[key]}; "
                    f"{_NEXT_STEP[key]}",
                )
        own["id"] = known.get("id") or os.urandom(16).hex()
        self.id = own["id"]
        if not own.items() <= known.items():
            with self._connection.begin():
                self.tables.metadata.create_all(self._connection)
                self._put_meta(self._connection, own)

    def _load(self) -> None:
        table = self.tables.blocks
        columns = (table.c.raw_header, table.c.height)
        newest = select(*columns).order_by(table.c.height.desc()).limit(1)
        found = self._fetch("read the last block", newest)
        self._tip = genesis_tip(self.genesis)
        if found:
            self._tip = _tip_of_header(*found[0])
        self._frontier = self._rebuilt_frontier()
        self._view.forget()
        self._doubtful = False

    def _rebuilt_frontier(self) -> Frontier:
        size, height = self._tip.size, self._tip.height
        try:
            with self._lock, translated("read the tiles"), self._connection.begin():
                frontier = frontier_at(size, tile_reader(self._connection, self._sql))
        except LedgerError as error:
            raise CorruptLedger(f"its tiles are damaged: {error}.", height=height) from None
        if frontier.root() != self._tip.root:
            raise CorruptLedger("its tiles do not lead to its root.", height=height)
        return frontier

    def _refuse_other_block(self, block: Block, execution: Execution) -> None:
        if (block.height, block.parent) != (self._tip.height + 1, self._tip.hash):
            raise StorageError(
                "wrong-block",
                f"expected a child of block {self._tip.height}, got one of height {block.height}",
            )
        if (execution.first_index, execution.size) != (self._tip.size, block.header.size):
            raise StorageError("wrong-block", "the execution is not this block's on this tip")

    def _put_meta(self, connection: Connection, values: dict[str, str]) -> None:
        run(connection, self._sql.upsert(self.tables.meta), list(values.items()))

    def _meta(self) -> dict[str, str]:
        return dict(self._fetch("read what the database is of", select(self.tables.meta)))

    def _fetch(self, doing: str, query: Select[Any]) -> list[tuple[Any, ...]]:
        with self._lock, translated(doing), self._connection.begin():
            return [tuple(row) for row in self._connection.execute(query)]

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        """Give the connection in a transaction, and commit it or leave nothing."""
        if self._doubtful:
            raise StorageError(
                "storage-failed",
                f"will not {doing}: it is not known whether the write before it is stored; "
                "open the store again",
            )
        with self._lock, translated(doing):
            transaction = self._connection.begin()
            try:
                yield self._connection
            except BaseException:
                self._roll_back(transaction)
                raise
            self._finish(transaction, doing)

    def _finish(self, transaction: RootTransaction, doing: str) -> None:
        try:
            transaction.commit()
        except BaseException as error:
            self._roll_back(transaction)
            failure = node_error(error, doing) if isinstance(error, SQLAlchemyError) else None
            if failure is None or failure.code != "disk-full":
                # The database may have stored it and failed to say so.
                self._doubtful = True
                self._view.forget()
            if failure is None:
                raise
            failure.definite = not self._doubtful
            raise failure from error

    def _roll_back(self, transaction: RootTransaction) -> None:
        with suppress(SQLAlchemyError):
            transaction.rollback()
        # After a failed COMMIT SQLAlchemy believes that nothing is open; SQLite may not agree.
        with suppress(Exception):
            self._connection.connection.rollback()


def frontier_at(size: int, read_tile: TileReader) -> Frontier:
    """Return the frontier of the tree of ``size`` leaves from stored tiles.

    Raises:
        LedgerError: the tiles do not hold such a tree.
    """
    read = hash_reader(read_tile)
    hashes, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            hashes.append(read(level, start >> level))
            start += 1 << level
    return Frontier(size, hashes)


def _tip_of_header(raw: bytes, height: int) -> Tip:
    try:
        tip = tip_of_header(raw)
    except (LedgerError, TypeError, AttributeError) as error:
        raise CorruptLedger(f"its header is damaged: {error}.", height=height) from None
    if tip.height != height:
        raise CorruptLedger(f"its header is that of block {tip.height}.", height=height)
    return tip
