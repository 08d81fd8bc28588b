"""Coverage: every record type with every outcome that it can have, and how often it came.

What a type can be refused with is declared by its contract. A refusal comes before signing, when
the author's own node sees it, or in the log, after a race.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from ledger.contracts import RULES
from ledger.entry import APPLIED
from ledger.execute import refusals
from ledger.records import type_name
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal

NODES = 6
"""Count of parties of a rehearsal: two funders, a guarantor and an auditor among them."""
RECORDS = 2500
"""Count of records of a rehearsal."""
SEEDS = range(1, 13)
"""The rehearsals that together leave no cell empty; continuous integration runs them."""

GUARDS = {
    "books-overdrawn": "a balance that may not be negative: only a fault in a contract gets there",
    "books-overflow": "a balance beyond 2^53−1 minor units: nobody here has so much",
}
"""Refusals of the books, which guard every posting and belong to no business."""

_NO_RECEIVER = "a leg that stands names a receiver that is registered, for good"
_CHAINED = "what is in force was stated"
_ON_A_DATE = "the capture's own date was checked when it was captured"
_BLOCK_TIME = "the time of a block is a date of the calendar"
_CONFLICTS = "a compensation that does not hold when its money comes conflicts"
_AGREED = "terms are looked at when they are proposed"
_POSITIVE = "the form of a record has no other amount"
_NEAR_BLOCK = "a capture lies at most a day after its block, which is a date of the calendar"

UNREACHABLE: dict[tuple[str, str], str] = {
    ("payment.captured", "unknown-receiver"): _NO_RECEIVER,
    ("payment.reversed", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.paid", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.returned", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.confirmed", "unknown-receiver"): _NO_RECEIVER,
    ("fee.agreed", "unknown-agreement"): _CHAINED,
    ("profit.agreed", "unknown-agreement"): _CHAINED,
    ("payment.captured", "date-out-of-range"): _NEAR_BLOCK,
    ("split.instructed", "date-out-of-range"): _ON_A_DATE,
    ("split.amended", "date-out-of-range"): _ON_A_DATE,
    ("fee.charged", "date-out-of-range"): _ON_A_DATE,
    ("settlement.created", "date-out-of-range"): _BLOCK_TIME,
    ("fee.agreed", "date-out-of-range"): _BLOCK_TIME,
    ("profit.agreed", "date-out-of-range"): _BLOCK_TIME,
    ("fee.invoiced", "date-out-of-range"): _BLOCK_TIME,
    ("profit.shared", "date-out-of-range"): _BLOCK_TIME,
    ("calendar.declared", "date-out-of-range"): _BLOCK_TIME,
    ("payment.reversed", "date-out-of-range"): _BLOCK_TIME,
    ("loan.disbursed", "date-out-of-range"): _BLOCK_TIME,
    ("loan.funded", "date-out-of-range"): _BLOCK_TIME,
    ("loan.replanned", "date-out-of-range"): _BLOCK_TIME,
    ("loan.waived", "date-out-of-range"): _BLOCK_TIME,
    ("repayment.failed", "date-out-of-range"): _BLOCK_TIME,
    ("compensation.stated", "date-out-of-range"): _BLOCK_TIME,
    ("compensation.stated", "unknown-receiver"): _NO_RECEIVER,
    ("payment.reversed", "loan-unknown"): _CHAINED,
    ("payment.reversed", "loan-not-disbursed"): _CHAINED,
    ("loan.accepted", "loan-not-disbursed"): _CHAINED,
    ("loan.accepted", "dates-out-of-order"): _AGREED,
    **{
        ("loan.disbursed", code): _AGREED
        for code in (
            *("dates-out-of-order", "funders-form", "schedule-does-not-close"),
            *("shares-do-not-sum", "terms-contradict", "terms-out-of-range"),
        )
    },
    ("payment.captured", "amount-not-positive"): _POSITIVE,
    ("loan.waived", "amount-not-positive"): _POSITIVE,
    **{
        ("payment.captured", code): _CONFLICTS
        for code in (
            *("compensation-differs", "compensation-too-early", "not-covered"),
            *("nothing-to-compensate", "unknown-instalment"),
        )
    },
}
"""Refusals that stand in a rule's code and that no record can meet, with the reason."""

ELSEWHERE: dict[tuple[str, str], str] = {
    ("loan.proposed", "too-many-legs"): (
        "five funders, a guarantor and the platform are fewer than the legs of a simulated split"
    ),
}
"""Refusals by limits that no simulated consortium has, with the reason."""


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
        for rule in RULES.values():
            type_ = type_name(rule.record)
            for outcome in (APPLIED, *refusals(rule)):
                if (type_, outcome) not in ELSEWHERE:
                    yield self._cell(type_, outcome)

    def _cell(self, type_: str, outcome: str) -> CoverageCell:
        return CoverageCell(
            type=type_,
            outcome=outcome,
            before_signing=self._counts[type_, outcome, False],
            in_log=self._counts[type_, outcome, True],
        )

    def unknown(self) -> list[tuple[str, str]]:
        """Return what came and is no cell: a refusal that no contract declares."""
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
        for (type_, code), why in {**UNREACHABLE, **ELSEWHERE}.items():
            yield f"left out: {type_} {code} ({why})"


def rehearse(seeds: Iterable[int] = SEEDS, records: int = RECORDS, nodes: int = NODES) -> Coverage:
    """Return the coverage of a rehearsal of each seed."""
    found = Coverage()
    for seed in seeds:
        rehearsal = Rehearsal(Plan(seed=seed, nodes=nodes, cast="guaranteed", records=records))
        rehearsal.run()
        found.add(rehearsal.workload.outcomes)
    return found
