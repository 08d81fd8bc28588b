"""Edge of the log: the last tile of each level, which are all that growing it needs."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.log.merkle import Frontier
from ledger.log.tiles import StoredTile, TileReader, hash_reader


class LogEdge:
    """The last tile of each level."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, bytes]] = {}

    def tile(self, level: int, index: int) -> bytes | None:
        """Return the last tile of a level, if it is the one of that index."""
        last, data = self._last.get(level, (-1, b""))
        return data if last == index else None

    def remember(self, tiles: Iterable[StoredTile]) -> None:
        """Take over tiles; of several of a level the last one comes last."""
        self._last.update({level: (index, data) for level, index, data in tiles})


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
