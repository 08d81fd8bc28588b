"""Tiles of height 8: how the log's hashes and entries are stored and served.

A tile of level L and index N holds up to 256 hashes, 32 bytes each, side by side. Hash i of it is
the root over the ``256**L`` leaves from leaf ``(256 * N + i) * 256**L`` on. An entry bundle holds
the entries under one tile of level 0, each behind its length as a big-endian uint16.

Source: C2SP tlog-tiles, sections "Merkle Tree" and "Log entries".
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import DecodeError, LedgerError
from ledger.log import merkle
from ledger.log.limits import (
    ENTRY_BYTES_MAX,
    INTEGER_MAX,
    TILE_PATH_CHARS_MAX,
    TILES_CACHED_MAX,
)

TILE_HEIGHT = 8
TILE_WIDTH = 256
LEVEL_MAX = 63
ENTRIES = -1
"""The level of entry bundles, spelled ``entries`` in paths."""

TileReader = Callable[[int, int], bytes | None]
"""``read_tile(level, index)``: the stored bytes of a tile, full or partial, or None."""

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of one tile or entry bundle, as clients ask for it.

    Shape: ``tile/<level>/<index>`` when full, with ``.p/<width>`` behind it when partial. Index
    1234067 is spelled ``x001/x234/067``.

    Args:
        level: 0 to 63, or :data:`ENTRIES`.
        index: 0-based place within the level.
        width: Count of hashes or entries, 1 to 256.

    Raises:
        DecodeError: ``bad-tile-path``, when a value is out of range.

    Source: C2SP tlog-tiles, sections "Merkle Tree" and "Partial Tiles".
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        """Refuse values that no path can spell."""
        if not ENTRIES <= self.level <= LEVEL_MAX:
            raise DecodeError("bad-tile-path", f"expected level 0 to {LEVEL_MAX} or entries")
        if not 0 <= self.index <= INTEGER_MAX // TILE_WIDTH:
            raise DecodeError("bad-tile-path", "the index is beyond the largest possible log")
        if not 1 <= self.width <= TILE_WIDTH:
            raise DecodeError("bad-tile-path", f"expected a width of 1 to {TILE_WIDTH}")

    @property
    def path(self) -> str:
        """The path below a log's prefix."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        index = f"{self.index % 1000:03}"
        rest = self.index // 1000
        while rest:
            index = f"x{rest % 1000:03}/{index}"
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{index}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """Return the tile that a path names. Only the canonical spelling is accepted.

        Raises:
            DecodeError: ``bad-tile-path``.
        """
        found = _PATH.fullmatch(path) if len(path) <= TILE_PATH_CHARS_MAX else None
        if found is None:
            raise DecodeError("bad-tile-path", "expected tile/<level>/<index>[.p/<width>]")
        level, index, width = found.groups()
        tile = cls(
            ENTRIES if level == "entries" else int(level),
            int(index.replace("x", "").replace("/", "")),
            int(width or TILE_WIDTH),
        )
        if tile.path != path:
            raise DecodeError("bad-tile-path", "the path has another, canonical spelling")
        return tile


StoredTile = tuple[int, int, bytes]
"""Level, index, and the bytes to store under them in place of what was there."""


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of a log of ``size`` entries, level by level; entry bundles not included.

    Source: C2SP tlog-tiles, section "Partial Tiles".
    """
    level = 0
    while size:
        full, width = divmod(size, TILE_WIDTH)
        for index in range(full):
            yield Tile(level, index)
        if width:
            yield Tile(level, full, width)
        level, size = level + 1, full


def grow(old_size: int, leaves: Sequence[bytes], read_tile: TileReader) -> list[StoredTile]:
    """Return the tiles that appending leaf hashes changes, each once and whole.

    Args:
        old_size: Count of leaves already stored.
        leaves: The new leaf hashes, in order.
        read_tile: Reads the tiles stored for ``old_size``; asked for at most one per level.

    Raises:
        LedgerError: ``missing-tile``, when a tile of the old tree is absent or too short.
    """
    changed: list[StoredTile] = []
    nodes = list(leaves)
    start, level = old_size, 0
    while nodes:
        index, width = divmod(start, TILE_WIDTH)
        if width:
            nodes = _stored_hashes(read_tile, level, index, width)[:width] + nodes
        full: list[bytes] = []
        for first in range(0, len(nodes), TILE_WIDTH):
            part = nodes[first : first + TILE_WIDTH]
            changed.append((level, index + first // TILE_WIDTH, b"".join(part)))
            if len(part) == TILE_WIDTH:
                full.append(_root_of_full(part))
        nodes, start, level = full, index, level + 1
    return changed


def hash_reader(read_tile: TileReader) -> merkle.HashReader:
    """Return the ``read(level, index)`` that Merkle proofs want, over stored tiles.

    It keeps the last few decoded tiles, so use one reader for one size of the log and then drop
    it. The hashes are believed: whoever verifies the proof notices a false one.

    Raises:
        LedgerError: ``missing-tile`` (when called), if the tree never had that hash or it is lost.
    """
    cache: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def read(level: int, index: int) -> bytes:
        tile_level, row = divmod(level, TILE_HEIGHT)
        tile_index, offset = divmod(index << row, TILE_WIDTH)
        key = (tile_level, tile_index)
        if key not in cache:
            cache[key] = [_stored_hashes(read_tile, tile_level, tile_index, offset + (1 << row))]
            if len(cache) > TILES_CACHED_MAX:
                cache.popitem(last=False)
        cache.move_to_end(key)
        rows = cache[key]
        while len(rows) <= row:
            rows.append(merkle.parents(rows[-1]))
        if offset >> row >= len(rows[row]):
            raise _missing_tile(tile_level, tile_index, offset + (1 << row))
        return rows[row][offset >> row]

    return read


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its length as a big-endian uint16.

    Raises:
        LedgerError: ``entry-too-large``.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise LedgerError(
                "entry-too-large", f"an entry has at most {ENTRY_BYTES_MAX} bytes, got {len(entry)}"
            )
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_entries(data: bytes) -> tuple[bytes, ...]:
    """Return the entries of a bundle, 1 to 256 of them.

    Raises:
        DecodeError: ``bad-entry-bundle``.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data):
        raise DecodeError("bad-entry-bundle", "the last entry is cut short")
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise DecodeError("bad-entry-bundle", f"expected 1 to {TILE_WIDTH} entries")
    return tuple(entries)


def _stored_hashes(read_tile: TileReader, level: int, index: int, width: int) -> list[bytes]:
    data = read_tile(level, index)
    if data is None or len(data) < width * merkle.HASH_BYTES or len(data) % merkle.HASH_BYTES:
        raise _missing_tile(level, index, width)
    return [data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES)]


def _missing_tile(level: int, index: int, width: int) -> LedgerError:
    return LedgerError(
        "missing-tile",
        f"expected at least {width} hashes in tile {level}/{index}; the store does not hold them",
    )


def _root_of_full(nodes: list[bytes]) -> bytes:
    while len(nodes) > 1:
        nodes = merkle.parents(nodes)
    return nodes[0]
