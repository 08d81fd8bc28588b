"""Lives of single loans, with numbers worked out by hand."""

from __future__ import annotations

from typing import Any

from demo.portfolio import days
from demo.portfolio.account import answer, open_state, play
from demo.portfolio.cases import draw_case
from demo.portfolio.loan import PortfolioAccount
from demo.portfolio.refusal import RuleBroken
from tests.demo.portfolio.case_kit import (
    case,
    compensation,
    paid,
    played,
    repaid,
    reversal,
    still_open,
    terms,
    waiver,
)

Plain = dict[str, Any]
HALVES = {"a": 500_000, "b": 500_000}
OVERDUE = {"principal": 30_000, "annual_rate_ppm": 0, "instalments": 3, "penalty_ppm": 360_000}


def test_penalty_counts_from_the_day_after_due_once_grace_has_passed() -> None:
    loan = terms(**OVERDUE, grace_days=3)
    in_grace, after = repaid("r", "2022-12-04", 1), repaid("r", "2022-12-05", 1)
    assert still_open(played(loan, in_grace)[0]["open"], "penalty") == []
    # four days on 100.00 at 36 % of 360 days: 0.10 a day
    late = played(loan, after)[0]
    assert still_open(late["open"], "penalty") == [39]
    assert paid(late, "penalty") == {"a": 1}


def test_an_instalment_whole_within_grace_has_no_penalty_unless_its_payment_is_taken_back() -> None:
    loan = terms(**OVERDUE, grace_days=3)
    whole = repaid("r1", "2022-12-03", 10_000)
    later = repaid("r2", "2022-12-21", 1)
    assert still_open(played(loan, whole, later)[1]["open"], "penalty") == []
    back = played(loan, whole, reversal("r1", "2022-12-11"), later)
    assert [still_open(each["open"], "penalty") for each in back[1:]] == [[100], [199]]


def test_penalty_of_a_leap_year_counts_each_night_in_its_own_year() -> None:
    loan = terms(
        **{**OVERDUE, "principal": 3_000_000, "instalments": 1},
        day_count="actual/actual",
        disbursed="2023-11-15",
        first_due="2023-12-15",
    )
    found = played(loan, repaid("r", "2024-01-14", 1))[0]
    nights = 1_080_000 * 17 / 365 + 1_080_000 * 13 / 366
    assert paid(found, "penalty") == {"a": 1}
    assert still_open(found["open"], "penalty") == [round(nights) - 1]


def test_a_repayment_that_arrives_late_stops_penalty_at_its_own_day() -> None:
    loan = terms(**OVERDUE)
    events = [
        repaid("r1", "2022-11-05", 1),
        repaid("r2", "2022-12-31", 1),
        repaid("r3", "2022-12-11", 10_000),
    ]
    found = played(loan, *events)
    # until the 31st: 30 nights on 99.99; that is divided and stays
    assert still_open(found[1]["open"], "penalty") == [299]
    untouched = played(loan, repaid("r1", "2022-11-05", 1), events[2])
    assert still_open(untouched[1]["open"], "penalty") == []
    assert paid(untouched[1], "penalty") == {"a": 100}
    assert paid(found[2], "penalty") == {"a": 299}


def test_what_is_due_when_a_payment_arrives_late_is_due_by_the_latest_date() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0}, partial="reduce")
    events = [repaid("r1", "2022-12-01", 10_000), repaid("r2", "2023-01-10", 1)]
    found = played(loan, *events, repaid("r3", "2022-12-20", 9_999))[2]
    assert still_open(found["open"]) == [10_000]


def test_components_go_in_their_order_by_instalment_or_by_component() -> None:
    fees = [{"name": "service", "to": "platform", "total": 300}]
    loan = terms(principal=30_000, instalments=3, fees=fees, method="equal-principal")
    two_due = repaid("r", "2023-01-01", 10_400)
    by_row = played(loan, two_due)[0]
    assert paid(by_row, "fee:service") == {"platform": 100}
    assert paid(by_row, "interest") == {"a": 300}
    by_component = played({**loan, "by": "component"}, two_due)[0]
    assert paid(by_component, "fee:service") == {"platform": 200}
    assert paid(by_component, "interest") == {"a": 500}
    second = {"days": 31, "order": ["principal", "interest", "fees", "penalty"], "by": "component"}
    later = played({**loan, "second_order": second}, two_due)[0]
    assert paid(later, "principal") == {"a": 10_400}
    before = played({**loan, "second_order": {**second, "days": 32}}, two_due)[0]
    assert before == by_row


