"""Golden numbers: published tests of other loan systems, and what a settled reading must give.

Sources: tests of Apache Fineract (progressive loan schedules) and of frappe/lending, recomputed to
the minor unit by an independent implementation of the rules; each test names its case.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.ledger.lending.adapter import answer, cost
from tests.ledger.lending.lending_kit import THIRDS, Json, case, open_by, pay, plain, terms


def rows_of(agreed: Json) -> list[Json]:
    rows: list[Json] = answer(case(agreed))["schedule"]
    return rows


def column(rows: list[Json], name: str) -> list[int]:
    return [row[name] for row in rows]


def totals(rows: list[Json]) -> list[int]:
    return [row["principal"] + row["interest"] for row in rows]


def test_equal_instalments_in_whole_yuan() -> None:
    """Number 1 (Fineract)."""
    rows = rows_of(terms())
    assert [(row["principal"], row["interest"]) for row in rows[:3]] == [
        (25_500, 5_000),
        (25_755, 4_745),
        (26_013, 4_487),
    ]
    assert totals(rows)[:17] == [30_500] * 17
    assert (rows[17]["principal"], rows[17]["interest"]) == (30_022, 300)
    assert sum(column(rows, "interest")) == 48_822


def test_equal_instalments_by_actual_days() -> None:
    """Number 2 (Fineract)."""
    rows = rows_of(terms(day_count="actual/365"))
    interest = column(rows, "interest")
    assert [interest[index] for index in (0, 1, 3, 15)] == [4_932, 4_835, 3_892, 853]
    assert totals(rows)[17] == 30_233
    assert sum(interest) == 48_733


def test_equal_principal() -> None:
    """Number 3 (frappe/lending)."""
    rows = rows_of(terms(method="equal-principal", unit=1))
    assert column(rows, "principal") == [27_778] * 17 + [27_774]
    interest = column(rows, "interest")
    assert interest[:4] == [5_000, 4_722, 4_444, 4_167]
    assert (interest[17], sum(interest)) == (278, 47_500)


SIX = {"principal": 10_000, "annual_rate_ppm": 94_822, "instalments": 6, "unit": 1}


def test_six_instalments_and_their_balances() -> None:
    """Number 4 (Fineract)."""
    rows = rows_of(terms(**SIX, disbursed="2023-12-12", first_due="2024-01-12"))
    assert totals(rows) == [1_713] * 6
    assert column(rows, "interest") == [79, 66, 53, 40, 27, 13]
    left = 10_000
    balances = [left := left - row["principal"] for row in rows]
    assert balances == [8_366, 6_719, 5_059, 3_386, 1_700, 0]


def test_six_instalments_over_the_turn_of_a_leap_year() -> None:
    """Number 4 (Fineract), actual/actual."""
    dates = {"disbursed": "2023-12-12", "first_due": "2024-01-12", "day_count": "actual/actual"}
    assert column(rows_of(terms(**SIX, **dates)), "interest") == [80, 67, 50, 41, 26, 14]


@pytest.mark.parametrize(("early", "owed"), [("to-day", 8_381), ("to-period-end", 8_406)])
def test_payoff_within_a_period(early: str, owed: int) -> None:
    """Number 5 (Fineract)."""
    agreed = terms(
        principal=10_000, annual_rate_ppm=70_000, instalments=6, unit=1, early=early,
        disbursed="2024-01-01", first_due="2024-02-01", partial="reduce",
    )  # fmt: skip
    first = pay("a", "2024-02-01", 1_701)
    for amount, is_open in ((owed - 1, True), (owed, False), (owed + 1, False)):
        paid = answer(case(agreed, first, pay("b", "2024-02-15", amount)))["events"][1]
        assert bool(paid["open"]) == is_open
        assert paid["overpaid"] == max(0, amount - owed)
    assert sum(leg["amount"] for leg in paid["legs"] if leg["component"] == "principal") == 8_357


@pytest.mark.parametrize(
    ("partial", "left", "interest"),
    [
        ("reduce", [53_600, 53_600, 53_600, 53_438], 14_238),
        ("shorten", [86_300, 86_300, 40_145], 12_745),
    ],
)
def test_prepayment_on_due_dates(partial: str, left: list[int], interest: int) -> None:
    """Number 6 (Fineract; shorten by the rules here)."""
    agreed = terms(instalments=6, day_count="actual/365", partial=partial)
    events = (pay("a", "2022-12-01", 100_000), pay("b", "2023-01-01", 200_000))
    found = answer(case(agreed, *events))["events"]
    assert list(open_by(found[1], "instalment").values()) == left
    paid = [leg["amount"] for each in found for leg in each["legs"]
            if leg["component"] == "interest"]  # fmt: skip
    assert sum(paid) + open_by(found[1], "component")["interest"] == interest


def paid_by_instalment(agreed: Json, *events: Json) -> list[list[int]]:
    """Return after each event by how much each instalment is lower than it was by plan."""
    found = answer(case(agreed, *events))
    planned = {row["number"]: row["principal"] for row in found["schedule"]}
    before, result = planned, []
    for event in found["events"]:
        left = open_by(event, "instalment")
        result.append([before[n] - left.get(n, 0) for n in planned])
        before = {n: left.get(n, 0) for n in planned}
    return result


def test_more_than_is_due_goes_to_the_next_instalment() -> None:
    """Number 7 (frappe/lending): 150 on the first due date."""
    agreed = plain(10_000, 3, partial="next")
    assert paid_by_instalment(agreed, pay("a", "2022-12-01", 15_000)) == [[10_000, 5_000, 0]]


def test_a_payment_before_its_date_lowers_every_instalment() -> None:
    """Number 7 (frappe/lending): 150 before the first due date, reduce."""
    agreed = plain(10_000, 3, partial="reduce")
    assert paid_by_instalment(agreed, pay("a", "2022-11-20", 15_000)) == [[5_000] * 3]


def test_a_late_payment_is_whole_first_and_lowers_the_rest() -> None:
    """Number 7 (frappe/lending): 80 on time, then 180 late."""
    agreed = plain(10_000, 3, partial="reduce")
    events = (pay("a", "2022-12-01", 8_000), pay("b", "2022-12-10", 18_000))
    assert paid_by_instalment(agreed, *events) == [[8_000, 0, 0], [2_000, 8_000, 8_000]]


def test_275_over_three() -> None:
    """Number 7 (frappe/lending)."""
    rows = rows_of(plain(1, 3, principal=27_500))
    assert column(rows, "principal") == [9_167, 9_167, 9_166]


@pytest.mark.parametrize(
    ("disbursed", "first_due", "last_due"),
    [
        ("2022-09-17", "2022-10-17", "2023-09-17"),
        ("2022-10-01", "2022-11-01", "2023-10-01"),
        ("2022-09-30", "2022-10-31", "2023-09-30"),
    ],
)
def test_due_dates(disbursed: str, first_due: str, last_due: str) -> None:
    """Number 8 (frappe/lending)."""
    rows = rows_of(terms(instalments=12, disbursed=disbursed, first_due=first_due))
    assert rows[11]["due"] == last_due


FLAT = terms(
    principal=1_400_000, annual_rate_ppm=65_000, instalments=12, method="flat", unit=1,
    fees=[
        {"name": "platform", "to": "plat", "yearly_ppm": 10_000},
        {"name": "channel", "to": "chan", "total": 28_000},
    ],
)  # fmt: skip


def test_flat_with_two_fees_closes() -> None:
    """Number 9."""
    rows = rows_of(FLAT)
    assert column(rows, "principal") == [116_667] * 11 + [116_663]
    assert sum(column(rows, "interest")) == 91_000
    fees: list[Any] = column(rows, "fees")
    assert sum(each["platform"] for each in fees) == 14_000
    assert sum(each["channel"] for each in fees) == 28_000


def test_cost_by_plan() -> None:
    """Number 9."""
    assert cost(FLAT, 170_954)["within"]
    assert not cost(FLAT, 170_952)["within"]
    assert cost(FLAT)["monthly"] == "17.0953"
    assert cost(FLAT)["compounded"] == "18.5005"
    assert cost({**FLAT, "fees": []})["monthly"] == "11.7888"


def test_interest_of_100_fen_paid_fen_by_fen() -> None:
    """Number 10: nobody ever gets more than its due."""
    agreed = terms(
        principal=100, annual_rate_ppm=1_000_000, instalments=1, unit=1, method="bullet",
        first_due="2023-11-01",
    )  # fmt: skip
    events = [pay(f"p{n}", "2023-11-01", 1) for n in range(100)]
    found = answer(case(agreed, *events, funders=THIRDS))
    due = {"ant": 34, "bee": 33, "cow": 33}
    assert found["schedule"][0]["shares"]["interest"] == due
    got = dict.fromkeys(due, 0)
    for event in found["events"]:
        (leg,) = event["legs"]
        assert leg["component"] == "interest"
        got[leg["party"]] += leg["amount"]
        assert all(got[party] <= due[party] for party in due)
    assert got == due


def test_principal_in_thirds_returns_what_each_lent() -> None:
    """Of 1,200.00 in twelve instalments 400.00 each, though 333,334 ppm are a little more."""
    agreed = plain(10_000, 12)
    events = [
        pay(f"p{n}", row["due"], 10_000)
        for n, row in enumerate(answer(case(agreed, funders=THIRDS))["schedule"])
    ]
    found = answer(case(agreed, *events, funders=THIRDS))
    got: dict[str, int] = {}
    for event in found["events"]:
        for leg in event["legs"]:
            got[leg["party"]] = got.get(leg["party"], 0) + leg["amount"]
    assert got == {"ant": 40_000, "bee": 40_000, "cow": 40_000}
