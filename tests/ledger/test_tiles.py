"""Tiles: their paths, their growth, the hashes read back from them, and entry bundles."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import DecodeError, LedgerError
from ledger.log import merkle, tiles
from ledger.log.merkle import Frontier
from ledger.log.tiles import ENTRIES, Tile

LEAVES = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]

Store = dict[tuple[int, int], bytes]


def reader(store: Store) -> tiles.TileReader:
    return lambda level, index: store.get((level, index))


def grow(store: Store, old_size: int, leaves: list[bytes]) -> list[tiles.StoredTile]:
    changed = tiles.grow(old_size, leaves, reader(store))
    for level, index, data in changed:
        store[(level, index)] = data
    return changed


def stored(size: int) -> Store:
    store: Store = {}
    grow(store, 0, LEAVES[:size])
    return store


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(63, 1000), "tile/63/x001/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # the example of the specification
        (Tile(ENTRIES, 1234067, 3), "tile/entries/x001/x234/067.p/3"),
        (Tile(0, 2**55 - 1), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_tile_path_is_the_specified_one(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(
    st.builds(
        Tile,
        st.integers(ENTRIES, 63),
        st.one_of(st.integers(0, 5000), st.integers(0, 2**55 - 1)),
        st.integers(1, 256),
    )
)
def test_tile_path_round_trips(tile: Tile) -> None:
    assert Tile.parse(tile.path) == tile


PATHS_REFUSED = [
    "",
    "tile",
    "tile/",
    "tile/0/",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/00/000",
    "tile/01/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/+1/000",
    "tile/Entries/000",
    "/tile/0/000",
    "tile/0/000/",
    "tile/0/x000/001",
    "tile/0/x000/x000/001",
    "tile/0/001/002",
    "tile/0/x001",
    "tile/0/x001/x002",
    "tile/0/X001/002",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/999",
    "tile/0/000.p/1/",
    "tile/0/000.p/1\n",
    "tile/0/000\n",
    "tile/0/٠٠٠",
    "tile/8/0/000",
    "tile/0/../000",
    "tile/0/x036/x028/x797/x018/x963/968",
    "tile/0/" + "x999/" * 20 + "999",
]


@pytest.mark.parametrize("path", PATHS_REFUSED)
def test_tile_path_parser_refuses(path: str) -> None:
    with pytest.raises(DecodeError, match="bad-tile-path"):
        Tile.parse(path)


@given(st.text(alphabet="tile/0123456789xp.ents", max_size=30))
def test_arbitrary_tile_paths_decode_canonically_or_not_at_all(path: str) -> None:
    try:
        tile = Tile.parse(path)
    except DecodeError:
        return
    assert tile.path == path


@pytest.mark.parametrize("values", [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**55, 1), (0, 0, 0)])
def test_tile_refuses_values_no_path_can_spell(values: tuple[int, int, int]) -> None:
    with pytest.raises(DecodeError, match="bad-tile-path"):
        Tile(*values)


def test_tiles_of_a_log_are_those_of_the_specification() -> None:
    names = [tile.path for tile in tiles.tiles_of(70_000)]
    assert len(names) == 273 + 1 + 1 + 1 + 1
    assert names[272:] == [
        "tile/0/272",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert [tile.path for tile in tiles.tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.tiles_of(0)) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 65_535, 65_536, 70_000])
def test_stored_tiles_are_exactly_those_a_log_of_that_size_has(size: int) -> None:
    store = stored(size)
    widths = {key: len(data) // merkle.HASH_BYTES for key, data in store.items()}
    assert widths == {(t.level, t.index): t.width for t in tiles.tiles_of(size)}


@settings(max_examples=25)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=8), st.integers(0, 2**32))
def test_growth_in_random_steps_gives_the_tiles_and_proofs_of_one_step(
    steps: list[int], seed: int
) -> None:
    store: Store = {}
    size = 0
    for step in steps:
        changed = grow(store, size, LEAVES[size : size + step])
        assert len({(level, index) for level, index, _ in changed}) == len(changed)
        size += step
    assert store == stored(size)
    if size:
        assert_proofs_verify(store, size, random.Random(seed))


def assert_proofs_verify(store: Store, size: int, chance: random.Random) -> None:
    read = tiles.hash_reader(reader(store))
    root = merkle.root_at(size, read)
    assert root == merkle.root_of(LEAVES[:size])
    for _ in range(5):
        index = chance.randrange(size)
        path = merkle.inclusion_path(index, size, read)
        assert path == merkle.path_of(LEAVES[:size], index)
        merkle.verify_inclusion(LEAVES[index], index, size, path, root)
        old = chance.randint(1, size)
        proof = merkle.consistency_path(old, size, read)
        merkle.verify_consistency(old, merkle.root_of(LEAVES[:old]), size, root, proof)


def test_proofs_from_tiles_of_three_levels_verify() -> None:
    store = stored(70_000)
    assert_proofs_verify(store, 70_000, random.Random(1))


def test_hash_reader_finds_every_complete_subtree() -> None:
    read = tiles.hash_reader(reader(stored(600)))
    for level in range(10):
        for index in range(600 >> level):
            part = LEAVES[index << level : (index + 1) << level]
            assert read(level, index) == merkle.root_of(part)


def test_hash_reader_reads_each_tile_once() -> None:
    store = stored(2000)
    asked: list[tuple[int, int]] = []

    def read_tile(level: int, index: int) -> bytes | None:
        asked.append((level, index))
        return store.get((level, index))

    read = tiles.hash_reader(read_tile)
    for index in range(0, 2000, 7):
        merkle.inclusion_path(index, 2000, read)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(("level", "index"), [(0, 600), (0, 10_000), (1, 300), (9, 1), (16, 0)])
def test_hash_reader_has_no_hash_of_an_incomplete_subtree(level: int, index: int) -> None:
    read = tiles.hash_reader(reader(stored(600)))
    for warm in (0, 2):
        read(0, warm * 256)
    with pytest.raises(LedgerError, match="missing-tile"):
        read(level, index)


@pytest.mark.parametrize("damage", ["absent", "short", "ragged"])
def test_growth_refuses_a_store_without_the_old_edge(damage: str) -> None:
    store = stored(300)
    whole = store.pop((0, 1))
    if damage == "short":
        store[(0, 1)] = whole[: 43 * 32]
    if damage == "ragged":
        store[(0, 1)] = whole + b"x"
    with pytest.raises(LedgerError, match="missing-tile"):
        tiles.grow(300, LEAVES[300:310], reader(store))


def test_frontier_and_tiles_agree_block_by_block() -> None:
    store: Store = {}
    frontier = Frontier()
    for size in range(0, 6000, 2000):
        grow(store, size, LEAVES[size : size + 2000])
        frontier.extend(LEAVES[size : size + 2000])
        assert merkle.root_at(size + 2000, tiles.hash_reader(reader(store))) == frontier.root()


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_entry_bundle_round_trips(entries: list[bytes]) -> None:
    assert tiles.decode_entries(tiles.encode_entries(entries)) == tuple(entries)


def test_entry_bundle_has_big_endian_lengths() -> None:
    assert tiles.encode_entries([b"ab", b"", b"c" * 258]) == (
        b"\x00\x02ab\x00\x00\x01\x02" + b"c" * 258
    )


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00" * 257])
def test_entry_bundle_decoder_refuses(data: bytes) -> None:
    with pytest.raises(DecodeError, match="bad-entry-bundle"):
        tiles.decode_entries(data)


@given(st.binary(max_size=100))
def test_arbitrary_entry_bundles_decode_canonically_or_not_at_all(data: bytes) -> None:
    try:
        entries = tiles.decode_entries(data)
    except DecodeError:
        return
    assert tiles.encode_entries(entries) == data


def test_an_entry_too_long_for_its_length_field_is_refused() -> None:
    tiles.encode_entries([b"x" * 65_535])
    with pytest.raises(LedgerError, match="entry-too-large"):
        tiles.encode_entries([b"x" * 65_536])
