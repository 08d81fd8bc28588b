"""I5: equal height means equal tree root, state hash and books on every node."""

from __future__ import annotations

from typing import Any

from msgspec.structs import astuple

from ledger.block import Block, genesis_tip, tip_of
from ledger.books import Balance
from ledger.contracts import ROWS
from ledger.errors import LedgerError
from ledger.execute import execute
from ledger.log.merkle import Frontier
from ledger.state import Changes, EmptyView, Key, Overlay, Row
from node.errors import Halted
from node.storage.held import FinalBlock
from node.storage.reads import Reader
from simulator.checkers.checker import Checker
from simulator.checkers.scene import DamagedScene, Watched

ROWS_MAX = 1_000_000


class EqualBooks(Checker):
    """Compares results block by block, balances at each start, and every row in the end.

    In the end one machine's log is executed again from nothing: rows that are equal on all
    machines may still be wrong on all of them.
    """

    invariant = "I5"
    world: DamagedScene

    def __init__(self, world: DamagedScene) -> None:
        super().__init__(world)
        self._blocks: list[bytes] = []
        self._balances: list[dict[Key, Row | None]] = []

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Compare what a machine got with what the block's header says for all."""
        block, execution = final.block, final.execution
        if not self.is_honest(process):
            return
        header = block.header
        got = (execution.size, execution.root.hex(), execution.state.hex())
        if got != (header.size, header.root, header.state):
            self.broken(
                f"{process.name} commits block {block.height} with state {got[2][:12]}, "
                f"{header.proposer} proposed {header.state[:12]}"
            )
        if self.follows(block, self._blocks):
            self._blocks.append(block.hash)
            self._balances.append(execution.changes.get(Balance, {}))

    def on_start(self, process: Watched) -> None:
        """Compare the balances on the disk with what the blocks up to its tip made of them."""
        store = process.store
        if store is None or not self.is_honest(process):
            return
        tip = store.tip()
        if tip.height and tip.hash not in self._blocks:
            return  # another branch of a fork
        expected: dict[Key, Row] = {}
        for changes in self._balances[: tip.height]:
            _merge(expected, changes)
        with store.reader() as reader:
            stored = {row.key: row for row in reader.rows(Balance, limit=ROWS_MAX)}
        self._compare(process, Balance, stored, expected)

    def on_halt(self, process: Watched, why: Halted) -> None:
        """A node whose own result differs says so; only a damaged disk may be the reason."""
        damaged = process.name in self.world.damaged
        if why.code == "state-diverged" and self.is_honest(process) and not damaged:
            self.broken(f"{process.name}: {why.message}")

    def finish(self) -> None:
        """Compare all rows of all machines with those that the log makes."""
        up = [p for p in self.world.honest() if p.store is not None]
        expected: dict[bytes, dict[type[Row], dict[Key, Row]]] = {}
        raws: dict[bytes, dict[type[Row], list[Any]]] = {}
        for process in up:
            tip = _tip(process)
            if tip in raws:
                self._compare_raw(process, raws[tip], expected[tip])
                continue
            raws[tip], expected[tip] = _raw(process), self._replayed(process)
            self._compare_all(process, expected[tip])

    def _compare_raw(
        self,
        process: Watched,
        raw: dict[type[Row], list[Any]],
        expected: dict[type[Row], dict[Key, Row]],
    ) -> None:
        if _raw(process) != raw:
            self._compare_all(process, expected)
            self.broken(f"{process.name} stores rows that are not those of the others")

    def _compare_all(self, process: Watched, expected: dict[type[Row], dict[Key, Row]]) -> None:
        if process.store is None:
            return
        with process.store.reader() as reader:
            for kind in ROWS:
                stored = {row.key: row for row in reader.rows(kind, limit=ROWS_MAX)}
                self._compare(process, kind, stored, expected.get(kind, {}))

    def _compare(
        self,
        process: Watched,
        kind: type[Row],
        stored: dict[Key, Any],
        expected: dict[Key, Row],
    ) -> None:
        if stored == expected:
            return
        key = min(k for k in stored.keys() | expected.keys() if stored.get(k) != expected.get(k))
        self.broken(
            f"{process.name} stores {_said(stored.get(key))} in {kind.TABLE}, "
            f"the log makes it {_said(expected.get(key))}"
        )

    def _replayed(self, process: Watched) -> dict[type[Row], dict[Key, Row]]:
        """Execute a machine's log on nothing, and return all rows that stand in the end."""
        genesis, store = self.world.genesis, process.store
        view, parent, frontier = Overlay(EmptyView()), genesis_tip(genesis), Frontier()
        if store is None:
            return {}
        with store.reader() as reader:
            for height in range(1, store.tip().height + 1):
                block = self._block(process, reader, height)
                batches, time_ms = block.batches, block.header.time
                try:
                    made = execute(genesis, parent, frontier, view, time_ms, batches)
                except LedgerError as error:
                    self.broken(f"block {height} on {process.name} does not execute: {error}")
                parent, frontier = tip_of(block), made.frontier
                if (made.root, made.state) != (parent.root, parent.state):
                    self.broken(f"block {height} of {process.name} has another result from nothing")
                view.merge(made.changes)
        return _standing(view.changes)

    def _block(self, process: Watched, reader: Reader, height: int) -> Block:
        stored = reader.block(height)
        if stored is None:
            self.broken(f"{process.name} does not hold block {height}, below its tip")
        return stored.block


def _tip(process: Watched) -> bytes:
    return process.store.tip().hash if process.store is not None else b""


def _raw(process: Watched) -> dict[type[Row], list[Any]]:
    """Return all rows as the database has them, in the order of their keys."""
    if process.store is None:
        return {}
    found: dict[type[Row], list[Any]] = {}
    with process.store.reader() as reader:
        driver: Any = reader.connection.connection.driver_connection
        for kind, mapped in process.store.tables.rows.items():
            keys = ", ".join(f'"{name}"' for name in mapped.key_fields)
            query = f'SELECT * FROM "{mapped.table.name}" ORDER BY {keys}'
            found[kind] = driver.execute(query).fetchall()
    return found


def _standing(changes: Changes) -> dict[type[Row], dict[Key, Row]]:
    return {
        kind: {key: row for key, row in rows.items() if row is not None}
        for kind, rows in changes.items()
    }


def _merge(into: dict[Key, Row], changes: dict[Key, Row | None]) -> None:
    for key, row in changes.items():
        if row is None:
            into.pop(key, None)
        else:
            into[key] = row


def _said(row: Row | None) -> str:
    return "nothing" if row is None else str(astuple(row))
