"""Statements on loans: what could not be collected, and what is waived."""

from __future__ import annotations

from ledger.lending.instalments import Claim, LoanLeg
from ledger.lending.loan import Loan, waive
from simulator.workload.drafts import rarely, spoilt
from simulator.workload.lending import (
    before_latest,
    find_loan,
    is_outside,
    next_day,
    on_date,
    refused_alike,
)
from simulator.workload.loan_subjects import KnownLoan
from simulator.workload.moves import Author, Draft, Moves, refused, valid
from simulator.workload.subjects import Fields

_WAIVING = ("platform", "funder", "guarantor")
_NO_INSTALMENT = 99
Owed = tuple[int, Claim]
"""The number of an instalment, and a claim of it of which something is open."""


def _fail(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: each.is_open)
    fields: Fields = {
        "loan": known.name,
        "attempt": author.fresh("A"),
        "amount": 100 + author.chance.below(10_000),
        "date": next_day(author, loan).isoformat(),
        "reason_code": "insufficient-funds",
        "reason": "the balance does not suffice",
    }
    return Draft(fields, (known,), lambda: known.attempts.append(fields["attempt"]))


def _fail_again(author: Author) -> Draft:
    made = _fail(author)
    known, _ = find_loan(author, lambda each: bool(each.attempts))
    named = {"loan": known.name, "attempt": author.chance.pick(known.attempts)}
    return Draft({**made.fields, **named}, (known,))


def _owed(author: Author, loan: Loan) -> list[Owed]:
    """Return what is open to the author; to anybody if the author has nothing to waive at all."""
    outside = is_outside(author, *_WAIVING)
    return [
        (each.number, claim)
        for each in loan.instalments
        for claim in each.claims
        if claim.open and (claim.party == author.party or outside)
    ]


def _waive(author: Author) -> Draft:
    known, loan = find_loan(
        author, lambda each: each.loan is not None and bool(_owed(author, each.loan))
    )
    number, claim = author.chance.pick(_owed(author, loan))
    day = next_day(author, loan)
    amount = author.chance.pick((claim.open, 1 + author.chance.below(claim.open)))
    leg = LoanLeg(claim.party, number, claim.component, amount)

    def learn() -> None:
        found = known.take(lambda stands: waive(stands, leg, day))
        if found is not None:
            known.become(found.loan)

    return Draft(_waived(known, leg, day.isoformat()), (known,), learn)


def _waived(known: KnownLoan, leg: LoanLeg, day: str) -> Fields:
    return {
        "loan": known.name,
        "instalment": leg.instalment,
        "component": leg.component,
        "amount": leg.amount,
        "date": day,
    }


def _waive_more(author: Author) -> Draft:
    """Waive more than can be open, whatever accrues."""
    made = _waive(author)
    return Draft({**made.fields, "amount": 2 * made.fields["amount"] + 10**9}, made.about)


_WAIVED = (
    valid(rarely(250_000, _waive), 2),
    *refused_alike(_waive),
    refused("date-goes-back", on_date(_waive, before_latest)),
    refused("unknown-instalment", spoilt(_waive, instalment=_NO_INSTALMENT)),
    refused("waiver-over-open", _waive_more),
)
MOVES: Moves = {
    ("institution", "repayment.failed"): (
        valid(_fail),
        refused("attempt-exists", _fail_again),
        *refused_alike(_fail),
    ),
    **{(role, "loan.waived"): _WAIVED for role in _WAIVING},
}
