"""Loans as of a business date and a height: what held by then, by what was known.

A loan that nothing befell later is read as it stands. Else it is computed anew from its events.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from ledger.contracts.loan_events import loan_after
from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanEvent, LoanInstalment
from ledger.contracts.loan_state import loan_of
from ledger.lending.loan import Loan
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Walk
from views.reader import Reader, walked


class Known(NamedTuple):
    """As of when loans are looked at.

    Args:
        day: A business date: records of later dates are left out.
        size: How many entries of the log are known; all if left out.
    """

    day: date
    size: int = SAFE_INTEGER_MAX


def loan_known(
    reader: Reader, agreement: LoanAgreement, account: LoanAccount | None, known: Known
) -> Loan | None:
    """Return a loan as of a date, by what was known; None if it was not disbursed.

    Args:
        reader: A snapshot.
        agreement: What was agreed.
        account: How the loan stands now, if it is disbursed.
        known: As of when.
    """
    if account is None:
        return None
    if date.fromisoformat(account.latest) <= known.day and account.last_entry < known.size:
        instalments = _instalments(reader, account.loan)
        return loan_of(agreement, account, instalments.get)
    return loan_after(agreement, events_known(reader, account.loan, known))


def events_known(reader: Reader, loan: str, known: Known) -> Iterator[LoanEvent]:
    """Yield the events of a loan that are known and of no later date, in the order of the log."""
    for event in walked(reader, LoanEvent, Walk({"loan": loan}, ("record",))):
        if event.entry < known.size and date.fromisoformat(event.date) <= known.day:
            yield event


def _instalments(reader: Reader, loan: str) -> dict[int, LoanInstalment]:
    rows = walked(reader, LoanInstalment, Walk({"loan": loan}, ("number",)))
    return {row.number: row for row in rows}
