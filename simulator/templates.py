"""Empty databases for the machines of many worlds."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from ledger.genesis import Genesis
from node.storage.store import Store
from simulator.disk import make_disk, name_database


class Templates:
    """Empty databases by ledger and party: making tables takes longer than a short run.

    Args:
        directory: Where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, genesis: Genesis, party: str) -> Path:
        """Return the path of an empty database, made on first use."""
        path = self._directory / f"{genesis.ledger[:16]}-{party}.db"
        if not path.exists():
            make_disk(path)
            Store(f"sqlite:///{path}", genesis, party=party).close()
            name_database(path, sha256(path.name.encode()).hexdigest()[:32])
        return path
