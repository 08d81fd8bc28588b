"""Coverage: every record type with every outcome that it can have, and how often it came.

What a type can be refused with is read from the contracts (:mod:`simulator.refusals`). A refusal
comes before signing, when the author's own node sees it, or in the log, after a race.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from ledger.entry import APPLIED
from simulator.plan import Plan
from simulator.refusals import GUARDS, UNREACHABLE, refusals
from simulator.rehearsal import Rehearsal

RECORDS = 2500
"""Count of records of a rehearsal."""
SEEDS = range(1, 13)
"""The rehearsals that together leave no cell empty; continuous integration runs them."""


class CoverageCell(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome of one record type: how often it came before signing, and in the log."""

    type: str
    outcome: str
    before_signing: int
    in_log: int

    @property
    def is_empty(self) -> bool:
        """Whether it never came."""
        return not self.before_signing and not self.in_log


class Coverage:
    """Counts the outcomes of records, of one run or of many."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, bool]] = Counter()

    def add(self, outcomes: Counter[tuple[str, str, bool]]) -> None:
        """Add what the workload of a run has counted."""
        self._counts.update(outcomes)

    def cells(self) -> Iterator[CoverageCell]:
        """Yield all cells that there are, type by type: applied first, then every refusal."""
        for type_, codes in refusals().items():
            for outcome in (APPLIED, *codes):
                yield self._cell(type_, outcome)

    def _cell(self, type_: str, outcome: str) -> CoverageCell:
        return CoverageCell(
            type=type_,
            outcome=outcome,
            before_signing=self._counts[type_, outcome, False],
            in_log=self._counts[type_, outcome, True],
        )

    def unknown(self) -> list[tuple[str, str]]:
        """Return what came and is no cell: a refusal that the scan of the contracts missed."""
        known = {(cell.type, cell.outcome) for cell in self.cells()}
        came = {(type_, outcome) for type_, outcome, _ in self._counts}
        return sorted(came - known)

    @property
    def empty(self) -> list[CoverageCell]:
        """The cells that never came."""
        return [cell for cell in self.cells() if cell.is_empty]

    def lines(self) -> Iterator[str]:
        """Yield the table, one line a cell, and what is left out and why."""
        yield f"{'record':<24} {'outcome':<26} {'before signing':>14} {'in the log':>11}"
        for cell in self.cells():
            mark = "  <- never" if cell.is_empty else ""
            counts = f"{cell.before_signing:>14} {cell.in_log:>11}"
            yield f"{cell.type:<24} {cell.outcome:<26} {counts}{mark}"
        yield ""
        for code, why in GUARDS.items():
            yield f"left out: {code} ({why})"
        for (type_, code), why in UNREACHABLE.items():
            yield f"left out: {type_} {code} ({why})"


def rehearse(seeds: Iterable[int] = SEEDS, records: int = RECORDS, nodes: int = 4) -> Coverage:
    """Return the coverage of a rehearsal of each seed."""
    found = Coverage()
    for seed in seeds:
        rehearsal = Rehearsal(Plan(seed=seed, nodes=nodes, records=records))
        rehearsal.run()
        found.add(rehearsal.workload.outcomes)
    return found
