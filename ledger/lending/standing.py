"""Standing of a loan on a date: days past due, and the bucket. Derived, never stated.

M0 0 days   M1 1–30   M2 31–60   M3 61–90   M4-M6 91–180   M6+ above
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.lending.accrual import with_penalty
from ledger.lending.instalments import Instalment
from ledger.lending.loan import Loan

BUCKETS = ((0, "M0"), (30, "M1"), (60, "M2"), (90, "M3"), (180, "M4-M6"))
"""The most days past due of each bucket, and its name."""

LAST_BUCKET = "M6+"


class LoanStanding(NamedTuple):
    """Days past due, the bucket, and what is open of what is past due, in minor units."""

    days_past_due: int
    bucket: str
    overdue: int


def standing(loan: Loan, day: date) -> LoanStanding:
    """Return how a loan stands on a business date.

    An instalment is past due from the day after its date on while anything of it is open. What is
    open of it below the threshold of the terms makes no bucket.
    """
    return standing_of(loan, late(loan, day), day)


def late(loan: Loan, day: date) -> list[Instalment]:
    """Return the instalments that are past due on a date, with their penalty, oldest first."""
    due = (each for each in loan.due(day) if each.due < day)
    return [with_penalty(loan.terms, loan.parties, each, day) for each in due]


def standing_of(loan: Loan, late: Sequence[Instalment], day: date) -> LoanStanding:
    """Return how a loan stands of which the instalments that are past due were read."""
    days = max(((day - each.due).days for each in late), default=0)
    material = [each for each in late if each.open >= loan.terms.immaterial]
    counted = max(((day - each.due).days for each in material), default=0)
    return LoanStanding(days, bucket(counted), sum(each.open for each in late))


def bucket(days: int) -> str:
    """Return the bucket of days past due."""
    return next((name for most, name in BUCKETS if days <= most), LAST_BUCKET)
