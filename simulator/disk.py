"""A simulated disk: real SQLite files under the real store, and what power cuts do to them.

The store writes through SQLite to files, as in production; only time and failure are simulated. A
power cut takes the files as they are. Of a write that was under way it may leave any part: SQLite
appends to its write-ahead log, so the log is cut somewhere within the last transaction.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Protocol

from node.errors import StorageError
from node.storage.held import FinalBlock
from node.storage.queries import LedgerReader
from node.storage.store import Item, Store

PAGE_BYTES = 1024
"""Smaller than a real node's: a simulated block has two records, and pages are written whole."""

_SUFFIXES = ("", "-wal")


def make_disk(path: Path) -> None:
    """Make an empty database file, whose pages have the size that simulated disks have."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("VACUUM")
    connection.close()


def name_database(path: Path, name: str) -> None:
    """Replace the random id of a new database, so that its bytes are the same in every process.

    What is read from a damaged file depends on all of its bytes.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'id'", (name,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


class DiskOwner(Protocol):
    """A machine whose disk it is: its power may fail before or after each write."""

    life: int

    def before_write(self) -> None:
        """A write begins."""

    def after_write(self) -> None:
        """A write is about to be reported as done."""

    def saved(self, items: Sequence[Item]) -> None:
        """Votes, own batches or evidence are durable."""

    def final(self, final: FinalBlock) -> None:
        """A block is final here."""


class SimulatedStore(Store):
    """The production store, each write of which takes time, burns the fuse and is observed.

    ``process`` is whose disk it is; without one it is a plain store.
    """

    process: DiskOwner | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._untold: list[FinalBlock] = []

    def save(self, items: Sequence[Item]) -> None:
        """Store votes, own batches and evidence, unless the power fails."""
        process = self.process
        if process is None:
            return super().save(items)
        process.before_write()
        super().save(items)
        process.after_write()
        return process.saved(items)

    def hold(self, final: FinalBlock) -> None:
        """Take a final block, and tell those who watch, unless it is final when it is written."""
        super().hold(final)
        if self.process is not None:
            self._untold.append(final)
            self._tell(self.process)

    def write(self) -> None:
        """Write what is held, unless the power fails."""
        process = self.process
        if process is None or not self.holds:
            return super().write()
        process.before_write()
        super().write()
        process.after_write()
        return self._tell(process)

    def _tell(self, process: DiskOwner) -> None:
        untold = [] if self.must_write else self._untold
        while untold:
            process.final(untold.pop(0))

    def reader(self) -> AbstractContextManager[LedgerReader]:
        """Give a reader on the tip to those who watch: their looking costs no power.

        On a full disk they see what was written before.
        """
        process, self.process = self.process, None
        try:
            with suppress(StorageError):
                self.write()
            return self._snapshots.reader()
        finally:
            self.process = process

    def limit_pages(self, full: bool) -> None:
        """Let SQLite itself report a full disk from now on, or no more."""
        driver: Any = self._writer.connection.connection.driver_connection
        if driver.in_transaction:
            return
        most = driver.execute("PRAGMA page_count").fetchone()[0] if full else 1_073_741_823
        driver.execute(f"PRAGMA max_page_count = {most}")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Disk:
    """The files of one simulated machine.

    Args:
        directory: Where they are.
        template: An empty database of this consortium and party, to begin with.
    """

    def __init__(self, directory: Path, template: Path) -> None:
        self._directory = directory
        self._directory.mkdir(parents=True, exist_ok=True)
        self._template = template
        self._generation = 0
        self._whole_bytes = 0
        self._backups: dict[int, Path] = {}
        shutil.copy(template, self.path)

    @property
    def path(self) -> Path:
        """The database file of this life."""
        return self._directory / f"{self._generation}.db"

    @property
    def url(self) -> str:
        """The database's URL."""
        return f"sqlite:///{self.path}"

    def log_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        log = self._log_of(self.path)
        return log.stat().st_size if log.exists() else 0

    def note_whole(self) -> None:
        """Note that all that is written so far has reached the disk."""
        self._whole_bytes = self.log_bytes()

    def freeze(self, path: Path | None = None) -> Path:
        """Copy the files as a power cut would leave them, to the next life's or to ``path``."""
        source, target = self.path, path
        if target is None:
            self._generation += 1
            target = self.path
        for suffix in _SUFFIXES:
            old = source.with_name(source.name + suffix)
            new = target.with_name(target.name + suffix)
            new.unlink(missing_ok=True)
            if old.exists():
                shutil.copy(old, new)
        return source

    def tear(self, fraction_ppm: int) -> None:
        """Leave only a part of what was written since :meth:`note_whole`."""
        log = self._log_of(self.path)
        if not log.exists():
            return
        size = log.stat().st_size
        kept = min(size, self._whole_bytes)
        with log.open("r+b") as file:
            file.truncate(kept + (size - kept) * fraction_ppm // 1_000_000)

    def back_up(self, at_ms: int) -> None:
        """Keep a copy, as a careful operator does who does not know what must not be restored."""
        target = self._directory / f"backup-{at_ms}.db"
        self.freeze(target)
        self._backups[at_ms] = target

    def restore(self, at_ms: int) -> None:
        """Put a copy in the place of this life's files."""
        for suffix in _SUFFIXES:
            new = self.path.with_name(self.path.name + suffix)
            new.unlink(missing_ok=True)
            old = self._backups[at_ms].with_name(self._backups[at_ms].name + suffix)
            if old.exists():
                shutil.copy(old, new)

    def lose(self) -> None:
        """Begin again with an empty database."""
        self.remove(self.path)
        shutil.copy(self._template, self.path)

    def turn_bytes(self, places_ppm: Sequence[int]) -> None:
        """Turn a byte at each place, given in millionths of the file's size.

        The log is written back into the file first: its own frames have checksums, so that damage
        there is not read but discarded.
        """
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        content = bytearray(self.path.read_bytes())
        for place in places_ppm:
            content[place * (len(content) - 1) // 1_000_000] ^= 0xFF
        self.path.write_bytes(content)

    def remove(self, path: Path) -> None:
        """Delete the files of an earlier life."""
        for suffix in (*_SUFFIXES, "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    @staticmethod
    def _log_of(path: Path) -> Path:
        return path.with_name(path.name + "-wal")
