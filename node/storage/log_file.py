"""Files of exported logs: read line by line and hashed, and known again cheaply."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Any, Self

import msgspec

from ledger.log_lines import LINE_BYTES_MAX

ENDS_BYTES = 64 * 1024
"""How much of a log's beginning and end is looked at to know it again."""
_PIECE_BYTES = 4 * 2**20


class Stamp(msgspec.Struct, frozen=True):
    """The signs by which a file is known again without reading all of it."""

    device: int
    inode: int
    bytes: int
    changed_ns: int
    modified_ns: int
    ends: str


class Read(msgspec.Struct, frozen=True):
    """The beginning of a file: its size and its hash."""

    bytes: int
    sha256: str


class LogFile:
    """An open log.

    Args:
        path: The file.

    Raises:
        OSError: it cannot be read, or is no plain file (``EINVAL``).
    """

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
        self._file = os.fdopen(handle, "rb", buffering=2**20)
        self.path = path
        found = os.fstat(handle)
        if not S_ISREG(found.st_mode):
            self._file.close()
            raise OSError(errno.EINVAL, "it is no plain file")
        times = (found.st_ctime_ns, found.st_mtime_ns)
        self.stamp = Stamp(
            found.st_dev, found.st_ino, found.st_size, *times, self._ends(found.st_size)
        )
        self._line = 0
        self.rewind()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def accepted(self) -> Read:
        """The beginning of the file up to the last line that was accepted."""
        size, hashed = self._accepted
        return Read(size, hashed.hexdigest())

    @property
    def whole(self) -> Read:
        """All that was read."""
        return Read(self._bytes, self._hashed.hexdigest())

    def start(self) -> bytes:
        """Return the first bytes of the file, and go back to its beginning."""
        self._file.seek(0)
        found = self._file.read(ENDS_BYTES)
        self.rewind()
        return found

    def rewind(self) -> None:
        """Go back to the beginning."""
        self._file.seek(0)
        self._hashed: Any = sha256()
        self._bytes = self._line = 0
        self._accepted = (0, sha256())
        self._ends_of_lines: dict[int, tuple[int, Any]] = {}

    def begins_with(self, size: int, digest: str) -> bool:
        """Read the first ``size`` bytes, and return whether they have this hash.

        They are taken for lines that were accepted. Otherwise the file is to be rewound.
        """
        self.rewind()
        while size and (piece := self._file.read(min(size, _PIECE_BYTES))):
            self._hashed.update(piece)
            self._bytes += len(piece)
            size -= len(piece)
        self._accepted = (self._bytes, self._hashed.copy())
        return not size and self._hashed.hexdigest() == digest

    def lines(self, done: int = 0) -> Iterator[bytes]:
        """Yield the lines that are left, without their line breaks.

        Args:
            done: How many lines were accepted before.
        """
        self._line = done
        while raw := self._file.readline(LINE_BYTES_MAX + 2):
            self._hashed.update(raw)
            self._bytes += len(raw)
            self._line += 1
            self._ends_of_lines[self._line] = (self._bytes, self._hashed.copy())
            yield raw.removesuffix(b"\n")

    def accept(self, line: int) -> None:
        """Take all lines up to this one, from 1, for good."""
        self._accepted = self._ends_of_lines[line]
        for earlier in [each for each in self._ends_of_lines if each <= line]:
            del self._ends_of_lines[earlier]

    def _ends(self, size: int) -> str:
        hashed = sha256(self._file.read(ENDS_BYTES))
        self._file.seek(max(0, size - ENDS_BYTES))
        hashed.update(self._file.read(ENDS_BYTES))
        return hashed.hexdigest()
