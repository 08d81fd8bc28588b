"""Check beside a running node: what its process does, from the beginning to the end of one round.

A round begins at genesis, whatever the marks in the database say. It keeps its scratch database in
a folder of the node's own until it is whole, so that a round that was cut short goes on: who can
change that folder holds the party's key as well. What a round finds that went on from a scratch
database counts only once a round from genesis finds it, too.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy.engine import URL

from ledger.contracts import ROWS
from ledger.genesis import Genesis
from node.errors import CorruptLedger, NodeError
from node.home.private import open_private
from node.storage.check import Phase, Round, name_unreadable
from node.storage.log_index import boot_id
from node.storage.replay import Replay, Scratch, remove, replayed
from node.storage.snapshots import Snapshots, open_snapshots
from node.storage.tables import tables_of
from node.storage.walked import beginning

SCRATCH = "check.db"
LOCK = "check.lock"

State = Literal["none", "log", "rows", "file", "clean", "damaged", "failed"]
"""``none``: no check was begun; ``log``, ``rows``, ``file``: what is being checked;
``clean``: everything was, without a difference; ``damaged``, ``failed``: why stands beside it."""


class CheckStanding(msgspec.Struct, frozen=True):
    """How far a check beside the node is.

    Args:
        state: What it is doing, or how it has ended.
        entries: Entries that were checked.
        total: Entries that there are.
        resumed_at: Entries that had been checked when the process began: an earlier one was ended.
        message: What was found, or why the check has failed; empty otherwise.
    """

    state: State = "none"
    entries: int = 0
    total: int = 0
    resumed_at: int = 0
    message: str = ""


Report = Callable[[CheckStanding], None]

logger = logging.getLogger("tongzhang.check")


def check_beside(url: str | URL, genesis: Genesis, folder: Path, report: Report) -> None:
    """Check everything once, and report how far that is and how it ends.

    Args:
        url: The database, to which a node writes meanwhile.
        genesis: The consortium's founding document.
        folder: Where the scratch database is kept.
        report: Told whenever there is something new.
    """
    last = CheckStanding()

    def tell(standing: CheckStanding) -> None:
        nonlocal last
        last = standing
        report(standing)

    try:
        with _alone(folder):
            snapshots = open_snapshots(url)
            try:
                _whole_round(snapshots, genesis, folder / SCRATCH, tell)
            finally:
                snapshots.close()
        report(msgspec.structs.replace(last, state="clean"))
    except CorruptLedger as error:
        report(msgspec.structs.replace(last, state="damaged", message=error.message))
    except (NodeError, OSError) as error:
        code = getattr(error, "code", "storage-failed")
        report(msgspec.structs.replace(last, state="failed", message=f"{code}: {error}"))


def _whole_round(snapshots: Snapshots, genesis: Genesis, path: Path, report: Report) -> None:
    goes_on = path.exists()
    try:
        _round(snapshots, genesis, path, report)
    except NodeError as error:
        remove(path)
        if not goes_on or error.code not in {"corrupt-ledger", "scratch-failed"}:
            if isinstance(error, CorruptLedger):
                name_unreadable(snapshots.reader, error)
            raise
        logger.warning("the check begins again from genesis: %s", error)
        _whole_round(snapshots, genesis, path, report)
    remove(path)


def _round(snapshots: Snapshots, genesis: Genesis, path: Path, report: Report) -> None:
    """Check everything after what the scratch database holds, if that is believed."""
    scratch = Scratch(path, genesis, ROWS)
    try:
        with snapshots.reader() as reader:
            origin = (reader.meta("id") or "", boot_id())
            walked = replayed(reader, genesis, scratch, origin)
        if walked is None:
            scratch.remove()
            scratch, walked = Scratch(path, genesis, ROWS), beginning(genesis)
        resumed_at = walked.tip.size

        def tell(phase: Phase, entries: int, total: int) -> None:
            report(CheckStanding(phase, entries, total, resumed_at))

        replay = Replay(genesis, scratch, walked, origin)
        Round(snapshots.reader, genesis, tables_of(ROWS), walked, replay).run(tell)
    finally:
        scratch.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until the process of a node that was killed has let go of the scratch database."""
    handle = open_private(folder / LOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
