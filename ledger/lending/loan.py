"""A loan as a value, and what a waiver or a new schedule makes of it.

Whatever befalls a loan is a function of the loan as it stands; it returns an :class:`Outcome`: the
loan after it, what it moved, and which instalments it changed. Records come in the order of the
log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import dropwhile
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ledger.lending import plans
from ledger.lending.accrual import with_penalty
from ledger.lending.errors import AmountRefused, LoanRefused
from ledger.lending.instalments import (
    PENALTY,
    PRINCIPAL,
    Instalment,
    Leg,
    Share,
    Shares,
    founding_shares,
    moved,
    open_instalments,
    paid_in,
    shares_open,
)
from ledger.lending.plans import Ahead
from ledger.lending.schedule import check_rows, periods_of, schedule
from ledger.lending.terms import Parties, Row, Terms, check_parties, check_terms


class Loan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A loan that is disbursed.

    ``method`` is that of the schedule in force, ``stated`` after a re-plan; ``regular`` is what
    repeats in it. ``latest`` is the latest business date of its records, ``records`` their count.
    ``numbered`` is the highest number that an instalment has had.
    """

    terms: Terms
    parties: Parties
    method: str
    regular: int
    instalments: Sequence[Instalment]
    latest: date
    numbered: int
    records: int = 0

    def with_changed(self, changed: Iterable[Instalment], day: date) -> Loan:
        """Return the loan after a record of a date that changed instalments."""
        new = {each.number: each for each in changed}
        return replace(
            self,
            instalments=tuple(new.get(each.number, each) for each in self.instalments),
            latest=max(self.latest, day),
            records=self.records + 1,
        )

    def touched(self, instalments: Iterable[Instalment]) -> tuple[Instalment, ...]:
        """Return instalments marked as changed by the loan's next record."""
        return tuple(replace(each, touched=self.records + 1) for each in instalments)

    def instalment(self, number: int) -> Instalment:
        """Return an instalment of the schedule.

        Raises:
            LoanRefused: ``unknown-instalment``.
        """
        found = next((each for each in self.instalments if each.number == number), None)
        if found is None:
            raise LoanRefused(
                "unknown-instalment",
                "The record names an instalment of the schedule in force.",
                expected=", ".join(str(each.number) for each in self.instalments if each.open),
                got=str(number),
            )
        return found

    def due(self, day: date) -> Iterator[Instalment]:
        """Yield the instalments of which anything is open and due by a date, oldest first."""
        return (each for each in self.instalments if each.open and each.due <= day)

    def ahead(self, day: date) -> Ahead:
        """Return the instalments that are not due by a date, up to the last one that is open."""
        later = [each for each in self.instalments if each.due > day]
        held = list(dropwhile(lambda each: not each.open, reversed(later)))[::-1]
        return Ahead(self.terms, self.method, self.regular, held, day)

    def as_of(self, day: date) -> tuple[Instalment, ...]:
        """Return the instalments with their penalty as of a date, as if all were touched."""
        return tuple(with_penalty(self.terms, self.parties, each, day) for each in self.instalments)


class Outcome(NamedTuple):
    """A loan after a record, the legs of it, the changed instalments, and what is overpaid."""

    loan: Loan
    legs: tuple[Leg, ...]
    changed: tuple[Instalment, ...]
    overpaid: int = 0


def open_loan(terms: Terms, parties: Parties) -> Loan:
    """Return a loan whose principal is disbursed by its terms.

    Raises:
        LoanRefused: The terms, the shares or the schedule cannot be agreed.
    """
    check_parties(parties)
    check_terms(terms)
    made = schedule(terms)
    shares = founding_shares(terms, parties)
    return Loan(
        terms=terms,
        parties=parties,
        method=terms.method,
        regular=made.regular,
        instalments=open_instalments(terms, made.rows, made.periods, shares),
        latest=terms.disbursed,
        numbered=len(made.rows),
    )


