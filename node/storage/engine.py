"""Engine: the way to the database, SQL text compiled once, and errors in our own words.

Statements are defined with SQLAlchemy Core and compiled to text once for each kind of database;
the text is then executed with plain tuples. See docs/adr/0011-the-writer-drives-its-cursor.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Table,
    and_,
    bindparam,
    column,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from node.errors import CorruptLedger, NodeError, StorageError
from node.home.private import open_private, tighten
from node.storage.tables import Tables

BUSY_TIMEOUT_MS = 10_000
PAGE_BYTES = 4096
CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 16 * 1024
"""Page cache of a connection that only reads: there are several."""
CHECKPOINT_PAGES = 16000
STATEMENTS_CACHED = 512

SQLITE_FILES = ("", "-wal", "-shm")
"""What SQLite appends to a database's name for the files that belong together."""

_SQLITE_CORRUPT = frozenset(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
_NOT_OURS = ("no such table", "no such column", "has no column named", "malformed database schema")
"""What SQLite says when a table's definition is not the one that we have made."""
_POSTGRESQL_FULL = frozenset(("53100",))  # disk_full
_POSTGRESQL_CORRUPT = frozenset(("XX001", "XX002"))  # data_corrupted, index_corrupted
_POSTGRESQL_CONSTRAINT = "23"  # the class of integrity constraint violations
_VALUES = re.compile(r"VALUES (\([^()]*\))")


def open_engine(url: str | URL, *, cache_kib: int = CACHE_KIB) -> Engine:
    """Return an engine for a database URL, set up for durability.

    Args:
        url: ``sqlite:///FILE``, ``sqlite://`` (in memory) or ``postgresql+psycopg://…``.
        cache_kib: Page cache of each connection, in KiB; SQLite only.

    Raises:
        StorageError: ``bad-database-url``, or ``no-database-driver``.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise _bad_url("this is no URL") from None
    if parsed.drivername == "sqlite":
        if parsed.query:
            raise _bad_url("a SQLite URL takes nothing after ?")
        return _sqlite_engine(parsed, cache_kib)
    if parsed.drivername == "postgresql+psycopg":
        return _postgresql_engine(parsed)
    raise _bad_url(f"got {parsed.drivername}")


def open_sealed(path: Path) -> Engine:
    """Return an engine of a SQLite file that nobody changes any more; it is only read.

    The file may stand on a medium that takes no writes: nothing is made beside it.
    """
    url = URL.create(
        "sqlite",
        database=f"file:{quote(str(path.resolve()))}",
        query={"immutable": "1", "mode": "ro", "uri": "true"},
    )
    return _pooled_engine(url, ("PRAGMA query_only = ON", f"PRAGMA cache_size = -{CACHE_KIB}"))


def _postgresql_engine(url: URL) -> Engine:
    try:
        return create_engine(url, paramstyle="format", pool_pre_ping=True)
    except ImportError as error:
        raise StorageError(
            "no-database-driver",
            f"the database is a PostgreSQL one, and its driver is not installed ({error}); install "
            "it into the Python that runs the node: pip install 'tongzhang[postgresql]', in a "
            "checkout pip install '.[postgresql]'",
        ) from None


def in_memory(engine: Engine) -> bool:
    """Return whether all connections of the engine are one and the same."""
    return isinstance(engine.pool, StaticPool)


def _bad_url(problem: str) -> StorageError:
    return StorageError(
        "bad-database-url",
        f"expected sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, {problem}; "
        "correct `url` under [database] in node.toml",
    )


READER_WAIT_S = 5.0
READERS_EXTRA = 40
"""Connections beyond the pool's five: as many as there are threads that answer requests."""


def _sqlite_engine(url: URL, cache_kib: int) -> Engine:
    pragmas = (*_PRAGMAS, f"PRAGMA cache_size = -{cache_kib}")
    if url.database not in (None, "", ":memory:"):
        _keep_private(url.database)
    return _pooled_engine(url, pragmas)


def _pooled_engine(url: URL, pragmas: tuple[str, ...]) -> Engine:
    # No implicit transactions of the driver: BEGIN is ours, so that reads are snapshots too.
    arguments = {"isolation_level": None, "cached_statements": STATEMENTS_CACHED}
    if url.database in (None, "", ":memory:"):
        arguments["check_same_thread"] = False
        engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)
    else:
        engine = create_engine(
            url, connect_args=arguments, pool_timeout=READER_WAIT_S, max_overflow=READERS_EXTRA
        )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # In memory all users share one connection: a reader inside a reader joins it.
        driver: Any = connection.connection.dbapi_connection
        if not (in_memory(engine) and driver.in_transaction):
            driver.execute("BEGIN").close()

    return engine


