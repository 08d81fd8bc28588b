"""Ownership of a database: it says whose it is, and is refused where it is another one's."""

from __future__ import annotations

import os

from sqlalchemy import Engine, select

from ledger.genesis import Genesis
from node.errors import StorageError
from node.storage.engine import Statements

SCHEMA_VERSION = "3"
"""Raised when what stands in a column changes; how tables are defined has a fingerprint beside it.

2: the subject of a refused refund, dispute or payout is what it asked about.
3: T+n is the n-th business day after the capture's date, also where that is no business day.
"""

_OWNERSHIP = {"genesis": "wrong-ledger", "party": "wrong-party", "schema": "wrong-schema"}
_NEXT_STEP = {
    "genesis": "genesis.json is not the document that the database was made for: copy that one "
    "again from another party. Only where node.toml names a database, that may be another "
    "ledger's: then correct its URL",
    "party": "correct the database's URL in node.toml",
    "schema": "another version of Tongzhang made it: run the node with that version. If only this "
    "node has such a database, `tongzhang node HOME --rebuild` fetches the ledger from its peers; "
    "that costs this party its vote",
}


def claim(engine: Engine, sql: Statements, genesis: Genesis, party: str) -> str:
    """Return the database's id; make its tables, if it is new.

    Args:
        engine: The database.
        sql: Its statements.
        genesis: The consortium's founding document.
        party: Whose node it is for; empty leaves that open.

    Raises:
        StorageError: ``wrong-ledger``, ``wrong-party`` or ``wrong-schema``.
    """
    own = {
        "genesis": genesis.ledger,
        "schema": f"{SCHEMA_VERSION}:{sql.tables.fingerprint}",
    }
    if party:
        own["party"] = party
    with engine.begin() as connection:
        connection.exec_driver_sql(sql.create(sql.tables.meta))
        found = connection.execute(select(sql.tables.meta)).all()
        known: dict[str, str] = {row.key: row.value for row in found}
    for key, code in _OWNERSHIP.items():
        if key in own and known.get(key, own[key]) != own[key]:
            raise StorageError(
                code,
                f"expected a database of {key} {own[key]}, this one is of {known[key]}; "
                f"{_NEXT_STEP[key]}",
            )
    own["id"] = known.get("id") or os.urandom(16).hex()
    if not own.items() <= known.items():
        with engine.begin() as connection:
            for statement in sql.definitions:
                connection.exec_driver_sql(statement)
            rows = list(own.items())
            connection.exec_driver_sql(sql.upsert(sql.tables.meta), rows)
    return own["id"]
