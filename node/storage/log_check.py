"""Check of the log in a database against what its parties signed, block by block.

What is checked: the chain of headers from genesis and their proposers' signatures; that each
header names its batches, each batch continues its author's chain under its author's signature;
that every entry's columns are those of its leaf; that the leaves lead to each header's root; that
the tiles are those of the leaves; that certificates and justifications are as they were stored;
and, on SQLite, the file's pages and indexes.

It goes on from a place that was checked before (:class:`Walked`), some thousand entries at a time,
each time in a snapshot of its caller's: the writer may go on beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select

from ledger import batch as batches
from ledger import domains
from ledger.block import BlockHeader, Tip, decode_header, tip_of_header
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.log.merkle import HASH_BYTES, Frontier, leaf_hash, root_of
from ledger.log.tiles import TILE_WIDTH, grow, tiles_of
from node.errors import CorruptLedger
from node.storage.reads import Reader
from node.storage.tables import Tables, block_checksum
from node.storage.walked import Walked

BLOCKS_PER_QUERY = 256
ENTRIES_PER_STEP = 4096
_BLOCK_TYPES = (int, int, bytes, int, bytes, bytes, bytes, bytes | None, int, int, bytes)
_BATCH_TYPES = (str, int, int, int, bytes, bytes, bytes, int, int)
_TILE_BYTES = TILE_WIDTH * HASH_BYTES


class ReadBlock(NamedTuple):
    """A block of the log that was found good, its rows of batches and entries, and its tip."""

    header: BlockHeader
    tip: Tip
    batches: Sequence[Any]
    entries: Sequence[Any]


class LogCheck:
    """Walks along the log of a database.

    Args:
        genesis: The consortium's founding document.
        tables: The database's tables.
        walked: Where it begins.
    """

    def __init__(self, genesis: Genesis, tables: Tables, walked: Walked) -> None:
        self._genesis = genesis
        self._tables = tables
        self._tip, self._frontier = walked.tip, walked.frontier.copy()
        self._heads = dict(walked.heads)
        self._edge = walked.edge
        self._connection: Connection

    @property
    def tip(self) -> Tip:
        """The last block that was checked."""
        return self._tip

    def step(self, reader: Reader) -> list[ReadBlock]:
        """Check the next blocks, up to some thousand entries; return none at the end.

        Raises:
            CorruptLedger: names the first bad block.
        """
        self._connection = reader.connection
        start = self._tip.size
        group = list(self._next_group())
        if not group:
            return []
        blocks, leaves = self._check_group(group)
        self._check_leaf_tiles(start, leaves)
        return blocks

    def finish(self, reader: Reader) -> None:
        """Check what belongs to no single block, once all blocks of a snapshot are.

        Raises:
            CorruptLedger: names the block to which it belongs.
        """
        self._connection = reader.connection
        self._check_other_tiles()
        self._check_nothing_else()

    def check_file(self, reader: Reader) -> None:
        """Ask SQLite about its pages, and to compare all indexes with their tables.

        Raises:
            CorruptLedger: names the block of an entry that its index does not have.
        """
        self._connection = reader.connection
        if self._connection.dialect.name != "sqlite":
            return
        found = self._connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found == "ok":
            return
        words = str(found).split()
        if words[0] == "row" and words[-1].startswith("entries_by_"):
            height = self._height_of(int(words[1]))
            raise CorruptLedger(f"entry {words[1]} and its index differ: {found}.", height=height)
        raise CorruptLedger(f"the database file is damaged: {found}.")

    def _next_group(self) -> Iterator[tuple[Any, BlockHeader, Tip]]:
        """Yield the next blocks, whose headers are in order."""
        table, start = self._tables.blocks, self._tip.size
        query = select(table).order_by(table.c.height).limit(BLOCKS_PER_QUERY)
        for row in self._fetch(query.where(table.c.height > self._tip.height)):
            header = self._check_header(row)
            yield row, header, self._tip
            if self._tip.size - start >= ENTRIES_PER_STEP:
                return

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

    def _check_group(
        self, group: list[tuple[Any, BlockHeader, Tip]]
    ) -> tuple[list[ReadBlock], list[bytes]]:
        """Check batches and entries of these blocks; return them, and their leaf hashes."""
        first, last = group[0][0], group[-1][0]
        table, entries = self._tables.batches, self._tables.entries
        place = table.c.height.between(first.height, last.height)
        order = (table.c.height, table.c.position)
        waiting = self._fetch(select(table).where(place).order_by(*order))
        span = (entries.c.index >= first.first_index, entries.c.index < last.size)
        rows = self._fetch(select(entries).where(*span).order_by(entries.c.index))
        blocks: list[ReadBlock] = []
        hashes: list[bytes] = []
        at = 0
        for row, header, tip in group:
            own = waiting[at : at + len(header.batches)]
            at += len(own)
            start, end = row.first_index - first.first_index, row.size - first.first_index
            block = ReadBlock(header, tip, own, rows[start:end])
            leaves = self._check_block(block)
            self._frontier.extend(leaves)
            _same(row.height, "log's root", self._frontier.root().hex(), header.root)
            hashes += leaves
            blocks.append(block)
        _same(last.height, "count of batches", len(waiting), at)
        return blocks, hashes

    def _check_block(self, block: ReadBlock) -> list[bytes]:
        header, _, own, rows = block
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
            outside = or_(column < bounds[0], column > bounds[1])  # found by index
            query = select(column).where(outside).limit(1)
            if stranger := self._fetch(query):
                raise CorruptLedger(
                    f"{column} holds {stranger[0][0]}, and should end at {bounds[1]}.",
                    height=tip.height,
                )

    def _height_of(self, index: int) -> int:
        table = self._tables.blocks
        query = select(func.min(table.c.height)).where(table.c.size > index)
        return int(self._fetch(query)[0][0])

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
