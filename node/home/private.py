"""Private files and folders: their owner's alone, closed to other users of the machine."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_OTHERS = 0o077

OPEN_KEY = "TONGZHANG_OPEN_KEY"
"""Set to 1 where a volume cannot keep a key from group and others: then who mounts it guards it."""

logger = logging.getLogger("tongzhang.home")


def keep_private(home: Path) -> None:
    """Keep everybody but its owner from a home and its files, and log what others could use.

    Where :data:`OPEN_KEY` says so, whoever mounts the volume guards it.
    """
    if os.environ.get(OPEN_KEY) == "1":
        return
    tightened = []
    for each in (home.resolve(), *sorted(home.iterdir())):
        try:
            if tighten(each):
                tightened.append(each.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning(
                "others than its owner can use %s: %s; run `chmod go-rwx` on it as its owner",
                each,
                error.strerror,
            )
    if tightened:
        logger.warning("others could use these, and no longer can: %s", ", ".join(tightened))


def open_private(path: Path) -> int:
    """Return a descriptor of a file to read and write, which is made private if it is new.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)


def tighten(path: Path) -> bool:
    """Keep everybody but its owner from a plain file or a folder; return whether others had it.

    What is behind a link is somebody else's, and is left as it is.

    Raises:
        OSError: its permissions cannot be changed, or do not keep (``EPERM``).
    """
    if not _open_to_others(path):
        return False
    path.chmod(S_IMODE(path.stat().st_mode) & ~_OTHERS)
    if _open_to_others(path):
        raise PermissionError(errno.EPERM, "permissions do not keep here")
    return True


def _open_to_others(path: Path) -> bool:
    mode = path.lstat().st_mode
    return (S_ISREG(mode) or S_ISDIR(mode)) and bool(mode & _OTHERS)
