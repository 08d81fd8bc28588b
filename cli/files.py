"""Files that commands write: whole, or not at all.

A file is written beside its place, as ``.NAME.part``, and takes its name when all of it is on the
disk. A full disk, an error or Ctrl-C leaves what was there before, and no part.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from cli.errors import UsageError
from cli.signals import uninterrupted


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the name ``path`` at the end, and is removed after an error.

    What is there and is no plain file, such as a device or a pipe, is written to as it is. A
    link keeps pointing where it does, and a file that is replaced leaves its permissions.

    Raises:
        UsageError: ``unwritable-file``.
    """
    with _named(path):
        if _is_special(path):
            with path.open("wb") as file:
                yield file
            return
        target = path.resolve()
        part = _part_of(target)
        try:
            with part.open("wb") as file:
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
            part.open("wb").close()
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
    """Return whether something is there and is no plain file.

    The path is asked as it was given: that of a pipe in ``/dev/fd`` resolves to no name at all.

    Raises:
        OSError: that cannot be known, as with links that lead to one another.
    """
    try:
        return not S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _part_of(target: Path) -> Path:
    """Return where a file is written until it is whole, unless the file there may not change."""
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return target.with_name(f".{target.name}.part")
