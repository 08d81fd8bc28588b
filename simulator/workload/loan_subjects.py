"""Loans as the workload remembers them: what is offered, how a loan stands, and money of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from ledger import domains
from ledger.lending import division
from ledger.lending.compensation import WHOLE, Compensated, Compensation, compensate
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import LoanLeg
from ledger.lending.loan import Loan, Outcome, open_loan, replan
from ledger.lending.repayment import Repaid, Repayment
from ledger.lending.terms import LoanTerms, Parties, ScheduleRow
from simulator.workload.subjects import Fields, Known, KnownPayment

T = TypeVar("T")


class KnownOffer:
    """A proposal that awaits acceptance; it is named by the hash of its record."""

    def __init__(self) -> None:
        self.hash = ""
        self.accepted: list[str] = []
        self.is_open = True

    def name_by(self, raw: bytes) -> None:
        """Learn the bytes of the record that makes the offer."""
        self.hash = domains.loan_proposal_hash(raw).hex()


class LoanOffer(KnownOffer):
    """A loan as it was proposed last; ``receivers`` are those of its beneficiaries."""

    def __init__(
        self, terms: LoanTerms, parties: Parties, receivers: dict[str, str], currency: str
    ) -> None:
        super().__init__()
        self.terms, self.parties = terms, parties
        self.receivers, self.currency = receivers, currency


class PlanOffer(KnownOffer):
    """A new schedule for the unpaid rest of a loan."""

    def __init__(self, day: date, rows: Sequence[ScheduleRow]) -> None:
        super().__init__()
        self.day, self.rows = day, rows

    def replan(self, loan: Loan) -> Outcome:
        """Return what it makes of a loan."""
        return replan(loan, self.rows, self.day)


class KnownLoan(Known):
    """A loan. ``loan`` is how it stands, None until it is disbursed.

    Answers may come in another order than that of the log. A loan that what was applied does not
    fit is ``doubtful``: nobody goes on with it.
    """

    def __init__(self, name: str, offer: LoanOffer) -> None:
        super().__init__(name)
        self.offer = offer
        self.plan: PlanOffer | None = None
        self.in_force = False
        self.loan: Loan | None = None
        self.is_open = False
        """Whether it is disbursed, and anything of it is open."""
        self.doubtful = False
        self.funded: list[str] = []
        self.attempts: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Its funders, and its guarantor if it has one."""
        parties = self.offer.parties
        return (*parties.names, parties.guarantor) if parties.guarantor else parties.names

    @property
    def asked(self) -> KnownOffer | None:
        """The offer that awaits acceptance, if there is one."""
        offer = self.plan if self.in_force else self.offer
        return offer if offer is not None and offer.is_open else None

    @property
    def is_calm(self) -> bool:
        """Whether nobody waits for an answer about it, and no new schedule is offered."""
        return not self.busy and not (self.in_force and self.asked)

    @property
    def runs(self) -> bool:
        """Whether it is disbursed, and it is known how it stands."""
        return self.loan is not None and not self.doubtful

    def lent(self, party: str) -> int:
        """Return what a funder lends."""
        parties = self.offer.parties
        parts = division.by_weights(self.offer.terms.principal, parties.ppms)
        return dict(zip(parties.names, parts, strict=True)).get(party, 0)

    def disburse(self) -> None:
        """Let it stand as its terms say."""
        self.become(open_loan(self.offer.terms, self.offer.parties))

    def become(self, loan: Loan) -> None:
        """Let it stand otherwise."""
        self.loan = loan
        self.is_open = any(each.open for each in loan.instalments)

    def take(self, change: Callable[[Loan], T]) -> T | None:
        """Return what something applied makes of it; None, and doubtful, if that cannot be."""
        if self.loan is None:
            return None
        try:
            return change(self.loan)
        except LoanRefused:
            self.doubtful = True
            return None

    def code(self, change: Callable[[Loan], object]) -> str:
        """Return the code with which something would be refused, or nothing."""
        if self.loan is None:
            return "loan-not-disbursed"
        try:
            change(self.loan)
        except LoanRefused as refused:
            return refused.code
        return ""

    def shares(self, legs: Sequence[LoanLeg]) -> dict[str, int]:
        """Return what each receiver gets of legs."""
        found: dict[str, int] = {}
        for leg in legs:
            receiver = self.offer.receivers[leg.party]
            found[receiver] = found.get(receiver, 0) + leg.amount
        return found


