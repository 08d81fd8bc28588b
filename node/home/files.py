"""Files of a home: read with a bound, replaced whole."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from stat import S_ISREG

from node.home.private import PRIVATE_FILE


def read_plain(path: Path, bytes_max: int) -> bytes:
    """Return the bytes of a plain file. A device or a pipe, which may never end, is none.

    Args:
        path: The file, or a link to it.
        bytes_max: How many bytes it may have.

    Raises:
        OSError: it cannot be read, is no plain file (``EINVAL``), or is too large (``EFBIG``).
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
    with os.fdopen(handle, "rb") as file:
        if not S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise OSError(errno.EFBIG, f"it has more than {bytes_max:,} bytes")
    return content


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file by another that is complete, on the disk and private, or leave it as it is."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