def test_a_payoff_within_a_period_pays_its_fees_and_the_early_fee() -> None:
    fees = [{"name": "service", "to": "platform", "total": 300}]
    loan = terms(
        principal=30_000,
        instalments=3,
        fees=fees,
        method="equal-principal",
        early_fee_ppm=10_000,
        early_fee_to="platform",
        partial="shorten",
    )
    within = played(loan, repaid("r", "2022-11-16", 50_000))[0]
    assert paid(within, "interest") == {"a": 150}
    assert paid(within, "fee:service") == {"platform": 100}
    assert paid(within, "early-fee") == {"platform": 300}
    assert (within["overpaid"], within["open"]) == (50_000 - 30_550, [])
    on_due = played(loan, repaid("r", "2022-12-01", 50_000))[0]
    assert paid(on_due, "early-fee") == {"platform": 200}
    assert (on_due["overpaid"], on_due["open"]) == (50_000 - 30_300 - 100 - 200, [])


def test_flat_interest_stays_unless_the_terms_let_it_fall_away() -> None:
    loan = terms(principal=30_000, instalments=3, method="flat", partial="shorten")
    stays = played(loan, repaid("r", "2022-12-01", 20_300))[0]
    assert still_open(stays["open"], "interest") == [300, 300]
    assert still_open(stays["open"]) == [10_000]
    falls = {**loan, "flat_interest_falls_away": True}
    fallen = played(falls, repaid("r", "2022-12-01", 20_300))[0]
    assert still_open(fallen["open"], "interest") == [300]
    assert played(loan, repaid("r", "2022-12-01", 40_000))[0]["overpaid"] == 9_100
    assert played(falls, repaid("r", "2022-12-01", 40_000))[0]["overpaid"] == 9_700


def test_a_prepayment_taken_back_is_undone_with_its_plan() -> None:
    loan = terms(partial="reduce", instalments=6)
    untouched = played(loan, repaid("r0", "2022-11-01", 1))[0]
    ahead = repaid("r1", "2022-11-11", 100_000)
    found = played(loan, repaid("r0", "2022-11-01", 1), ahead, reversal("r1", "2022-11-20"))
    assert found[2]["open"] == untouched["open"]
    assert found[1]["open"] != untouched["open"]


def test_a_prepayment_whose_plan_was_paid_on_comes_back_with_the_next_instalment() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0}, partial="reduce")
    ahead, due = repaid("r1", "2022-11-11", 15_000), repaid("r2", "2022-12-01", 5_000)
    found = played(loan, ahead, due, reversal("r1", "2022-12-10"))
    assert still_open(found[1]["open"]) == [5_000, 5_000]
    assert still_open(found[2]["open"]) == [20_000, 5_000]


def test_principal_that_comes_back_on_the_last_instalment_costs_nothing_for_the_days_before() -> (
    None
):
    loan = terms(**OVERDUE, partial="reduce")
    ahead = repaid("r1", "2022-11-11", 15_000)
    rows = [
        repaid(f"r{at}", date, 5_000) for at, date in enumerate(("2022-12-01", "2023-01-01"), 2)
    ]
    last = repaid("r4", "2023-02-01", 5_000)
    found = played(
        loan, ahead, *rows, last, reversal("r1", "2023-02-11"), repaid("x", "2023-02-21", 1)
    )
    assert still_open(found[4]["open"]) == [15_000]
    assert still_open(found[4]["open"], "penalty") == []
    assert still_open(found[5]["open"], "penalty") == [149]


def test_compensation_waits_for_its_day_and_takes_over_what_it_covers() -> None:
    loan = terms(**OVERDUE, per_instalment_days=30, covered=["principal", "penalty"])
    early, in_time = compensation("2022-12-31", [1]), compensation("2023-01-01", [1])
    found = played(loan, early, in_time, repaid("r", "2023-01-11", 10_500), funders=HALVES)
    assert found[0] == {"refused": "compensation-too-early"}
    assert paid(found[1], "principal") == {"a": 5_000, "b": 5_000}
    assert paid(found[1], "penalty") == {"a": 155, "b": 155}
    assert paid(found[2], "principal")["guarantor"] == 10_000
    assert paid(found[2], "penalty") == {"guarantor": 410, "a": 45, "b": 45}  # of instalment 2


