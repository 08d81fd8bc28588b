"""Bugs in the store: what is written, and what is read."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from consensus.effects import Deliver
from ledger.books import Balance
from node.host.delivery import Delivery
from node.storage import held
from node.storage.books import BookReader
from node.storage.engine import Statements
from node.storage.reads import Reader
from node.storage.store import Store
from node.storage.view import StoreView
from node.storage.writer import Writer
from simulator import clients
from simulator.plan import Fault
from tests.simulator.mutants.mutant import mutant, plan_of

TORN = tuple(
    Fault(
        kind="crash", at_ms=300 + 90 * i, for_ms=15, who=(who,), effect=1 + 5 * i % 11, disk="torn"
    )
    for i, who in enumerate(("funder", "auditor") * 30, 1)
)


@mutant("I5", plan_of(11))
def deleted_rows_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that a block deletes stays in the database."""

    def write_rows(writer: Writer, sql: Statements, changes: Any, _is_absent: Any) -> None:
        for kind, rows in changes.items():
            mapped = sql.tables.rows[kind]
            changed = [mapped.encode(row) for row in rows.values() if row is not None]
            writer.run(sql.upsert(mapped.table), changed)

    monkeypatch.setattr(held, "write_rows", write_rows)


@mutant("I5", plan_of(1))
def one_node_books_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """One node's store adds a block's money to its balances twice."""
    write = Store.write

    def twice(self: Store) -> None:
        new = self.holds
        write(self)
        if new and "/funder/" in str(self.engine.url):
            with self._writer.writing("book again"):
                self._writer.run("UPDATE balances SET amount = 2 * amount", [()])

    monkeypatch.setattr(Store, "write", twice)


@mutant("I4", plan_of(3, *TORN, think_ms=100))
def a_block_is_not_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block changes is written statement by statement."""
    monkeypatch.setattr(Writer, "_begin", lambda self: None)


@mutant("history", plan_of(1, records=60))
def balances_of_the_past_are_those_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """A balance as of an earlier block counts what was posted later, too."""
    balance = BookReader.balance

    def newest(self: BookReader, account: tuple[str, str], size: int) -> int | None:
        return balance(self, account, 1_000_000)

    monkeypatch.setattr(BookReader, "balance", newest)
    monkeypatch.setattr(clients, "LOOKS_PPM", 1_000_000)


@mutant("history", plan_of(1))
def reads_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some reads come from a copy that lags behind."""
    height = Reader.height
    counted = iter(range(1_000_000))

    def stale(self: Reader) -> int:
        return max(0, height(self) - 3 * (next(counted) % 2))

    monkeypatch.setattr(Reader, "height", stale)


@mutant("I5", plan_of(11, records=100))
def what_was_written_is_stale_in_one_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """One node forgets the balances that it has written, and its cache shows those from before."""
    written = StoreView.written

    def forget(self: StoreView) -> None:
        if isinstance(self._source, Store) and "/funder/" in str(self._source.engine.url):
            self.unwritten.pop(Balance, None)
        written(self)

    monkeypatch.setattr(StoreView, "written", forget)


@mutant("I4", plan_of(5, *TORN))
def blocks_of_a_range_are_only_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that no paper of this node says is final is not written at once."""
    deliver = Delivery.deliver

    def believed(self: Delivery, delivered: list[Deliver]) -> None:
        deliver(self, [replace(each, durable=True) for each in delivered])

    monkeypatch.setattr(Delivery, "deliver", believed)
