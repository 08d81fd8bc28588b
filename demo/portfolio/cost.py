"""Cost by plan: whether it is within a limit, exactly, and its yearly rate by two conventions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from demo.portfolio import days, plan
from demo.portfolio.plan import MILLION

LIMIT_PPM = 240_000
_MONTHS = 12
_BANKERS_MONTH = 30
_DIGITS, _HALVINGS = 50, 120
_PLACES = Decimal("0.0001")
_RATE_MAX = Decimal(1000)


def cost(terms: dict[str, Any], limit_ppm: int = LIMIT_PPM) -> dict[str, Any]:
    """Return what a loan costs by plan.

    Args:
        terms: The terms of a neutral case.
        limit_ppm: The limit of the cost, ppm a year.

    Returns:
        ``within``: whether the plan costs at most the limit, exactly; ``monthly``: the monthly
        internal rate times twelve, percent to four decimals; ``compounded``: the same compounded;
        ``declared_within``: whether rate, fees a year of the term and penalty sum to the limit at
        most.

    Raises:
        RuleBroken: no schedule can be made of the terms.
    """
    over = plan.periods(terms)
    paid = payments(terms, over)
    first = first_days(terms, over)
    monthly = _monthly_rate(terms["principal"], paid, first)
    with localcontext() as context:
        context.prec = _DIGITS
        compounded = (1 + monthly) ** _MONTHS - 1
        return {
            "within": is_within(terms["principal"], paid, first, limit_ppm),
            "declared_within": declared_within(terms, over, limit_ppm),
            "monthly": _percent(monthly * _MONTHS),
            "compounded": _percent(compounded),
        }


def payments(terms: dict[str, Any], over: list[plan.PlanPeriod]) -> list[int]:
    """Return what the borrower pays to anybody at each due date by plan."""
    fees = plan.fees(terms, over)
    return [
        line.principal + line.interest + sum(parts[at] for parts in fees.values())
        for at, line in enumerate(plan.original(terms, over))
    ]


def first_days(terms: dict[str, Any], over: list[plan.PlanPeriod]) -> int:
    """Return the days of the first period in months of 30 days."""
    due = days.civil(over[0].due)
    anchor = terms.get("due_day") if terms["method"] != "stated" else None
    return days.bankers(due, anchor) - days.bankers(days.civil(over[0].start))


def is_within(principal: int, paid: list[int], first: int, limit_ppm: int) -> bool:
    """Return whether the payments are worth at most the principal at the limit's rate.

    What was lent is carried forward to the first due date, as its 30th power because it is so many
    30ths of a month; the payments are carried back to it.
    """
    month, one = _MONTHS * MILLION + limit_ppm, _MONTHS * MILLION
    worth, power = 0, 1
    for amount in paid:
        worth = worth * month + amount * power
        power *= one
    asked: int = worth**_BANKERS_MONTH * one**first
    allowed: int = principal**_BANKERS_MONTH * month ** (first + _BANKERS_MONTH * (len(paid) - 1))
    return asked <= allowed


def declared_within(terms: dict[str, Any], over: list[plan.PlanPeriod], limit_ppm: int) -> bool:
    """Return whether rate, yearly fees and penalty sum to the limit at most, exactly."""
    fees: int = sum(sum(parts) for parts in plan.fees(terms, over).values())
    year, denominator = sum(period.part[0] for period in over), over[0].part[1]
    rest: int = limit_ppm - terms["annual_rate_ppm"] - terms["penalty_ppm"]
    allowed: int = rest * terms["principal"] * year
    return fees * denominator * MILLION <= allowed


def _monthly_rate(principal: int, paid: list[int], first: int) -> Decimal:
    """Return the monthly internal rate, found by halving."""
    if sum(paid) <= principal:
        return Decimal(0)
    with localcontext() as context:
        context.prec = _DIGITS
        low, high = Decimal(0), _RATE_MAX
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            month, worth = 1 + middle, Decimal(0)
            for amount in reversed(paid):
                worth = worth / month + amount
            owed = principal * month ** (Decimal(first) / _BANKERS_MONTH)
            low, high = (middle, high) if worth > owed else (low, middle)
        return low


def _percent(rate: Decimal) -> str:
    return str((rate * 100).quantize(_PLACES, ROUND_HALF_UP))
