"""Check of a whole database against what its parties signed, block by block.

What is checked: the chain of headers from genesis and their proposers' signatures; that each
header names its batches, each batch continues its author's chain under its author's signature;
that every entry's columns are those of its leaf; that the leaves lead to each header's root; that
the tiles are those of the leaves; that certificates and justifications are as they were stored;
and, on SQLite, the file's pages and the log's indexes.

A deep check also states every record again from the beginning and compares outcomes, state hashes
and every row of state; it needs as much free disk space as the database takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from ledger import batch as batches
from ledger import domains
from ledger.block import BlockHeader, Tip, decode_header, genesis_tip, tip_of_header
from ledger.errors import LedgerError
from ledger.log.merkle import HASH_BYTES, Frontier, leaf_hash, root_of
from ledger.log.tiles import TILE_WIDTH, grow, tiles_of
from node.errors import CorruptLedger
from node.storage.reads import Reader
from node.storage.replay import replay
from node.storage.tables import block_checksum

if TYPE_CHECKING:
    from node.storage.store import Store

Progress = Callable[[int, int], None]
"""``progress(done, total)``: entries checked so far and altogether."""

BLOCKS_PER_QUERY = 256
ENTRIES_PER_QUERY = 8192
_BLOCK_TYPES = (int, int, bytes, int, bytes, bytes, bytes, bytes | None, int, int, bytes)
_BATCH_TYPES = (str, int, int, int, bytes, bytes, bytes, int, int)
_TILE_BYTES = TILE_WIDTH * HASH_BYTES


def check(store: Store, progress: Progress, *, deep: bool = False) -> None:
    """Return if the database holds exactly the ledger that its parties signed.

    Args:
        store: The open database.
        progress: Told how far the check is.
        deep: Also execute everything again and compare the state, row by row.

    Raises:
        CorruptLedger: names the first bad block, what differs, and what to do.
        StorageError: the database could not be read.
    """
    try:
        with store.reader() as reader:
            _Check(store, reader, progress).run()
    except CorruptLedger as error:
        if error.height is None:
            _name_unreadable(store, error)
        raise
    if deep:
        replay(store, progress)


class _Check:
    """One pass over the database, in one snapshot."""

    def __init__(self, store: Store, reader: Reader, progress: Progress) -> None:
        self._genesis = store.genesis
        self._final = store.tip()
        self._connection = reader.connection
        self._tables = store.tables
        self._sqlite = store.engine.dialect.name == "sqlite"
        self._progress = progress
        self._tip: Tip = genesis_tip(store.genesis)
        self._frontier = Frontier()
        self._heads = {name: (0, domains.ZERO_HASH.hex()) for name in store.genesis.names}
        self._edge = b""

    def run(self) -> None:
        """Check everything."""
        for group in self._groups():
            start = group[0][0].first_index
            leaves = self._check_group(group)
            self._check_leaf_tiles(start, leaves)
            self._progress(self._frontier.size, self._final.size)
        if self._tip != self._final:
            raise CorruptLedger(
                f"expected the chain to end there, it ends at {self._tip.height}.",
                height=self._final.height,
            )
        self._check_other_tiles()
        self._check_nothing_else()
        if self._sqlite:
            self._check_file()

    def _groups(self) -> Iterator[list[tuple[Any, BlockHeader]]]:
        """Yield blocks whose headers are in order, some thousand entries at a time."""
        table = self._tables.blocks
        query = select(table).order_by(table.c.height).limit(BLOCKS_PER_QUERY)
        group: list[tuple[Any, BlockHeader]] = []
        while found := self._fetch(query.where(table.c.height > self._tip.height)):
            for row in found:
                group.append((row, self._check_header(row)))
                if self._tip.size - group[0][0].first_index >= ENTRIES_PER_QUERY:
                    yield group
                    group = []
        if group:
            yield group

    def _check_header(self, row: Any) -> BlockHeader:
        height = self._tip.height + 1
        if row.height != height:
            raise CorruptLedger("there is no such block; one is missing.", height=height)
        _refuse_types(height, row, _BLOCK_TYPES)
        try:
            header = decode_header(row.raw_header)
            tip = tip_of_header(row.raw_header)
            signed = domains.proposal_signature_input(row.raw_header)
            self._genesis.verifiers[header.proposer].verify(row.signature, signed)
            checksum = block_checksum(height, row.justification, row.certificate)
        except (LedgerError, KeyError) as error:
            raise CorruptLedger(f"its header is damaged: {error}.", height=height) from None
        stored = (row.height, row.slot, row.hash, row.time, row.size)
        _same(height, "header's columns", stored, (*tip[:4], tip.size))
        _same(height, "parent", (header.parent, header.ledger), self._parent())
        _same(height, "first entry", row.first_index, self._tip.size)
        _same(height, "certificate and justification", row.checksum, checksum)
        if tip.slot <= self._tip.slot or tip.time < self._tip.time:
            raise CorruptLedger("its slot or time is before its parent's.", height=height)
        self._tip = tip
        return header

    def _parent(self) -> tuple[str, str]:
        return self._tip.hash.hex(), self._genesis.ledger

    def _check_group(self, group: list[tuple[Any, BlockHeader]]) -> list[bytes]:
        """Check batches and entries of these blocks, and return their leaf hashes."""
        first, last = group[0][0], group[-1][0]
        table, entries = self._tables.batches, self._tables.entries
        place = table.c.height.between(first.height, last.height)
        order = (table.c.height, table.c.position)
        waiting = self._fetch(select(table).where(place).order_by(*order))
        span = (entries.c.index >= first.first_index, entries.c.index < last.size)
        rows = self._fetch(select(entries).where(*span).order_by(entries.c.index))
        hashes: list[bytes] = []
        at = 0
        for row, header in group:
            own = waiting[at : at + len(header.batches)]
            at += len(own)
            start, end = row.first_index - first.first_index, row.size - first.first_index
            leaves = self._check_block(header, own, rows[start:end])
            self._frontier.extend(leaves)
            _same(row.height, "log's root", self._frontier.root().hex(), header.root)
            hashes += leaves
        _same(last.height, "count of batches", len(waiting), at)
        return hashes

    def _check_block(
        self, header: BlockHeader, own: Sequence[Any], rows: Sequence[Any]
    ) -> list[bytes]:
        height = header.height
        index = self._frontier.size
        names = tuple(row.hash.hex() for row in own if isinstance(row.hash, bytes))
        _same(height, "batches", names, header.batches)
        _same(height, "count of entries", len(rows), header.size - index)
        start = 0
        for position, row in enumerate(own):
            _same(height, "batches", (row.height, row.position), (height, position))
            _same(height, "batch's first entry", row.first_index, index + start)
            number = self._check_batch(height, row)
            end = start + row.count
            _check_entries(rows[start:end], (height, index + start, row.party, number))
            start = end
        _same(height, "count of records", start, len(rows))
        return [leaf_hash(row[7]) for row in rows]

    def _check_batch(self, height: int, row: Any) -> int:
        _refuse_types(height, row, _BATCH_TYPES)
        try:
            header = batches.decode_header(row.raw_header)
            signed = (header, row.raw_header, row.signature)
            batches.verify_header(*signed, self._genesis.ledger, self._genesis.verifiers)
        except LedgerError as error:
            raise CorruptLedger(f"a batch of it is damaged: {error}.", height=height) from None
        stored = (row.party, row.number, row.count, row.hash)
        computed = domains.batch_hash(row.raw_header)
        signed_as = (header.party, header.number, header.count, computed)
        _same(height, f"batch {header.number} of {header.party}", stored, signed_as)
        number, previous = self._heads[header.party]
        _same(height, f"order of {header.party}'s batches", header.number, number + 1)
        _same(height, f"order of {header.party}'s batches", header.previous, previous)
        self._heads[header.party] = (header.number, computed.hex())
        return header.number

    def _check_leaf_tiles(self, start: int, leaves: list[bytes]) -> None:
        """Compare the tiles of level 0 that these leaves fill, and keep the rest for the next."""
        data = self._edge + b"".join(leaves)
        first = start // TILE_WIDTH
        whole = len(data) // _TILE_BYTES * _TILE_BYTES
        self._edge = data[whole:]
        self._compare_tiles(0, first, data[:whole])

    def _check_other_tiles(self) -> None:
        """Compare the last tile of level 0, and all above, which belong to no single block."""
        full = self._tip.size // TILE_WIDTH
        self._compare_tiles(0, full, self._edge)
        stored = b"".join(row.data for row in self._tiles(1, 0, full // TILE_WIDTH))
        hashes = [stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES)]
        upper = Frontier()
        upper.extend(hashes)
        # The leaves' frontier was checked: what stands above level 0 must lead to its upper part.
        if upper.size != full or upper.hashes != self._frontier.hashes[: full.bit_count()]:
            self._name_bad_root(hashes, full)
        for level, index, data in grow(0, hashes, lambda level, index: None):
            self._compare_tiles(level + 1, index, data)
        counted = self._fetch(select(func.count()).select_from(self._tables.tiles))[0][0]
        _same(self._tip.height, "count of tiles", counted, sum(1 for _ in tiles_of(self._tip.size)))

    def _name_bad_root(self, hashes: list[bytes], full: int) -> None:
        for index, row in enumerate(self._tiles(0, 0, full - 1)):
            leaves = [row.data[at : at + HASH_BYTES] for at in range(0, _TILE_BYTES, HASH_BYTES)]
            if hashes[index : index + 1] != [root_of(leaves)]:
                self._refuse_tile(1, index // TILE_WIDTH, index * TILE_WIDTH)
        self._refuse_tile(1, full // TILE_WIDTH, full * TILE_WIDTH - 1)

    def _compare_tiles(self, level: int, first: int, data: bytes) -> None:
        """Compare consecutive tiles, of which ``data`` holds all hashes, with what is stored."""
        count = -(-len(data) // _TILE_BYTES)
        stored = {row.index: row.data for row in self._tiles(level, first, first + count - 1)}
        for index in range(first, first + count):
            at = (index - first) * _TILE_BYTES
            expected = data[at : at + _TILE_BYTES]
            if stored.get(index) != expected:
                place = TILE_WIDTH * index + _first_difference(expected, stored.get(index))
                self._refuse_tile(level, index, place * TILE_WIDTH**level)

    def _refuse_tile(self, level: int, index: int, leaf: int) -> None:
        message = f"tile {level}/{index} is not that of its entries."
        raise CorruptLedger(message, height=self._height_of(leaf))

    def _tiles(self, level: int, first: int, last: int) -> Sequence[Any]:
        table = self._tables.tiles
        span = (table.c.level == level, table.c.index.between(first, last))
        found = self._fetch(select(table).where(*span).order_by(table.c.index))
        for row in found:
            if not isinstance(row.data, bytes):
                self._refuse_tile(level, row.index, row.index * TILE_WIDTH ** (level + 1))
        return found

    def _check_nothing_else(self) -> None:
        """Look for rows outside the ranges that were checked, all of which are taken."""
        tables, tip = self._tables, self._tip
        for column, bounds in (
            (tables.blocks.c.height, (1, tip.height)),
            (tables.batches.c.height, (1, tip.height)),
            (tables.entries.c.index, (0, tip.size - 1)),
        ):
            query = select(column).where(~column.between(*bounds)).limit(1)
            if stranger := self._fetch(query):
                raise CorruptLedger(
                    f"{column} holds {stranger[0][0]}, and should end at {bounds[1]}.",
                    height=tip.height,
                )

    def _height_of(self, index: int) -> int:
        table = self._tables.blocks
        query = select(func.min(table.c.height)).where(table.c.size > index)
        return int(self._fetch(query)[0][0])

    def _check_file(self) -> None:
        """Ask SQLite about its pages, and to compare the log's indexes with its tables."""
        for table in ("blocks", "batches", "entries", "tiles"):
            self._ask_file(f"integrity_check({table})")
        self._ask_file("quick_check(1)")

    def _ask_file(self, pragma: str) -> None:
        found = self._connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        if found == "ok":
            return
        words = str(found).split()
        if words[0] == "row" and words[-1].startswith("entries_by_"):
            height = self._height_of(int(words[1]))
            raise CorruptLedger(f"entry {words[1]} and its index differ: {found}.", height=height)
        raise CorruptLedger(f"the database file is damaged: {found}.")

    def _fetch(self, query: Any) -> Sequence[Any]:
        return self._connection.execute(query).fetchall()


