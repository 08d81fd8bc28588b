"""Cases on which a second computation differed from this one and was right, by hand."""

from __future__ import annotations

from typing import Any

from tests.ledger.lending.adapter import answer, cost
from tests.ledger.lending.lending_kit import (
    ALONE,
    Json,
    back,
    case,
    compensated,
    legs,
    open_by,
    pay,
    plain,
    replanned,
    terms,
    waived,
)

HALVES = (("ant", 500_000), ("bee", 500_000))
LATE = plain(10_000, 3, penalty_ppm=360_000, penalty_to="plat")
"""Three instalments of 100.00, with penalty of a thousandth a day."""


def after(agreed: Json, *events: Json, funders: Any = ALONE) -> list[Json]:
    found: list[Json] = answer(case(agreed, *events, funders=funders, guarantor="guar"))["events"]
    return found


def test_a_fee_may_be_more_than_the_principal() -> None:
    dear = plain(100, 2, fees=[{"name": "service", "to": "plat", "total": 500}])
    assert [row["fees"] for row in answer(case(dear))["schedule"]] == [{"service": 250}] * 2


def test_a_compensation_that_would_pay_nothing_is_refused() -> None:
    service = [{"name": "service", "to": "fund", "total": 200}]
    agreed = plain(100, 2, fees=service, whole_days=10, covered=["fees"])
    events = (pay("a", "2022-12-01", 100), compensated("c", "2022-12-20", "whole"))
    assert after(agreed, *events)[1] == {"refused": "nothing-to-compensate"}


def test_penalty_of_a_new_schedule_counts_beside_what_moved_to_it() -> None:
    events = (
        replanned("2022-12-11", ("2023-01-01", 30_000, 0)),
        pay("a", "2023-01-06", 1),
    )
    found = after(LATE, *events)
    assert open_by(found[0], "component")["penalty"] == 100
    assert open_by(found[1], "component")["penalty"] == 100 + 150 - 1


def test_a_payoff_pays_the_penalty_that_moved_to_a_new_schedule() -> None:
    events = (
        replanned("2022-12-11", ("2023-01-01", 30_000, 0)),
        pay("a", "2022-12-21", 40_000),
    )
    paid = after(LATE, *events)[1]
    assert legs(paid, "component", "amount") == [("penalty", 100), ("principal", 30_000)]
    assert (paid["overpaid"], paid["open"]) == (9_900, [])


def test_interest_that_was_waived_in_part_is_divided_by_what_is_open_of_it() -> None:
    agreed = terms(
        principal=30_000, instalments=3, unit=1, method="equal-principal", partial="reduce"
    )
    given_up = waived("ant", "2022-11-10", (1, "interest"), 100)
    ahead = after(agreed, given_up, pay("a", "2022-11-16", 10_000), funders=HALVES)[1]
    now = open_by(ahead, "instalment", "component", "party")
    # 250 for the period, 100 of it waived; 50 and 150 were open
    assert (now[1, "interest", "ant"], now[1, "interest", "bee"]) == (38, 112)


def test_what_comes_back_to_one_whole_in_grace_costs_nothing_for_the_days_before() -> None:
    agreed = plain(10_000, 2, penalty_ppm=360_000, penalty_to="plat", grace_days=5)
    agreed |= {"partial": "reduce"}
    events = (
        pay("a", "2022-11-10", 4_000),
        pay("b", "2022-12-01", 8_000),
        pay("c", "2023-01-04", 8_000),
        back("a", "2023-02-01"),
        pay("d", "2023-02-11", 1),
    )
    found = after(agreed, *events)
    assert open_by(found[3], "instalment", "component") == {(2, "principal"): 4_000}
    assert open_by(found[4], "instalment", "component") == {
        (2, "penalty"): 39,
        (2, "principal"): 4_000,
    }


def test_principal_comes_back_with_the_next_instalment_though_it_asks_for_nothing() -> None:
    agreed = terms(
        principal=2, annual_rate_ppm=0, instalments=6, unit=1, partial="shorten",
        method="equal-principal",
    )  # fmt: skip
    events = (
        pay("a", "2022-12-01", 1),
        pay("b", "2023-01-10", 1),
        back("a", "2023-02-10"),
    )
    assert open_by(after(agreed, *events)[2], "instalment") == {4: 1}


def test_the_early_fee_does_not_come_back_with_a_schedule_that_was_replaced() -> None:
    agreed = plain(10_000, 2, early_fee_ppm=10_000, early_fee_to="plat")
    events = (
        pay("a", "2022-11-10", 5_000),
        pay("b", "2022-11-20", 15_150),
        back("a", "2022-11-25"),
        replanned("2022-11-26", ("2023-01-01", 5_000, 0)),
        back("b", "2022-12-01"),
    )
    found = after(agreed, *events)
    assert ("early-fee", 150) in legs(found[1], "component", "amount")
    assert open_by(found[4], "component") == {"principal": 20_000}