def refuse_earlier(loan: Loan, day: date, since: date | None = None) -> None:
    """Return if a record's date does not go back.

    Raises:
        LoanRefused: ``date-goes-back``.
    """
    least = since or loan.latest
    if day < least:
        raise LoanRefused(
            "date-goes-back",
            "Dates of a loan's records do not go back, but for a repayment that arrives late.",
            expected=f"{least} or later",
            got=f"{day}",
        )


def refuse_amount(amount: int) -> None:
    """Return if an amount is positive.

    Raises:
        LoanRefused: ``amount-not-positive``.
    """
    if amount < 1:
        raise LoanRefused(
            "amount-not-positive",
            "An amount is positive, in minor units.",
            expected="1 or more",
            got=f"{amount:,}",
        )


def refuse_settled(instalments: Iterable[Instalment], amount: int) -> None:
    """Return if anything of instalments is open.

    Raises:
        LoanRefused: ``loan-settled``.
    """
    if not any(each.open for each in instalments):
        raise LoanRefused(
            "loan-settled",
            "Nothing of the loan is open: there is nothing to repay, money goes back.",
            expected="a loan of which something is open",
            got="a settled one",
            difference=amount,
        )


def waive(loan: Loan, leg: Leg, day: date) -> Outcome:
    """Waive (减免) a part of a holder's own open share.

    Args:
        loan: As it stands.
        leg: Who waives how much of which component of which instalment.
        day: The business date.

    Raises:
        LoanRefused: ``amount-not-positive``, ``date-goes-back``, ``unknown-instalment`` or
            ``waiver-over-open``.
    """
    refuse_amount(leg.amount)
    refuse_earlier(loan, day)
    instalment = with_penalty(loan.terms, loan.parties, loan.instalment(leg.instalment), day)
    held = dict(shares_open([instalment], leg.component)).get(leg.party, 0)
    if leg.amount > held:
        rule = f"A beneficiary waives of its own open share, here of {leg.component}."
        raise AmountRefused("waiver-over-open", rule, held, leg.amount)
    claims = paid_in(instalment.claims, leg.component, [(leg.party, leg.amount)])
    instalment = replace(instalment, claims=claims)
    if not instalment.open:
        instalment = replace(instalment, whole_on=day)
    marked = loan.touched([instalment])
    return Outcome(loan.with_changed(marked, day), (leg,), marked)


def replan(loan: Loan, rows: Sequence[Row], day: date) -> Outcome:
    """Put a new schedule in the place of the whole unpaid rest (展期).

    Its instalments are numbered on. It closes on the principal that is open, and is divided so that
    it closes on what is open to each. Penalty that is open moves to its first instalment.

    Args:
        loan: As it stands.
        rows: The new schedule; their numbers are not looked at.
        day: From when on it holds.

    Raises:
        LoanRefused: ``date-goes-back``, ``loan-settled``, ``dates-out-of-order`` or
            ``schedule-does-not-close``.
    """
    refuse_earlier(loan, day)
    unpaid = [each for each in loan.as_of(day) if each.open]
    refuse_settled(unpaid, 0)
    held = shares_open(unpaid, PRINCIPAL)
    rows = [replace(row, number=loan.numbered + place) for place, row in enumerate(rows, 1)]
    check_rows(rows, sum(share for _, share in held), day, len(loan.terms.fees))
    shares = Shares(held, _interest_holders(loan, unpaid, held))
    made = open_instalments(loan.terms, rows, periods_of(loan.terms, rows, day), shares)
    penalty = shares_open(unpaid, PENALTY)
    first = replace(made[0], claims=moved(made[0].claims, PENALTY, penalty, penalty))
    marked = loan.touched([first, *made[1:]])
    kept = tuple(each for each in loan.instalments if not each.open and each.due <= day)
    after = replace(
        loan.with_changed((), day),
        instalments=kept + marked,
        method="stated",
        regular=0,
        numbered=rows[-1].number,
    )
    return Outcome(after, (), marked)


def _interest_holders(
    loan: Loan, unpaid: Sequence[Instalment], held: Sequence[Share]
) -> Sequence[Share]:
    weights = plans.interest_weights(unpaid, held)
    return weights or [(funder.party, funder.ppm) for funder in loan.parties.funders]