def _keep_private(database: str) -> None:
    """Make a new database private before SQLite makes it, and an old one with what is beside it.

    SQLite gives the files beside it the same permissions. What cannot be had here it will say.
    """
    with suppress(OSError):
        os.close(open_private(Path(database)))
    for suffix in SQLITE_FILES:
        with suppress(OSError):
            tighten(Path(f"{database}{suffix}"))


_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = OFF",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
)


@contextmanager
def translated(engine: Engine, doing: str) -> Iterator[None]:
    """Turn every error of SQLAlchemy and of the driver inside into an error of this package.

    Args:
        engine: Whose errors.
        doing: What is being done, as it shall stand in the message.

    Raises:
        StorageError: ``disk-full`` or ``storage-failed``.
        CorruptLedger: the database itself says that it is damaged.
    """
    try:
        yield
    except errors_of(engine) as error:
        raise node_error(error, doing) from error


def errors_of(engine: Engine) -> tuple[type[Exception], ...]:
    """Return what SQLAlchemy and the engine's driver raise.

    A damaged SQLite file may put bytes that are no text even into its error messages.
    """
    driver = engine.dialect.dbapi
    own = (SQLAlchemyError, UnicodeDecodeError)
    return own if driver is None else (*own, driver.Error)


def node_error(error: Exception, doing: str) -> NodeError:
    """Return our own error for one of SQLAlchemy's or of the driver's."""
    if isinstance(error, PoolTimeout):
        return NodeError("busy", "too many readers at once; try again in a moment")
    if isinstance(error, UnicodeDecodeError):
        return CorruptLedger(f"while trying to {doing} the database gave bytes that are no text.")
    original = (error.orig if isinstance(error, DBAPIError) else None) or error
    name = getattr(original, "sqlite_errorname", None) or ""
    state = getattr(original, "sqlstate", None) or ""
    reason = (str(original).strip() or type(original).__name__).splitlines()[0]
    if _is_corrupt(name, state, reason):
        return CorruptLedger(f"while trying to {doing} the database reported: {reason}.")
    if name == "SQLITE_FULL" or state in _POSTGRESQL_FULL:
        return StorageError(
            "disk-full",
            f"no space left to {doing} ({reason}); nothing of it is stored. "
            "Free space on the volume of the database and start the node again",
        )
    if name.startswith("SQLITE_CONSTRAINT") or state.startswith(_POSTGRESQL_CONSTRAINT):
        return StorageError(
            "storage-failed", f"refused to {doing}: something else stands there ({reason})"
        )
    return StorageError(
        "storage-failed",
        f"could not {doing}: {reason}. Check the database's volume, permissions and server, "
        "then start the node again",
    )


def _is_corrupt(name: str, state: str, reason: str) -> bool:
    if state in _POSTGRESQL_CORRUPT or "Could not decode to UTF-8" in reason:
        return True
    if any(words in reason for words in _NOT_OURS):
        return True
    return any(name == code or name.startswith(f"{code}_") for code in _SQLITE_CORRUPT)


