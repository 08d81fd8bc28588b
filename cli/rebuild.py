"""``tongzhang node --rebuild``: sets a database aside, and puts it back where that was a mistake.

A rebuilt node votes no more. At a founding nobody has a block yet, so there is nothing to fetch,
and four parties that rebuild have a ledger without voters. The node learns that from its peers
(:meth:`node.host.host.Host.nothing_to_rebuild`), stops, and everything is as before.

The mark in the home says how far it is; whatever is cut short goes on from there at the next start.

=========  ============================================================================
mark       means
=========  ============================================================================
``begin``  the old database is being set aside
``moved``  it is aside; the new one is being made
``follow`` the node runs on the new one, and no block has come yet
``drop``   the new one is being removed
``undo``   the old one is being put back
no mark    no rebuild is under way
=========  ============================================================================
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, cast

from cli.errors import UsageError
from cli.output import note, plural
from node.home.files import write_whole
from node.home.home import DATABASE, DATABASE_ID, Home, read_database_id, read_file
from node.storage.engine import SQLITE_FILES
from node.storage.store import Store

REBUILDING = "rebuilding"

State = Literal["begin", "moved", "follow", "drop", "undo"]


class Mark(NamedTuple):
    """How far a rebuild is, and the stamp that ends the names of what is aside."""

    state: State
    stamp: str


def read_mark(path: Path) -> Mark | None:
    """Return how far a rebuild of a home is, or None if there is none under way."""
    if not (path / REBUILDING).exists():
        return None
    state, _, stamp = read_file(path / REBUILDING).decode("ascii", "replace").strip().partition(" ")
    if state not in ("begin", "moved", "follow", "drop", "undo") or not stamp:
        return Mark("begin", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    return Mark(cast("State", state), stamp)


def go_on(home: Home, *, rebuild: bool) -> bool:
    """Begin a rebuild, or go on with one. Return whether the node runs on a database of one.

    Raises:
        UsageError: ``database-not-empty``.
    """
    mark = read_mark(home.path)
    if mark is not None and mark.state in ("drop", "undo"):
        put_back(home)
        mark = None
    if rebuild or (mark is not None and mark.state != "follow"):
        _start_over(home, mark)
        return True
    return mark is not None


def put_back(home: Home) -> None:
    """Remove the new database, which holds nothing, and put the old one back in its place."""
    mark = read_mark(home.path)
    if mark is None:
        return
    path, stamp = home.path, mark.stamp
    if mark.state != "undo":
        _write(path, "drop", stamp)
        if not home.config.database:
            _remove_database(path)
        _write(path, "undo", stamp)
    for suffix in SQLITE_FILES:
        aside = path / f"{DATABASE}.{stamp}{suffix}"
        if aside.exists():
            aside.rename(path / f"{DATABASE}{suffix}")
    kept = path / f"{DATABASE_ID}.{stamp}"
    if kept.exists() and kept.stat().st_size:
        kept.rename(path / DATABASE_ID)
    elif kept.exists():  # there was none
        (path / DATABASE_ID).unlink(missing_ok=True)
        kept.unlink()
    (path / REBUILDING).unlink()


def forget(path: Path) -> None:
    """End a rebuild: a block has come, and the old database is not put back any more."""
    mark = read_mark(path)
    if mark is not None and mark.state == "follow":
        (path / f"{DATABASE_ID}.{mark.stamp}").unlink(missing_ok=True)
        (path / REBUILDING).unlink()


def _start_over(home: Home, mark: Mark | None) -> None:
    """Replace the database by an empty one whose node never votes again (R7)."""
    path = home.path
    stamp = mark.stamp if mark else time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    if mark is None or mark.state == "begin":
        _write(path, "begin", stamp)
        said = read_database_id(path)
        write_whole(path / f"{DATABASE_ID}.{stamp}", f"{said}\n".encode() if said else b"")
        if not home.config.database:
            _set_aside(path, stamp)
    elif not home.config.database:
        _remove_database(path)
    _write(path, "moved", stamp)
    store = Store(home.database_url, home.genesis, party=home.party)
    try:
        if store.tip().height:
            raise UsageError(
                "database-not-empty",
                f"{home.config.database} holds {plural(store.tip().height, 'block')}",
                "name an empty database in node.toml, then start with --rebuild again",
            )
        store.set_abstains(True)
        write_whole(path / DATABASE_ID, f"{store.id}\n".encode())
    finally:
        store.close()
    _write(path, "follow", stamp)


def _set_aside(path: Path, stamp: str) -> None:
    """Move the database away, its main file last: once that is gone, nothing of it is left."""
    for suffix in reversed(SQLITE_FILES):
        old = path / f"{DATABASE}{suffix}"
        if old.exists():
            old.rename(path / f"{DATABASE}.{stamp}{suffix}")
            note(f"{old.name} is kept as {DATABASE}.{stamp}{suffix}")


def _remove_database(path: Path) -> None:
    for suffix in SQLITE_FILES:
        with suppress(FileNotFoundError):
            (path / f"{DATABASE}{suffix}").unlink()


def _write(path: Path, state: State, stamp: str) -> None:
    write_whole(path / REBUILDING, f"{state} {stamp}\n".encode())
