"""Index of an exported log: the log executed into a database of its own, kept for the next time.

The index of a log is ``NAME.db`` in a folder; ``NAME`` follows from the log's path, its genesis and
the form of the database. While it is made it is ``NAME.part``: only a whole one takes the name. A
part goes on where it stopped if the log still begins with what was read, to the byte, and the
machine has not been started anew since (nothing of a part is synced). So does the index of a log
to which something was appended. A whole index is believed as long as device, inode, size, both
times and the first and last bytes of the log are the ones that it was made from.
"""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

import msgspec

from ledger.block import Block
from ledger.contracts import ROWS
from ledger.execute import BatchHead
from ledger.genesis import Genesis
from ledger.log_check import CheckedBlock, Heads, LogChecker
from ledger.log_walk import LogEnd, walk
from node.errors import NodeError
from node.home.private import PRIVATE_FOLDER
from node.storage.bulk import Bulk, WriterProcess
from node.storage.engine import SQLITE_FILES
from node.storage.log_file import LogFile, Stamp
from node.storage.opened import META, OpenedLog, Summary, certificate_of, opened, summary_of
from node.storage.ownership import SCHEMA_VERSION
from node.storage.store import Store
from node.storage.tables import block_checksum, tables_of

INDEX_VERSION = "1"
"""Raised when an index means something else than before."""
MARK = "mark"
"""Names what a part has of the log, in the table ``meta``."""

Progress = Callable[[int, int], None]
"""``progress(done, total)``: bytes of the log read so far and altogether."""


class IndexMark(msgspec.Struct, frozen=True):
    """The beginning of a log that an index holds: its size and hash, and when it was made."""

    bytes: int
    sha256: str
    boot: str


def open_log(
    path: Path, genesis: Genesis, folder: Path, progress: Progress, *, anew: bool = False
) -> OpenedLog:
    """Return a log, verified and executed: from its index, which is made if there is none.

    Args:
        path: The log.
        genesis: The founding document.
        folder: Where indexes are kept; it is made.
        progress: Told how far the log is read.
        anew: Verify and execute everything again, whatever is kept.

    Raises:
        OSError: the log cannot be read, or the folder not be used.
        NodeError: the index cannot be written.
    """
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    place = folder / index_name(path, genesis)
    with LogFile(path) as log, _locked(place.with_suffix(".lock")):
        whole = place.with_suffix(".db")
        for each in (whole, place.with_suffix(".part")):
            if not _is_own(each):
                _remove(each)
        if anew:
            _remove(whole)
            _remove(place.with_suffix(".part"))
        else:
            kept = _kept(whole, genesis, log.stamp)
            if kept is not None:
                return kept
            _take_over(whole, place.with_suffix(".part"))
        summary = _build(place.with_suffix(".part"), log, genesis, progress)
        _seal(place.with_suffix(".part"), whole)
    return opened(whole, genesis, summary)


def index_name(path: Path, genesis: Genesis) -> str:
    """Return the name of a log's index."""
    form = f"{INDEX_VERSION}:{SCHEMA_VERSION}:{tables_of(ROWS).fingerprint}"
    parts = (form, genesis.ledger, str(path.resolve()))
    return sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _is_own(path: Path) -> bool:
    """Return whether a file is one of this user's, or none: what others left is not believed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _kept(whole: Path, genesis: Genesis, stamp: Stamp) -> OpenedLog | None:
    """Return the log from its index, if that is of these bytes."""
    if not whole.is_file():
        return None
    with suppress(NodeError, msgspec.DecodeError, LookupError):
        found = opened(whole, genesis, None)
        if found.summary.stamp == stamp:
            return found
        found.close()
    return None


def _take_over(whole: Path, part: Path) -> None:
    """Begin with a copy of the index of what the log was before, unless a part is there."""
    if whole.is_file() and not part.exists():
        shutil.copyfile(whole, part)


def _build(part: Path, log: LogFile, genesis: Genesis, progress: Progress) -> Summary:
    with _busy(), WriterProcess(part) as process:
        store = _begun(part, log, genesis)
        try:
            return _Build(store, Bulk(store, process), log, progress).run()
        finally:
            store.close()


def _begun(part: Path, log: LogFile, genesis: Genesis) -> Store:
    """Return the database to go on with, the log read up to there."""
    if part.exists():
        with suppress(NodeError):
            store = Store(f"sqlite:///{part}", genesis)
            if _goes_on(store, log):
                return store
            store.close()
        _remove(part)
    log.rewind()
    return Store(f"sqlite:///{part}", genesis)


def _goes_on(store: Store, log: LogFile) -> bool:
    with store.own_reader() as reader:
        found = reader.meta(MARK)
    if found is None:
        return False
    mark = msgspec.json.decode(found, type=IndexMark)
    return mark.boot in {"", boot_id()} and log.begins_with(mark.bytes, mark.sha256)


class _Build:
    """One pass over a log, which adds its blocks to an index."""

    def __init__(self, store: Store, bulk: Bulk, log: LogFile, progress: Progress) -> None:
        self._store = store
        self._bulk = bulk
        self._log = log
        self._progress = progress
        genesis = store.genesis
        view = store.view()
        heads: Heads = {}
        for name in genesis.names:
            head = view.get(BatchHead, (name,))
            if head is not None:
                heads[name] = (head.number, head.hash_hex)
        self._checker = LogChecker(genesis, store.tip(), store.frontier(), heads, view=bulk.view)
        self._last = store.tip()

    def run(self) -> Summary:
        """Return what was found."""
        ending = self._walk()
        summary = summary_of(self._store.genesis, self._log, self._last, ending)
        last: dict[str, tuple[object, ...]] = {}
        if ending.checkpoint:
            certificate = certificate_of(ending.checkpoint, self._store.genesis)
            checksum = block_checksum(self._last.height, b"", certificate)
            last[_CERTIFY] = (certificate, checksum, self._last.height)
        marks = {META: msgspec.json.encode(summary).decode(), MARK: self._mark("")}
        self._bulk.finish(marks, last)
        return summary

    def _walk(self) -> LogEnd:
        blocks = walk(self._log.lines(self._last.height), self._store.genesis, self._checker)
        while True:
            try:
                block = next(blocks)
            except StopIteration as stop:
                ending: LogEnd = stop.value
                return ending
            self._add(block)

    def _add(self, block: CheckedBlock) -> None:
        assert block.execution is not None
        self._last = block.tip
        self._log.accept(block.tip.height)
        own = Block(block.raw_header, b"", block.batches)
        self._bulk.add(own, block.execution, lambda: {MARK: self._mark(boot_id())})
        self._progress(self._log.accepted.bytes, self._log.stamp.bytes)

    def _mark(self, boot: str) -> str:
        accepted = self._log.accepted
        return msgspec.json.encode(IndexMark(accepted.bytes, accepted.sha256, boot)).decode()


_CERTIFY = "UPDATE blocks SET certificate = ?, checksum = ? WHERE height = ?"


def boot_id() -> str:
    """Return what names this run of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "unknown"


def _seal(part: Path, whole: Path) -> None:
    """Give a finished index its name: on the disk, in one file, to be read only."""
    database = sqlite3.connect(part)
    try:
        database.execute("PRAGMA journal_mode = DELETE").close()
    finally:
        database.close()
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    part.replace(whole)


def _remove(path: Path) -> None:
    for suffix in SQLITE_FILES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until nobody else makes the same index."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _busy() -> Iterator[None]:
    """Look for no garbage meanwhile: blocks, records and rows form no cycles."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
