"""A world of real hosts whose databases can be put back to an older copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from consensus.messages import EvidenceMessage, decode
from tests.node.host_kit import World


class Restored(World):
    """A world whose databases can be put back to an older copy."""

    def __init__(self, directory: Path, templates: Path | None = None) -> None:
        super().__init__(directory, templates)
        self._copies: dict[str, bytes] = {}
        self.forgotten = False
        """Whether nobody can know any more all that was signed: then conviction alone is judged."""

    def keep_copies(self) -> None:
        """Copy every database as it is now, its host running or not."""
        for name in self.genesis.names:
            with (
                closing(sqlite3.connect(self.directory / f"{name}.db")) as source,
                closing(sqlite3.connect(":memory:")) as copy,
            ):
                source.backup(copy)
                self._copies[name] = copy.serialize()

    def _watch(self, sender: str, frame: bytes) -> None:
        message = decode(frame)
        if self.forgotten and not isinstance(message, EvidenceMessage):
            return
        super()._watch(sender, frame)

    def put_back(self, name: str) -> None:
        """Cut a host's power, and put the copy in the place of its database."""
        self.crash(name)
        for file in self.directory.glob(f"{name}.db*"):
            file.unlink()
        (self.directory / f"{name}.db").write_bytes(self._copies[name])
