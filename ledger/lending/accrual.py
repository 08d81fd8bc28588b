"""Accrual, by time alone: penalty on overdue principal, and interest to the day.

Penalty counts actual days over the day count's year, on the principal that was open on each of
them, from the day after due; nothing, if the instalment is whole within the days of grace. The
exact running total is rounded, and what it has grown by is fixed and divided when its instalment is
touched. So the total does not depend on how often that is.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from msgspec.structs import replace

from ledger.lending import division
from ledger.lending.dates import actual_parts, half_up
from ledger.lending.instalments import (
    INTEREST,
    PENALTY,
    PRINCIPAL,
    Instalment,
    Share,
    moved,
    shares_due,
    shares_open,
    total,
)
from ledger.lending.schedule import YEAR
from ledger.lending.terms import FUNDERS, LoanTerms, Parties


def counted(terms: LoanTerms, instalment: Instalment, day: date) -> Instalment:
    """Return an instalment whose overdue principal is counted up to a date, nothing fixed."""
    if day <= instalment.counted_to:
        return instalment
    principal = sum(claim.open for claim in instalment.claims if claim.component == PRINCIPAL)
    grown = principal * actual_parts(terms.day_count, instalment.counted_to, day)
    return replace(instalment, overdue=instalment.overdue + grown, counted_to=day)


def with_penalty(
    terms: LoanTerms, parties: Parties, instalment: Instalment, day: date
) -> Instalment:
    """Return an instalment with its penalty as of a date fixed and divided.

    Args:
        terms: The rate, the grace, and whom it goes to.
        parties: Who is a funder.
        instalment: As it stands.
        day: A business date; before the due date nothing accrues.
    """
    instalment = counted(terms, instalment, day)
    if day <= _grace_ends(terms, instalment) or was_in_time(terms, instalment):
        return instalment
    grown = half_up(instalment.overdue * terms.penalty_ppm, YEAR) - instalment.fixed
    if grown <= 0:
        return instalment
    holders = penalty_holders(terms, parties, instalment)
    parts = division.by_weights(grown, [weight for _, weight in holders])
    shares = [(party, part) for (party, _), part in zip(holders, parts, strict=True)]
    claims = moved(instalment.claims, PENALTY, shares, shares)
    return replace(instalment, claims=claims, fixed=instalment.fixed + grown)


def was_in_time(terms: LoanTerms, instalment: Instalment) -> bool:
    """Return whether an instalment was whole within the days of grace, so it has no penalty."""
    whole_on = instalment.whole_on
    return whole_on is not None and whole_on <= _grace_ends(terms, instalment)


def _grace_ends(terms: LoanTerms, instalment: Instalment) -> date:
    return instalment.due + timedelta(days=terms.grace_days)


def penalty_holders(terms: LoanTerms, parties: Parties, instalment: Instalment) -> list[Share]:
    """Return whom new penalty of an instalment goes to, with weights.

    Where it is the funders', it goes to who holds the open principal: after a compensation the
    guarantor. Where nothing of the principal is open any more, to whom it was due.
    """
    holders = [each for each in shares_open([instalment], PRINCIPAL) if each[1]]
    holders = holders or [each for each in shares_due(instalment, PRINCIPAL) if each[1]]
    if terms.penalty_to == FUNDERS:
        return holders
    passed = [party for party, _ in holders] == [parties.guarantor]
    if passed and terms.penalty_to in parties.names:
        return holders
    return [(terms.penalty_to, 1)]


def interest_to(terms: LoanTerms, accrues: bool, instalment: Instalment, day: date) -> Fraction:
    """Return the exact interest of an instalment's period up to a date.

    A part of a period bears its exact interest in proportion of its actual days.

    Args:
        terms: The rate.
        accrues: Whether the interest follows the balance; else it is what the schedule says.
        instalment: Whose period it is.
        day: A date of its period.
    """
    days = (instalment.due - instalment.start).days
    if not accrues:
        gone = max(0, (day - instalment.start).days)
        return Fraction(total(instalment, INTEREST) * gone, days)
    owed = instalment.weighed + instalment.balance * max(0, (day - instalment.since).days)
    return Fraction(owed * instalment.parts * terms.annual_rate_ppm, days * YEAR)


def rounded(exact: Fraction) -> int:
    """Return an exact amount rounded half up to the minor unit."""
    return half_up(exact.numerator, exact.denominator)
