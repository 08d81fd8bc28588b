"""Damage that a check has found in a node's database, as it stands there from then on."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cli.errors import CheckFailed


def refuse_damage(found: str) -> None:
    """Refuse a database in which damage was found and not looked for since.

    Args:
        found: What the database says of itself; empty if nothing was found.

    Raises:
        CheckFailed: ``corrupt-ledger``, with what was found.
    """
    if found:
        raise CheckFailed(
            "corrupt-ledger",
            f"the node does not run, because a check has found this: {found}",
            "once it is put right, `tongzhang node HOME --full-check` looks at everything again",
        )


def damage_of(path: Path) -> str:
    """Return what a check has found in the database of a home; empty if it says nothing."""
    from node.errors import NodeError
    from node.home.home import DATABASE, load_home
    from node.storage.marks import DAMAGE
    from node.storage.snapshots import open_snapshots

    with contextlib.suppress(NodeError):
        home = load_home(path)
        if not home.config.database and not (path / DATABASE).exists():
            return ""
        opened = contextlib.closing(open_snapshots(home.database_url))
        with opened as snapshots, snapshots.reader() as reader:
            return reader.meta(DAMAGE) or ""
    return ""
