"""Random neutral cases from a seed: terms of every kind, holders, and what befalls the loan."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from demo.day.dice import Dice
from demo.portfolio import days
from demo.portfolio.division import spread
from demo.portfolio.histories import draw_events
from demo.portfolio.loan import FUNDERS, PortfolioAccount
from demo.portfolio.plan import MILLION
from demo.portfolio.refusal import RuleBroken

DAY_COUNTS = ("30/360", "actual/360", "actual/365", "actual/actual")
METHODS = (
    "equal-instalment",
    "equal-principal",
    "interest-first",
    "flat",
    "bullet",
    "stated",
    "equal-instalment",
)
COMPONENTS = ("penalty", "fees", "interest", "principal")
GUARANTOR, PLATFORM, CHANNEL = "guarantor", "platform", "channel"
_FUNDERS = ("bank", "trust", "fund", "credit", "house")
_COUNTS = (1, 2, 3, 3, 4, 5, 6, 6, 8, 12, 12, 24)
_LONG_COUNTS = (36, 60, 120)
_UNITS = (1, 1, 1, 1, 10, 100, 100, 10_000)
_ATTEMPTS = 50
_STRIDE = 1_000_003

Plain = dict[str, Any]


def draw_case(seed: int, number: int) -> Plain:
    """Return case ``number`` of a seed; one in about a hundred has terms that are refused.

    The case is the same on every machine, whichever cases were drawn before it.
    """
    dice = Dice(seed * _STRIDE + number)
    for _ in range(_ATTEMPTS):
        case = _draw_parties(dice)
        case["terms"] = _draw_terms(dice, case)
        case["events"] = []
        try:
            loan = PortfolioAccount(case)
        except RuleBroken:
            if dice.one_in(4):
                return case
            continue
        case["events"] = draw_events(loan, dice)
        return case
    return case


def _draw_parties(dice: Dice) -> Plain:
    count = dice.pick((1, 1, 2, 2, 3, 3, 4, 5))
    cuts = sorted({0, MILLION, *(dice.between(1, MILLION - 1) for _ in range(count - 1))})
    if dice.one_in(3):
        cuts = [0]
        for part in spread(MILLION, count):
            cuts.append(cuts[-1] + part)
    shares = [end - start for start, end in pairwise(cuts)]
    if dice.one_in(300):
        shares[0] += 1
    names = dice.draw(_FUNDERS, len(shares))
    return {
        "funders": [{"party": p, "ppm": each} for p, each in zip(names, shares, strict=True)],
        "guarantor": None if dice.one_in(3) else GUARANTOR,
        "platform": PLATFORM,
    }


def _draw_terms(dice: Dice, case: Plain) -> Plain:
    method = dice.pick(METHODS)
    count = dice.pick(_LONG_COUNTS) if dice.one_in(40) else dice.pick(_COUNTS)
    if method == "bullet" or count == 1:
        count = 1
    terms: Plain = {
        "principal": _draw_principal(dice),
        "annual_rate_ppm": dice.pick((0, 36_000, 120_000, 240_000, dice.between(1, 360_000))),
        "day_count": dice.pick(DAY_COUNTS),
        "method": method,
        "instalments": count,
        **_draw_dates(dice),
        "unit": dice.pick(_UNITS),
        "principal_grace": dice.between(1, count - 1) if count > 1 and dice.one_in(8) else 0,
        "fees": _draw_fees(dice, case),
        "penalty_ppm": dice.pick((0, 180_000, dice.between(1, 400_000))),
        "penalty_to": dice.pick((FUNDERS, FUNDERS, FUNDERS, PLATFORM)),
        "grace_days": dice.pick((0, 0, 1, 3, 5, 15)),
        "early": dice.pick(("to-day", "to-day", "to-period-end")),
        "early_fee_ppm": dice.pick((0, 0, 10_000, dice.between(1, 30_000))),
        "early_fee_to": dice.pick((FUNDERS, PLATFORM)),
        "partial": "next" if method == "stated" else dice.pick(("shorten", "reduce", "next")),
        **_draw_order(dice),
        **_draw_cover(dice),
        "flat_interest_falls_away": dice.one_in(2),
        "immaterial": dice.pick((0, 0, 0, 100, 1_000)),
        "stated": None,
    }
    if method == "stated":
        _state(dice, terms)
    return terms


def _draw_principal(dice: Dice) -> int:
    kind = dice.between(0, 9)
    if kind < 2:
        return dice.between(1, 5_000)
    if kind < 6:
        return dice.between(5, 2_000) * 10_000
    return dice.between(5_000, 20_000_000)


def _draw_dates(dice: Dice) -> Plain:
    start = days.read("2019-01-01") + dice.between(0, 2_500)
    if dice.one_in(4):
        year, month, _ = days.civil(start)
        start = days.number(year, month, days.month_days(year, month))
    year, month, day = days.civil(start)
    anchor = dice.pick((day, day, 31, 30, dice.between(1, 31)))
    first = days.number(*days.months_on((year, month, day), 1, anchor))
    if dice.one_in(5):
        first = start + dice.between(1, 60)
        anchor = days.civil(first)[2]
    found: Plain = {"disbursed": days.write(start), "first_due": days.write(first)}
    if anchor != days.civil(first)[2] or dice.one_in(4):
        found["due_day"] = anchor
    return found


def _draw_fees(dice: Dice, case: Plain) -> list[Plain]:
    parties = [PLATFORM, CHANNEL, case["funders"][0]["party"]]
    if case["guarantor"]:
        parties.append(GUARANTOR)
    fees = []
    for name in ("service", "guarantee", "channel")[: dice.pick((0, 0, 1, 1, 2, 3))]:
        fee = {"name": name, "to": dice.pick(parties)}
        if dice.one_in(2):
            fee["yearly_ppm"] = dice.between(0, 30_000)
        else:
            fee["total"] = dice.between(0, 100_000)
        fees.append(fee)
    return fees


def _draw_order(dice: Dice) -> Plain:
    usual = dice.between(0, 2) > 0
    order = list(COMPONENTS) if usual else dice.draw(COMPONENTS, len(COMPONENTS))
    second = None
    if dice.one_in(3):
        second = {
            "days": dice.pick((1, 30, 90)),
            "order": dice.draw(COMPONENTS, len(COMPONENTS)),
            "by": dice.pick(("instalment", "component")),
        }
    by = dice.pick(("instalment", "instalment", "component"))
    return {"order": order, "by": by, "second_order": second}


def _draw_cover(dice: Dice) -> Plain:
    covered = ["principal"]
    covered += [each for each in ("interest", "fees", "penalty") if not dice.one_in(3)]
    return {
        "per_instalment_days": None if dice.one_in(3) else dice.pick((0, 5, 30)),
        "whole_days": None if dice.one_in(3) else dice.pick((10, 60, 80)),
        "covered": covered[dice.one_in(12) :],
    }


def _state(dice: Dice, terms: Plain) -> None:
    """State a schedule that closes, its dates about a month apart, and the totals of its fees."""
    terms["principal_grace"] = 0
    count, at = terms["instalments"], days.read(terms["first_due"])
    terms.pop("due_day", None)
    cuts = [0, *sorted(dice.between(0, terms["principal"]) for _ in range(count - 1))]
    ends = [*cuts[1:], terms["principal"]]
    if dice.one_in(20):
        ends[-1] += 1
    terms["stated"] = []
    for start, end in zip(cuts, ends, strict=True):
        interest = dice.between(0, terms["principal"] // 50 + 10)
        fees = {fee["name"]: dice.between(0, 5_000) for fee in terms["fees"]}
        row = {"due": days.write(at), "principal": end - start, "interest": interest, "fees": fees}
        terms["stated"].append(row)
        at += dice.pick((28, 30, 31, dice.between(1, 90)))
    for fee in terms["fees"]:
        fee.pop("yearly_ppm", None)
        fee["total"] = sum(row["fees"][fee["name"]] for row in terms["stated"])
