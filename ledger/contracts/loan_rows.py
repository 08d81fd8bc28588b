"""Loans as rows: what was agreed, how a loan stands, its instalments, and what befell it."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from ledger import books
from ledger.books import Balance
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import NEVER, Keys, Row

LoanState = Literal["proposed", "declined", "withdrawn", "accepted", "active", "settled"]
PROPOSED: Final = "proposed"
DECLINED: Final = "declined"
WITHDRAWN: Final = "withdrawn"
ACCEPTED: Final = "accepted"
ACTIVE: Final = "active"
SETTLED: Final = "settled"

InstalmentNumber = Annotated[
    int, Meta(ge=1, le=SAFE_INTEGER_MAX, description="number of an instalment")
]
PlanState = Literal["proposed", "declined", "withdrawn", "accepted"]
LoanRole = Literal["funder", "guarantor", "platform"]
EventKind = Literal[
    "disbursed", "repaid", "reversed", "waived", "replanned", "compensated", "returned"
]
AttemptState = Literal["succeeded", "failed", "reversed"]
CompensationState = Literal["stated", "conflicting", "settled", "reversed", "withdrawn"]


class LoanAgreement(Row, frozen=True, kw_only=True):
    """What was proposed of a loan, and who has accepted it.

    ``funders`` are ``party:ppm``, ``beneficiaries`` ``party:receiver``, both in the order of the
    proposal; ``terms`` are those of :class:`ledger.lending.terms.LoanTerms` as canonical JSON, and
    ``proposal`` is the hash of the record. ``guarantor`` may be empty. ``entry`` proposed it first,
    ``last_entry`` changed it last.
    """

    TABLE: ClassVar[str] = "loan_agreements"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("state", "loan"),)

    loan: str
    state: LoanState
    borrower: str
    currency: str
    principal: int
    platform: str
    guarantor: str
    funders: tuple[str, ...]
    beneficiaries: tuple[str, ...]
    terms: str
    proposal: str
    accepted: tuple[str, ...] = ()
    reason: str = ""
    entry: int
    last_entry: int

    @property
    def names(self) -> tuple[str, ...]:
        """The funders, and the guarantor if there is one: whoever has to accept."""
        return tuple(text.partition(":")[0] for text in self.funders) + (
            (self.guarantor,) if self.guarantor else ()
        )

    def leads_to(self) -> Keys:
        """Return the keys of the balances that a repayment moves."""
        loan, currency = self.loan, self.currency
        accounts = [books.principal(loan), books.loan_receipts(self.platform)]
        for text in self.funders:
            party = text.partition(":")[0]
            accounts += (books.funding(party), books.interest_income(party))
        return [(Balance, (account, currency)) for account in accounts]


class LoanAccount(Row, frozen=True, kw_only=True):
    """A disbursed loan as it stands. Dates are business dates in ISO 8601.

    ``numbers`` are the ranges of its instalments' numbers, ``first-last``; the first ``settled`` of
    them are whole, and the next one, due on ``due_from``, is not; that is empty if nothing is open.
    ``open_principal`` is in minor units. The other fields are those of
    :class:`ledger.lending.loan.Loan`.
    """

    TABLE: ClassVar[str] = "loans"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("due_from", "loan"),)

    loan: str
    currency: str
    disbursed: str
    latest: str
    method: str
    regular: int
    numbers: tuple[str, ...]
    numbered: int
    records: int
    settled: int
    due_from: str
    open_principal: int
    bank_reference: str
    entry: int
    last_entry: int

    def leads_to(self) -> Keys:
        """Return the keys of the oldest instalments of which anything is open."""
        return [
            (LoanInstalment, (self.loan, number))
            for number in numbers_of(self.numbers)[self.settled : self.settled + 2]
        ]


class LoanParty(Row, frozen=True, kw_only=True):
    """One party's side of a loan: what it lends, and what it says that it has funded.

    ``lent`` is what a funder lends in minor units, 0 for others. ``funded`` and ``funded_on`` are
    the funder's own words, 0 and empty until then.
    """

    TABLE: ClassVar[str] = "loan_parties"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("loan", "party"),)

    party: str
    loan: str
    role: LoanRole
    lent: int
    funded: int = 0
    funded_on: str = ""
    funded_entry: int = NEVER


class LoanInstalment(Row, frozen=True, kw_only=True):
    """An instalment as it stands, see :class:`ledger.lending.instalments.Instalment`.

    ``open`` is all that is open of it; ``claims`` are ``component|party|due|open``. ``weighed`` and
    ``overdue`` are decimal integers, which may be greater than an amount can be.
    """

    TABLE: ClassVar[str] = "loan_instalments"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("due", "loan", "number"),)

    loan: str
    number: int
    start: str
    due: str
    open: int
    claims: tuple[str, ...]
    parts: int
    balance: int
    since: str
    counted_to: str
    weighed: str = "0"
    overdue: str = "0"
    fixed: int = 0
    whole_on: str = ""
    dropped: bool = False
    touched: int = 0


class FormerInstalment(Row, frozen=True):
    """An instalment as it was before a payment made a new plan: its reversal brings it back.

    ``record`` is the number of the payment among the loan's records; ``instalment`` is the
    instalment as JSON.
    """

    TABLE: ClassVar[str] = "former_instalments"
    KEY: ClassVar[int] = 3

    loan: str
    record: int
    number: int
    instalment: str


class LoanEvent(Row, frozen=True, kw_only=True):
    """A record that changed a loan, in the order of the log; from these a loan is computed anew.

    ``about`` names it further: the attempt, the compensation, the plan's hash or the party.
    ``details`` are what the rules need beside ``date`` and ``amount``: the leg of a waiver, the
    rows of a plan, the instalments of a compensation, the number of the record that was undone.
    """

    TABLE: ClassVar[str] = "loan_events"
    KEY: ClassVar[int] = 2

    loan: str
    record: int
    kind: EventKind
    date: str
    amount: int
    about: str
    details: tuple[str, ...] = ()
    entry: int


class LoanPlan(Row, frozen=True, kw_only=True):
    """The re-plan of a loan that was proposed last. ``rows`` are as :func:`plan_texts` says."""

    TABLE: ClassVar[str] = "loan_plans"

    loan: str
    state: PlanState
    proposal: str
    date: str
    rows: tuple[str, ...]
    accepted: tuple[str, ...] = ()
    reason: str = ""
    entry: int
    last_entry: int


class RepaymentAttempt(Row, frozen=True, kw_only=True):
    """One attempt to collect from the borrower: what came, or why it failed.

    ``legs`` are what was paid of what was due or came next, ``ahead`` what a new plan or a payoff
    moved, both as :func:`leg_texts` says. ``shares`` are what each receiver gets of it,
    ``receiver:amount``; ``overpaid`` is more than was owed. ``counted`` says up to which date the
    overdue principal of an instalment was counted, ``number:date``.
    """

    TABLE: ClassVar[str] = "repayments"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("date", "loan", "attempt"),
        ("state", "loan", "attempt"),
    )

    loan: str
    attempt: str
    state: AttemptState
    date: str
    amount: int
    currency: str
    payment: str = ""
    record: int = 0
    legs: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    overpaid: int = 0
    reason_code: str = ""
    reason: str = ""
    entry: int
    last_entry: int


class LoanCompensation(Row, frozen=True, kw_only=True):
    """A compensation (代偿) as the guarantor stated it, and what its money moved.

    ``instalments`` are numbers, none for the whole loan. ``legs`` are what it pays, ``passed`` the
    claims that pass, ``held`` what the guarantor had been paid of each of those before.
    ``withdrawn_entry`` is where it was withdrawn last, ``again_entry`` where it was stated again
    after that, or has been before; −1 if never.
    """

    TABLE: ClassVar[str] = "compensations"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("loan", "compensation"),
        ("state", "compensation"),
        ("date", "compensation"),
    )

    compensation: str
    loan: str
    guarantor: str
    state: CompensationState
    instalments: tuple[str, ...]
    amount: int
    currency: str
    date: str
    payment: str = ""
    record: int = 0
    legs: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    withdrawn_entry: int = NEVER
    again_entry: int = NEVER
    entry: int
    last_entry: int


@lru_cache(maxsize=4096)
def numbers_of(ranges: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers in ranges such as ``1-12``, in order."""
    found: list[int] = []
    for text in ranges:
        first, _, last = text.partition("-")
        found += range(int(first), int(last) + 1)
    return tuple(found)


ROWS: tuple[type[Row], ...] = (
    LoanAgreement,
    LoanAccount,
    LoanParty,
    LoanInstalment,
    FormerInstalment,
    LoanEvent,
    LoanPlan,
    RepaymentAttempt,
    LoanCompensation,
)
