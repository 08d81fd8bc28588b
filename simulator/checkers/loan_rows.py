"""The rows of loans as blocks leave them, kept by those who check them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from ledger.books import Balance
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
    LoanInstalment,
    LoanParty,
    RepaymentAttempt,
)
from ledger.contracts.refunded import RefundedPayment
from ledger.state import Changes, Key, Row

R = TypeVar("R", bound=Row)

OF_LOANS: tuple[type[Row], ...] = (
    LoanAccount,
    LoanInstalment,
    LoanEvent,
    RepaymentAttempt,
)
"""Rows whose keys begin with the loan that they are of."""
OF_PAYMENTS: tuple[type[Row], ...] = (Capture, Instruction, Leg, RefundedPayment)
"""Rows whose keys begin with the payment that they are of."""
_KEPT: tuple[type[Row], ...] = (
    *OF_LOANS,
    *OF_PAYMENTS,
    LoanAgreement,
    LoanParty,
    LoanCompensation,
    Balance,
)


class LoanRows:
    """Rows by kind and key, and by the first part of their key."""

    def __init__(self) -> None:
        self._rows: dict[type[Row], dict[Key, Row]] = {kind: {} for kind in _KEPT}
        grouped: tuple[type[Row], ...] = (*OF_LOANS, Leg)
        self._groups: dict[type[Row], defaultdict[object, dict[Key, Row]]] = {
            kind: defaultdict(dict) for kind in grouped
        }
        self._compensations: defaultdict[str, list[Key]] = defaultdict(list)

    def take(self, changes: Changes) -> None:
        """Take in what a block has changed."""
        for kind, held in self._rows.items():
            groups = self._groups.get(kind)
            for key, row in changes.get(kind, {}).items():
                if isinstance(row, LoanCompensation) and key not in held:
                    self._compensations[row.loan].append(key)
                for place in (held, *(() if groups is None else (groups[key[0]],))):
                    if row is None:
                        place.pop(key, None)
                    else:
                        place[key] = row

    def get(self, kind: type[R], *key: object) -> R | None:
        """Return a row, or None."""
        row = self._rows[kind].get(key)
        return row if isinstance(row, kind) else None

    def all(self, kind: type[R]) -> Iterator[R]:
        """Yield all rows of a kind, in the order of their keys."""
        rows = self._rows[kind]
        return (row for _, row in sorted(rows.items()) if isinstance(row, kind))

    def of(self, kind: type[R], name: str) -> Iterator[R]:
        """Yield the rows of a loan or of a payment, in the order of their keys."""
        rows = self._groups[kind][name]
        return (row for _, row in sorted(rows.items()) if isinstance(row, kind))

    def compensations(self, loan: str) -> Iterator[LoanCompensation]:
        """Yield the compensations of a loan."""
        found = (self.get(LoanCompensation, *key) for key in self._compensations.get(loan, ()))
        return (row for row in found if row is not None)

    def balance(self, account: str, currency: str) -> int:
        """Return a balance, 0 where there is none."""
        row = self.get(Balance, account, currency)
        return 0 if row is None else row.amount
