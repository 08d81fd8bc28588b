"""Golden numbers of the rules of loans, from tests of Apache Fineract and frappe/lending."""

from __future__ import annotations

from typing import Any

import pytest

from demo.portfolio.account import answer
from demo.portfolio.cost import cost
from tests.demo.portfolio.case_kit import case, column, repaid, rows, still_open, terms

SIX = {"principal": 10_000, "annual_rate_ppm": 94_822, "instalments": 6, "unit": 1}
THREE = {"principal": 30_000, "annual_rate_ppm": 0, "instalments": 3}
FLAT = {
    "principal": 1_400_000,
    "annual_rate_ppm": 65_000,
    "instalments": 12,
    "method": "flat",
    "fees": [
        {"name": "platform", "to": "platform", "yearly_ppm": 10_000},
        {"name": "channel", "to": "channel", "total": 28_000},
    ],
}


def test_1_equal_instalments_by_30_360_to_the_yuan() -> None:
    loan = terms(unit=100)
    principal, interest = column(loan, "principal"), column(loan, "interest")
    assert (principal[:3], interest[:3]) == ([25_500, 25_755, 26_013], [5_000, 4_745, 4_487])
    totals = [sum(pair) for pair in zip(principal, interest, strict=True)]
    assert totals[:17] == [30_500] * 17
    assert (principal[17], interest[17], sum(interest)) == (30_022, 300, 48_822)


def test_2_equal_instalments_by_actual_days() -> None:
    loan = terms(unit=100, day_count="actual/365")
    interest = column(loan, "interest")
    assert [interest[at] for at in (0, 1, 3, 15)] == [4_932, 4_835, 3_892, 853]
    assert column(loan, "principal")[17] + interest[17] == 30_233
    assert sum(interest) == 48_733


def test_3_equal_principal() -> None:
    loan = terms(method="equal-principal")
    assert column(loan, "principal") == [27_778] * 17 + [27_774]
    interest = column(loan, "interest")
    assert (interest[:4], interest[17], sum(interest)) == (
        [5_000, 4_722, 4_444, 4_167],
        278,
        47_500,
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, [79, 66, 53, 40, 27, 13]),
        (
            {"day_count": "actual/actual", "disbursed": "2023-12-12", "first_due": "2024-01-12"},
            [80, 67, 50, 41, 26, 14],
        ),
    ],
)
def test_4_six_instalments(other: dict[str, Any], expected: list[int]) -> None:
    loan = terms(**SIX, **other)
    assert column(loan, "interest") == expected
    if not other:
        principal = column(loan, "principal")
        totals = [sum(pair) for pair in zip(principal, expected, strict=True)]
        assert totals == [1_713] * 6
        left = [10_000 - sum(principal[: at + 1]) for at in range(6)]
        assert left == [8_366, 6_719, 5_059, 3_386, 1_700, 0]


@pytest.mark.parametrize(("early", "amount"), [("to-day", 8_381), ("to-period-end", 8_406)])
def test_5_payoff_within_a_period(early: str, amount: int) -> None:
    loan = terms(
        principal=10_000,
        annual_rate_ppm=70_000,
        instalments=6,
        disbursed="2024-01-01",
        first_due="2024-02-01",
        early=early,
    )
    first = repaid("r1", "2024-02-01", 1_701)
    paid = answer(case(loan, first, repaid("r2", "2024-02-15", amount + 5)))["events"][1]
    assert (paid["open"], paid["overpaid"]) == ([], 5)
    by = {leg["component"]: 0 for leg in paid["legs"]}
    for leg in paid["legs"]:
        by[leg["component"]] += leg["amount"]
    assert by == {"principal": 8_357, "interest": amount - 8_357}
    short = answer(case(loan, first, repaid("r2", "2024-02-15", amount - 1)))["events"][1]
    assert sum(each["open"] for each in short["open"]) >= 1


