"""Proofs of the log for outsiders: Merkle proofs and tiles, from one snapshot."""

from __future__ import annotations

from base64 import b64encode

import msgspec

from api.log_views import log_size
from api.problems import Problem
from ledger.errors import DecodeError
from ledger.log import merkle, tiles
from ledger.log.merkle import HASH_BYTES
from ledger.log.tiles import ENTRIES, TILE_WIDTH, Tile
from node.storage.reads import Reader


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6962 audit path. Hashes are base64, the leaf's sibling first."""

    index: int
    size: int
    leaf_hash: str
    root: str
    path: list[str]


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6962 consistency proof. Hashes are base64."""

    old: int
    new: int
    old_root: str
    new_root: str
    path: list[str]


def inclusion_proof(reader: Reader, index: int, size: int | None) -> InclusionProof:
    """Return the proof of entry ``index`` in the log of ``size``, by default the newest.

    Raises:
        Problem: ``index-out-of-range``.
    """
    size = _size(reader, size)
    if index >= size:
        raise Problem("index-out-of-range", f"a log of {size} entries has none of index {index}")
    read = tiles.hash_reader(reader.tile)
    return InclusionProof(
        index=index,
        size=size,
        leaf_hash=_text(read(0, index)),
        root=_text(merkle.root_at(size, read)),
        path=[_text(each) for each in merkle.inclusion_path(index, size, read)],
    )


def consistency_proof(reader: Reader, old: int, new: int | None) -> ConsistencyProof:
    """Return the proof that the log of ``old`` entries is the beginning of that of ``new``.

    Raises:
        Problem: ``index-out-of-range``.
    """
    new = _size(reader, new)
    if old > new:
        raise Problem("index-out-of-range", f"no log of {old} entries comes before one of {new}")
    read = tiles.hash_reader(reader.tile)
    return ConsistencyProof(
        old=old,
        new=new,
        old_root=_text(merkle.root_at(old, read)),
        new_root=_text(merkle.root_at(new, read)),
        path=[_text(each) for each in merkle.consistency_path(old, new, read)],
    )


def tile_bytes(reader: Reader, path: str) -> bytes:
    """Return the tile or entry bundle of a C2SP path.

    Raises:
        Problem: ``no-such-tile``.
    """
    try:
        tile = Tile.parse(path)
    except DecodeError as error:
        raise Problem("no-such-tile", error.message) from None
    found = _bundle(reader, tile) if tile.level == ENTRIES else _hashes(reader, tile)
    if found is None:
        raise Problem("no-such-tile", f"the log of {log_size(reader)} entries does not reach it")
    return found


def _bundle(reader: Reader, tile: Tile) -> bytes | None:
    entries = reader.entries(tile.index * TILE_WIDTH, tile.width)
    if len(entries) < tile.width:
        return None
    return tiles.encode_entries(entry.leaf for entry in entries)


def _hashes(reader: Reader, tile: Tile) -> bytes | None:
    data = reader.tile(tile.level, tile.index)
    width_bytes = tile.width * HASH_BYTES
    return None if data is None or len(data) < width_bytes else data[:width_bytes]


def _size(reader: Reader, size: int | None) -> int:
    newest = log_size(reader)
    if size is None:
        return newest
    if size > newest:
        raise Problem("index-out-of-range", f"the log has {newest} entries, not {size}")
    return size


def _text(node: bytes) -> str:
    return b64encode(node).decode()