def _check_entries(rows: Sequence[Any], place: tuple[int, int, str, int]) -> None:
    """Compare the columns of one batch's entries with their leaves."""
    height, first_index, author, number = place
    heads: dict[str, bytes] = {}
    for index, row in enumerate(rows, first_index):
        at, at_height, party, record_id, kind, _, outcome, leaf = row
        head = heads.get(outcome)
        if head is None:
            text = f'{{"batch":{number},"outcome":"{outcome}","party":"{author}","record":{{'
            head = heads[outcome] = text.encode()
        try:
            same = (
                leaf.startswith(head)
                and f'"id":"{record_id}"'.encode() in leaf
                and f'"type":"{kind}"'.encode() in leaf
            )
        except (AttributeError, TypeError):
            same = False
        if not (same and at == index and at_height == height and party == author):
            raise CorruptLedger(f"entry {index} differs from its leaf.", height=height)


def _refuse_types(height: int, row: Any, types: tuple[Any, ...]) -> None:
    """SQLite gives back whatever type a damaged row claims to have."""
    if not all(map(isinstance, row, types)):
        raise CorruptLedger("a column has another type than was stored.", height=height)


def _same(height: int, what: str, stored: object, expected: object) -> None:
    if stored != expected:
        raise CorruptLedger(
            f"the {what} differ: stored {stored}, signed {expected}.", height=height
        )


def _first_difference(expected: bytes, stored: object) -> int:
    """Return the place of the first hash that differs; the last one's if only more is stored."""
    other = stored if isinstance(stored, bytes) else b""
    places = range(0, len(expected), HASH_BYTES)
    differing = (at for at in places if expected[at:][:HASH_BYTES] != other[at:][:HASH_BYTES])
    return next(differing, places[-1]) // HASH_BYTES


def _name_unreadable(store: Store, error: CorruptLedger) -> None:
    """Raise an error that names the first block that the database cannot give back, if any.

    Raises:
        CorruptLedger: with its height.
    """
    for height in range(1, store.tip().height + 1):
        try:
            with store.reader() as reader:
                _read_all(reader, height)
        except CorruptLedger as found:
            if found.height is not None:
                raise
            raise CorruptLedger(
                f"the database cannot read it ({error.__cause__ or found.__cause__}).",
                height=height,
            ) from error


def _read_all(reader: Reader, height: int) -> None:
    stored = reader.block(height)
    if stored is None:
        raise CorruptLedger("there is no such block.", height=height)
    count = stored.block.record_count
    reader.entries(stored.block.header.size - count, count)
