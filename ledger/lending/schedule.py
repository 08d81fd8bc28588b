"""Schedules: what is due by plan, row by row.

An instalment is rounded half up to the unit of the terms, and the last one takes the rest. The unit
rounds the total of ``equal-instalment``, and the principal of ``equal-principal`` and ``flat``;
interest and fees go to the minor unit. Equal instalments come from the exact annuity over the
actual fractions of the periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ledger.lending.dates import PARTS, due_date, half_up, is_anchored, period_parts
from ledger.lending.errors import AmountRefused, LoanRefused
from ledger.lending.terms import (
    MILLION,
    LoanTerms,
    Method,
    ScheduleRow,
    check_term,
)

YEAR = PARTS * MILLION
"""Parts of a year times parts per million: the denominator of interest."""

DUE_MAX = 10**15
"""What may be due on a date by plan, in minor units: with penalty it is an amount, too."""


class Period(NamedTuple):
    """One period: its instalment's number, its dates, and its length in parts of a year."""

    number: int
    start: date
    due: date
    parts: int


class Course(NamedTuple):
    """How principal is repaid from some date on.

    ``regular`` is what ``equal-instalment`` repeats of the total, and other methods of the
    principal. ``first_interest`` is the exact interest of the first period.
    """

    method: Method
    rate_ppm: int
    grace: int
    balance: int
    periods: Sequence[Period]
    first_interest: Fraction


class Schedule(NamedTuple):
    """The rows of a schedule, the periods that they end, and the amount that repeats."""

    rows: tuple[ScheduleRow, ...]
    periods: tuple[Period, ...]
    regular: int


def schedule(terms: LoanTerms) -> Schedule:
    """Return the schedule of checked terms.

    Raises:
        LoanRefused: ``schedule-does-not-close`` or ``dates-out-of-order``.
    """
    if terms.method == "stated":
        check_rows(terms.stated, terms.principal, terms.disbursed, len(terms.fees))
        _check_stated(terms)
        return Schedule(terms.stated, periods_of(terms, terms.stated), 0)
    periods = _regular_periods(terms)
    first = Fraction(terms.annual_rate_ppm * terms.principal * periods[0].parts, YEAR)
    grace = grace_of(terms)
    course = Course(terms.method, terms.annual_rate_ppm, grace, terms.principal, periods, first)
    regular = regular_amount(course, terms.unit)
    term = sum(period.parts for period in periods)
    flat = None
    if terms.method == "flat":
        flat = _spread(
            half_up(terms.principal * terms.annual_rate_ppm * term, YEAR), terms.instalments
        )
    fees = [
        _spread(fee.total or half_up(terms.principal * fee.yearly_ppm * term, YEAR), len(periods))
        for fee in terms.fees
    ]
    rows = tuple(
        ScheduleRow(
            number=period.number,
            due=period.due,
            principal=principal,
            interest=interest if flat is None else flat[index],
            fees=tuple(fee[index] for fee in fees),
        )
        for index, (period, (principal, interest)) in enumerate(
            zip(periods, repaid(course, regular), strict=True)
        )
    )
    check_rows(rows, terms.principal, terms.disbursed, len(fees))
    return Schedule(rows, periods, regular)


def periods_of(
    terms: LoanTerms, rows: Sequence[ScheduleRow], start: date | None = None
) -> tuple[Period, ...]:
    """Return the periods that rows end, the first one from ``start`` or the disbursement on."""
    found = []
    before, before_day = start or terms.disbursed, 0
    for row in rows:
        day = terms.anchor if is_anchored(row.due, terms.anchor) else 0
        parts = period_parts(terms.day_count, before, row.due, (before_day, day))
        found.append(Period(row.number, before, row.due, parts))
        before, before_day = row.due, day
    return tuple(found)


def grace_of(terms: LoanTerms) -> int:
    """Return how many instalments have no principal."""
    if terms.method in ("interest-first", "bullet"):
        return terms.instalments - 1
    return terms.principal_grace


def _regular_periods(terms: LoanTerms) -> tuple[Period, ...]:
    dues = [due_date(terms.first_due, terms.anchor, month) for month in range(terms.instalments)]
    empty = [
        ScheduleRow(number=number, due=due, principal=0, interest=0)
        for number, due in enumerate(dues, 1)
    ]
    return periods_of(terms, empty)


def regular_amount(course: Course, unit: int) -> int:
    """Return what repeats: the instalment by the exact annuity, or the principal; in units."""
    paying = [each for each in course.periods if each.number > course.grace]
    paying = paying or [course.periods[-1]]
    if course.method != "equal-instalment":
        return half_up(course.balance, len(paying), unit)
    numerator, denominator = 1, 1  # the value, at the first due date, of 1 on each date
    for period in reversed(paying[1:]):
        grown = YEAR + course.rate_ppm * period.parts
        numerator, denominator = denominator * grown + numerator * YEAR, denominator * grown
    interest = course.first_interest
    if paying[0] is not course.periods[0]:
        interest = Fraction(course.rate_ppm * course.balance * paying[0].parts, YEAR)
    owed = course.balance + interest
    return half_up(owed.numerator * denominator, owed.denominator * numerator, unit)


