"""Cost by plan: whether it is within a limit, exactly, and its yearly rate by two conventions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from demo.portfolio import days, plan
from demo.portfolio.plan import MILLION

LIMIT_PPM = 240_000
_MONTHS = 12
_BANKERS_MONTH = 30
_DIGITS, _HALVINGS = 60, 130
_PLACES = Decimal("0.0001")
_RATE_MAX = Decimal(10)

Payment = tuple[int, int]
"""A day after the disbursement, in months of 30 days, and what is paid on it."""


def cost(terms: dict[str, Any], limit_ppm: int = LIMIT_PPM) -> dict[str, Any]:
    """Return what a loan costs by plan.

    Args:
        terms: The terms of a neutral case.
        limit_ppm: The limit of the cost, ppm a year.

    Returns:
        ``within``: whether the plan costs at most the limit, exactly; ``monthly``: the monthly
        internal rate times twelve, percent to four decimals; ``compounded``: the same compounded
        (both None where a month bears more than ten times what is owed);
        ``declared_within``: whether rate, fees a year of the term and penalty sum to the limit at
        most.

    Raises:
        RuleBroken: no schedule can be made of the terms.
    """
    over = plan.periods(terms)
    paid = payments(terms, over)
    monthly = _monthly_rate(terms["principal"], paid)
    with localcontext() as context:
        context.prec = _DIGITS
        return {
            "within": is_within(terms["principal"], paid, limit_ppm),
            "declared_within": declared_within(terms, over, limit_ppm),
            "monthly": None if monthly is None else _percent(monthly * _MONTHS),
            "compounded": None if monthly is None else _percent((1 + monthly) ** _MONTHS - 1),
        }


def payments(terms: dict[str, Any], over: list[plan.PlanPeriod]) -> list[Payment]:
    """Return what the borrower pays to anybody at each due date by plan, and when."""
    fees, start = plan.fees(terms, over), days.bankers(days.civil(over[0].start))
    anchor = plan.anchor_of(terms)
    return [
        (
            days.bankers_due(days.civil(period.due), anchor) - start,
            line.principal + line.interest + sum(parts[at] for parts in fees.values()),
        )
        for at, (period, line) in enumerate(zip(over, plan.original(terms, over), strict=True))
    ]


def is_within(principal: int, paid: list[Payment], limit_ppm: int) -> bool:
    """Return whether the payments are worth at most the principal at the limit's rate.

    What was lent is carried forward to the last due date, as its 30th power because that is so many
    30ths of a month; the payments are carried to it, too. Where they are not whole months apart,
    the growth of a day is a decimal.
    """
    month, one, last = _MONTHS * MILLION + limit_ppm, _MONTHS * MILLION, paid[-1][0]
    if any((last - day) % _BANKERS_MONTH for day, _ in paid):
        with localcontext() as context:
            context.prec = _DIGITS
            return _worth(paid, Decimal(month) / one) <= principal
    months = (last - paid[0][0]) // _BANKERS_MONTH
    worth = 0
    for day, amount in paid:
        ahead = (last - day) // _BANKERS_MONTH
        worth += amount * month**ahead * one ** (months - ahead)
    asked: int = worth**_BANKERS_MONTH * one ** paid[0][0]
    allowed: int = principal**_BANKERS_MONTH * month**last
    return asked <= allowed


def declared_within(terms: dict[str, Any], over: list[plan.PlanPeriod], limit_ppm: int) -> bool:
    """Return whether rate, fees of a year and penalty sum to the limit at most, exactly.

    A yearly fee counts with its rate, a total, or what a stated plan has, by the year of the term.
    """
    rest: int = limit_ppm - terms["annual_rate_ppm"] - terms["penalty_ppm"]
    totals = 0
    for fee in terms["fees"]:
        if terms["method"] == "stated":
            totals += sum(row["fees"].get(fee["name"], 0) for row in terms["stated"])
        elif fee.get("total") is not None:
            totals += fee["total"]
        else:
            rest -= fee["yearly_ppm"]
    year, denominator = sum(period.part[0] for period in over), over[0].part[1]
    if not year:
        return rest >= 0 and not totals
    allowed: int = rest * terms["principal"] * year
    return totals * denominator * MILLION <= allowed


def _monthly_rate(principal: int, paid: list[Payment]) -> Decimal | None:
    """Return the monthly internal rate, found by halving; None where it is beyond all measure."""
    if sum(amount for _, amount in paid) <= principal:
        return Decimal(0)
    with localcontext() as context:
        context.prec = _DIGITS
        low, high = Decimal(0), _RATE_MAX
        if _worth(paid, 1 + high) > principal:
            return None
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if _worth(paid, 1 + middle) > principal else (low, middle)
        return high


def _worth(paid: list[Payment], month: Decimal) -> Decimal:
    """Return what payments are worth at the disbursement, if a month grows what is owed so."""
    day = month ** (Decimal(1) / _BANKERS_MONTH)
    growth: dict[int, Decimal] = {}
    worth, before = Decimal(0), paid[-1][0]
    for at, amount in [*reversed(paid), (0, 0)]:
        gap = before - at
        if gap not in growth:
            growth[gap] = day**gap
        worth, before = worth / growth[gap] + amount, at
    return worth


def _percent(rate: Decimal) -> str:
    return str((rate * 100).quantize(_PLACES, ROUND_HALF_UP))
