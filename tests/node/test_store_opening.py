"""Opening a database: only the right one is taken, and whatever is wrong has a name."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from node.errors import CorruptLedger, StorageError
from node.storage.store import Store
from tests.ledger.chains import (
    GENESIS,
    TEST_ROWS,
    Account,
    Mark,
    genesis_of,
)
from tests.node.store_kit import (
    code_of,
    open_store,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_a_database_of_another_ledger_is_refused(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    with pytest.raises(StorageError) as caught:
        Store(f"sqlite:///{path}", genesis_of("other"), rows=TEST_ROWS)
    assert code_of(caught) == "wrong-ledger"
    said = str(caught.value)
    assert f"of genesis {genesis_of('other').ledger}, this one is of {GENESIS.ledger}" in said
    assert "genesis.json is not the document that the database was made for" in said


def test_a_database_of_another_party_is_refused(path: Path) -> None:
    url = f"sqlite:///{path}"
    Store(url, GENESIS, party="platform", rows=TEST_ROWS).close()
    Store(url, GENESIS, rows=TEST_ROWS).close()
    with pytest.raises(StorageError) as caught:
        Store(url, GENESIS, party="funder", rows=TEST_ROWS)
    assert code_of(caught) == "wrong-party"


def test_a_database_with_other_tables_is_refused_and_left_alone(path: Path) -> None:
    Store(f"sqlite:///{path}", GENESIS, rows=(Mark,)).close()
    with pytest.raises(StorageError) as caught:
        open_store(f"sqlite:///{path}")
    assert code_of(caught) == "wrong-schema"
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert Account.TABLE not in names


def test_a_database_of_an_older_version_is_refused_with_what_to_do(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        older = "'1' || substr(value, instr(value, ':'))"
        done = connection.execute(f"UPDATE meta SET value = {older} WHERE key = 'schema'")
        assert done.rowcount == 1
    with pytest.raises(StorageError, match=r"run the node with that version.*--rebuild") as caught:
        open_store(f"sqlite:///{path}")
    assert code_of(caught) == "wrong-schema"


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE entries ADD COLUMN more TEXT",
        "ALTER TABLE entries RENAME COLUMN subject TO about",
        "ALTER TABLE entries DROP COLUMN outcome",
        "ALTER TABLE evidence RENAME TO proofs",
        "ALTER TABLE meta RENAME COLUMN value TO text",
        f"DROP TABLE {Account.TABLE}",
        "DROP INDEX entries_by_subject_index",
    ],
)
def test_a_database_of_another_layout_is_refused_with_what_to_do(path: Path, change: str) -> None:
    open_store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    with pytest.raises(CorruptLedger, match=r"`tongzhang node HOME --rebuild`"):
        open_store(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://x/y",
        "postgresql+asyncpg://x/y",
        "postgresql://x/y",
        "postgresql+psycopg://u@host:port/y",
        "sqlite+pysqlcipher:///ledger.db",
        "sqlite+nothing:///ledger.db",
        "sqlite:///ledger.db?timeout=soon",
    ],
)
def test_a_database_that_is_not_supported_is_refused(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(url)
    assert code_of(caught) == "bad-database-url"


def test_a_postgresql_database_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as where the extra is not installed
    with pytest.raises(StorageError) as caught:
        open_store("postgresql+psycopg://u@127.0.0.1:1/x")
    assert code_of(caught) == "no-database-driver"
    assert "pip install 'tongzhang[postgresql]'" in str(caught.value)


def test_a_place_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(f"sqlite:///{tmp_path / 'absent' / 'ledger.db'}")
    assert code_of(caught) == "storage-failed"


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(CorruptLedger) as caught:
        open_store(f"sqlite:///{path}")
    assert "--rebuild" in str(caught.value)


def test_sqlite_is_durable_by_write_ahead_log_and_full_sync(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.reader() as reader:
        pragma = reader.connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2
    store.close()
