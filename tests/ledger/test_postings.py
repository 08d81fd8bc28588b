"""Postings in the store: the statement of an account is one search of the primary key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger import canonical
from ledger.books import Balance, Posting
from node.storage.store import Store
from tests.ledger.chains import CERTIFICATE, JUSTIFICATION, Chain, genesis_of
from tests.ledger.ledger_kit import RECEIVER, captured, split
from tests.node.store_kit import make_final

GENESIS = genesis_of()
PENDING = {"account": "pending:shop", "currency": "CNY"}


def record(type_: str, number: int, fields: dict[str, object]) -> bytes:
    return canonical.encode({"at": 1, "id": f"{type_}-{number}", "type": type_, **fields})


@pytest.fixture
def store() -> Iterator[Store]:
    """A store with one payment split in each of three blocks."""
    store = Store("sqlite://", GENESIS)
    chain = Chain(GENESIS)
    registered = [
        record("receiver.registered", number, {"receiver": name, **RECEIVER})
        for number, name in enumerate(("shop", "platform-fee"))
    ]
    chain.execute({"institution": registered})
    for number in (9, 5, 7):
        payment, amount = f"P{number}", number * 1000
        capture = record("payment.captured", number, captured(payment, amount))
        instruction = record("split.instructed", number, split(payment, amount))
        chain.execute({"institution": [capture], "platform": [instruction]})
    for block, execution in chain.blocks:
        make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    yield store
    store.close()


def test_a_statement_is_read_in_entry_order_and_page_by_page(store: Store) -> None:
    with store.reader() as reader:
        whole = reader.rows(Posting, PENDING)
        first = reader.rows(Posting, PENDING, limit=2)
        second = reader.rows(Posting, PENDING, after_key=first[-1].key, limit=2)
    assert [row.amount for row in whole] == [-6300, -3500, -4900]
    assert [row.entry for row in whole] == sorted(row.entry for row in whole)
    assert first + second == whole


def test_each_line_of_a_statement_shows_the_balance_after_it(store: Store) -> None:
    with store.reader() as reader:
        rows = reader.rows(Posting, PENDING)
        balance = reader.row(Balance, ("pending:shop", "CNY"))
    assert [row.balance for row in rows] == [-6300, -9800, -14_700]
    assert balance is not None
    assert rows[-1].balance == balance.amount


def test_a_statement_searches_the_primary_key_alone(store: Store) -> None:
    columns = ", ".join(Posting.__struct_fields__[: Posting.KEY])
    sql = (
        "EXPLAIN QUERY PLAN SELECT * FROM postings WHERE account = ? AND currency = ? "
        f"AND entry > ? ORDER BY {columns} LIMIT 10"
    )
    with store.reader() as reader:
        steps = reader.connection.exec_driver_sql(sql, ("pending:shop", "CNY", 0)).fetchall()
    assert [step[-1] for step in steps] == [
        "SEARCH postings USING PRIMARY KEY (account=? AND currency=? AND entry>?)"
    ]


def test_the_postings_of_an_entry_are_found_by_an_index(store: Store) -> None:
    sql = "EXPLAIN QUERY PLAN SELECT * FROM postings WHERE entry >= ? AND entry < ?"
    with store.reader() as reader:
        found = reader.rows(Posting, {"entry": 3})
        steps = reader.connection.exec_driver_sql(sql, (3, 4)).fetchall()
    assert [(row.account, row.amount) for row in found] == [
        ("pending:platform-fee", -2700),
        ("pending:shop", -6300),
        ("suspense:P9", 9000),
    ]
    assert "USING INDEX postings_by_entry" in str(steps)


def test_a_suspense_account_of_one_block_leaves_postings_and_no_balance(store: Store) -> None:
    suspense = {"account": "suspense:P5", "currency": "CNY"}
    with store.reader() as reader:
        assert [row.balance for row in reader.rows(Posting, suspense)] == [-5000, 0]
        assert reader.row(Balance, ("suspense:P5", "CNY")) is None
