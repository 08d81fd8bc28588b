"""Rows as columns: what a business day leaves in the state comes back from its table as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple
from sqlalchemy import MetaData

from ledger.contracts import ROWS
from ledger.contracts.disputes import Dispute
from ledger.contracts.payouts import Payout
from ledger.state import Row
from node.errors import CorruptLedger
from node.storage.tables import RowTable
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found: list[Row] = []
    for seed in (2, 5):
        rehearsal = Rehearsal(Plan(seed=seed, nodes=6, cast="guaranteed", records=2000))
        rehearsal.run()
        changes = rehearsal.view.changes.values()
        found += (row for table in changes for row in table.values() if row is not None)
    return found


def test_rows_of_every_type_come_back_from_their_columns(rows: list[Row]) -> None:
    assert {type(row) for row in rows} == set(ROWS)
    tables = {kind: RowTable(kind, MetaData()) for kind in ROWS}
    for row in rows:
        table = tables[type(row)]
        assert table.decode(table.encode(row)) == row


def test_rows_hold_words_of_their_types_only(rows: list[Row]) -> None:
    for row in rows:
        assert msgspec.convert(astuple(row), type(row)) == row


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(Dispute, "state", "denied"), (Payout, "amount", "much")]
)
def test_a_column_that_holds_something_else_is_damage(
    rows: list[Row], kind: type[Row], field: str, value: Any
) -> None:
    table = RowTable(kind, MetaData())
    values = list(table.encode(next(row for row in rows if type(row) is kind)))
    values[kind.__struct_fields__.index(field)] = value
    with pytest.raises(
        CorruptLedger, match=rf"a row of {kind.TABLE} is damaged: .* at `\$\[[46]\]`"
    ):
        table.decode(tuple(values))
