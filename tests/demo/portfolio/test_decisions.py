"""Cases on which the ledger's computation differed from this one and was right, by hand."""

from __future__ import annotations

from demo.portfolio.account import answer
from demo.portfolio.cost import cost
from tests.demo.portfolio.case_kit import (
    Plain,
    case,
    compensation,
    paid,
    played,
    repaid,
    reversal,
    terms,
    waiver,
)

HALVES = {"a": 500_000, "b": 500_000}
PLAIN = {"annual_rate_ppm": 0, "method": "equal-principal"}
LATE = {**PLAIN, "principal": 30_000, "instalments": 3, "penalty_ppm": 360_000}
"""Three instalments of 100.00, with penalty of a thousandth a day."""


def replanned(date: str, *rows: tuple[str, int, int]) -> Plain:
    """Return a new plan: due date, principal, interest."""
    schedule = [{"due": due, "principal": p, "interest": i, "fees": {}} for due, p, i in rows]
    return {"kind": "replan", "date": date, "schedule": schedule}


def open_of(found: Plain, component: str) -> dict[str, int]:
    """Return what is open of a component to each party."""
    by: dict[str, int] = {}
    for each in found["open"]:
        if each["component"] == component:
            by[each["party"]] = by.get(each["party"], 0) + each["open"]
    return by


def open_at(found: Plain) -> dict[tuple[int, str], int]:
    """Return what is open by instalment and component."""
    by: dict[tuple[int, str], int] = {}
    for each in found["open"]:
        key = each["instalment"], each["component"]
        by[key] = by.get(key, 0) + each["open"]
    return by


def test_penalty_of_funders_is_divided_by_the_principal_that_is_open_to_each() -> None:
    given_up = waiver("b", "principal", 4_000, "2022-11-10")
    found = played(terms(**LATE), given_up, repaid("r", "2022-12-11", 1), funders=HALVES)[1]
    assert open_of(found, "penalty") == {"a": 49, "b": 10}


def test_penalty_of_a_principal_that_is_paid_goes_to_whom_it_was_due() -> None:
    loan = terms(**LATE, grace_days=5, order=["principal", "fees", "interest", "penalty"])
    loan["fees"] = [{"name": "service", "to": "platform", "total": 300}]
    found = played(loan, repaid("r", "2022-12-05", 10_000), funders=HALVES)
    assert open_of(found[0], "penalty") == {}
    later = played(
        loan, repaid("r", "2022-12-05", 10_000), repaid("s", "2022-12-10", 1), funders=HALVES
    )
    assert open_of(later[1], "penalty") == {"a": 20, "b": 20}


def test_the_early_fee_of_funders_is_divided_by_the_principal_ahead() -> None:
    given_up = waiver("b", "principal", 5_000, "2022-11-10")
    loan = terms(**LATE, early_fee_ppm=10_000)
    found = played(loan, given_up, repaid("r", "2022-11-20", 30_000), funders=HALVES)[1]
    assert paid(found, "early-fee") == {"a": 150, "b": 100}


def test_interest_of_a_new_plan_is_divided_by_the_principal_that_is_open() -> None:
    loan = terms(principal=30_000, instalments=3, method="equal-principal", partial="reduce")
    given_up = {**waiver("b", "principal", 4_000, "2022-12-01"), "instalment": 2}
    events = [given_up, repaid("r", "2022-12-01", 10_000 + 300 + 8_000)]
    found = played(loan, *events, funders=HALVES)[1]
    # of the two that are left 80 and 40, five parts to three
    assert open_of(found, "principal") == {"a": 5_000, "b": 3_000}
    assert open_of(found, "interest") == {"a": 75, "b": 45}


def test_open_penalty_moves_to_a_new_plan() -> None:
    found = played(terms(**LATE), replanned("2022-12-11", ("2023-01-01", 30_000, 0)))[0]
    assert open_at(found) == {(4, "penalty"): 100, (4, "principal"): 30_000}


def test_flat_interest_of_a_new_plan_falls_away_as_that_of_a_stated_one() -> None:
    loan = terms(principal=10_000, annual_rate_ppm=0, method="flat", instalments=2)
    events = [
        replanned("2022-11-11", ("2023-01-01", 10_000, 50)),
        repaid("r", "2022-11-11", 10_050),
    ]
    found = played(loan, *events)[1]
    assert (paid(found, "interest"), found["overpaid"]) == ({}, 50)


def test_an_instalment_without_claims_of_funders_may_be_named_and_is_not_touched() -> None:
    loan = terms(**LATE, per_instalment_days=5, covered=["principal"])
    events = [compensation("2022-12-11", [1], "c1"), compensation("2023-01-10", [1, 2], "c2")]
    taken = [*events, reversal("c1", "2023-01-20")]
    found = played(loan, *taken)
    assert paid(found[1], "principal") == {"a": 10_000}
    assert open_at(found[1])[1, "penalty"] == 400
    # nothing was fixed for the guarantor on 10 January
    first = [each for each in found[2]["open"] if each["instalment"] == 1]
    assert {each["party"]: each["open"] for each in first if each["component"] == "penalty"} == {
        "a": 500
    }


