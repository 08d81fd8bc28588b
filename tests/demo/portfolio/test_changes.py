"""What one event leaves to the next: prepayments, waivers, compensations, with numbers by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.demo.portfolio.case_kit import (
    Plain,
    compensation,
    paid,
    played,
    repaid,
    reversal,
    still_open,
    terms,
    waiver,
)

HALVES = {"a": 500_000, "b": 500_000}
THREE = {"principal": 30_000, "instalments": 3, "method": "equal-principal"}
OVERDUE = {"principal": 30_000, "annual_rate_ppm": 0, "instalments": 3, "penalty_ppm": 360_000}


def held(found: Plain, component: str) -> dict[str, list[int]]:
    """Return what is open of a component to each party, instalment by instalment."""
    by: dict[str, list[int]] = {}
    for each in found["open"]:
        if each["component"] == component:
            by.setdefault(each["party"], []).append(each["open"])
    return by


@pytest.mark.parametrize(
    ("early", "date", "amount", "interest"),
    [
        ("to-day", "2022-11-16", 10_000, [250, 133, 67]),
        ("to-period-end", "2022-11-16", 10_000, [300, 133, 67]),
        ("to-day", "2022-12-01", 20_300, [100, 50]),
        ("to-period-end", "2022-12-01", 20_300, [100, 50]),
    ],
)
def test_interest_of_the_current_period_is_that_of_the_old_balance_and_of_the_new(
    early: str, date: str, amount: int, interest: list[int]
) -> None:
    loan = terms(**THREE, partial="reduce", early=early)
    found = played(loan, repaid("r", date, amount))[0]
    assert still_open(found["open"], "interest") == interest


def test_two_prepayments_in_a_period_leave_three_balances_of_its_interest() -> None:
    loan = terms(**THREE, partial="reduce")
    events = [repaid("r1", "2022-11-11", 6_000), repaid("r2", "2022-11-21", 12_000)]
    found = played(loan, *events)[1]
    # ten days each on 300, 240 and 120 a month
    assert still_open(found["open"], "interest") == [220, 80, 40]
    assert still_open(found["open"]) == [4_000, 4_000, 4_000]


def test_interest_that_was_settled_is_not_asked_again() -> None:
    loan = terms(**THREE, partial="reduce")
    given_up = waiver("a", "interest", 100, "2022-11-10")
    paid_off = played(loan, given_up, repaid("r", "2022-11-16", 40_000), funders=HALVES)[1]
    assert paid(paid_off, "interest") == {"a": 13, "b": 37}
    ahead = played(loan, given_up, repaid("r", "2022-11-16", 10_000), funders=HALVES)[1]
    assert {party: rows[0] for party, rows in held(ahead, "interest").items()} == {
        "a": 38,
        "b": 112,
    }


def test_what_a_touched_instalment_had_of_penalty_stays_when_money_arrives_late() -> None:
    events = [
        repaid("r1", "2022-12-31", 1),
        repaid("r2", "2022-12-11", 299 + 5_000),
        repaid("r3", "2023-01-10", 1),
    ]
    found = played(terms(**OVERDUE), *events)
    assert still_open(found[1]["open"]) == [5_000, 10_000, 10_000]
    assert still_open(found[2]["open"], "penalty") == [49, 90]


def test_rights_that_a_whole_compensation_took_stay_with_the_guarantor_in_a_new_plan() -> None:
    loan = terms(**THREE, partial="reduce", whole_days=10, covered=["principal", "interest"])
    too_early = played(loan, compensation("2022-12-11", "whole"))[0]
    assert too_early == {"refused": "compensation-too-early"}
    stated = compensation("2022-12-12", "whole")
    ahead = repaid("r", "2022-12-20", 10_300 + 10_000)
    found = played(loan, stated, ahead, funders=HALVES)[1]
    assert set(held(found, "interest")) == {"guarantor"}
    back = [stated, reversal("c", "2022-12-13"), ahead]
    found = played(loan, *back, funders=HALVES)[2]
    assert held(found, "interest") == {"a": [81, 25], "b": [80, 25]}


def test_penalty_goes_to_the_funders_again_when_their_claims_came_back() -> None:
    loan = terms(**OVERDUE, per_instalment_days=5, covered=["principal"])
    events = [compensation("2022-12-11", [1]), reversal("c", "2022-12-21")]
    found = played(loan, *events, repaid("r", "2022-12-31", 1), funders=HALVES)[2]
    # three times 100, nothing of it fixed for the guarantor; the fen goes to the first
    assert held(found, "penalty") == {"a": [149], "b": [150]}


def test_a_prepayment_within_a_period_leaves_instalments_that_are_equal() -> None:
    loan: dict[str, Any] = terms(principal=1_000_000, instalments=6, partial="reduce")
    found = played(loan, repaid("r", "2022-11-16", 400_000))[0]["open"]
    pairs = zip(still_open(found), still_open(found, "interest"), strict=True)
    totals = [sum(pair) for pair in pairs]
    assert len(totals) == 6
    assert max(totals) - min(totals) <= 3


def test_a_payment_between_the_principal_ahead_and_the_payoff_leaves_nothing_to_ask() -> None:
    loan = terms(**THREE, partial="shorten", early_fee_ppm=10_000)
    found = played(loan, repaid("r", "2022-12-01", 10_300 + 20_050))[0]
    assert (found["open"], found["overpaid"]) == ([], 50)
    within = played(loan, repaid("r", "2022-11-16", 30_100))[0]
    assert still_open(within["open"], "interest") == [50]
    back = played(loan, repaid("r", "2022-12-01", 30_350), reversal("r", "2022-12-05"))[1]
    assert still_open(back["open"]) == [10_000, 10_000, 10_000]


def test_a_whole_compensation_pays_the_fees_that_are_due_and_takes_the_later_ones_over() -> None:
    fees = [{"name": "service", "to": "a", "total": 300}]
    loan = terms(**THREE, fees=fees, whole_days=10, covered=["principal", "fees"])
    found = played(loan, compensation("2023-01-01", "whole"))[0]
    assert paid(found, "fee:service") == {"a": 200}
    assert held(found, "fee:service") == {"guarantor": [100, 100, 100]}
    assert set(held(found, "interest")) == {"a"}