def test_whole_compensation_takes_all_rights_for_the_interest_to_the_day() -> None:
    loan = terms(
        principal=30_000,
        instalments=3,
        method="equal-principal",
        whole_days=10,
        covered=["principal", "interest"],
    )
    found = played(loan, compensation("2022-12-16", "whole"), funders=HALVES)[0]
    assert paid(found, "principal") == {"a": 15_000, "b": 15_000}
    # 300 of the first, and 15 of the 31 days of the second's 200
    assert paid(found, "interest") == {"a": 150 + 49, "b": 150 + 48}
    assert {each["party"] for each in found["open"]} == {"guarantor"}
    assert still_open(found["open"], "interest") == [300, 200, 100]


def test_a_compensation_taken_back_gives_the_claims_back_unless_they_were_paid() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0}, per_instalment_days=0, covered=["principal"])
    stated, back = compensation("2022-12-10", [1]), reversal("c", "2022-12-20")
    found = played(loan, stated, back, funders=HALVES)[1]
    assert {each["party"] for each in found["open"]} == {"a", "b"}
    paid_since = played(loan, stated, repaid("r", "2022-12-15", 5), back, funders=HALVES)[2]
    assert paid_since == {"refused": "claims-paid-since"}
    undone = [repaid("r", "2022-12-15", 5), reversal("r", "2022-12-16")]
    assert "legs" in played(loan, stated, *undone, back, funders=HALVES)[3]


def test_a_waiver_is_only_of_the_own_open_share() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0})
    events = [
        waiver("a", "principal", 5_001, "2022-12-02"),
        waiver("c", "principal", 1, "2022-12-02"),
        waiver("a", "principal", 5_000, "2022-12-02"),
    ]
    found = played(loan, *events, funders=HALVES)
    assert [each.get("refused") for each in found] == ["waiver-exceeds-open"] * 2 + [None]
    assert still_open(found[2]["open"]) == [5_000, 10_000, 10_000]


def test_a_new_plan_closes_on_what_is_open_to_each() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0})
    schedule = [
        {"due": due, "principal": principal, "interest": 30, "fees": {}}
        for due, principal in (("2023-03-01", 8_000), ("2023-05-01", 17_000))
    ]
    given_up = waiver("a", "principal", 5_000, "2022-12-02")
    anew = {"kind": "replan", "date": "2022-12-05", "schedule": schedule}
    found = answer(case(loan, given_up, anew, funders=HALVES))
    of_a = [each["open"] for each in found["events"][1]["open"] if each["party"] == "a"]
    assert sum(of_a) == 10_000 + 12 + 12
    assert (found["days_past_due"], found["bucket"]) == (0, "M0")
    forgot = {**anew, "schedule": schedule[:1]}
    assert played(loan, forgot)[0] == {"refused": "schedule-does-not-close"}


def test_days_past_due_run_in_grace_and_trifles_make_no_bucket() -> None:
    loan = terms(**{**OVERDUE, "penalty_ppm": 0}, grace_days=15)
    for date, past, bucket in (
        ("2022-12-01", 0, "M0"),
        ("2022-12-02", 1, "M1"),
        ("2022-12-31", 30, "M1"),
        ("2023-01-01", 31, "M2"),
        ("2023-03-01", 90, "M3"),
        ("2023-03-02", 91, "M4-M6"),
        ("2023-05-30", 180, "M4-M6"),
        ("2023-05-31", 181, "M6+"),
    ):
        found = answer(case(loan, repaid("r", date, 5)))
        assert (found["days_past_due"], found["bucket"]) == (past, bucket)
    trifle = answer(case({**loan, "immaterial": 10}, repaid("r", "2022-12-05", 9_991)))
    assert (trifle["days_past_due"], trifle["bucket"]) == (4, "M0")


def test_questions_about_later_days_change_no_answer() -> None:
    for number in range(150):
        given = draw_case(21, number)
        try:
            loan = PortfolioAccount(given)
        except RuleBroken:
            continue
        for event, found in zip(given["events"], answer(given)["events"], strict=True):
            open_state(loan, max(loan.latest, days.read(event["date"])) + 200)
            assert play(loan, event) == found
