"""Check of a whole database: its log, and by executing everything again its state, row by row.

A check reads in short snapshots, so that the node's writer may go on beside it, and ends once it
has caught up. :mod:`node.storage.log_check` says what is checked of the log,
:mod:`node.storage.replay` how the state is. A check with the state needs a scratch database, about
half as large as the ledger's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from ledger.block import Tip
from ledger.genesis import Genesis
from ledger.state import Key, Row
from node.errors import CorruptLedger
from node.storage.log_check import LogCheck
from node.storage.marks import VERIFIED, VerifiedMark, read_verified, verified
from node.storage.queries import LedgerReader
from node.storage.reads import Reader
from node.storage.replay import Replay, Scratch, remove
from node.storage.store import Store
from node.storage.tables import Tables
from node.storage.walked import Walked, beginning, tip_at, walked_to

Progress = Callable[[int, int], None]
"""``progress(done, total)``: entries checked so far and altogether."""
Phase = Literal["log", "rows", "file"]
"""What is being checked: the log with all that it adds up to, then the rows, then the file."""
Told = Callable[[Phase, int, int], None]
"""As :data:`Progress`, with the phase."""
Snapshot = Callable[[], AbstractContextManager[LedgerReader]]


def check(
    store: Store, progress: Progress, *, deep: bool = False, scratch: Path | None = None
) -> None:
    """Return if the database holds exactly the ledger that its parties signed.

    Args:
        store: The open database, to which nobody writes meanwhile.
        progress: Told how far the check is.
        deep: Also execute everything again and compare the state, row by row.
        scratch: Where what comes out is kept meanwhile; a temporary file if left out.

    Raises:
        CorruptLedger: names the first bad block, what differs, and what to do.
        StorageError: the database could not be read, or the scratch database not be used.
    """

    def tell(_: Phase, done: int, total: int) -> None:
        progress(done, total)

    walked = beginning(store.genesis)
    try:
        with _replay(store, walked, scratch) if deep else nullcontext() as replay:
            each = Round(store.reader, store.genesis, store.tables, walked, replay)
            each.run(tell)
    except CorruptLedger as error:
        name_unreadable(store.reader, error)
        raise
    _refuse_other_end(each.tip, store)


@contextmanager
def _replay(store: Store, walked: Walked, path: Path | None) -> Iterator[Replay]:
    with TemporaryDirectory(prefix="tongzhang-") as folder:
        path = path or Path(folder) / "scratch.db"
        remove(path)
        scratch = Scratch(path, store.genesis, tuple(store.tables.rows))
        try:
            yield Replay(store.genesis, scratch, walked, ("", ""))
        finally:
            scratch.remove()


def check_since_mark(store: Store, progress: Progress) -> None:
    """Check the log after the last verified mark, and set the mark at its end.

    Args:
        store: The open database, to which nobody writes meanwhile.
        progress: Told how far the check is.

    Raises:
        CorruptLedger: names the first bad block.
        StorageError: the database could not be read or written.
    """
    mark = read_verified(store.noted(VERIFIED))
    with store.reader() as reader:
        walked = beginning(store.genesis)
        if mark is not None and mark.height:  # genesis is no block of the database
            walked = _marked(reader, store, mark)
        log = LogCheck(store.genesis, store.tables, walked)
        while log.step(reader):
            progress(log.tip.size - walked.tip.size, store.tip().size - walked.tip.size)
        _refuse_other_end(log.tip, store)
        log.finish(reader)
    store.note(*verified(log.tip))


def _marked(reader: Reader, store: Store, mark: VerifiedMark) -> Walked:
    tip = tip_at(reader, mark.height)
    if tip is None or tip.hash.hex() != mark.hash:
        raise CorruptLedger(
            f"the log was verified up to there as {mark.hash}, and is not that now.",
            height=mark.height,
        )
    return walked_to(reader, store.tables, store.genesis, tip)


def _refuse_other_end(tip: Tip, store: Store) -> None:
    if tip != store.tip():
        raise CorruptLedger(
            f"expected the chain to end there, it ends at {tip.height}.",
            height=store.tip().height,
        )


class Round:
    """One check from a place to the end of the log.

    Args:
        snapshot: Gives a snapshot of the database.
        genesis: The consortium's founding document.
        tables: The database's tables.
        walked: Where it begins.
        replay: What executes the log, and has done so up to ``walked``; without one the state is
            not checked.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        genesis: Genesis,
        tables: Tables,
        walked: Walked,
        replay: Replay | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._kinds = tuple(tables.rows) if replay is not None else ()
        self._log = LogCheck(genesis, tables, walked)
        self._replay = replay

    @property
    def tip(self) -> Tip:
        """The last block that was checked."""
        return self._log.tip

    def run(self, tell: Told) -> None:
        """Check everything.

        Raises:
            CorruptLedger: names the first bad block, or the row that differs.
            StorageError: the database could not be read, or the scratch database not be used.
        """
        more = True
        while more:
            with self._snapshot() as reader:
                total = _size(reader)
            tell("log", self._log.tip.size, total)  # which may rest, and holds no snapshot
            with self._snapshot() as reader:
                more = self._step(reader)
                if not more:
                    self._log.finish(reader)
        for kind in self._kinds:
            self._compare(kind, tell)
        tell("file", self._log.tip.size, self._log.tip.size)
        with self._snapshot() as reader:
            self._log.check_file(reader)

    def _step(self, reader: Reader) -> bool:
        """Check and execute the next blocks; return False at the snapshot's end."""
        blocks = self._log.step(reader)
        if self._replay is not None:
            for block in blocks:
                self._replay.take(block)
        return bool(blocks)

    def _compare(self, kind: type[Row], tell: Told) -> None:
        """Compare all rows of a kind, page by page, with what comes out up to its snapshot."""
        assert self._replay is not None
        after: Key | None = None
        while True:
            with self._snapshot() as reader:
                while self._step(reader):
                    pass
                after = self._replay.compare(kind, after, reader)
            if after is None:
                return
            tell("rows", self._log.tip.size, self._log.tip.size)


def _size(reader: Reader) -> int:
    newest = tip_at(reader, reader.height())
    return 0 if newest is None else newest.size


def name_unreadable(snapshot: Snapshot, error: CorruptLedger) -> None:
    """Raise an error that names the first block that the database cannot give back, if any.

    Args:
        snapshot: Gives a snapshot of the database.
        error: What the check has met; it says nothing new unless the database itself said it.

    Raises:
        CorruptLedger: with its height.
    """
    if error.height is not None or error.__cause__ is None:
        return
    with snapshot() as reader:
        last = reader.height()
    for height in range(1, last + 1):
        try:
            with snapshot() as reader:
                _read_all(reader, height)
        except CorruptLedger as found:
            if found.height is not None:
                raise
            raise CorruptLedger(
                f"the database cannot read it ({error.__cause__ or found.__cause__}).",
                height=height,
            ) from error


def _read_all(reader: Reader, height: int) -> None:
    stored = reader.block(height)
    if stored is None:
        raise CorruptLedger("there is no such block.", height=height)
    count = stored.block.record_count
    reader.entries(stored.block.header.size - count, count)
