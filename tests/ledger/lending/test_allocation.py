"""Allocation: orders, penalty, late arrivals, and what is more than due."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.lending.repayment import repay
from tests.ledger.lending.adapter import Book, answer
from tests.ledger.lending.lending_kit import (
    ALONE,
    Json,
    back,
    case,
    legs,
    open_by,
    pay,
    plain,
    terms,
    waived,
)

BEARING = {
    "principal": 30_000, "instalments": 3, "unit": 1, "method": "equal-principal",
    "fees": [{"name": "service", "to": "plat", "total": 300}], "penalty_ppm": 360_000,
}  # fmt: skip
"""Three instalments of 100.00, interest of 3.00, 2.00 and 1.00, a fee of 1.00, penalty of 0.1 %."""


def after(agreed: Json, *events: Json, funders: Any = ALONE) -> list[Json]:
    found: list[Json] = answer(case(agreed, *events, funders=funders, guarantor="guar"))["events"]
    return found


def test_the_oldest_instalment_is_whole_before_the_next() -> None:
    (paid,) = after(terms(**BEARING), pay("a", "2023-01-11", 11_000))
    assert legs(paid, "instalment", "component", "amount") == [
        (1, "fee:service", 100),
        (1, "interest", 300),
        (1, "penalty", 410),
        (1, "principal", 10_000),
        (2, "fee:service", 90),
        (2, "penalty", 100),
    ]


def test_by_component_all_penalty_comes_first() -> None:
    (paid,) = after(terms(**BEARING, by="component"), pay("a", "2023-01-11", 520))
    assert legs(paid, "instalment", "component", "amount") == [
        (1, "fee:service", 10),
        (1, "penalty", 410),
        (2, "penalty", 100),
    ]


def test_the_second_order_holds_from_its_days_past_due_on() -> None:
    second = {"days": 30, "order": ["principal", "interest", "fees", "penalty"], "by": "component"}
    agreed = terms(**BEARING, second_order=second)
    (early,) = after(agreed, pay("a", "2022-12-30", 400))
    (late,) = after(agreed, pay("a", "2022-12-31", 400))
    assert legs(early, "component", "amount") == [
        ("fee:service", 100),
        ("interest", 10),
        ("penalty", 290),
    ]
    assert legs(late, "component", "amount") == [("principal", 400)]


def test_penalty_is_nothing_within_grace_and_whole_after_it() -> None:
    agreed = terms(**BEARING, grace_days=3)
    (within,) = after(agreed, pay("a", "2022-12-04", 10_400))
    assert open_by(within, "instalment").get(1) is None
    short, later = after(agreed, pay("a", "2022-12-04", 5_400), pay("b", "2022-12-05", 1))
    assert (1, "penalty") not in open_by(short, "instalment", "component")
    # Three days of 100.00 and one of 50.00, at a thousandth a day: 0.35, of which 0.01 is paid.
    assert open_by(later, "instalment", "component")[1, "penalty"] == 34


def test_the_total_of_penalty_does_not_depend_on_how_often_it_is_touched() -> None:
    agreed = terms(**{**BEARING, "penalty_ppm": 1_234})
    book = Book(case(agreed, funders=(("a", 500_000), ("b", 500_000))))
    whole = book.open(book.loan.instalments[0].due.replace(month=12, day=31))
    asked = sum(row["open"] for row in whole if row["component"] == "penalty")
    for day in range(2, 32):
        book.state(waived("plat", f"2022-12-{day:02}", (1, "fee:service"), 1))
    rows = book.open(book.loan.latest)
    assert sum(row["open"] for row in rows if row["component"] == "penalty") == asked == 1


def test_penalty_counts_each_day_in_its_own_year() -> None:
    agreed = plain(36_500_000, 1, penalty_ppm=100_000, day_count="actual/actual",
                   disbursed="2023-12-01", first_due="2023-12-31")  # fmt: skip
    book = Book(case(agreed))
    day = book.loan.terms.first_due.replace(year=2024, month=1, day=2)
    (penalty,) = [row["open"] for row in book.open(day) if row["component"] == "penalty"]
    assert penalty == 10_000 + 9_973  # one day of 365, one of 366


def test_a_late_arrival_is_allocated_on_what_is_due_now_and_stops_only_its_own_penalty() -> None:
    order = ["principal", "interest", "fees", "penalty"]
    agreed = terms(**BEARING, order=order, partial="reduce")
    first, late = after(agreed, pay("a", "2023-01-11", 10_000), pay("b", "2022-12-11", 10_000))
    assert legs(first, "instalment", "component", "amount") == [(1, "principal", 10_000)]
    # As of 11 December nothing of instalment 2 was overdue; it is due all the same.
    assert legs(late, "instalment", "component", "amount") == [
        (1, "fee:service", 100),
        (1, "interest", 300),
        (1, "penalty", 410),
        (2, "principal", 9_190),
    ]
    assert (2, "penalty") not in open_by(late, "instalment", "component")
    assert open_by(late, "instalment", "component")[3, "principal"] == 10_000


def test_fees_of_the_period_are_due_at_a_payoff_but_not_on_a_due_date() -> None:
    agreed = terms(**BEARING, partial="reduce")
    on_date = after(agreed, pay("a", "2022-12-01", 10_400 + 20_000))[0]
    assert (on_date["open"], on_date["overpaid"]) == ([], 0)
    # A day later: one day of 31 of the interest, the fee, and nothing overdue.
    owed = 20_000 + 6 + 100
    _, within = after(agreed, pay("a", "2022-12-01", 10_400), pay("b", "2022-12-02", owed))
    assert (within["open"], within["overpaid"]) == ([], 0)
    assert (2, "fee:service", 100) in legs(within, "instalment", "component", "amount")
    _, less = after(agreed, pay("a", "2022-12-01", 10_400), pay("b", "2022-12-02", owed - 1))
    assert open_by(less, "instalment") == {2: 1}


def test_the_early_fee_is_charged_at_whole_payoff_only() -> None:
    agreed = plain(10_000, 3, early_fee_ppm=10_000, early_fee_to="plat", partial="shorten")
    (part,) = after(agreed, pay("a", "2022-11-11", 20_000))
    assert legs(part, "party", "component", "amount") == [("fund", "principal", 20_000)]
    (whole,) = after(agreed, pay("a", "2022-11-11", 30_301))
    assert ("plat", "early-fee", 300) in legs(whole, "party", "component", "amount")
    assert (whole["open"], whole["overpaid"]) == ([], 1)


@pytest.mark.parametrize(("falls_away", "owed"), [(True, 30_100), (False, 30_900)])
def test_flat_interest_falls_away_at_a_payoff_by_its_term(falls_away: bool, owed: int) -> None:
    agreed = terms(
        principal=30_000, instalments=3, unit=1, method="flat", partial="reduce",
        flat_interest_falls_away=falls_away, disbursed="2022-10-31", first_due="2022-11-30",
    )  # fmt: skip
    interest = [row["interest"] for row in answer(case(agreed))["schedule"]]
    assert interest == [300, 300, 300]
    for more in (0, 3):
        (paid,) = after(agreed, pay("a", "2022-11-10", owed + more))
        assert (paid["open"], paid["overpaid"]) == ([], more)


def test_two_prepayments_in_a_period_bear_interest_on_each_balance() -> None:
    agreed = terms(
        principal=310_000, instalments=1, unit=1, method="bullet", partial="reduce",
        day_count="actual/365", disbursed="2023-01-01", first_due="2023-02-01",
    )  # fmt: skip
    events = (pay("a", "2023-01-11", 100_000), pay("b", "2023-01-21", 110_000))
    found = after(agreed, *events)
    # 10 days of 3,100.00, 10 of 2,100.00, 11 of 1,000.00, at 12 %.
    exact = (310_000 * 10 + 210_000 * 10 + 100_000 * 11) * 0.12 / 365
    assert open_by(found[1], "component") == {"interest": round(exact), "principal": 100_000}


def test_shorten_drops_instalments_with_their_fees() -> None:
    agreed = terms(**{**BEARING, "penalty_ppm": 0}, partial="shorten")
    (paid,) = after(agreed, pay("a", "2022-12-01", 10_400 + 10_000))
    assert open_by(paid, "instalment", "component") == {
        (2, "fee:service"): 100,
        (2, "interest"): 100,
        (2, "principal"): 10_000,
    }


def test_interest_to_the_periods_end_is_unchanged_by_a_prepayment() -> None:
    agreed = terms(**BEARING, partial="reduce", early="to-period-end")
    (paid,) = after(agreed, pay("a", "2022-11-11", 15_000))
    found = open_by(paid, "instalment", "component")
    assert [found[number, "interest"] for number in (1, 2, 3)] == [300, 100, 50]


def test_what_is_overpaid_is_what_nobody_is_owed() -> None:
    paid, again = after(plain(100, 2), pay("a", "2022-12-01", 250), pay("b", "2022-12-02", 1))
    assert (paid["overpaid"], paid["open"]) == (50, [])
    assert again == {"refused": "loan-settled"}


def test_a_waiver_takes_a_part_of_ones_own_share() -> None:
    first, second = after(
        terms(**BEARING),
        waived("fund", "2022-11-02", (1, "interest"), 299),
        waived("fund", "2022-11-02", (1, "interest"), 2),
    )
    assert open_by(first, "instalment", "component")[1, "interest"] == 1
    assert second == {"refused": "waiver-over-open"}


def test_the_allocation_draws_no_more_instalments_than_it_pays() -> None:
    book = Book(case(plain(100, 12)))
    drawn = []

    class Rows(tuple):  # type: ignore[type-arg]
        def __getitem__(self, index: Any) -> Any:
            drawn.append(tuple.__getitem__(self, index).number)
            return tuple.__getitem__(self, index)

    loan = replace(book.loan, instalments=Rows(book.loan.instalments))
    outcome = repay(loan, 150, date(2023, 6, 1)).outcome
    assert [each.number for each in outcome.changed] == [1, 2]
    assert drawn == [1, 1, 2]  # is anything open, and then what is paid


def test_equal_dated_payments_are_allocated_in_the_order_of_the_log() -> None:
    agreed = plain(100, 2)
    small, big = pay("a", "2022-12-01", 60), pay("b", "2022-12-01", 90)
    one = after(agreed, small, big)
    other = after(agreed, big, small)
    assert legs(one[1], "instalment", "amount") == [(1, 40), (2, 50)]
    assert legs(other[0], "instalment", "amount") == [(1, 90)]
    assert legs(other[1], "instalment", "amount") == [(1, 10), (2, 50)]
    assert after(agreed, small, big, back("a", "2022-12-01"))[2]["open"] != one[1]["open"]
