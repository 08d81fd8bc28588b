"""Files that commands write: whole, or not at all.

A file is written beside its place, as ``.NAME.RANDOM.part``, and takes its name when all of it is
on the disk. A full disk, an error or Ctrl-C leaves what was there before, and no part.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from os import dup, fdopen
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import BinaryIO

from cli.errors import UsageError
from cli.output import STDERR, STDOUT
from cli.signals import uninterrupted

_BY_NUMBER = re.compile(r"/(?:dev|proc/self)/fd/([0-9]+)")


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the name ``path`` at the end, and is removed after an error.

    What is there and is no plain file, such as a device or a pipe, is written to as it is, and so
    is the file that standard output goes to. A link keeps pointing where it does, and a file that
    is replaced leaves its permissions.

    Raises:
        UsageError: ``unwritable-file``.
    """
    with _named(path):
        if _is_special(path):
            number = _number_of(path)
            with path.open("wb") if number is None else fdopen(dup(number), "wb") as file:
                yield file
            return
        target = path.resolve()
        part = _part_of(target)
        try:
            with part.open("xb") as file:
                yield file
                _sync(file)
            if target.exists():
                shutil.copymode(target, part)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: none takes its name before all are on the disk.

    The first of ``contents`` takes its name last. Ctrl-C waits until all have theirs.

    Raises:
        UsageError: ``unwritable-file``.
    """
    with ExitStack() as stack:
        for path, content in contents.items():
            file = stack.enter_context(whole(path))
            with _named(path):
                file.write(content)
                _sync(file)
        with uninterrupted():
            stack.close()


def _sync(file: BinaryIO) -> None:
    """Put on the disk what was written; a device or a pipe has none."""
    file.flush()
    if S_ISREG(os.fstat(file.fileno()).st_mode):
        os.fsync(file.fileno())


def refuse_unwritable(path: Path | None) -> None:
    """Return if a file can be written, and leave everything as it is.

    Raises:
        UsageError: ``unwritable-file``.
    """
    if path is None:
        return
    with _named(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not _is_special(path):  # a pipe would wait here for its reader
            part = _part_of(path.resolve())
            part.open("xb").close()
            part.unlink()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file could not be written, by the name that it was given."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError("unwritable-file", f"{path}: {error.strerror or error}") from None


def _is_special(path: Path) -> bool:
    """Return whether something is there that is written to as it is.

    The path is asked as it was given: that of a pipe in ``/dev/fd`` resolves to no name at all.

    Raises:
        OSError: that cannot be known, as with links that lead to one another.
    """
    try:
        is_plain = S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
    return not is_plain or _number_of(path) is not None


def _number_of(path: Path) -> int | None:
    """Return under which number this process has what is there open to write, as far as known.

    A file that was opened elsewhere goes on there: another one of its name would not be seen.
    """
    named = _BY_NUMBER.fullmatch(str(path))
    found = path.stat()
    for number in (int(named[1]),) if named else (STDOUT, STDERR):
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), found):
                return number
    return None


def _part_of(target: Path) -> Path:
    """Return where a file is written until it is whole, unless the file there may not change.

    No other command that writes the same file writes there.
    """
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return target.with_name(f".{target.name}.{token_hex(4)}.part")