def test_claims_go_back_though_the_guarantor_was_paid_before_they_passed() -> None:
    agreed = plain(10_000, 1, per_instalment_days=5, covered=["principal"])
    events = (
        pay("a", "2022-12-02", 100),
        compensated("c", "2022-12-10", [1]),
        pay("b", "2022-12-11", 100),
        back("a", "2022-12-12"),
        compensated("d", "2022-12-13", [1]),
        back("d", "2022-12-14"),
    )
    found = after(agreed, *events)
    assert open_by(found[4], "party") == {"guar": 9_900}
    assert open_by(found[5], "party") == {"guar": 9_800, "fund": 100}


def test_principal_that_comes_back_after_a_payoff_bears_interest_of_nothing_before() -> None:
    agreed = terms(
        principal=30_000, instalments=3, unit=1, method="equal-principal", partial="shorten",
        early_fee_ppm=10_000, early_fee_to="plat",
    )  # fmt: skip
    events = (
        pay("a", "2022-11-01", 3_000),
        pay("b", "2022-11-11", 40_000),
        back("a", "2022-12-05"),
        pay("c", "2022-12-20", 1_000),
    )
    found = after(agreed, *events)
    assert open_by(found[2], "instalment", "component") == {(2, "principal"): 3_000}
    # twelve of 31 days of 20 a month
    assert open_by(found[3], "component") == {"principal": 2_000, "interest": 8}


def test_a_payoff_to_the_periods_end_pays_interest_that_was_opened_again() -> None:
    agreed = terms(
        principal=30_000, instalments=3, unit=1, method="equal-principal",
        early="to-period-end", partial="next",
    )  # fmt: skip
    events = (
        pay("a", "2022-12-01", 20_490),
        pay("b", "2022-12-01", 10_010),
        back("a", "2022-12-02"),
        pay("c", "2023-01-15", 30_000),
    )
    assert after(agreed, *events)[3]["open"] == []


def test_a_plan_that_was_dropped_whole_lives_again_where_principal_came_back() -> None:
    agreed = plain(2_050, 2, early_fee_ppm=18_227, early_fee_to="plat", partial="reduce")
    events = (
        pay("a", "2022-11-01", 1),
        pay("b", "2022-11-01", 4_100),
        back("a", "2022-11-01"),
        pay("c", "2022-12-01", 1),
        back("b", "2023-01-01"),
    )
    found = after(agreed, *events)
    assert open_by(found[2], "instalment") == {1: 1}
    assert open_by(found[4], "instalment") == {1: 4_099}


def test_what_a_waiver_made_whole_is_overdue_again_if_a_new_plan_asks_for_it() -> None:
    events = (
        waived("fund", "2022-11-20", (2, "principal"), 10_000),
        pay("a", "2022-11-20", 1),
        pay("b", "2023-01-11", 1),
    )
    found = after({**LATE, "partial": "shorten"}, *events)[2]
    assert open_by(found, "instalment", "component")[2, "penalty"] == 100


def test_a_payment_of_a_fee_alone_touches_the_plan_before_it() -> None:
    service = [{"name": "service", "to": "plat", "total": 300}]
    agreed = plain(10_000, 3, fees=service, partial="shorten")
    events = (
        pay("a", "2022-12-10", 10_100 + 20_000),
        pay("b", "2022-12-15", 1),
        back("b", "2022-12-15"),
        back("a", "2023-01-20"),
    )
    found = after(agreed, *events)
    assert open_by(found[0], "instalment", "component") == {(2, "fee:service"): 100}
    assert open_by(found[3], "instalment", "component")[2, "principal"] == 20_000


def test_penalty_that_was_fixed_stays_fixed_though_money_arrived_as_of_an_earlier_date() -> None:
    agreed = plain(10_000, 1, penalty_ppm=360_000, penalty_to="plat", partial="shorten")
    events = (
        pay("a", "2022-11-01", 5_000),
        pay("b", "2022-12-11", 1),
        pay("c", "2022-11-30", 5_049),
        back("a", "2022-12-21"),
        pay("d", "2022-12-31", 1),
    )
    found = after(agreed, *events)
    assert found[2]["open"] == []
    assert open_by(found[3], "component") == {"principal": 5_000}
    assert open_by(found[4], "component")["penalty"] == 49


def test_a_cost_beyond_all_measure_is_told() -> None:
    dear = plain(3_058, 1, fees=[{"name": "service", "to": "plat", "total": 66_190}])
    assert cost({**dear, "first_due": "2022-11-09"})["within"] is False
