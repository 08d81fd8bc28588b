"""Terms of a generated loan: all methods and day counts, one to three funders, fees, a guarantor.

A case is neutral, plain data, as :mod:`demo.portfolio` plays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from demo.day.dice import Dice
from demo.loans.cast import PortfolioPlan
from demo.portfolio import days
from demo.portfolio.cost import LIMIT_PPM, declared_within, is_within, payments
from demo.portfolio.division import spread
from demo.portfolio.loan import FUNDERS
from demo.portfolio.plan import MILLION, periods
from demo.portfolio.refusal import RuleBroken

Plain = dict[str, Any]

METHODS = ("equal-instalment", "equal-principal", "interest-first", "flat", "bullet", "stated")
DAY_COUNTS = ("30/360", "actual/360", "actual/365", "actual/actual")
ORDER = ["penalty", "fees", "interest", "principal"]
_OFTEN = ("equal-instalment",) * 6 + ("equal-principal",) * 2
_SHARES = (
    (1_000_000,),
    (700_000, 300_000),
    (500_000, 300_000, 200_000),
    (333_333, 333_333, 333_334),
)
_ATTEMPTS = 100
_DUE_DAYS = (1, 5, 8, 10, 12, 15, 18, 20, 25, 28)
_COUNTS = (6, 6, 9, 12, 12, 12, 18, 24)


def draw_case(plan: PortfolioPlan, dice: Dice, number: int, wanted: Plain) -> Plain:
    """Return the case of a loan, which costs at most what the law allows.

    Args:
        plan: The portfolio.
        dice: Where choices come from.
        number: The loan's number: one after the other has each day count.
        wanted: What its story needs of the terms, and ``first_due``, ``guaranteed``, and
            ``lenders``: how many there may be.

    Raises:
        ValueError: no terms were found that the limit allows.
    """
    wanted = dict(wanted)
    guaranteed, lenders = wanted.pop("guaranteed", None), wanted.pop("lenders", (1, 2, 3))
    for _ in range(_ATTEMPTS):
        case = _draw_parties(plan, dice, guaranteed, lenders)
        case["terms"] = _draw_terms(plan, dice, number, case)
        case["terms"].update(wanted)
        case["events"] = []
        _place(plan, dice, case["terms"])
        if case["terms"]["method"] == "stated":
            _state(case["terms"])
        if case["terms"]["method"] == "bullet":
            case["terms"]["instalments"] = 1
        if _is_allowed(case["terms"]):
            return case
    raise ValueError(f"no terms of loan {number} are within the limit")


def _draw_parties(
    plan: PortfolioPlan, dice: Dice, guaranteed: bool | None, lenders: Sequence[int]
) -> Plain:
    possible = range(1, len(plan.funders) + 1)
    shapes = [each for each in _SHARES if len(each) in lenders and len(each) in possible]
    shares = list(dice.pick(shapes or [(MILLION,)]))
    if len(shares) > 1 and dice.one_in(3):
        cuts = sorted(dice.draw(range(50_000, MILLION, 1_111), len(shares) - 1))
        shares = [end - start for start, end in pairwise((0, *cuts, MILLION))]
    names = dice.draw(plan.funders, len(shares))
    if guaranteed is None:
        guaranteed = not dice.one_in(3)
    return {
        "funders": [{"party": p, "ppm": each} for p, each in zip(names, shares, strict=True)],
        "guarantor": plan.guarantor if guaranteed else None,
        "platform": plan.platform,
    }


def _draw_terms(plan: PortfolioPlan, dice: Dice, number: int, case: Plain) -> Plain:
    method = dice.pick((*_OFTEN, *METHODS))
    penalty = dice.pick((0, 30_000, 50_000, 80_000))
    return {
        "principal": dice.between(10, 500) * 10_000 + dice.pick((0, 0, 0, dice.between(1, 9_999))),
        "annual_rate_ppm": dice.pick((36_000, 72_000, 96_000, 120_000, dice.between(1, 130_000))),
        "day_count": DAY_COUNTS[number % len(DAY_COUNTS)],
        "method": method,
        "instalments": dice.pick(_COUNTS),
        "unit": dice.pick((1, 1, 100)),
        "principal_grace": 0,
        "fees": _draw_fees(plan, dice, case),
        "penalty_ppm": penalty,
        "penalty_to": dice.pick((FUNDERS, FUNDERS, plan.platform)),
        "grace_days": dice.pick((0, 0, 3)),
        "early": dice.pick(("to-day", "to-day", "to-period-end")),
        "early_fee_ppm": dice.pick((0, 0, 10_000)),
        "early_fee_to": dice.pick((FUNDERS, plan.platform)),
        "partial": dice.pick(("shorten", "reduce", "next")),
        "order": list(ORDER),
        "by": dice.pick(("instalment", "instalment", "component")),
        "second_order": dice.pick(
            (None, None, {"days": 31, "order": ORDER[::-1], "by": "component"})
        ),
        "per_instalment_days": dice.pick((10, 20, 25)) if case["guarantor"] else None,
        "whole_days": 45 if case["guarantor"] else None,
        "covered": ["interest", "principal"],
        "flat_interest_falls_away": dice.one_in(2),
        "immaterial": dice.pick((0, 0, 100)),
        "stated": None,
    }


def _draw_fees(plan: PortfolioPlan, dice: Dice, case: Plain) -> list[Plain]:
    fees: list[Plain] = []
    if not dice.one_in(3):
        fees.append({"name": "service", "to": plan.platform, "yearly_ppm": dice.between(1, 12_000)})
    if case["guarantor"] and not dice.one_in(3):
        fees.append({"name": "guarantee", "to": case["guarantor"], "total": dice.between(0, 9_000)})
    return fees


def _place(plan: PortfolioPlan, dice: Dice, terms: Plain) -> None:
    """Give a loan its dates: most are lent in the first half of the history."""
    first = terms.pop("first_due", None)
    if first is None:
        year, month, _ = days.civil(plan.start)
        ahead = dice.between(1, max(1, plan.months * 2 // 3))
        first = days.number(*days.months_on((year, month, 1), ahead, dice.pick(_DUE_DAYS)))
    year, month, day = days.civil(first)
    if day == days.month_days(year, month):
        terms["due_day"] = max(day, days.civil(plan.end)[2])
    lent = max(plan.start, first - dice.between(25, 33))
    if terms["method"] == "bullet":
        lent = max(plan.start, first - dice.between(60, 120))
    terms["disbursed"], terms["first_due"] = days.write(lent), days.write(first)


def _state(terms: Plain) -> None:
    """State a schedule: equal principal, and interest that falls by the month."""
    terms.pop("due_day", None)
    count, first = terms["instalments"], days.read(terms["first_due"])
    parts, terms["stated"] = spread(terms["principal"], count), []
    year, month, day = days.civil(first)
    for at, part in enumerate(parts):
        due = days.number(*days.months_on((year, month, day), at, day))
        row: Plain = {"due": days.write(due), "principal": part}
        row["interest"] = (count - at) * terms["principal"] // (count * 120)
        row["fees"] = {fee["name"]: 100 for fee in terms["fees"]}
        terms["stated"].append(row)
    terms["partial"] = "next"
    for fee in terms["fees"]:
        fee.pop("yearly_ppm", None)
        fee["total"] = 100 * count


def _is_allowed(terms: Plain) -> bool:
    over = periods(terms)
    try:
        paid = payments(terms, over)
    except RuleBroken:  # a fee of a few fen does not close
        return False
    return declared_within(terms, over, LIMIT_PPM) and is_within(
        terms["principal"], paid, LIMIT_PPM
    )
