"""Snapshots of one node's database, for whoever reads beside the writer, in any process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from ledger.contracts import ROWS
from ledger.state import Row
from node.storage.engine import READER_CACHE_KIB, open_engine, statements_of, translated
from node.storage.queries import LedgerReader
from node.storage.tables import tables_of

_SNAPSHOT = "REPEATABLE READ"


class Snapshots:
    """Gives readers of one database, each on one consistent height.

    Args:
        engine: The database.
        rows: The row types of the contracts.
        turn: Held while somebody reads, where all users share one connection.
    """

    def __init__(
        self,
        engine: Engine,
        rows: tuple[type[Row], ...] = ROWS,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._engine = engine
        self._sql = statements_of(tables_of(rows), engine.dialect.name)
        self._turn = turn or nullcontext()
        level = {} if engine.dialect.name == "sqlite" else {"isolation_level": _SNAPSHOT}
        self._options = level

    @contextmanager
    def reader(self) -> Iterator[LedgerReader]:
        """Give a :class:`LedgerReader` on one consistent snapshot; for use from any thread.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        engine = self._engine
        with self._turn, translated(engine, "read"), engine.connect() as connection:
            connection.execution_options(**self._options)
            with connection.begin():
                yield LedgerReader(connection, self._sql)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def open_snapshots(url: str | URL) -> Snapshots:
    """Return the snapshots of a database that a running node keeps and writes.

    Args:
        url: As :func:`node.storage.engine.open_engine` takes it; not in memory.

    Raises:
        StorageError: ``bad-database-url``.
    """
    return Snapshots(open_engine(url, cache_kib=READER_CACHE_KIB))