def test_penalty_of_an_instalment_that_is_opened_again_is_divided_once() -> None:
    thirds = {"a": 600_000, "b": 200_000, "c": 200_000}
    events = [repaid("r", "2022-12-01", 10_000), reversal("r", "2022-12-11")]
    found = played(terms(**LATE), *events, funders=thirds)[1]
    assert open_of(found, "penalty") == {"a": 60, "b": 20, "c": 20}


def test_a_new_plan_ends_with_the_last_instalment_of_which_anything_is_open() -> None:
    loan = terms(**{**LATE, "penalty_ppm": 0}, partial="reduce")
    events = [
        repaid("r", "2022-12-01", 16_000),
        repaid("s", "2022-12-01", 14_000),
        reversal("r", "2022-12-05"),
        repaid("t", "2022-12-05", 10_000 + 2_000),
    ]
    found = played(loan, *events)
    assert open_at(found[2]) == {(1, "principal"): 10_000, (2, "principal"): 6_000}
    assert open_at(found[3]) == {(2, "principal"): 4_000}


def test_the_annuity_of_a_reduced_plan_takes_the_exact_interest_of_a_period_that_stays() -> None:
    loan = terms(
        principal=10_340_000, day_count="actual/365", instalments=5, disbursed="2020-09-30",
        first_due="2020-10-12", early="to-period-end", partial="reduce",
    )  # fmt: skip
    found = played(loan, repaid("r", "2020-12-25", 8_191_000))[0]
    assert open_at(found)[4, "principal"] == 1_152_486


def test_interest_to_the_day_of_a_compensation_is_divided_among_all_who_hold_it() -> None:
    loan = terms(**LATE, per_instalment_days=5, whole_days=5, covered=["principal", "interest"])
    events = [
        compensation("2022-12-11", [1], "c1"),
        replanned("2022-12-12", ("2023-01-01", 10_000, 0), ("2023-01-31", 20_000, 900)),
        compensation("2023-01-11", "whole", "c2"),
    ]
    found = played(loan, *events)
    assert open_of(found[1], "interest") == {"a": 600, "guarantor": 300}
    # ten of thirty days of 900: 300, of which the guarantor holds a third
    assert paid(found[2], "interest") == {"a": 200}


def test_principal_comes_back_though_the_whole_plan_was_dropped() -> None:
    loan = terms(**{**LATE, "penalty_ppm": 0}, partial="reduce", early_fee_ppm=10_000)
    events = [
        repaid("r", "2022-11-01", 5_000),
        repaid("s", "2022-11-01", 25_000),
        reversal("r", "2022-11-05"),
    ]
    found = played(loan, *events)
    assert found[1]["open"] == []
    assert open_at(found[2]) == {(1, "principal"): 5_000}


def test_a_stated_schedule_is_discounted_by_its_days() -> None:
    row = {"due": "2022-12-16", "principal": 10_000, "interest": 150, "fees": {}}
    stated = [{"due": "2022-12-01", "principal": 0, "interest": 0, "fees": {}}, row]
    loan = terms(principal=10_000, method="stated", instalments=2, annual_rate_ppm=0, stated=stated)
    # 1.5 % in a month and a half, though in the second instalment
    assert cost(loan)["monthly"] == "11.9702"


def test_a_yearly_fee_counts_with_its_rate_whatever_it_is_rounded_to() -> None:
    fee = {"name": "service", "to": "platform", "yearly_ppm": 120_000}
    loan = terms(principal=5, instalments=1, fees=[fee])
    assert [cost(loan, limit)["declared_within"] for limit in (239_999, 240_000)] == [False, True]


def test_what_a_waiver_made_whole_is_overdue_again_if_a_new_plan_asks_for_it() -> None:
    events = [
        {**waiver("a", "principal", 10_000, "2022-11-20"), "instalment": 2},
        repaid("r", "2022-11-20", 1),
    ]
    found = played(terms(**LATE, partial="shorten"), *events, repaid("s", "2023-01-11", 1))[2]
    assert open_at(found)[2, "penalty"] == 100


def test_days_past_due_are_those_of_the_last_date_even_of_a_refused_record() -> None:
    found = answer(case(terms(**LATE), reversal("nothing", "2023-02-15")))
    assert (found["days_past_due"], found["bucket"]) == (76, "M3")


def test_what_is_immaterial_is_at_most_the_principal() -> None:
    assert answer(case(terms(**LATE, immaterial=30_001))) == {"refused": "bad-amount"}
    assert "schedule" in answer(case(terms(**LATE, immaterial=30_000)))
