"""A loan as a value, and what a waiver or a new schedule makes of it.

Whatever befalls a loan is a function of the loan as it stands; it returns an :class:`Outcome`: the
loan after it, what it moved, and which instalments it changed. Records come in the order of the
log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import dropwhile, takewhile
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
    LoanLeg,
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
from ledger.lending.terms import LoanTerms, Parties, ScheduleRow, check_parties, check_terms


class Loan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A loan that is disbursed.

    ``method`` is that of the schedule in force, ``stated`` after a re-plan; ``regular`` is what
    repeats in the first one. ``latest`` is the latest business date of its records, ``records``
    their count. ``numbered`` is the highest number that an instalment has had. Of the instalments
    the first ``settled`` are known to be whole.
    """

    terms: LoanTerms
    parties: Parties
    method: str
    regular: int
    instalments: Sequence[Instalment]
    latest: date
    numbered: int
    records: int = 0
    settled: int = 0

    def unpaid(self) -> Iterator[Instalment]:
        """Yield the instalments from the first one on that is not known to be whole."""
        return map(self.instalments.__getitem__, range(self.settled, len(self.instalments)))

    def instalment(self, number: int) -> Instalment:
        """Return an instalment of the schedule, which are in the order of their numbers.

        Raises:
            LoanRefused: ``unknown-instalment``.
        """
        index = bisect_left(self.instalments, number, key=lambda each: each.number)
        found = self.instalments[index] if index < len(self.instalments) else None
        if found is None or found.number != number:
            raise LoanRefused(
                "unknown-instalment",
                "The record names an instalment of the schedule in force.",
                expected=", ".join(str(each.number) for each in self.instalments if each.open),
                got=str(number),
            )
        return found

    def due(self, day: date) -> Iterator[Instalment]:
        """Yield the instalments of which anything is open and due by a date, oldest first."""
        started = takewhile(lambda each: each.due <= day, self.unpaid())
        return (each for each in started if each.open)

    def ahead(self, day: date) -> Ahead:
        """Return the instalments that are not due by a date, up to the last one that is open."""
        later = [each for each in self.instalments if each.due > day]
        held = list(dropwhile(lambda each: not each.open, reversed(later)))[::-1]
        return Ahead(self.terms, self.method, self.regular, held, day)

    def as_of(self, day: date) -> tuple[Instalment, ...]:
        """Return the instalments with their penalty as of a date, as if all were touched."""
        return tuple(with_penalty(self.terms, self.parties, each, day) for each in self.instalments)


class Outcome(NamedTuple):
    """What a record makes of a loan: what it moves and changes, and the loan after it.

    ``changed`` are instalments as they are from now on, new ones among them; ``gone`` are the
    numbers of those that a new schedule replaced. ``method`` is that of the schedule from now on.
    """

    before: Loan
    day: date
    legs: tuple[LoanLeg, ...]
    changed: tuple[Instalment, ...]
    method: str
    overpaid: int = 0
    gone: tuple[int, ...] = ()

    @property
    def loan(self) -> Loan:
        """The loan after the record. Whoever keeps instalments one by one needs only the rest."""
        new = {each.number: each for each in self.changed}
        held = (each for each in self.before.instalments if each.number not in self.gone)
        instalments = [new.pop(each.number, each) for each in held]
        return replace(
            self.before,
            instalments=(*instalments, *new.values()),
            latest=max(self.before.latest, self.day),
            numbered=max((self.before.numbered, *new)),
            records=self.before.records + 1,
            settled=0,
            method=self.method,
        )


def outcome(
    loan: Loan, day: date, legs: Iterable[LoanLeg], changed: Iterable[Instalment]
) -> Outcome:
    """Return the outcome of a record that leaves the schedule as it is.

    Args:
        loan: Before the record.
        day: Its business date.
        legs: What it moves.
        changed: The instalments that it changes; they are marked as touched by it.
    """
    marked = tuple(replace(each, touched=loan.records + 1) for each in changed)
    return Outcome(loan, day, tuple(legs), marked, loan.method)


def open_loan(terms: LoanTerms, parties: Parties) -> Loan:
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
            difference=amount or None,
        )


def waive(loan: Loan, leg: LoanLeg, day: date) -> Outcome:
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
    return outcome(loan, day, [leg], [instalment])


def replan(loan: Loan, rows: Sequence[ScheduleRow], day: date) -> Outcome:
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
    gone = tuple(each.number for each in loan.instalments if each.open or each.due > day)
    found = outcome(loan, day, (), [first, *made[1:]])
    return found._replace(method="stated", gone=gone)


def _interest_holders(
    loan: Loan, unpaid: Sequence[Instalment], held: Sequence[Share]
) -> Sequence[Share]:
    weights = plans.interest_weights(unpaid, held)
    return weights or [(funder.party, funder.ppm) for funder in loan.parties.funders]
