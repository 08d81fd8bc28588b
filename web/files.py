"""Static files of the page: read once, compressed once, named by what is in them.

All stand under ``/static/<hash of all of them>/``, so that modules find each other by relative
addresses and a browser keeps them until one has changed.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("static")
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}


class StaticFile(NamedTuple):
    """A file as it is served: its media type, its bytes, and these compressed."""

    media_type: str
    body: bytes
    gzipped: bytes


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every file by its path below the folder."""
    found: dict[str, StaticFile] = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in TYPES:
            body = path.read_bytes()
            name = path.relative_to(FOLDER).as_posix()
            found[name] = StaticFile(TYPES[path.suffix], body, gzip.compress(body, mtime=0))
    return found


@cache
def prefix() -> str:
    """Return the address below which all files stand."""
    whole = sha256()
    for name, each in static_files().items():
        whole.update(f"{name} {len(each.body)}\n".encode())
        whole.update(each.body)
    return f"/static/{whole.hexdigest()[:16]}/"


def address(name: str) -> str:
    """Return the address of a file.

    Raises:
        KeyError: there is no such file.
    """
    static_files()[name]
    return prefix() + name
