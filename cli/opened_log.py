"""The log that a command opens like a file: given with ``--log``, or to ``tongzhang open``."""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import typer

from cli.errors import CheckFailed, UsageError
from cli.inputs import beginning_of, readable
from cli.output import note, progress
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.genesis import read as read_genesis
from ledger.limits import GENESIS_BYTES_MAX
from views.texts import gettext, harmless

if TYPE_CHECKING:
    from ledger.log_faults import LogFault
    from node.storage.opened import OpenedLog, Summary

_GZIP = b"\x1f\x8b"
_STARTS = (b'{"batches":[', b'{"checkpoint":"')
_kept: list[TemporaryDirectory[str]] = []
"""Folders that are removed when the process ends."""


class Named(NamedTuple):
    """A log, its genesis, and where its index is to be kept, as options say."""

    log: Path | None = None
    genesis: Path | None = None
    folder: Path | None = None


named: ContextVar[Named | None] = ContextVar("named", default=None)
"""What ``--log``, ``--genesis`` and ``--index`` of the command at hand say."""


def open_named(said: Named, *, anew: bool = False, quiet: bool = False) -> OpenedLog:
    """Return a log, verified and executed.

    Args:
        said: Which log.
        anew: Do everything again, whatever is kept.
        quiet: Show no progress.

    Raises:
        UsageError: no genesis was named, or a file cannot be read.
        CheckFailed: nothing of the log is good.
    """
    from node.storage.log_index import open_log

    if said.log is None or said.genesis is None:
        raise UsageError(
            "no-genesis-named",
            "a log is opened with the genesis document of its consortium",
            "name it with --genesis FILE",
        )
    genesis = genesis_of(said.genesis)
    refuse_no_log(said.log)
    folder = index_folder(said.folder)
    with readable(said.log), progress(quiet=quiet) as bar:
        task = bar.add_task(gettext("opening the log"), total=None)
        opened = open_log(
            said.log,
            genesis,
            folder,
            lambda done, total: bar.update(task, completed=done, total=total),
            anew=anew,
        )
    fault = opened.summary.fault
    if fault is not None and not opened.summary.height:
        opened.close()
        raise CheckFailed(
            fault.code, f"{said.log}: {fault.message}", "check that log and genesis belong together"
        )
    return opened


def genesis_of(path: Path) -> Genesis:
    """Return a founding document.

    Raises:
        UsageError: the file cannot be read, or is none.
    """
    try:
        return read_genesis(beginning_of(path, GENESIS_BYTES_MAX))
    except LedgerError as error:
        raise UsageError(error.code, f"{path}: {error.message}") from None


def refuse_no_log(path: Path) -> None:
    """Return if a file begins as a log does.

    Raises:
        UsageError: ``unreadable-file``.
        CheckFailed: ``empty-log``, ``compressed-log`` or ``not-a-log``.
    """
    with readable(path):
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no plain file")
        start = beginning_of(path, 64)
    export = "write one with: tongzhang export log --home HOME --out FILE"
    if not start:
        raise CheckFailed("empty-log", f"{path} is empty", export)
    if start.startswith(_GZIP):
        raise CheckFailed("compressed-log", f"{path} is compressed", "unpack it with: gunzip FILE")
    if not start.startswith(_STARTS):
        raise CheckFailed("not-a-log", f"{path} does not begin as an exported log does", export)


def index_folder(given: Path | None) -> Path:
    """Return where indexes of logs are kept: where it was said, or else in the user's cache.

    Where there can be none, it is a folder that goes when the process ends. So it is where others
    could put an index that says what they like of a log.

    Raises:
        UsageError: ``unwritable-file`` or ``shared-folder``, by the folder that was named.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache"
    folder = given or Path(cache) / "tongzhang" / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            reason = "permission denied"
        elif not _others_write(folder):
            return folder
        elif given is not None:
            said = f"{folder}: others than you can write there"
            raise UsageError("shared-folder", said, "name a folder that is yours alone")
        else:
            reason = "others can write there"
    except OSError as error:
        reason = error.strerror or str(error)
    if given is not None:
        raise UsageError("unwritable-file", f"{folder}: {reason}")
    note(gettext("{folder}: {reason}; the index is not kept").format(folder=folder, reason=reason))
    _kept.append(TemporaryDirectory(prefix="tongzhang-"))
    return Path(_kept[-1].name)


def _others_write(folder: Path) -> bool:
    status = folder.stat()
    return status.st_uid != os.geteuid() or bool(status.st_mode & 0o022)


def warn(log: Summary) -> None:
    """Say in red what of a log is false, if anything is, and that nothing after it is shown."""
    for line in () if log.fault is None else in_words(log.fault, certified=log.certified):
        typer.secho(harmless(line), fg=typer.colors.RED, bold=True, err=True)


def in_words(fault: LogFault, *, certified: bool) -> list[str]:
    """Return what of a log is false, for people."""
    title = gettext("THE LOG IS FALSE: {code}: {message}")
    lines = [title.format(code=fault.code, message=fault.message)]
    for text, value in (
        (gettext("expected: {value}"), fault.expected),
        (gettext("found: {value}"), fault.got),
    ):
        if value:
            lines.append("  " + text.format(value=value))
    lines.append("  " + gettext("Nothing from there on is shown."))
    if not certified:
        lines.append("  " + gettext("What is shown is certified by no quorum."))
    return lines
