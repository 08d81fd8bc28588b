"""A damaged database is found, and the first bad block is named, whatever byte was changed."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import canonical
from node.errors import CorruptLedger
from node.storage.check import check
from node.storage.store import Store
from tests.ledger.chains import (
    CERTIFICATE,
    CREATED_AT,
    GENESIS,
    JUSTIFICATION,
    TEST_ROWS,
    Account,
    Chain,
    Mark,
    record,
)
from tests.ledger.ledger_kit import RECEIVER, captured, leg, split
from tests.node.store_kit import make_final

BLOCKS = 40
PER_BLOCK = 11
LOG_TABLES = ("blocks", "batches", "entries", "tiles")


def quiet(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound database of 40 blocks: two batches and eleven entries each, and some rows."""
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    chain = Chain()
    for height in range(1, BLOCKS + 1):
        start = chain.tip.size
        stated = {
            "platform": [record("platform", start + each, "分" * 20) for each in range(8)],
            "institution": [record("institution", start + each, "text") for each in range(3)],
        }
        mark = Mark(f"row-of-{height}")
        block, execution = chain.grow(stated, {Mark: {mark.key: mark}})
        certificate = CERTIFICATE if height % 3 else None
        make_final(store, block, execution, certificate, JUSTIFICATION + b" of %d" % height)
    store.close()
    settle(path)
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "ledger.db"))


