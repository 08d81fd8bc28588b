"""The one connection that writes. Its statements go straight to the driver's cursor.

SQLAlchemy opens the connection and compiles the statements; executing them through its Connection
costs more than the database's own work on a small block. Transactions are ours here: nothing is
open between two calls, so what SQLAlchemy reads on the same connection is not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Any

from sqlalchemy import Connection, Engine

from node.errors import StorageError
from node.storage.engine import errors_of, in_memory, node_error

Values = Sequence[Any]


class Writer:
    """Executes text with plain tuples, and knows whether what it wrote is stored.

    Args:
        engine: Where it takes one connection for itself, and another when that one is lost.
        on_doubt: Called when it is no longer known what is stored.

    Attributes:
        connection: SQLAlchemy's side of the connection, for reading inside :meth:`reading`.
        lock: Held while the connection is in use.
    """

    connection: Connection

    def __init__(self, engine: Engine, on_doubt: Callable[[], None]) -> None:
        self.lock = RLock()
        self._engine = engine
        self._errors = errors_of(engine)
        self._shared = in_memory(engine)
        self._on_doubt = on_doubt
        self._doubtful = False
        self._connect()

    def run(self, sql: str, rows: Sequence[Values]) -> None:
        """Execute one statement for many rows; for none, do nothing. In a transaction only."""
        if len(rows) == 1:
            self._cursor.execute(sql, rows[0])
        elif rows:
            self._cursor.executemany(sql, rows)

    def fetch(self, sql: str, values: Values) -> list[tuple[Any, ...]]:
        """Return all rows of one query. What it raises is the driver's."""
        self._cursor.execute(sql, values)
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    @contextmanager
    def reading(self, doing: str) -> Iterator[None]:
        """Let queries inside see one state: nobody else writes, and nobody here meanwhile.

        Args:
            doing: What is being done, as it shall stand in an error's message.

        Raises:
            StorageError: the database could not be read.
            CorruptLedger: the database is damaged.
        """
        with self.lock:
            try:
                self._replace_if_lost()
                yield
            except self._errors as error:
                raise node_error(error, doing) from error

    @contextmanager
    def writing(self, doing: str) -> Iterator[None]:
        """Open a transaction, and commit it or leave nothing.

        Args:
            doing: What is being done, as it shall stand in an error's message.

        Raises:
            StorageError: nothing is stored, unless it is not ``definite``; after that, nothing
                more is written.
            CorruptLedger: the database is damaged.
        """
        if self._doubtful:
            raise StorageError(
                "storage-failed",
                f"will not {doing}: it is not known whether the write before it is stored; "
                "open the store again",
            )
        with self.lock:
            try:
                self._replace_if_lost()
                self._begin()
                yield
            except self._errors as error:
                self._roll_back()
                raise node_error(error, doing) from error
            except BaseException:
                self._roll_back()
                raise
            self._commit(doing)

    def _connect(self) -> None:
        self.connection = self._engine.connect()
        if self._engine.dialect.name != "sqlite":
            # No implicit transactions of the driver: a read is one round trip, and BEGIN is ours.
            self.connection.execution_options(isolation_level="AUTOCOMMIT")
        driver: Any = self.connection.connection.driver_connection
        self._driver = driver
        self._cursor = driver.cursor()

    def _replace_if_lost(self) -> None:
        """Take a new connection when the server has ended the old one, and all it had open."""
        if getattr(self._driver, "closed", False):
            self.connection.close()
            self._connect()

    def _begin(self) -> None:
        # In memory all users share one connection: a writer inside a reader joins it.
        if not (self._shared and self._driver.in_transaction):
            self._cursor.execute("BEGIN")

    def _commit(self, doing: str) -> None:
        try:
            self._driver.commit()
        except BaseException as error:
            self._roll_back()
            failure = node_error(error, doing) if isinstance(error, self._errors) else None
            if failure is None or failure.code != "disk-full":
                # The database may have stored it and failed to say so.
                self._doubtful = True
                self._on_doubt()
            if failure is None:
                raise
            failure.definite = not self._doubtful
            raise failure from error

    def _roll_back(self) -> None:
        with suppress(*self._errors):
            self._driver.rollback()
