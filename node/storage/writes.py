"""What committing a block writes, table by table. Every function runs in the caller's transaction.

Shapes: one list of plain tuples a table, in the order of its columns, through one executemany.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ledger.block import Block
from ledger.execute import Execution
from ledger.log.tiles import TileReader, grow
from ledger.state import Changes
from node.storage.engine import Statements
from node.storage.tables import block_checksum


def run(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute one statement for many rows; for none, do nothing."""
    if rows:
        connection.exec_driver_sql(sql, list(rows))


def write_block(
    connection: Connection,
    sql: Statements,
    block: Block,
    execution: Execution,
    proofs: tuple[bytes, bytes | None],
) -> None:
    """Write a block, its batches, its entries, the tiles of the log and the rows it changed.

    Args:
        connection: In a transaction.
        sql: The statements of this database.
        block: The block.
        execution: What it made of the state before it.
        proofs: Its justification and its certificate.
    """
    _write_header(connection, sql, block, execution.first_index, proofs)
    _write_batches(connection, sql, block, execution.first_index)
    _write_entries(connection, sql, block.height, execution)
    tiles = grow(execution.first_index, execution.leaf_hashes, tile_reader(connection, sql))
    run(connection, sql.upsert(sql.tables.tiles), tiles)
    _write_rows(connection, sql, execution.changes)


def tile_reader(connection: Connection, sql: Statements) -> TileReader:
    """Return a reader of stored tiles on a connection."""
    text = sql.select(sql.tables.tiles, 1)

    def read(level: int, index: int) -> bytes | None:
        row = connection.exec_driver_sql(text, (level, index)).first()
        return None if row is None else row[2]

    return read


def _write_header(
    connection: Connection,
    sql: Statements,
    block: Block,
    first_index: int,
    proofs: tuple[bytes, bytes | None],
) -> None:
    header = block.header
    identity = (block.height, block.slot, block.hash, header.time)
    signed = (block.raw_header, block.signature)
    tail = (first_index, header.size, block_checksum(block.height, *proofs))
    run(connection, sql.insert(sql.tables.blocks), [(*identity, *signed, *proofs, *tail)])


def _write_batches(connection: Connection, sql: Statements, block: Block, first: int) -> None:
    rows = []
    for position, batch in enumerate(block.batches):
        place = (batch.party, batch.number, block.height, position, batch.hash)
        rows.append((*place, batch.raw_header, batch.signature, first, len(batch.records)))
        first += len(batch.records)
    run(connection, sql.insert(sql.tables.batches), rows)


def _write_entries(
    connection: Connection, sql: Statements, height: int, execution: Execution
) -> None:
    rows = [
        (e.index, height, e.party, e.id, e.type, e.subject, e.outcome, leaf)
        for e, leaf in zip(execution.entries, execution.leaves, strict=True)
    ]
    run(connection, sql.insert(sql.tables.entries), rows)


def _write_rows(connection: Connection, sql: Statements, changes: Changes) -> None:
    for kind, rows in changes.items():
        mapped = sql.tables.rows[kind]
        encode = mapped.encode
        changed = [encode(row) for row in rows.values() if row is not None]
        run(connection, sql.upsert(mapped.table), changed)
        if len(changed) < len(rows):
            deleted = [key for key, row in rows.items() if row is None]
            run(connection, sql.delete(mapped.table), deleted)
