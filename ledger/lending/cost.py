"""Cost of a loan by plan: all that the borrower pays to anybody by the schedule.

A month is a period, twelve to the year; a payment is discounted by its days over 30 in 30/360, a
due date counting as its anchor day. So regular instalments are whole months apart, and only the
first period may be a part of one. The cost is within a limit if the payments, discounted at a
twelfth of the limit a month, are worth no more than the principal. That is compared exactly, as
30th powers; no root is drawn. Where a stated schedule is not monthly, the root is rounded down at
:data:`ROOT_BITS` bits, which can only make the cost look greater, by less than can be written.

The rates themselves are for people: they are computed in decimals and hashed nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from ledger.lending.dates import PARTS, days_360, is_anchored
from ledger.lending.errors import LoanRefused
from ledger.lending.schedule import Schedule
from ledger.lending.terms import MILLION, LoanTerms, ScheduleRow, percent

LIMIT_PPM = 240_000
"""What a consortium bounds the cost by if it says nothing else: 24 % a year."""

EARLY_FEE_LIMIT_PPM = 30_000
"""What the early fee may be at most."""

MONTHS = 12
MONTH_DAYS = 30
ROOT_BITS = 256
_PRECISION = 60
_STEPS = 80


class Payment(NamedTuple):
    """What is paid by plan, and how many days after the disbursement by 30/360."""

    days: int
    amount: int


class Rates(NamedTuple):
    """The cost in parts per million a year, by its two conventions, rounded half up."""

    times_12_ppm: int
    compounded_ppm: int


def payments(terms: LoanTerms, rows: Sequence[ScheduleRow]) -> tuple[Payment, ...]:
    """Return what the borrower pays by a schedule."""
    found = []
    for row in rows:
        day = terms.anchor if is_anchored(row.due, terms.anchor) else 0
        found.append(Payment(days_360(terms.disbursed, row.due, end_day=day), row.total))
    return tuple(found)


def is_within(principal: int, paid: Sequence[Payment], limit_ppm: int) -> bool:
    """Return whether the cost of payments is at most a yearly limit.

    Args:
        principal: Minor units.
        paid: What is paid, in the order of the days.
        limit_ppm: Parts per million a year, twelve times the monthly rate.
    """
    above, below = MONTHS * MILLION + limit_ppm, MONTHS * MILLION  # one month grows by their ratio
    if any((each.days - paid[0].days) % MONTH_DAYS for each in paid):
        return _is_within_unevenly(principal, paid, above, below)
    worth, scale, before = 0, 1, paid[-1].days
    for each in reversed(paid):
        months = (before - each.days) // MONTH_DAYS
        worth, scale, before = worth * below**months, scale * above**months, each.days
        worth += each.amount * scale
    days = paid[0].days
    return bool(worth**MONTH_DAYS * below**days <= (principal * scale) ** MONTH_DAYS * above**days)


def _is_within_unevenly(principal: int, paid: Sequence[Payment], above: int, below: int) -> bool:
    """Compare with the growth of a day rounded down and every discount rounded up."""
    growth = _root((above << (ROOT_BITS * MONTH_DAYS)) // below)
    one = 1 << ROOT_BITS
    discount, worth, before = one, 0, 0
    for each in paid:
        for _ in range(each.days - before):
            discount = -(-discount * one // growth)
        worth, before = worth + each.amount * discount, each.days
    return worth <= principal * one


def _root(value: int) -> int:
    """Return the 30th root of a whole number, rounded down."""
    guess = 1 << (value.bit_length() // MONTH_DAYS + 1)
    while True:
        better = ((MONTH_DAYS - 1) * guess + value // guess ** (MONTH_DAYS - 1)) // MONTH_DAYS
        if better >= guess:
            return guess
        guess = better


def nominal_parts(terms: LoanTerms, found: Schedule) -> tuple[int, int]:
    """Return rate, fees and penalty of a year as a ratio: numerator and denominator.

    A fee counts with its yearly rate, or with its total a year of the term.
    """
    length = sum(period.parts for period in found.periods)
    yearly = terms.annual_rate_ppm + terms.penalty_ppm
    if terms.method == "stated":
        total = sum(sum(row.fees) for row in found.rows)
    else:
        total = sum(fee.total for fee in terms.fees)
        yearly += sum(fee.yearly_ppm for fee in terms.fees)
    if not length:
        return yearly + total * MILLION, MILLION
    whole = terms.principal * length
    return yearly * whole + total * MILLION * PARTS, whole * MILLION


def refuse_dear(terms: LoanTerms, found: Schedule, limit_ppm: int = LIMIT_PPM) -> None:
    """Return if a loan's cost by plan, its rates and its early fee are within their limits.

    Raises:
        LoanRefused: ``cost-over-limit`` or ``early-fee-over-limit``.
    """
    if terms.early_fee_ppm > EARLY_FEE_LIMIT_PPM:
        raise LoanRefused(
            "early-fee-over-limit",
            "The early fee is bounded on its own.",
            expected=f"at most {percent(EARLY_FEE_LIMIT_PPM)}",
            got=percent(terms.early_fee_ppm),
        )
    numerator, denominator = nominal_parts(terms, found)
    if numerator * MILLION > limit_ppm * denominator:
        raise LoanRefused(
            "cost-over-limit",
            "Rate, fees and penalty of a year together are within the limit of the cost.",
            expected=f"at most {percent(limit_ppm)}",
            got=percent(-(-numerator * MILLION // denominator)),
        )
    paid = payments(terms, found.rows)
    if not is_within(terms.principal, paid, limit_ppm):
        reached = rates(terms.principal, paid)
        raise LoanRefused(
            "cost-over-limit",
            "All that the borrower pays by plan, as a monthly rate times 12, is within the limit.",
            expected=f"at most {percent(limit_ppm)}",
            got="more than any rate" if reached is None else percent(reached.times_12_ppm),
        )


def rates(principal: int, paid: Sequence[Payment]) -> Rates | None:
    """Return the cost of payments; None where they are worth too much at any rate."""
    with localcontext() as context:
        context.prec = _PRECISION
        low, high = Decimal(0), Decimal(1)
        while _worth(paid, high) > principal:
            low, high = high, high * 2
            if high > MILLION:
                return None
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (middle, high) if _worth(paid, middle) > principal else (low, middle)
        if _worth(paid, Decimal(0)) <= principal:
            high = Decimal(0)
        return Rates(_ppm(high * MONTHS), _ppm((1 + high) ** MONTHS - 1))


def _worth(paid: Sequence[Payment], monthly: Decimal) -> Decimal:
    growth = 1 + monthly
    daily = growth ** (1 / Decimal(MONTH_DAYS))  # the one root: a power of it is soon worked out
    gaps = {MONTH_DAYS: growth}
    worth, before = Decimal(0), paid[-1].days
    for each in (*reversed(paid), Payment(0, 0)):
        gap = before - each.days
        if gap not in gaps:
            months, days = divmod(gap, MONTH_DAYS)
            gaps[gap] = growth**months * daily**days
        worth, before = worth / gaps[gap] + each.amount, each.days
    return worth


def _ppm(rate: Decimal) -> int:
    return int(rate * MILLION + Decimal("0.5"))
