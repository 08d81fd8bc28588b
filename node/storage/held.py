"""Final blocks that are held in memory until they are written for readers, several at once.

What makes them final is durable before they come here, so that nothing is lost with the memory:
after a restart the replica delivers them again. Written together, a row that several of them
changed is written once, and what one made and another deleted not at all.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.block import Block
from ledger.execute import Execution
from ledger.log.tiles import StoredTile, TileReader, grow
from node.storage.engine import Statements
from node.storage.view import StoreView
from node.storage.writer import Writer
from node.storage.writes import write_block, write_rows

HELD_ROWS_MAX = 20_000
"""Changed rows after which what is held is written at once: bounds memory, and the time of it."""


class FinalBlock(NamedTuple):
    """A final block, what executing it on the one before gave, and its encoded proofs.

    ``justification`` has the certificates that came with its proposal, and ``certificate`` makes it
    final; it is None if a descendant's does. ``journal_upto`` is the number of the last own batch
    that is final with it; 0 for none. It is ``durable`` if papers on the disk say that it is final:
    its proposal, and its certificate or a descendant's.
    """

    block: Block
    execution: Execution
    justification: bytes
    certificate: bytes | None
    journal_upto: int = 0
    durable: bool = True


class HeldBlocks:
    """Final blocks that are not written yet, by height. Their rows stand in the store's view."""

    def __init__(self) -> None:
        self._blocks: list[FinalBlock] = []
        self.row_count = 0
        self.entry_count = 0
        self.journal_upto = 0
        """Number of the last own batch that is final with them; 0 for none."""
        self.bare = False
        """Whether no paper says of one that it is final: it is so once it is written."""

    def __len__(self) -> int:
        return len(self._blocks)

    def add(self, final: FinalBlock) -> None:
        """Take the next block."""
        self._blocks.append(final)
        self.bare |= not final.durable
        self.row_count += sum(map(len, final.execution.changes.values()))
        self.entry_count += len(final.execution.leaves)
        self.journal_upto = max(self.journal_upto, final.journal_upto)

    def hash_at(self, height: int) -> bytes | None:
        """Return the hash of the block at ``height``, if it is held."""
        place = height - self._blocks[0].block.height if self._blocks else -1
        return self._blocks[place].block.hash if 0 <= place < len(self._blocks) else None

    def write(
        self, writer: Writer, sql: Statements, view: StoreView, edge: TileReader
    ) -> list[StoredTile]:
        """Write all of them, in the caller's transaction; return the log's tiles that have changed.

        What they make obsolete goes: votes, proposals and own batches.
        """
        for each in self._blocks:
            proofs = (each.justification, each.certificate)
            write_block(writer, sql, each.block, each.execution, proofs)
        write_rows(writer, sql, view.unwritten, view.is_absent)
        leaf_hashes = [leaf for each in self._blocks for leaf in each.execution.leaf_hashes]
        tiles = grow(self._blocks[0].execution.first_index, leaf_hashes, edge)
        writer.run(sql.upsert(sql.tables.tiles), tiles)
        writer.run(sql.delete_upto(sql.tables.consensus), [(self._blocks[-1].block.slot,)])
        own = [(self.journal_upto,)] if self.journal_upto else []
        writer.run(sql.delete_upto(sql.tables.journal), own)
        return tiles
