"""What tests of the store share: kinds of databases, rows, and short ways to commit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, make_url, text

from ledger.block import Block
from ledger.execute import Execution
from ledger.state import Changes, Key, Row
from node.errors import StorageError
from node.storage.held import FinalBlock
from node.storage.store import Store
from tests.ledger.chains import (
    CERTIFICATE,
    GENESIS,
    JUSTIFICATION,
    TEST_ROWS,
    Account,
    Chain,
)


def _own_database(url: str, worker: str) -> str:
    """Return the URL of a database of this worker's own, made anew: tests run side by side."""
    if not url or not worker:
        return url
    parsed = make_url(url)
    name = f"{parsed.database}_{worker}"
    engine = create_engine(parsed, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return parsed.set(database=name).render_as_string(hide_password=False)


POSTGRESQL = _own_database(
    os.environ.get("TONGZHANG_POSTGRESQL_URL", ""), os.environ.get("PYTEST_XDIST_WORKER", "")
)
KINDS = ["memory", "file", *(["postgresql"] if POSTGRESQL else [])]


def commit(store: Store, chain: Chain, count: int = 1, changes: Changes | None = None) -> None:
    make_final(store, *chain.grow_records(count, changes), CERTIFICATE, JUSTIFICATION)


def make_final(
    store: Store,
    block: Block,
    execution: Execution,
    certificate: bytes | None,
    justification: bytes,
    *,
    journal_upto: int = 0,
) -> None:
    """Make a block final by writing it, as if no paper said so before."""
    final = FinalBlock(
        block=block,
        execution=execution,
        justification=justification,
        certificate=certificate,
        journal_upto=journal_upto,
        durable=False,
    )
    store.hold(final)
    store.write()


def open_store(url: str, **choices: int) -> Store:
    return Store(url, GENESIS, rows=TEST_ROWS, **choices)  # type: ignore[arg-type]


def empty_postgresql() -> None:
    engine = create_engine(POSTGRESQL)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def url_of(kind: str, directory: Path) -> str:
    """Return the URL of an empty database of one of the kinds."""
    if kind == "postgresql":
        empty_postgresql()
        return POSTGRESQL
    return "sqlite://" if kind == "memory" else f"sqlite:///{directory / 'ledger.db'}"


def account(number: int, **fields: object) -> Account:
    plain = Account("main", number, "shop", 0, False, (), None)
    return msgspec.structs.replace(plain, **fields)


def changes_of(*rows: Row, deleted: tuple[tuple[type[Row], Key], ...] = ()) -> Changes:
    changes: Changes = {}
    for row in rows:
        changes.setdefault(type(row), {})[row.key] = row
    for kind, key in deleted:
        changes.setdefault(kind, {})[key] = None
    return changes


def driver_of(store: Store) -> Any:
    """Return the driver's connection on which the store writes."""
    return store._writer.connection.connection.driver_connection


def code_of(error: pytest.ExceptionInfo[StorageError]) -> str:
    return error.value.code


class Counted:
    """Keeps the text of what the store asks the database from now on."""

    def __init__(self, store: Store) -> None:
        self.statements: list[str] = []
        self._fetch = store._writer.fetch
        store._writer.fetch = self._noted  # type: ignore[method-assign]

    def _noted(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        return self._fetch(sql, values)
