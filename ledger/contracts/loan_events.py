"""Events of a loan: what its records say, from which the loan is computed anew.

So a loan is seen as of a business date, or as it was known at a height: by the events up to there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ledger.contracts.loan_rows import LoanAgreement, LoanEvent
from ledger.contracts.loan_state import leg_of, parties_of, plan_of, terms_of
from ledger.lending.compensation import WHOLE, Compensation, compensate, give_back
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import LoanLeg
from ledger.lending.loan import Loan, Outcome, open_loan, replan, waive
from ledger.lending.repayment import Repayment, repay
from ledger.lending.reversal import reverse


class LoanHistory:
    """A loan that events are told to, one after the other, in the order of the log.

    Args:
        agreement: What was agreed.

    Example::

        history = LoanHistory(agreement)
        for event in events:
            history.tell(event)
        history.loan.as_of(day)
    """

    def __init__(self, agreement: LoanAgreement) -> None:
        self._agreement = agreement
        self._repayments: dict[int, Repayment] = {}
        self._compensations: dict[int, Compensation] = {}
        self.loan: Loan | None = None
        """The loan after what was told; None before its disbursement."""

    def tell(self, event: LoanEvent) -> tuple[LoanLeg, ...]:
        """Take an event in, and return what it moved.

        Raises:
            LoanRefused: The rules do not allow it, as when events before it are missing.
            LookupError: What it undoes was not told.
        """
        if self.loan is None:
            terms = terms_of(self._agreement.terms)
            self.loan = open_loan(terms, parties_of(self._agreement))
            return ()
        found = self._outcome(self.loan, event)
        self.loan = found.loan
        return found.legs

    def _outcome(self, loan: Loan, event: LoanEvent) -> Outcome:
        day = date.fromisoformat(event.date)
        details = event.details
        if event.kind == "repaid":
            repaid = repay(loan, event.amount, day)
            self._repayments[event.record] = repaid.repayment
            return repaid.outcome
        if event.kind == "reversed":
            return reverse(loan, self._repayments[int(details[0])], day)
        if event.kind == "waived":
            return waive(loan, leg_of(details[0]), day)
        if event.kind == "replanned":
            return replan(loan, plan_of(details), day)
        if event.kind == "compensated":
            compensated = compensate(loan, [int(text) for text in details] or WHOLE, day)
            self._compensations[event.record] = compensated.compensation
            return compensated.outcome
        return give_back(loan, self._compensations[int(details[0])], day)


def loan_after(agreement: LoanAgreement, events: Iterable[LoanEvent]) -> Loan | None:
    """Return a loan after some of its events, in their order; None if it is not disbursed.

    An event that the rules do not allow without those that are left out moves nothing: money on a
    loan that nothing is open of, for as much as is looked at.
    """
    history = LoanHistory(agreement)
    for event in events:
        try:
            history.tell(event)
        except (LoanRefused, LookupError):
            continue
    return history.loan
