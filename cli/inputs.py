"""Files that commands are given: read whole, but never without a bound.

They come from strangers, and what stands under a name may be a device that has no end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UsageError

FILE_BYTES_MAX = 256 * 1024 * 1024
STDIN = "-"


def bytes_of(path: str | Path) -> bytes:
    """Return the bytes of a file; ``-`` is standard input.

    Raises:
        UsageError: ``unreadable-file`` or ``file-too-large``.
    """
    content = beginning_of(path, FILE_BYTES_MAX)
    if len(content) > FILE_BYTES_MAX:
        raise UsageError("file-too-large", f"{path} has more than {FILE_BYTES_MAX:,} bytes")
    return content


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises:
        UsageError: ``unreadable-file``, ``file-too-large`` or ``not-text``.
    """
    try:
        return bytes_of(path).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("not-text", f"{path} is not UTF-8 text") from None


def beginning_of(path: str | Path, bytes_max: int) -> bytes:
    """Return a file's bytes, or one more than there may be, for what will refuse it.

    Raises:
        UsageError: ``unreadable-file``.
    """
    with readable(path):
        if path == STDIN:
            if sys.stdin is None:
                raise OSError("standard input is closed")
            return sys.stdin.buffer.read(bytes_max + 1)
        with Path(path).open("rb") as file:
            return file.read(bytes_max + 1)


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Say which file cannot be read.

    Raises:
        UsageError: ``unreadable-file``.
    """
    try:
        yield
    except OSError as error:
        raise UsageError("unreadable-file", f"{path}: {error.strerror or error}") from None
