"""Payoff, penalty and parts of payments over random cases, worked out from the answers alone."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from demo.portfolio import days
from demo.portfolio.account import answer, open_state, play
from demo.portfolio.repaying import payoff_amount
from tests.demo.portfolio.case_kit import repaid
from tests.demo.portfolio.test_invariants import PARTS, by_component, loans

Plain = dict[str, Any]
DAY = timedelta(days=1)


@pytest.mark.parametrize("part", range(PARTS))
def test_the_payoff_amount_pays_off_and_a_fen_less_charges_no_early_fee(part: int) -> None:
    for case, loan in loans(part, 3 * PARTS):
        for event in case["events"]:
            play(loan, event)
            day = loan.latest + 9
            amount = payoff_amount(loan, day)
            if not amount or loan.is_settled(day):
                continue
            whole = play(deepcopy(loan), repaid("payoff", days.write(day), amount))
            assert (whole["open"], whole["overpaid"]) == ([], 0)
            assert sum(leg["amount"] for leg in whole["legs"]) == amount
            if amount > 1 and loan.ahead(day):
                less = play(deepcopy(loan), repaid("less", days.write(day), amount - 1))
                assert "early-fee" not in {leg["component"] for leg in less["legs"]}


@pytest.mark.parametrize("part", range(PARTS))
def test_two_payments_of_a_day_pay_what_their_sum_pays_where_nothing_is_laid_anew(
    part: int,
) -> None:
    for case, loan in loans(part, 3 * PARTS):
        for event in case["events"]:
            play(loan, event)
            day = loan.latest + 20
            due = sum(loan.seen(row, day).total_open() for row in loan.due(day))
            if due < 3 or loan.terms["second_order"]:
                continue
            one, two, day_text = deepcopy(loan), deepcopy(loan), days.write(day)
            play(one, repaid("sum", day_text, due - 1))
            play(two, repaid("first", day_text, due // 3))
            play(two, repaid("rest", day_text, due - 1 - due // 3))
            assert by_component(open_state(one, day)) == by_component(open_state(two, day))


def is_plain(case: Plain, events: list[Plain]) -> bool:
    """Return whether dates go on and no accepted event lays plans anew or takes anything back."""
    accepted = [
        event for event, found in zip(case["events"], events, strict=True) if "refused" not in found
    ]
    dates = [event["date"] for event in accepted]
    return dates == sorted(dates) and not {e["kind"] for e in accepted} & {"reversal", "replan"}


def states_of(case: Plain, found: Plain) -> list[tuple[date, dict[tuple[int, str], int]]]:
    """Return what was open after the disbursement and after each event that was accepted."""
    first = {
        (row["number"], name): sum(shares.values())
        for row in found["schedule"]
        for name, shares in row["shares"].items()
    }
    states = [(date.fromisoformat(case["terms"]["disbursed"]), first)]
    for event, each in zip(case["events"], found["events"], strict=True):
        if "refused" not in each:
            states.append((date.fromisoformat(event["date"]), dict(by_component(each["open"]))))
    return states


def night(day: date, day_count: str) -> Fraction:
    """Return the part of a year that a night is."""
    if day_count == "actual/actual":
        return Fraction(1, (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days)
    return Fraction(1, 365 if day_count == "actual/365" else 360)


def expected_penalty(case: Plain, states: list[Any], number: int, due: date) -> int:
    """Return the penalty of an instalment to the last date, night by night."""
    terms, last = case["terms"], states[-1][0]
    grace = due + timedelta(days=terms["grace_days"])
    if last <= grace or any(
        day <= grace and not any(amount for (at, _), amount in state.items() if at == number)
        for day, state in states
    ):
        return 0
    total, day = Fraction(0), due
    while day < last:
        state = [each for at, each in states if at <= day][-1]
        total += state.get((number, "principal"), 0) * night(day, terms["day_count"])
        day += DAY
    return int(total * terms["penalty_ppm"] / 1_000_000 + Fraction(1, 2))


@pytest.mark.parametrize("part", range(PARTS))
def test_penalty_is_the_sum_of_the_nights_whenever_it_was_touched(part: int) -> None:
    checked = 0
    for case, _ in loans(part):
        found = answer(case)
        if not case["terms"]["penalty_ppm"] or not is_plain(case, found["events"]):
            continue
        states = states_of(case, found)
        for row in found["schedule"]:
            due = date.fromisoformat(row["due"])
            if due >= states[-1][0]:
                continue
            paid = sum(
                leg["amount"]
                for event, each in zip(case["events"], found["events"], strict=True)
                if event["kind"] != "compensation"
                for leg in each.get("legs", ())
                if (leg["instalment"], leg["component"]) == (row["number"], "penalty")
            )
            left = states[-1][1].get((row["number"], "penalty"), 0)
            expected = expected_penalty(case, states, row["number"], due)
            assert paid + left == expected, (case, row["number"])
            checked += expected > 0
    assert checked > 50
