"""A database whose very table definitions are damaged is said to be damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from node.errors import CorruptLedger
from node.storage.store import Store
from tests.ledger.chains import GENESIS

DEFINITION = b"CREATE TABLE entries"
NO_TEXT = b"CREATE TABLE \xb3\xff\xfe\xb3ies"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\ttype TEXT NOT NULL, \n\tsubject", b"\tbype TEXT NOT NULL, \n\tsubject"),
        (b"\tlast4 TEXT NOT NULL", b"\tlast4 SEXT NOT NULL"),  # digits would become numbers
        (b"ON entries (subject", b"ON entries (outcome"),
    ],
)
def test_another_definition_that_still_reads_is_reported_as_damage(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    path = _changed(tmp_path, old, new)
    with pytest.raises(CorruptLedger, match=r"the definition of .* is damaged"):
        Store(f"sqlite:///{path}", GENESIS)


def test_bytes_that_are_no_text_in_a_table_definition_are_reported_as_damage(
    tmp_path: Path,
) -> None:
    path = _changed(tmp_path, DEFINITION, NO_TEXT)
    with pytest.raises(CorruptLedger):
        Store(f"sqlite:///{path}", GENESIS)


def _changed(tmp_path: Path, old: bytes, new: bytes) -> Path:
    """Return a new database in whose file some bytes are changed."""
    path = tmp_path / "ledger.db"
    Store(f"sqlite:///{path}", GENESIS).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    return path