@pytest.mark.parametrize(
    ("partial", "totals", "interest"),
    [
        ("reduce", [53_600, 53_600, 53_600, 53_438], 14_238),
        ("shorten", [86_300, 86_300, 40_145], 12_745),
    ],
)
def test_6_prepayments(partial: str, totals: list[int], interest: int) -> None:
    loan = terms(instalments=6, day_count="actual/365", unit=100, partial=partial)
    events = [repaid("r1", "2022-12-01", 100_000), repaid("r2", "2023-01-01", 200_000)]
    played = answer(case(loan, *events))["events"]
    state = played[1]["open"]
    pairs = zip(still_open(state), still_open(state, "interest"), strict=True)
    assert [sum(pair) for pair in pairs] == totals
    paid = [leg for each in played for leg in each["legs"] if leg["component"] == "interest"]
    assert sum(leg["amount"] for leg in paid) + sum(still_open(state, "interest")) == interest


@pytest.mark.parametrize(
    ("partial", "events", "left"),
    [
        ("next", [repaid("r1", "2022-12-01", 15_000)], [5_000, 10_000]),
        ("reduce", [repaid("r1", "2022-11-20", 15_000)], [5_000, 5_000, 5_000]),
        (
            "reduce",
            [repaid("r1", "2022-12-01", 8_000), repaid("r2", "2022-12-10", 18_000)],
            [2_000, 2_000],
        ),
        ("reduce", [repaid("r1", "2022-11-20", 27_500)], [833, 833, 834]),
    ],
)
def test_7_three_instalments(partial: str, events: list[dict[str, Any]], left: list[int]) -> None:
    loan = terms(**THREE, partial=partial)
    assert still_open(answer(case(loan, *events))["events"][-1]["open"]) == left


@pytest.mark.parametrize(
    ("first_due", "last"),
    [("2022-10-17", "2023-09-17"), ("2022-11-01", "2023-10-01"), ("2022-10-31", "2023-09-30")],
)
def test_8_due_dates(first_due: str, last: str) -> None:
    loan = terms(instalments=12, disbursed="2022-10-01", first_due=first_due)
    assert rows(loan)[-1]["due"] == last


def test_9_flat_with_two_fees_and_its_cost() -> None:
    loan = terms(**FLAT)
    assert column(loan, "principal") == [116_667] * 11 + [116_663]
    assert column(loan, "interest") == [7_583] * 11 + [7_587]
    fees = [row["fees"] for row in rows(loan)]
    assert [each["platform"] for each in fees] == [1_167] * 11 + [1_163]
    assert [each["channel"] for each in fees] == [2_333] * 11 + [2_337]
    found = cost(loan)
    assert (found["monthly"], found["compounded"]) == ("17.0953", "18.5005")
    assert cost({**loan, "fees": []})["monthly"] == "11.7888"
    assert cost(loan, 170_953)["within"] is False
    assert cost(loan, 170_954)["within"] is True


def test_10_a_row_of_interest_paid_fen_by_fen() -> None:
    shares = {"a": 333_334, "b": 333_333, "c": 333_333}
    loan = terms(
        principal=120_000,
        method="stated",
        instalments=1,
        stated=[{"due": "2022-12-01", "principal": 120_000, "interest": 100, "fees": {}}],
    )
    events = [repaid(f"r{at}", "2022-12-01", 1) for at in range(100)]
    found = answer(case(loan, *events, funders=shares))
    assert found["schedule"][0]["shares"]["interest"] == {"a": 34, "b": 33, "c": 33}
    paid = dict.fromkeys(shares, 0)
    for each in found["events"]:
        for leg in each["legs"]:
            paid[leg["party"]] += leg["amount"]
            assert paid[leg["party"]] <= {"a": 34, "b": 33, "c": 33}[leg["party"]]
    assert paid == {"a": 34, "b": 33, "c": 33}


def test_columns_of_principal_close_on_what_each_lent() -> None:
    loan = terms(principal=120_000, annual_rate_ppm=0, instalments=12)
    shares = {"a": 333_334, "b": 333_333, "c": 333_333}
    found = answer(case(loan, funders=shares))["schedule"]
    for party in shares:
        assert sum(row["shares"]["principal"][party] for row in found) == 40_000
