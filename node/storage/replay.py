"""Replay: every record is stated again, and what comes out is compared with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from ledger.errors import VerificationError
from ledger.execute import execute
from ledger.log.merkle import leaf_hash, root_of
from ledger.state import Row
from node.errors import CorruptLedger
from node.storage.reads import Reader
from node.storage.stored import StoredBlock

if TYPE_CHECKING:
    from ledger.execute import Execution
    from node.storage.store import Store

ROWS_PER_PAGE = 2000


def replay(store: Store, progress: Callable[[int, int], None]) -> None:
    """Execute the ledger into a scratch database and compare outcomes, state hashes and rows.

    Args:
        store: The open database, whose log was checked before.
        progress: Told how many entries of how many are done.

    Raises:
        CorruptLedger: names the first block that comes out differently, or the row that differs.
    """
    with TemporaryDirectory(prefix="tongzhang-") as directory, store.reader() as reader:
        url = f"sqlite:///{Path(directory) / 'scratch.db'}"
        scratch = type(store)(url, store.genesis, rows=tuple(store.tables.rows))
        try:
            for height in range(1, store.tip().height + 1):
                stored = reader.block(height)
                if stored is None:
                    raise CorruptLedger("there is no such block.", height=height)
                _replay_block(scratch, reader, stored)
                progress(stored.block.header.size, store.tip().size)
            with scratch.reader() as other:
                for kind in store.tables.rows:
                    _compare_rows(kind, reader, other)
        finally:
            scratch.close()


def _replay_block(scratch: Store, reader: Reader, stored: StoredBlock) -> None:
    block, height = stored.block, stored.block.height
    for batch in block.batches:
        if root_of([leaf_hash(raw) for raw in batch.records]).hex() != batch.header.root:
            raise CorruptLedger(
                f"batch {batch.number} of {batch.party} does not hold what was signed.",
                height=height,
            )
    try:
        execution = execute(
            scratch.genesis,
            scratch.tip(),
            scratch.frontier(),
            scratch.view(),
            block.header.time,
            block.batches,
        )
    except VerificationError as error:
        raise CorruptLedger(f"it cannot be executed: {error}.", height=height) from None
    _compare_results(stored, execution)
    _compare_entries(height, reader, execution)
    scratch.commit(block, execution, stored.certificate, stored.justification)


def _compare_results(stored: StoredBlock, execution: Execution) -> None:
    header = stored.block.header
    if (execution.size, execution.root.hex()) != (header.size, header.root):
        raise CorruptLedger("other outcomes come out of its records.", height=header.height)
    if execution.state.hex() != header.state:
        raise CorruptLedger(
            f"state {execution.state.hex()} comes out, its header says {header.state}.",
            height=header.height,
        )


def _compare_entries(height: int, reader: Reader, execution: Execution) -> None:
    stored = reader.entries(execution.first_index, len(execution.entries))
    for entry, expected in zip(stored, execution.entries, strict=True):
        for column, due in asdict(expected).items():
            held = getattr(entry, column)
            if held != due:
                raise CorruptLedger(
                    f"entry {expected.index} has the {column} {held!r}, and should have {due!r}.",
                    height=height,
                )


def _compare_rows(kind: type[Row], reader: Reader, other: Reader) -> None:
    theirs = _all_rows(kind, other)
    for row in _all_rows(kind, reader):
        expected = next(theirs, None)
        if row != expected:
            raise CorruptLedger(f"a row of {kind.TABLE} is {row}, and should be {expected}.")
    missing = next(theirs, None)
    if missing is not None:
        raise CorruptLedger(f"a row of {kind.TABLE} is missing: {missing}.")


def _all_rows(kind: type[Row], reader: Reader) -> Iterator[Row]:
    after = None
    while page := reader.rows(kind, after_key=after, limit=ROWS_PER_PAGE):
        yield from page
        after = page[-1].key
