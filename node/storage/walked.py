"""Places in the log up to which it was checked, and how a later check goes on from one."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from ledger import domains
from ledger.block import Tip, genesis_tip, tip_of_header
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.tiles import TILE_WIDTH
from node.errors import CorruptLedger
from node.storage.edge import frontier_at
from node.storage.reads import Reader
from node.storage.tables import Tables


class Walked(NamedTuple):
    """A place in the log up to which it was checked.

    Args:
        tip: The last block.
        frontier: The log's frontier there.
        heads: Number and hash (hex) of the last batch of each party.
        edge: The leaf hashes of the last tile, if that is not full.
    """

    tip: Tip
    frontier: Frontier
    heads: dict[str, tuple[int, str]]
    edge: bytes = b""


def beginning(genesis: Genesis) -> Walked:
    """Return the place before the first block."""
    heads = {name: (0, domains.ZERO_HASH.hex()) for name in genesis.names}
    return Walked(genesis_tip(genesis), Frontier(), heads)


def tip_at(reader: Reader, height: int) -> Tip | None:
    """Return the tip of the block at a height; None if there is none, or no header."""
    found = reader.blocks(height, 1)
    if not found or found[0].height != height:
        return None
    return tip_of_header(found[0].raw_header)


def walked_to(reader: Reader, tables: Tables, genesis: Genesis, tip: Tip) -> Walked:
    """Return the place after a block that is believed, as the database says it.

    Raises:
        CorruptLedger: the tiles and batches up to there do not belong to it.
    """
    if not tip.height:
        return beginning(genesis)
    try:
        frontier = frontier_at(tip.size, reader.tile)
    except LedgerError as error:
        message = f"its tiles are damaged: {error}."
        raise CorruptLedger(message, height=tip.height) from None
    if frontier.root() != tip.root:
        raise CorruptLedger("its tiles do not lead to its root.", height=tip.height)
    table = tables.batches
    newest = select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
    heads = beginning(genesis).heads
    for name in genesis.names:
        for number, digest in reader.values(
            newest.where(table.c.party == name, table.c.height <= tip.height)
        ):
            heads[name] = (number, digest.hex())
    edge = reader.entries(tip.size - tip.size % TILE_WIDTH, tip.size % TILE_WIDTH)
    return Walked(tip, frontier, heads, b"".join(leaf_hash(entry.leaf) for entry in edge))