class Statements:
    """SQL text for one kind of database, compiled from Core on first use.

    Args:
        tables: The tables it is for.
        backend: ``sqlite`` or ``postgresql``.
    """

    def __init__(self, tables: Tables, backend: str) -> None:
        self.tables = tables
        self._dialect: Dialect = (
            sqlite.dialect() if backend == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
        )
        self._text: dict[tuple[str, str], str] = {}

    @cached_property
    def definitions(self) -> tuple[str, ...]:
        """What makes all tables and indexes that are not there yet, in one order."""
        return tuple(_text_of(each, self._dialect) for each in self.tables.definitions())

    def create(self, table: Table) -> str:
        """Return what makes one table, if it is not there yet."""
        return self._compiled(table, "create", lambda: CreateTable(table, if_not_exists=True))

    def insert(self, table: Table) -> str:
        """Return an insert of all columns, in their order. A row that exists is an error."""
        return self._compiled(table, "insert", lambda: insert(table))

    def upsert(self, table: Table) -> str:
        """Return an insert of all columns that replaces the row under the same primary key."""
        return self._compiled(table, "upsert", lambda: self._upsert(table))

    def keep(self, table: Table) -> str:
        """Return an insert of all columns that leaves a row under the same key as it is."""
        return self._compiled(table, "keep", lambda: self._keep(table))

    def delete(self, table: Table) -> str:
        """Return a delete by primary key."""
        return self._compiled(table, "delete", lambda: delete(table).where(*_by_key(table)))

    def delete_upto(self, table: Table) -> str:
        """Return a delete of all rows whose key's first column is at most the one value given."""
        return self._compiled(table, "delete up to", lambda: _delete_upto(table))

    def select(self, table: Table, count: int) -> str:
        """Return a select by ``count`` primary keys, given as one flat tuple.

        Several keys are joined as a list of values: SQLite scans the whole table for
        ``(a, b) IN (…)`` and searches its index for this.
        """
        if count == 1:
            return self._compiled(table, "select", lambda: select(table).where(*_by_key(table)))
        key = (table.name, f"select {count}")
        if key not in self._text:
            joined = self._compiled(table, "join", lambda: _join(table))
            wide = _VALUES.sub(lambda found: _widen(found[1], count), joined, count=1)
            self._text[key] = wide
        return self._text[key]

    def query(self, table: Table, name: str, build: Callable[[], Executable]) -> str:
        """Return a query of ``table`` that its caller names and builds, once.

        The values of its parameters are given in the order in which they stand in the text.
        """
        return self._compiled(table, f"query {name}", build)

    def select_column(self, wanted: Column[Any]) -> str:
        """Return a select of one column by primary key."""
        table = wanted.table
        verb = f"select {wanted.name}"
        return self._compiled(table, verb, lambda: select(wanted).where(*_by_key(table)))

    def _upsert(self, table: Table) -> Executable:
        keys = [each.name for each in table.primary_key]
        rest = [each.name for each in table.columns if each.name not in keys]
        if not rest:
            return self._keep(table)
        if self._dialect.name == "sqlite":
            statement = sqlite.insert(table)
            return statement.on_conflict_do_update(
                index_elements=keys, set_={name: statement.excluded[name] for name in rest}
            )
        other = postgresql.insert(table)
        return other.on_conflict_do_update(
            index_elements=keys, set_={name: other.excluded[name] for name in rest}
        )

    def _keep(self, table: Table) -> Executable:
        if self._dialect.name == "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        return postgresql.insert(table).on_conflict_do_nothing()

    def _compiled(self, table: Table, verb: str, build: Callable[[], Executable]) -> str:
        key = (table.name, verb)
        if key not in self._text:
            self._text[key] = _text_of(build(), self._dialect)
        return self._text[key]


@lru_cache(maxsize=16)
def statements_of(tables: Tables, backend: str) -> Statements:
    """Return the statements for these tables on ``sqlite`` or ``postgresql``; shared by stores."""
    return Statements(tables, backend)


def _text_of(statement: Executable, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))  # type: ignore[attr-defined]


def _by_key(table: Table) -> list[ColumnElement[bool]]:
    return [each == bindparam(f"key_{each.name}", type_=each.type) for each in table.primary_key]


def _delete_upto(table: Table) -> Executable:
    first = next(iter(table.primary_key))
    return delete(table).where(first <= bindparam("upto", type_=first.type))


def _join(table: Table) -> Executable:
    keys = list(table.primary_key)
    wanted = (
        values(*(column(key.name, key.type) for key in keys), name="wanted")
        .data([tuple(bindparam(f"key_{key.name}", type_=key.type) for key in keys)])
        .cte("wanted")
    )
    match = and_(*(key == wanted.c[key.name] for key in keys))
    return select(*table.columns).select_from(wanted).join(table, match)


def _widen(one: str, count: int) -> str:
    return "VALUES " + ", ".join([one] * count)