class KnownLoanMoney(KnownPayment):
    """A payment of a loan: the borrower's, or the guarantor's for a compensation.

    ``shares`` are what the captured money is allocated as, by receiver.
    """

    waits = True

    def __init__(self, name: str, loan: KnownLoan, compensation: KnownCompensation | None) -> None:
        super().__init__(name)
        self.loan = loan
        self.compensation = compensation
        self.repayment: Repayment | None = None
        self.shares: dict[str, int] = {}
        self.overpaid = 0

    def allocate(self, repaid: Repaid) -> None:
        """Learn how the captured money is allocated."""
        self.repayment = repaid.repayment
        self.shares = self.loan.shares(repaid.outcome.legs)
        self.overpaid = repaid.repayment.overpaid

    def void(self) -> None:
        """Let its capture be reversed: nothing of it is allocated."""
        super().void()
        self.repayment, self.shares, self.overpaid = None, {}, 0

    @property
    def agrees(self) -> bool:
        """Whether both halves stand, are equal, and the split is what the ledger allocates."""
        capture, split = self.capture, self.split
        if capture is None or split is None or self.compensation is not None:
            return capture is not None and split is not None
        names = ("order", "amount", "currency", "loan", "attempt")
        if [capture.get(name) for name in names] != [split.get(name) for name in names]:
            return False
        stated = sorted((leg["receiver"], leg.get("amount", 0)) for leg in split["legs"])
        return (stated, split.get("overpaid", 0)) == (sorted(self.shares.items()), self.overpaid)

    @property
    def refundable(self) -> int:
        """What of it can still be refunded: what is overpaid."""
        return 0 if self.capture is None or self.clashes else self.overpaid - self.refunded

    @property
    def lacks_legs(self) -> bool:
        """Whether a leg waits whose receiver was suspended, and is not any more."""
        if not self.agrees:
            return False
        entered = {leg.receiver.name for leg in self.legs}
        return any(leg["receiver"] not in entered for leg in self.instructed["legs"])


class KnownCompensation(Known):
    """A compensation as it was stated last; ``done`` is what its money moved, once settled."""

    def __init__(self, name: str, loan: KnownLoan) -> None:
        super().__init__(name)
        self.loan = loan
        self.stated: Fields = {}
        self.money: KnownLoanMoney | None = None
        self.done: Compensation | None = None
        self.withdrawn = False

    @property
    def has_money(self) -> bool:
        """Whether money of it stands."""
        return self.money is not None and self.money.capture is not None

    @property
    def awaits_money(self) -> bool:
        """Whether it is stated, and no money of it stands."""
        return not self.withdrawn and not self.has_money

    @property
    def may_restate(self) -> bool:
        """Whether the guarantor may state it anew."""
        return self.done is None

    def apply(self, loan: Loan) -> Compensated:
        """Return what it makes of a loan."""
        day = date.fromisoformat(self.stated["date"])
        return compensate(loan, list(self.stated.get("instalments", ())) or WHOLE, day)

    def compare(self) -> bool:
        """Compare both halves; return whether they settle it, and let the claims pass if so."""
        money, loan = self.money, self.loan.loan
        if money is None or money.capture is None or loan is None:
            return False
        if self.loan.code(self.apply) or money.capture["amount"] != self.stated["amount"]:
            return False
        found = self.apply(loan)
        if found.compensation.amount != self.stated["amount"]:
            return False
        self.done = found.compensation
        self.loan.become(found.outcome.loan)
        money.shares = self.loan.shares(found.compensation.legs)
        legs = [
            {"leg": number, "receiver": receiver, "purpose": "compensation", "amount": part}
            for number, (receiver, part) in enumerate(money.shares.items(), 1)
        ]
        half = {name: money.capture[name] for name in ("order", "amount", "currency")}
        money.split = {**half, "mode": "fixed", "legs": legs}
        return True
