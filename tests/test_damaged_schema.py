"""A database whose very table definitions are damaged is said to be damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from chains import GENESIS

from node.errors import CorruptLedger
from node.storage.store import Store

DEFINITION = b"CREATE TABLE entries"
NO_TEXT = b"CREATE TABLE \xb3\xff\xfe\xb3ies"


def test_bytes_that_are_no_text_in_a_table_definition_are_reported_as_damage(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    Store(f"sqlite:///{path}", GENESIS).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    assert content.count(DEFINITION) == 1
    path.write_bytes(content.replace(DEFINITION, NO_TEXT))
    with pytest.raises(CorruptLedger):
        Store(f"sqlite:///{path}", GENESIS)
