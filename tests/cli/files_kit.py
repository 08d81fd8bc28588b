"""What a careless or a hostile hand may put where a file should be."""

from __future__ import annotations

import os
from pathlib import Path

ENDLESS = {
    "device": "no plain file",
    "pipe": "no plain file",
    "folder": "Is a directory",
    "huge": "more than",
    "loop": "Too many levels of symbolic links",
}
"""Kinds of what cannot be read whole, and what is said of each."""

HUGE_BYTES = 2**42


def put_endless(kind: str, path: Path) -> None:
    """Put something at ``path``, instead of what is there, that has no end or no bytes."""
    path.unlink(missing_ok=True)
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.touch()
        os.truncate(path, HUGE_BYTES)  # of holes
