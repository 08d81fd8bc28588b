"""The store: everything one node must not lose, written in whole transactions.

Votes, proposals, certificates, own batches and evidence are one transaction before they are acted
upon (R7, I2). They are the journal: what makes a block final is durable when it becomes so. What
readers see is written after it, several blocks at once (:meth:`Store.hold`, :meth:`Store.write`):
headers and batches, entries, tiles, changed rows, and less the votes and own batches that they
make obsolete, all in one transaction. One thread writes and uses the view; readers of other
threads get snapshots of their own from :meth:`Store.reader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import get_ident
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, select
from sqlalchemy.engine import URL

from ledger.block import Block, Tip, genesis_tip, tip_of, tip_of_header
from ledger.contracts import ROWS
from ledger.errors import LedgerError
from ledger.execute import Execution
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier
from ledger.state import Key, Row
from node.errors import CorruptLedger, StorageError
from node.storage.edge import LogEdge, frontier_at
from node.storage.engine import in_memory, open_engine, statements_of, translated
from node.storage.held import HELD_ROWS_MAX, FinalBlock, HeldBlocks
from node.storage.marks import MARK_EVERY, verified
from node.storage.ownership import claim
from node.storage.queries import LedgerReader
from node.storage.snapshots import Snapshots
from node.storage.tables import tables_of
from node.storage.view import CACHE_ROWS_MAX, StoreView, query_chunks
from node.storage.writer import Writer


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
        url: str | URL,
        genesis: Genesis,
        *,
        party: str = "",
        rows: tuple[type[Row], ...] = ROWS,
        cache_rows: int = CACHE_ROWS_MAX,
    ) -> None:
        self.genesis = genesis
        self.engine: Engine = open_engine(url)
        self.tables = tables_of(rows)
        self.statements = statements_of(self.tables, self.engine.dialect.name)
        self._view = StoreView(self, cache_rows)
        self.edge = LogEdge()
        """What the log grows from."""
        self._tip = genesis_tip(genesis)
        self._frontier = Frontier()
        self._stored_tip = self._tip
        self._unmarked = 0
        self._held = HeldBlocks()
        self._thread = get_ident()
        try:
            with translated(self.engine, "open the database"):
                self.id = claim(self.engine, self.statements, genesis, party)
                self._writer = Writer(self.engine, self._view.forget)
            # All users of a database in memory share one connection, and so take turns.
            turn = self._writer.lock if in_memory(self.engine) else None
            self._snapshots = Snapshots(self.engine, rows, turn)
            self._refuse_other_tables()
            self._load()
        except BaseException:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections. The store cannot be used afterwards. What is held is not lost."""
        with self._writer.lock:
            self._writer.connection.close()
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
        with self._writer.writing("save votes and own batches"):
            self._writer.run(self.statements.upsert(self.tables.consensus), consensus)
            self._writer.run(self.statements.insert(self.tables.journal), journal)
            self._writer.run(self.statements.keep(self.tables.evidence), evidence)

    def load_consensus(self) -> list[ConsensusItem]:
        """Return what is stored of slots after the tip's, by slot, kind and name."""
        table = self.tables.consensus
        later = select(table).where(table.c.slot > self._tip.slot)
        query = later.order_by(table.c.slot, table.c.kind, table.c.name)
        return [ConsensusItem(*row) for row in self._fetch("read the votes", query)]

    def load_journal(self) -> list[JournalItem]:
        """Return the own batches that are not final, by number."""
        table = self.tables.journal
        query = select(table).order_by(table.c.number)
        return [JournalItem(*row) for row in self._fetch("read the own batches", query)]

    def hold(self, final: FinalBlock) -> None:
        """Take the next final block, to be written later with others; of many, write what is held.

        Raises:
            StorageError: ``wrong-block``; what :meth:`write` raises.
        """
        self._refuse_other_block(final.block, final.execution)
        self._held.add(final)
        self._view.hold(final.execution.changes)
        self._tip = tip_of(final.block)
        self._frontier = final.execution.frontier.copy()
        if self._held.row_count >= HELD_ROWS_MAX:
            self.write()

    @property
    def must_write(self) -> bool:
        """Whether something that is held is final only once it is written."""
        return self._held.bare

    @property
    def holds(self) -> bool:
        """Whether there are final blocks that are not written."""
        return bool(self._held)

    def write(self) -> None:
        """Write all that is held, or nothing of it.

        Raises:
            StorageError: ``disk-full`` or ``storage-failed``. It is held as before, unless the
                error is not ``definite``: then close the store and open it again.
        """
        held, writer = self._held, self._writer
        if not held:
            return
        marks = [verified(self._stored_tip)] if self._unmarked >= MARK_EVERY else []
        with writer.writing(f"write blocks up to {self._tip.height}"):
            tiles = held.write(writer, self.statements, self._view, self.edge.tile)
            writer.run(self.statements.upsert(self.tables.meta), marks)
        self.edge.remember(tiles)
        self._view.written()
        self._unmarked = (0 if marks else self._unmarked) + len(held) + held.entry_count
        self._held, self._stored_tip = HeldBlocks(), self._tip

    def reader(self) -> AbstractContextManager[LedgerReader]:
        """Give a :class:`LedgerReader` on one consistent snapshot; for use from any thread.

        To the writer's thread it shows the tip, to others what was written last.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        if get_ident() == self._thread:
            self.write()
        return self._snapshots.reader()

    @contextmanager
    def own_reader(self) -> Iterator[LedgerReader]:
        """Give a reader on the writer's own connection; for the writer's thread, briefly.

        It never waits for readers of other threads, however many there are.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        self.write()
        with self._writer.reading("read"), self._writer.connection.begin():
            yield LedgerReader(self._writer.connection, self.statements)

    def block_hash(self, height: int) -> bytes | None:
        """Return the hash of the block at ``height``, or None if there is none."""
        if height == self._tip.height:
            return self._tip.hash
        if (held := self._held.hash_at(height)) is not None:
            return held
        sql = self.statements.select_column(self.tables.blocks.c.hash)
        with self._writer.reading("read a block's hash"):
            found = self._writer.fetch(sql, (height,))
        return bytes(found[0][0]) if found else None

    def abstains(self) -> bool:
        """Return whether this node must not vote, because it lost the votes of its key (R7)."""
        return self.noted("abstains") == "1"

    def set_abstains(self, abstains: bool) -> None:
        """Store whether this node must not vote."""
        self.note("abstains", "1" if abstains else "0")

    def noted(self, key: str) -> str:
        """Return what the database says of itself under a key; empty without a word."""
        with self.own_reader() as reader:
            return reader.meta(key) or ""

    def note(self, key: str, value: str) -> None:
        """Store what the database says of itself under a key."""
        with self._writer.writing(f"note {key}"):
            self._writer.run(self.statements.upsert(self.tables.meta), [(key, value)])

    def select_rows(self, wanted: dict[type[Row], list[Key]]) -> dict[type[Row], list[Row]]:
        """Return the rows that exist under the wanted keys, in one snapshot."""
        with self._writer.reading("read the state"):
            return {kind: self._select_kind(kind, keys) for kind, keys in wanted.items()}

    def _select_kind(self, kind: type[Row], keys: list[Key]) -> list[Row]:
        mapped = self.tables.rows[kind]
        if len(keys) == 1:
            found = self._writer.fetch(self.statements.select(mapped.table, 1), keys[0])
            return [mapped.decode(each) for each in found]
        rows: list[Row] = []
        for part in query_chunks(keys):
            sql = self.statements.select(mapped.table, len(part))
            flat = [value for key in part for value in key]
            rows += [mapped.decode(each) for each in self._writer.fetch(sql, flat)]
        return rows

    def _refuse_other_tables(self) -> None:
        """Return if a SQLite file defines the tables that it was made with, to the byte.

        A turned byte there may rename a column or change its type, and everything else still reads.
        A PostgreSQL server answers for its own catalogue.
        """
        if self.engine.dialect.name != "sqlite":
            return
        with self._writer.reading("read the tables' definitions"):
            rows = self._writer.fetch("SELECT name, sql FROM sqlite_master", ())
        found = {(name, text.strip()) for name, text in rows if text is not None}
        missing = sorted(self.tables.sqlite_schema - found)
        if missing:
            raise CorruptLedger(f"the definition of {missing[0][0]} is damaged.")

    def _load(self) -> None:
        table = self.tables.blocks
        columns = (table.c.raw_header, table.c.height)
        newest = select(*columns).order_by(table.c.height.desc()).limit(1)
        found = self._fetch("read the last block", newest)
        if found:
            self._tip = self._stored_tip = _tip_of_header(*found[0])
        self._frontier = self._rebuilt_frontier()

    def _rebuilt_frontier(self) -> Frontier:
        size, height = self._tip.size, self._tip.height
        try:
            with self._writer.reading("read the tiles"):
                frontier = frontier_at(size, self._stored_tile)
        except LedgerError as error:
            raise CorruptLedger(f"its tiles are damaged: {error}.", height=height) from None
        if frontier.root() != self._tip.root:
            raise CorruptLedger("its tiles do not lead to its root.", height=height)
        return frontier

    def _stored_tile(self, level: int, index: int) -> bytes | None:
        """Read a tile, and remember it: what the frontier needs is what growing the log needs."""
        found = self._writer.fetch(self.statements.select(self.tables.tiles, 1), (level, index))
        self.edge.remember(found)
        return found[0][2] if found else None

    def _refuse_other_block(self, block: Block, execution: Execution) -> None:
        if (block.height, block.parent) != (self._tip.height + 1, self._tip.hash):
            raise StorageError(
                "wrong-block",
                f"expected a child of block {self._tip.height}, got one of height {block.height}",
            )
        if (execution.first_index, execution.size) != (self._tip.size, block.header.size):
            raise StorageError("wrong-block", "the execution is not this block's on this tip")

    def _fetch(self, doing: str, query: Select[Any]) -> list[tuple[Any, ...]]:
        with self._writer.reading(doing), self._writer.connection.begin():
            return [tuple(row) for row in self._writer.connection.execute(query)]


def _tip_of_header(raw: bytes, height: int) -> Tip:
    try:
        tip = tip_of_header(raw)
    except (LedgerError, TypeError, AttributeError) as error:
        raise CorruptLedger(f"its header is damaged: {error}.", height=height) from None
    if tip.height != height:
        raise CorruptLedger(f"its header is that of block {tip.height}.", height=height)
    return tip