def repaid(course: Course, regular: int, clip: bool = False) -> list[tuple[int, int]]:
    """Return principal and interest of each period.

    Args:
        course: How principal is repaid.
        regular: What repeats.
        clip: Whether a plan ends early, and no component is negative, as after a prepayment.
    """
    found = []
    balance, exact = course.balance, course.first_interest
    for index, period in enumerate(course.periods):
        if index:
            exact = Fraction(course.rate_ppm * balance * period.parts, YEAR)
        interest = half_up(exact.numerator, exact.denominator)
        principal = regular - (interest if course.method == "equal-instalment" else 0)
        if period is course.periods[-1]:
            principal = balance
        elif period.number <= course.grace:
            principal = 0
        if clip:
            principal = min(max(principal, 0), balance)
        balance -= principal
        found.append((principal, interest))
    return found


def _spread(total: int, count: int) -> list[int]:
    each = half_up(total, count)
    return [each] * (count - 1) + [total - each * (count - 1)]


def check_rows(rows: Sequence[ScheduleRow], principal: int, start: date, fees: int) -> None:
    """Return if rows close on the principal, and nothing in them is negative or out of order.

    Args:
        rows: A schedule.
        principal: Minor units.
        start: The date of disbursement, or from which the rows hold.
        fees: How many fees each row has.

    Raises:
        LoanRefused: ``dates-out-of-order`` or ``schedule-does-not-close``.
    """
    if not rows:
        raise AmountRefused(
            "schedule-does-not-close", "A schedule has an instalment or more.", principal, 0
        )
    for before, due in pairwise([start, *(row.due for row in rows)]):
        if due <= before:
            raise LoanRefused(
                "dates-out-of-order",
                "Instalments are due one after the other, after the date from which they hold.",
                expected=f"a date after {before}",
                got=f"{due}",
            )
    check_term(start, rows[-1].due)
    for row in rows:
        parts = (row.principal, row.interest, *row.fees)
        if row.total > DUE_MAX:
            rule = f"What is due of instalment {row.number} is beyond what can be agreed."
            raise AmountRefused("schedule-does-not-close", rule, DUE_MAX, row.total)
        if min(parts) < 0 or len(row.fees) != fees:
            raise LoanRefused(
                "schedule-does-not-close",
                f"Instalment {row.number} has a negative component, or not every fee.",
                expected=f"principal, interest and {fees} fees, none negative",
                got=", ".join(f"{part:,}" for part in parts),
            )
    repaid_by_plan = sum(row.principal for row in rows)
    if repaid_by_plan != principal:
        raise AmountRefused(
            "schedule-does-not-close",
            "The principal of the instalments sums to the principal that is owed.",
            principal,
            repaid_by_plan,
        )


def _check_stated(terms: LoanTerms) -> None:
    rows = terms.stated
    numbers = [row.number for row in rows]
    if numbers != list(range(1, terms.instalments + 1)) or rows[0].due != terms.first_due:
        raise LoanRefused(
            "schedule-does-not-close",
            "A stated schedule has every instalment of the terms, the first on its date.",
            expected=f"instalments 1 to {terms.instalments} from {terms.first_due} on",
            got=f"{len(rows)} from {rows[0].due} on",
        )


def require_same(terms: LoanTerms, stated: Sequence[ScheduleRow]) -> None:
    """Return if a stated schedule is the one that the terms give.

    Raises:
        LoanRefused: ``schedule-differs``: instalment, component, expected and got.
    """
    computed = schedule(terms).rows
    if len(stated) != len(computed):
        raise LoanRefused(
            "schedule-differs",
            "The schedule has as many instalments as the terms.",
            expected=f"{len(computed)} instalments",
            got=f"{len(stated)}",
        )
    names = ("principal", "interest", *(f"fee:{fee.name}" for fee in terms.fees))
    for right, row in zip(computed, stated, strict=True):
        if (row.number, row.due) != (right.number, right.due):
            raise LoanRefused(
                "schedule-differs",
                f"Instalment {right.number} differs in its number or its date.",
                expected=f"{right.number}, due {right.due}",
                got=f"{row.number}, due {row.due}",
            )
        wanted, came = _amounts_of(right), _amounts_of(row)
        for name, expected, got in zip(names, wanted, came, strict=False):
            if expected != got:
                rule = f"Instalment {right.number} differs in its {name}."
                raise AmountRefused("schedule-differs", rule, expected, got)
        if len(wanted) != len(came):
            raise LoanRefused(
                "schedule-differs",
                f"Instalment {right.number} has another number of fees than the terms.",
                expected=f"{len(wanted) - 2}",
                got=f"{len(came) - 2}",
            )


def _amounts_of(row: ScheduleRow) -> tuple[int, ...]:
    return (row.principal, row.interest, *row.fees)
