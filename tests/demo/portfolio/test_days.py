"""Days, parts of a year and rounding, against the calendar of Python and exact halving."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.portfolio import days, plan
from demo.portfolio.cost import cost
from demo.portfolio.division import columns, divide, half_up, hand_out, spread
from tests.demo.portfolio.case_kit import terms


def test_every_day_of_two_centuries_is_numbered_as_in_the_calendar() -> None:
    day = date(1899, 12, 25)
    while day < date(2101, 1, 10):
        assert days.number(day.year, day.month, day.day) == day.toordinal()
        assert days.civil(day.toordinal()) == (day.year, day.month, day.day)
        day += timedelta(days=1)
    assert days.write(days.read("2024-02-29")) == "2024-02-29"


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2023-13-01", "2023-1-01", "20230101", "2023-04-31"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date such as|no day"):
        days.read(text)


def test_anchors_are_clamped_to_the_end_of_the_month() -> None:
    first = (2022, 10, 31)
    found = [days.months_on(first, at, 31) for at in range(3)]
    assert found == [(2022, 10, 31), (2022, 11, 30), (2022, 12, 31)]
    assert days.months_on((2023, 1, 30), 1, 30) == (2023, 2, 28)
    assert days.months_on((2023, 1, 30), 2, 30) == (2023, 3, 30)


@pytest.mark.parametrize(
    ("start", "end", "anchor", "expected"),
    [
        ((2023, 1, 31), (2023, 2, 28), 31, 30),
        ((2023, 1, 31), (2023, 2, 28), None, 28),
        ((2023, 1, 15), (2023, 3, 31), None, 75),
        ((2024, 2, 29), (2024, 3, 31), 31, 31),
    ],
)
def test_days_of_30_360(
    start: days.Civil, end: days.Civil, anchor: int | None, expected: int
) -> None:
    assert days.bankers(end, anchor) - days.bankers(start) == expected


@given(st.integers(700_000, 760_000), st.integers(0, 1_500))
def test_each_day_counts_in_its_own_year(start: int, length: int) -> None:
    exact = Fraction(0)
    for day in range(start, start + length):
        year = date.fromordinal(day).year
        exact += Fraction(1, (date(year + 1, 1, 1) - date(year, 1, 1)).days)
    assert Fraction(*days.actual_part(start, start + length, "actual/actual")) == exact
    assert days.actual_part(start, start + length, "actual/365") == (length, 365)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_half_goes_up(numerator: int, denominator: int) -> None:
    nearest = half_up(numerator, denominator)
    assert -1 < 2 * (Fraction(numerator, denominator) - nearest) <= 1 or (
        2 * (nearest - Fraction(numerator, denominator)) == 1
    )
    assert (half_up(5, 10), half_up(15, 10), half_up(14, 10)) == (1, 2, 1)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_a_division_is_within_a_unit_of_the_exact_one(amount: int, weights: list[int]) -> None:
    named = {f"p{at}": weight for at, weight in enumerate(weights)}
    shares, whole = divide(amount, named), sum(weights)
    assert sum(shares.values()) == amount
    if whole:
        for party, weight in named.items():
            assert abs(shares[party] - Fraction(amount * weight, whole)) < 1


def test_ties_go_to_the_first_and_who_has_too_much_gets_nothing() -> None:
    assert divide(1, {"a": 1, "b": 1}) == {"a": 1, "b": 0}
    assert divide(2, {"a": 1, "b": 1, "c": 1}) == {"a": 1, "b": 1, "c": 0}
    assert hand_out(1, {"a": -6, "b": 5, "c": 5, "d": 6}, 10) == {"a": 0, "b": 0, "c": 0, "d": 1}
    assert hand_out(1, {"a": -12, "b": 11, "c": 11}, 10) == {"a": 0, "b": 1, "c": 0}
    assert spread(100, 3) == [33, 33, 34]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.data())
def test_columns_close_and_keep_within_a_unit_on_the_way(
    rows: list[int], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, sum(rows)), min_size=0, max_size=4)))
    ends = [0, *cuts, sum(rows)]
    closing = {f"p{at}": ends[at + 1] - ends[at] for at in range(len(ends) - 1)}
    given_so_far, so_far = dict.fromkeys(closing, 0), 0
    for row, shares in zip(rows, columns(rows, closing), strict=True):
        so_far += row
        assert sum(shares.values()) == row
        for party, share in shares.items():
            assert share >= 0
            given_so_far[party] += share
            exact = Fraction(so_far * closing[party], sum(rows) or 1)
            assert given_so_far[party] - exact < 1
    assert given_so_far == closing


def left_after(
    balance: Fraction, over: list[plan.PlanPeriod], rate: int, paid: Fraction
) -> Fraction:
    """Return what is left when every instalment has been ``paid``, interest never rounded."""
    for period in over:
        interest = balance * rate * period.part[0] / (plan.MILLION * period.part[1])
        balance += interest - paid
    return balance


@given(st.integers(1, 10**8), st.integers(0, 360_000), st.integers(1, 36), st.integers(0, 800))
def test_the_annuity_leaves_nothing(principal: int, rate: int, count: int, offset: int) -> None:
    disbursed = days.write(days.read("2022-01-31") + offset)
    first_due = days.write(days.read(disbursed) + 40)
    loan = terms(
        instalments=count, disbursed=disbursed, first_due=first_due, day_count="actual/actual"
    )
    over = plan.periods(loan)
    exact = Fraction(*plan.annuity(principal, over, rate))
    assert left_after(Fraction(principal), over, rate, exact) == 0
    assert left_after(Fraction(principal), over, rate, exact - Fraction(1, 1000)) > 0


def test_the_cost_is_compared_exactly_and_beside_it_what_a_plan_does_not_show() -> None:
    # a month of 1 %: 12 % is within 12 %, and one fen more is not
    loan = terms(instalments=1, method="bullet", principal=10_000, annual_rate_ppm=120_000)
    assert cost(loan, 120_000)["within"] is True
    assert cost(loan, 119_999)["within"] is False
    fee = [{"name": "service", "to": "platform", "total": 1}]
    assert cost({**loan, "fees": fee}, 120_000)["within"] is False
    assert cost({**loan, "penalty_ppm": 120_000})["declared_within"] is True
    assert cost({**loan, "penalty_ppm": 120_001})["declared_within"] is False
    free = cost({**loan, "annual_rate_ppm": 0})
    assert (free["monthly"], free["compounded"]) == ("0.0000", "0.0000")
    half = cost({**loan, "first_due": "2022-11-16"})
    assert (half["monthly"], half["within"]) == ("12.0300", True)
