"""Writes of a commit, table by table. Every function runs in the caller's transaction.

Shapes: one list of plain tuples a table, in the order of its columns, in one call of the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ledger.block import Block
from ledger.execute import Execution
from ledger.state import Changes, Key, Row
from node.storage.engine import Statements
from node.storage.tables import block_checksum


class Takes(Protocol):
    """Takes statements with their rows, to execute them in one transaction, now or later."""

    def run(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Take one statement for many rows; for none, do nothing."""


def write_block(
    writer: Takes,
    sql: Statements,
    block: Block,
    execution: Execution,
    proofs: tuple[bytes, bytes | None],
) -> None:
    """Write a block, its batches and its entries.

    Args:
        writer: In a transaction.
        sql: The statements of this database.
        block: The block.
        execution: What it made of the state before it.
        proofs: Its justification and its certificate.
    """
    _write_header(writer, sql, block, execution.first_index, proofs)
    _write_batches(writer, sql, block, execution.first_index)
    _write_entries(writer, sql, block.height, execution)


def _write_header(
    writer: Takes,
    sql: Statements,
    block: Block,
    first_index: int,
    proofs: tuple[bytes, bytes | None],
) -> None:
    header = block.header
    identity = (block.height, block.slot, block.hash, header.time)
    signed = (block.raw_header, block.signature)
    tail = (first_index, header.size, block_checksum(block.height, *proofs))
    writer.run(sql.insert(sql.tables.blocks), [(*identity, *signed, *proofs, *tail)])


def _write_batches(writer: Takes, sql: Statements, block: Block, first: int) -> None:
    rows = []
    for position, batch in enumerate(block.batches):
        place = (batch.party, batch.number, block.height, position, batch.hash)
        rows.append((*place, batch.raw_header, batch.signature, first, len(batch.records)))
        first += len(batch.records)
    writer.run(sql.insert(sql.tables.batches), rows)


def _write_entries(writer: Takes, sql: Statements, height: int, execution: Execution) -> None:
    rows = [
        (e.index, height, e.party, e.id, e.type, e.subject, e.outcome, leaf)
        for e, leaf in zip(execution.entries, execution.leaves, strict=True)
    ]
    writer.run(sql.insert(sql.tables.entries), rows)


def write_rows(
    writer: Takes,
    sql: Statements,
    changes: Changes,
    is_absent: Callable[[type[Row], Key], bool] = lambda _kind, _key: False,
) -> None:
    """Write the rows that stand now, and delete those that are gone.

    Args:
        writer: In a transaction.
        sql: The statements of this database.
        changes: The rows, by type and key.
        is_absent: Tells whether it is known that there is no row under a key.
    """
    for kind, rows in changes.items():
        mapped = sql.tables.rows[kind]
        changed = mapped.encode_all(rows.values())
        writer.run(sql.upsert(mapped.table), changed)
        if len(changed) < len(rows):
            gone = [key for key, row in rows.items() if row is None]
            deleted = [key for key in gone if not is_absent(kind, key)]
            writer.run(sql.delete(mapped.table), deleted)
