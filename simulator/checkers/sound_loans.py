"""Loans: what is open of them adds up, in rows and in books, and computed anew from events."""

from __future__ import annotations

from ledger.contracts.loan_rows import LoanAccount, LoanCompensation, RepaymentAttempt
from ledger.state import Changes
from node.storage.held import FinalBlock
from simulator.checkers import loan_claims, loan_payments
from simulator.checkers.checker import Checker
from simulator.checkers.loan_rows import OF_LOANS, OF_PAYMENTS, LoanRows
from simulator.checkers.scene import Scene, Watched


class LoanBooks:
    """The loans of a ledger; it says what of them does not hold."""

    def __init__(self) -> None:
        self.rows = LoanRows()
        self._funding = loan_claims.Funding()

    def wrong_after(self, changes: Changes) -> str:
        """Take in what a block has changed; return what does not hold any more, or nothing."""
        rows = self.rows
        rows.take(changes)
        loans = {str(key[0]) for kind in OF_LOANS for key in changes.get(kind, {})}
        payments = {str(key[0]) for kind in OF_PAYMENTS for key in changes.get(kind, {})}
        loans = {name for name in loans if rows.get(LoanAccount, name)}
        found = [text for name in sorted(loans) for text in loan_claims.wrong_of(rows, name)]
        found += self._funding.wrong_after(rows, sorted(loans))
        for attempt in changes.get(RepaymentAttempt, {}).values():
            if isinstance(attempt, RepaymentAttempt):
                found += loan_payments.wrong_attempt(attempt)
        for each in changes.get(LoanCompensation, {}).values():
            if isinstance(each, LoanCompensation):
                found += loan_payments.wrong_compensation(rows, each)
        found += [text for name in sorted(payments) for text in loan_payments.wrong_of(rows, name)]
        return found[0] if found else ""

    def wrong_at_last(self) -> str:
        """Compute every loan anew from its events; return what differs, or nothing."""
        for account in self.rows.all(LoanAccount):
            text = loan_claims.wrong_anew(self.rows, account)
            if text:
                return text
        return ""


class SoundLoans(Checker):
    """Adds up the claims of every loan that a block changes, and computes all anew in the end."""

    invariant = "loans"

    def __init__(self, world: Scene) -> None:
        super().__init__(world)
        self._blocks: list[bytes] = []
        self._books = LoanBooks()

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Look at the loans of a block that has become final for the first time."""
        block, execution = final.block, final.execution
        if not self.is_honest(process) or not self.follows(block, self._blocks):
            return
        self._blocks.append(block.hash)
        self._judge(self._books.wrong_after(execution.changes), f"block {block.height}: ")

    def finish(self) -> None:
        """Compute every loan anew."""
        self._judge(self._books.wrong_at_last(), "")

    def _judge(self, wrong: str, where: str) -> None:
        if wrong:
            self.broken(f"{where}{wrong}")