def settle(path: Path) -> None:
    """Move everything from the write-ahead log into the file itself."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def change(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def examine(path: Path, *, deep: bool = False) -> None:
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    try:
        check(store, quiet, deep=deep)
    finally:
        store.close()


def damage_of(path: Path) -> CorruptLedger:
    with pytest.raises(CorruptLedger) as caught:
        examine(path)
    return caught.value


def test_a_sound_database_passes_and_progress_reaches_the_end(path: Path) -> None:
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    seen: list[tuple[int, int]] = []
    check(store, lambda done, total: seen.append((done, total)))
    store.close()
    assert seen[-1] == (BLOCKS * PER_BLOCK, BLOCKS * PER_BLOCK)
    assert seen == sorted(seen)


def test_an_empty_database_passes(tmp_path: Path) -> None:
    examine(tmp_path / "ledger.db")


def test_a_database_of_many_groups_and_full_tiles_passes(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", GENESIS, rows=TEST_ROWS)
    chain = Chain()
    for count in (256, 1, 255, 0, 9000, 512, 0, 3):
        make_final(store, *chain.grow_records(count), CERTIFICATE, JUSTIFICATION)
    check(store, quiet)
    store.close()


# Each damage is one changed column of block 7, whose first entry is 66.
COLUMN_DAMAGES = {
    "header": "UPDATE blocks SET raw_header = replace(raw_header, 'proposer', 'proposor')",
    "header type": "UPDATE blocks SET raw_header = 5",
    "slot": "UPDATE blocks SET slot = slot + 1",
    "hash": "UPDATE blocks SET hash = zeroblob(32)",
    "time": "UPDATE blocks SET time = time + 1",
    "signature": "UPDATE blocks SET signature = zeroblob(64)",
    "signature type": "UPDATE blocks SET signature = 'text'",
    "justification": "UPDATE blocks SET justification = x'00' || justification",
    "certificate": "UPDATE blocks SET certificate = x'00'",
    "no certificate": "UPDATE blocks SET certificate = NULL",
    "checksum": "UPDATE blocks SET checksum = zeroblob(32)",
    "first index": "UPDATE blocks SET first_index = first_index + 1",
    "size": "UPDATE blocks SET size = size + 1000000",
    "missing block": "DELETE FROM blocks",
}


@pytest.mark.parametrize("name", COLUMN_DAMAGES)
def test_a_changed_block_is_named(path: Path, name: str) -> None:
    change(path, f"{COLUMN_DAMAGES[name]} WHERE height = 7")
    assert damage_of(path).height == 7


def test_a_block_at_another_height_is_noticed_on_opening(path: Path) -> None:
    change(path, "UPDATE blocks SET height = 1000 WHERE height = 7")
    assert damage_of(path).height == 1000


BATCH_DAMAGES = {
    "header": "UPDATE batches SET raw_header = x'7b7d'",
    "signature": "UPDATE batches SET signature = zeroblob(64)",
    "hash": "UPDATE batches SET hash = zeroblob(32)",
    "hash type": "UPDATE batches SET hash = 'text'",
    "number": "UPDATE batches SET number = 999",
    "party": "UPDATE batches SET party = 'auditor'",
    "height": "UPDATE batches SET height = 8",
    "position": "UPDATE batches SET position = 2",
    "first index": "UPDATE batches SET first_index = first_index + 1",
    "count": "UPDATE batches SET count = count - 1",
    "count type": "UPDATE batches SET count = 'many'",
    "missing": "DELETE FROM batches",
}


@pytest.mark.parametrize("name", BATCH_DAMAGES)
def test_a_changed_batch_is_named_by_its_block(path: Path, name: str) -> None:
    change(path, f"{BATCH_DAMAGES[name]} WHERE party = 'platform' AND number = 7")
    assert damage_of(path).height == 7


ENTRY_DAMAGES = {
    "leaf": "UPDATE entries SET leaf = replace(leaf, 'test.said', 'test.sail')",
    "leaf type": "UPDATE entries SET leaf = 12",
    "no leaf": "UPDATE entries SET leaf = x''",
    "height": "UPDATE entries SET height = 8",
    "party": "UPDATE entries SET party = 'funder'",
    "id": "UPDATE entries SET id = 'platform-999'",
    "type": "UPDATE entries SET type = 'test.sail'",
    "type of type": "UPDATE entries SET type = x'00ff'",
    "outcome": "UPDATE entries SET outcome = 'refused'",
    "missing": "DELETE FROM entries",
}


@pytest.mark.parametrize("name", ENTRY_DAMAGES)
def test_a_changed_entry_is_named_by_its_block(path: Path, name: str) -> None:
    change(path, f'{ENTRY_DAMAGES[name]} WHERE "index" = 70')
    assert damage_of(path).height == 7


TILE_DAMAGES = {
    "full tile": ("UPDATE tiles SET data = zeroblob(8192)", 0, 0, 1),
    "one hash": (
        f"UPDATE tiles SET data = CAST(substr(data, 1, {70 * 32}) || zeroblob(32) || "
        f"substr(data, {71 * 32 + 1}) AS BLOB)",
        0,
        0,
        7,
    ),
    "type": ("UPDATE tiles SET data = 7", 0, 0, 1),
    "missing": ("DELETE FROM tiles", 0, 0, 1),
}


@pytest.mark.parametrize("name", TILE_DAMAGES)
def test_a_changed_tile_is_named_by_the_first_block_under_it(path: Path, name: str) -> None:
    statement, level, index, height = TILE_DAMAGES[name]
    change(path, f'{statement} WHERE level = {level} AND "index" = {index}')
    assert damage_of(path).height == height


@pytest.mark.parametrize("level", [0, 1])
def test_a_tile_that_the_tip_rests_on_is_noticed_on_opening(path: Path, level: int) -> None:
    last = BLOCKS * PER_BLOCK // 256 if level == 0 else 0
    change(
        path,
        "UPDATE tiles SET data = CAST(zeroblob(32) || substr(data, 33) AS BLOB) "
        f'WHERE level = {level} AND "index" = {last}',
    )
    assert damage_of(path).height == BLOCKS


def test_a_tile_too_many_is_noticed(path: Path) -> None:
    change(path, "INSERT INTO tiles VALUES (3, 0, zeroblob(32))")
    assert "count of tiles" in str(damage_of(path))


def test_an_upper_tile_is_compared_with_the_leaves(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    chain = Chain()
    for _ in range(5):
        make_final(store, *chain.grow_records(205), CERTIFICATE, JUSTIFICATION)
    change(
        path,
        "UPDATE tiles SET data = CAST(substr(data, 1, 64) || zeroblob(32) || substr(data, 97) "
        "AS BLOB) WHERE level = 1",
    )
    with pytest.raises(CorruptLedger) as caught:
        check(store, quiet)
    store.close()
    assert caught.value.height == 3
    assert "tile 1/0" in str(caught.value)


def test_entries_beyond_the_tip_are_noticed(path: Path) -> None:
    change(
        path,
        "INSERT INTO entries VALUES (?, 41, 'platform', 'x', 'y', 'z', 'applied', x'00')",
        BLOCKS * PER_BLOCK,
    )
    assert "entries" in str(damage_of(path))


def test_a_subject_that_differs_from_its_index_is_named(path: Path) -> None:
    settle(path)
    flip(path, b"said:platform-70", occurrence=0)
    found = damage_of(path)
    assert found.height in (7, None)
    assert "rebuild" in str(found)


def flip(path: Path, marker: bytes, occurrence: int) -> None:
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(occurrence + 1):
        at = data.index(marker, at + 1)
    data[at + len(marker) // 2] ^= 0x01
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["record", "utf-8", "header", "batch", "tile", "justification"])
def test_one_flipped_byte_in_the_file_is_named_by_its_block(path: Path, what: str) -> None:
    marker = bytes_of(path, what)
    data = bytearray(path.read_bytes())
    at = data.index(marker)
    data[at + len(marker) // 2] ^= 0x81
    path.write_bytes(data)
    assert damage_of(path).height == 7


def bytes_of(path: Path, what: str) -> bytes:
    statements = {
        "record": 'SELECT leaf FROM entries WHERE "index" = 70',
        "utf-8": 'SELECT CAST(id || type AS BLOB) FROM entries WHERE "index" = 70',
        "header": "SELECT raw_header FROM blocks WHERE height = 7",
        "batch": "SELECT signature FROM batches WHERE party = 'platform' AND number = 7",
        "tile": f"SELECT substr(data, {70 * 32 + 1}, 32) FROM tiles WHERE level = 0",
        "justification": "SELECT justification FROM blocks WHERE height = 7",
    }
    with sqlite3.connect(path) as connection:
        found = connection.execute(statements[what]).fetchone()[0]
    connection.close()
    return bytes(found)


def test_a_damaged_page_is_named_by_the_first_block_on_it(path: Path) -> None:
    marker = bytes_of(path, "record")
    data = bytearray(path.read_bytes())
    page = data.index(marker) // 8192 * 8192
    data[page : page + 64] = bytes(64)
    path.write_bytes(data)
    found = damage_of(path)
    assert found.height is not None
    assert 1 <= found.height <= 7
    assert "--rebuild" in str(found)


def test_a_truncated_file_is_corrupt(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert damage_of(path).code == "corrupt-ledger"


def test_a_damaged_page_met_while_the_state_is_read_is_corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    page = data.index(b"row-of-7") // 8192 * 8192
    data[page : page + 64] = bytes(64)
    path.write_bytes(data)
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    with pytest.raises(CorruptLedger, match="read the state"):
        store.view().get(Mark, ("row-of-7",))
    store.close()


def test_a_text_that_is_not_utf8_met_while_the_state_is_read_is_corrupt(path: Path) -> None:
    columns = "(book, number, owner, amount, frozen, tags)"
    values = "('main', 1, CAST(x'ff' AS TEXT), 0, 0, '[]')"
    change(path, f"INSERT INTO {Account.TABLE} {columns} VALUES {values}")
    store = Store(f"sqlite:///{path}", GENESIS, rows=TEST_ROWS)
    with pytest.raises(CorruptLedger, match="UTF-8"):
        store.view().get(Account, ("main", 1))
    store.close()


def log_of(path: Path) -> list[list[tuple[object, ...]]]:
    connection = sqlite3.connect(path)
    try:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in LOG_TABLES]
    finally:
        connection.close()


def test_no_random_damage_to_the_log_goes_unnoticed(sound: Path, tmp_path: Path) -> None:
    before = log_of(sound)
    intact = sound.read_bytes()
    choose = random.Random(20260105)
    noticed = 0
    for _ in range(80):
        data = bytearray(intact)
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        path = tmp_path / "ledger.db"
        for each in tmp_path.glob("ledger.db*"):
            each.unlink()
        path.write_bytes(data)
        try:
            examine(path)
        except CorruptLedger:
            noticed += 1
        else:
            assert log_of(path) == before
    assert noticed > 25


# -- deep: everything stated again ----------------------------------------------------------------


@pytest.fixture
def business(tmp_path: Path) -> Path:
    """A database of real records: receivers, a captured payment and its split, one refused."""
    path = tmp_path / "business.db"
    store = Store(f"sqlite:///{path}", GENESIS)
    chain = Chain()

    def said(identifier: str, kind_of_record: str, **fields: object) -> bytes:
        said = {"at": CREATED_AT, "id": identifier, "type": kind_of_record}
        return canonical.encode({**said, **fields})

    receivers = [
        said(name, "receiver.registered", receiver=name, **RECEIVER)
        for name in ("shop", "platform-fee")
    ]
    legs = [leg(1, "shop", amount=7000), leg(2, "platform-fee", amount=3000)]
    blocks = [
        {"institution": receivers},
        {"institution": [said("c1", "payment.captured", **captured())]},
        {"platform": [said("s1", "split.instructed", **split(legs=legs))]},
        {"platform": [said("s1", "split.instructed", **split(legs=legs))]},
    ]
    for stated in blocks:
        make_final(store, *chain.execute(stated), CERTIFICATE, JUSTIFICATION)
    with store.reader() as reader:
        outcomes = [entry.outcome for entry in reader.entries(0, 10)]
    assert outcomes == ["applied", "applied", "applied", "applied", "id-reused"]
    store.close()
    return path


def examine_business(path: Path, *, deep: bool) -> None:
    store = Store(f"sqlite:///{path}", GENESIS)
    try:
        check(store, quiet, deep=deep)
    finally:
        store.close()


def test_a_deep_check_of_a_sound_database_passes(business: Path) -> None:
    examine_business(business, deep=True)


STATE_DAMAGES: dict[str, Callable[[Path], None]] = {
    "changed": lambda path: change(
        path, "UPDATE balances SET amount = amount + 1 WHERE account = 'pending:shop'"
    ),
    "missing": lambda path: change(path, "DELETE FROM balances WHERE account = 'pending:shop'"),
    "too many": lambda path: change(path, "INSERT INTO balances VALUES ('zzz', 'CNY', 1)"),
}


@pytest.mark.parametrize("name", STATE_DAMAGES)
def test_a_deep_check_compares_every_row_of_state(business: Path, name: str) -> None:
    STATE_DAMAGES[name](business)
    examine_business(business, deep=False)
    with pytest.raises(CorruptLedger, match="balances"):
        examine_business(business, deep=True)


def test_a_deep_check_compares_subjects(business: Path) -> None:
    change(business, "UPDATE entries SET subject = 'payment:P9' WHERE \"index\" = 2")
    with pytest.raises(CorruptLedger) as caught:
        examine_business(business, deep=True)
    assert caught.value.height == 2
    assert "entry 2 has the subject 'payment:P9', and should have " in str(caught.value)
