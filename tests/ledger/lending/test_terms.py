"""Terms, day counts and cost: what may be agreed, and each refusal with its code."""

from __future__ import annotations

import ast
import doctest
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import ledger.lending
from ledger.lending import cost, dates, division
from ledger.lending.errors import LoanRefused
from ledger.lending.loan import open_loan
from ledger.lending.repayment import repay
from ledger.lending.schedule import require_same, schedule
from ledger.lending.terms import Funder, Parties
from tests.ledger.lending.adapter import answer, terms_of
from tests.ledger.lending.lending_kit import (
    Json,
    back,
    case,
    compensated,
    pay,
    plain,
    replanned,
    some_terms,
    terms,
    waived,
)

ROW = {"principal": 100, "interest": 0, "fees": {}}
STATED = terms(
    method="stated", principal=200, instalments=2, partial="next",
    stated=[{"due": "2022-12-01", **ROW}, {"due": "2023-01-01", **ROW}],
)  # fmt: skip
UNAGREED: list[tuple[str, Json]] = [
    ("terms-out-of-range", {"annual_rate_ppm": 1_000_001}),
    ("terms-out-of-range", {"annual_rate_ppm": -1}),
    ("terms-out-of-range", {"instalments": 121}),
    ("terms-out-of-range", {"instalments": 0}),
    ("terms-out-of-range", {"principal": 0}),
    ("terms-out-of-range", {"unit": 0}),
    ("terms-out-of-range", {"principal_grace": 18}),
    ("terms-out-of-range", {"due_day": 32}),
    ("terms-out-of-range", {"fees": [{"name": "x", "to": "plat", "total": -1}]}),
    ("terms-out-of-range", {"principal": 10**13 + 1}),
    ("terms-out-of-range", {"fees": [{"name": f"f{n}", "to": "p", "total": 1} for n in range(21)]}),
    ("dates-out-of-order", {"first_due": "2022-11-01"}),
    ("dates-out-of-order", {"first_due": "2052-12-01"}),
    ("dates-out-of-order", {"disbursed": "9999-01-05", "first_due": "9999-12-01"}),
    ("dates-out-of-order", {"first_due": "2022-10-31"}),
    ("terms-contradict", {"due_day": 15}),
    ("terms-contradict", {"method": "bullet"}),
    ("terms-contradict", {"method": "balloon"}),
    ("terms-contradict", {"day_count": "30/365"}),
    ("terms-contradict", {"early": "never"}),
    ("terms-contradict", {"partial": "refuse"}),
    ("terms-contradict", {"method": "stated"}),
    ("terms-contradict", {**STATED, "partial": "reduce"}),
    ("terms-contradict", {"order": ["penalty", "fees", "interest"]}),
    ("terms-contradict", {"order": ["penalty", "fees", "interest", "interest"]}),
    ("terms-contradict", {"covered": ["costs"]}),
    ("terms-contradict", {"covered": ["interest", "interest"]}),
    ("terms-contradict", {"fees": [{"name": "x", "to": "plat", "total": 1}] * 2}),
    ("terms-contradict", {"fees": [{"name": "x", "to": "p", "total": 1, "yearly_ppm": 1}]}),
    ("schedule-does-not-close", {"unit": 1_000_000}),
    ("schedule-does-not-close", {"first_due": "2024-12-01"}),
    ("schedule-does-not-close", {**STATED, "principal": 201}),
    ("schedule-does-not-close", {**STATED, "instalments": 3}),
    (
        "schedule-does-not-close",
        {
            **STATED,
            "stated": [{"due": f"202{n}-12-01", **ROW, "interest": 10**15} for n in (2, 3)],
        },
    ),
    (
        "dates-out-of-order",
        {**STATED, "stated": [{"due": "2022-12-01", **ROW}, {"due": "2053-01-01", **ROW}]},
    ),
    ("schedule-does-not-close", {**STATED, "first_due": "2022-12-02"}),
    (
        "dates-out-of-order",
        {**STATED, "stated": [{"due": "2022-12-01", **ROW}, {"due": "2022-12-01", **ROW}]},
    ),
]


@pytest.mark.parametrize(("code", "changed"), UNAGREED)
def test_terms_that_cannot_be_agreed_are_refused(code: str, changed: Json) -> None:
    with pytest.raises(LoanRefused) as refused:
        open_loan(terms_of(terms(**changed)), ALONE)
    assert refused.value.code == code
    assert refused.value.expected
    assert refused.value.got


ALONE = Parties(funders=(Funder(party="fund", ppm=1_000_000),), platform="plat")


@pytest.mark.parametrize(
    ("code", "ppms", "names"),
    [
        ("shares-do-not-sum", (500_000, 499_999), "ab"),
        ("shares-do-not-sum", (1_000_000, 0), "ab"),
        ("funders-form", (500_000, 500_000), "aa"),
        ("funders-form", (500_000, 500_000), "ag"),
        ("funders-form", (), ""),
        ("funders-form", (200_000,) * 5 + (0,), "abcdef"),
    ],
)
def test_shares_that_do_not_sum_are_refused(code: str, ppms: Any, names: str) -> None:
    funders = tuple(Funder(party=party, ppm=ppm) for party, ppm in zip(names, ppms, strict=True))
    with pytest.raises(LoanRefused) as refused:
        open_loan(terms_of(terms()), Parties(funders=funders, platform="plat", guarantor="g"))
    assert refused.value.code == code


GUARDED = plain(100, 3, per_instalment_days=10, covered=["principal"])
REFUSED: list[tuple[str, Json, list[Json]]] = [
    ("amount-not-positive", GUARDED, [pay("a", "2022-12-01", 0)]),
    ("date-goes-back", GUARDED, [pay("a", "2022-10-31", 1)]),
    ("date-goes-back", GUARDED, [pay("a", "2022-12-01", 1), back("a", "2022-11-30")]),
    (
        "date-goes-back",
        GUARDED,
        [pay("a", "2022-12-01", 1), waived("fund", "2022-11-30", (1, "principal"), 1)],
    ),
    ("loan-settled", GUARDED, [pay("a", "2022-12-01", 300), pay("b", "2022-12-01", 1)]),
    ("loan-settled", GUARDED, [pay("a", "2022-12-01", 300),
                               replanned("2022-12-02", ("2023-01-01", 1, 0))]),
    ("unknown-instalment", GUARDED, [waived("fund", "2022-12-01", (4, "principal"), 1)]),
    ("waiver-over-open", GUARDED, [waived("fund", "2022-12-01", (1, "principal"), 101)]),
    ("waiver-over-open", GUARDED, [waived("plat", "2022-12-01", (1, "principal"), 1)]),
    ("not-covered", plain(100, 3), [compensated("c", "2023-12-01", [1])]),
    ("not-covered", GUARDED, [compensated("c", "2023-12-01", "whole")]),
    ("compensation-too-early", GUARDED, [compensated("c", "2022-12-11", [1])]),
    ("nothing-to-compensate", GUARDED, [pay("a", "2022-12-01", 100),
                                        compensated("c", "2022-12-31", [1])]),
    ("nothing-to-compensate", {**GUARDED, "covered": []}, [compensated("c", "2022-12-31", [1])]),
    ("nothing-to-compensate", GUARDED, [compensated("c", "2022-12-31", [])]),
    ("claims-paid-since", GUARDED, [compensated("c", "2022-12-31", [1]),
                                    pay("a", "2022-12-31", 1), back("c", "2022-12-31")]),
    ("dates-out-of-order", GUARDED, [replanned("2022-12-02", ("2022-12-02", 300, 0))]),
    ("dates-out-of-order", GUARDED, [replanned("2022-12-02", ("2023-01-02", 150, 0),
                                               ("2023-01-02", 150, 0))]),
    ("schedule-does-not-close", GUARDED, [replanned("2022-12-02", ("2023-01-02", 299, 0))]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "agreed", "events"), REFUSED)
def test_records_that_break_a_rule_are_refused(code: str, agreed: Json, events: list[Json]) -> None:
    found = answer(case(agreed, *events, guarantor="guar"))["events"]
    assert [each.get("refused") for each in found] == [None] * (len(events) - 1) + [code]


def test_a_loan_without_a_guarantor_covers_nothing() -> None:
    found = answer(case(GUARDED, compensated("c", "2023-12-01", [1])))["events"]
    assert found == [{"refused": "not-covered"}]


BY_OTHER_TESTS = {
    "compensation-differs", "cost-over-limit", "early-fee-over-limit",
    "funders-form", "schedule-differs", "shares-do-not-sum",
}  # fmt: skip


def test_every_code_of_the_package_is_produced() -> None:
    folder = Path(ledger.lending.__file__).parent
    found = {
        node.args[0]
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("LoanRefused", "AmountRefused")
    }
    codes = {
        each.value
        for node in found
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
    produced = {code for code, *_ in UNAGREED} | {code for code, *_ in REFUSED} | BY_OTHER_TESTS
    assert codes == produced


# --- schedules as stated ------------------------------------------------------------------------


def test_a_schedule_that_differs_is_refused_with_instalment_and_component() -> None:
    agreed = terms_of(terms(fees=[{"name": "service", "to": "plat", "total": 1_800}]))
    rows = list(schedule(agreed).rows)
    require_same(agreed, rows)
    wrong: list[tuple[dict[str, Any], str, int | None]] = [
        ({"interest": rows[2].interest + 1}, "its interest", 1),
        ({"principal": rows[2].principal - 1}, "its principal", -1),
        ({"fees": (99,)}, "its fee:service", -1),
        ({"fees": ()}, "another number of fees", None),
        ({"due": date(2023, 2, 2)}, "its date", None),
        ({"number": 4}, "its number", None),
    ]
    for changed, said, difference in wrong:
        stated = [*rows[:2], replace(rows[2], **changed), *rows[3:]]
        with pytest.raises(LoanRefused, match="Instalment 3") as refused:
            require_same(agreed, stated)
        assert said in refused.value.message
        assert (refused.value.code, refused.value.difference) == ("schedule-differs", difference)
    with pytest.raises(LoanRefused) as refused:
        require_same(agreed, rows[:17])
    assert (refused.value.expected, refused.value.got) == ("18 instalments", "17")


# --- cost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("cost-over-limit", {"annual_rate_ppm": 240_001}),
        ("cost-over-limit", {"annual_rate_ppm": 200_000, "penalty_ppm": 40_001}),
        ("cost-over-limit", {"annual_rate_ppm": 150_000, "method": "flat", "unit": 1}),
        (
            "cost-over-limit",
            {"annual_rate_ppm": 0, "fees": [{"name": "x", "to": "plat", "total": 180_001}]},
        ),
        ("early-fee-over-limit", {"early_fee_ppm": 30_001}),
    ],
)
def test_a_cost_above_the_limit_is_refused(code: str, changed: Json) -> None:
    agreed = terms_of(terms(**changed))
    with pytest.raises(LoanRefused) as refused:
        cost.refuse_dear(agreed, schedule(agreed))
    assert refused.value.code == code
    assert "%" in refused.value.got


def test_a_cost_within_the_limit_is_not_refused() -> None:
    agreed = terms_of(terms(annual_rate_ppm=200_000, penalty_ppm=39_000, early_fee_ppm=30_000))
    cost.refuse_dear(agreed, schedule(agreed))


def test_a_payment_on_the_day_of_disbursement_by_30_360_has_no_rate() -> None:
    assert cost.rates(100, [cost.Payment(0, 101)]) is None
    assert not cost.is_within(100, [cost.Payment(0, 101)], 240_000)
    assert cost.is_within(100, [cost.Payment(0, 100)], 240_000)
    assert cost.rates(100, [cost.Payment(30, 100)]) == (0, 0)


@settings(max_examples=100, deadline=None)
@given(some_terms())
def test_the_exact_comparison_agrees_with_the_rate(agreed: Json) -> None:
    try:
        asked = terms_of(agreed)
        rows = open_loan(asked, ALONE) and schedule(asked).rows
    except LoanRefused:
        return
    paid = cost.payments(asked, rows)
    found = cost.rates(asked.principal, paid)
    if found is None:
        return
    assert cost.is_within(asked.principal, paid, found.times_12_ppm + 1)
    assert not found.times_12_ppm or not cost.is_within(
        asked.principal, paid, found.times_12_ppm - 1
    )
    uneven = [*paid[:-1], paid[-1]._replace(days=paid[-1].days + 7)]
    beside = cost.rates(asked.principal, uneven)
    assert beside is None or cost.is_within(asked.principal, uneven, beside.times_12_ppm + 1)


def test_a_total_counts_a_year_of_the_term_and_a_rate_as_it_is() -> None:
    fees = [{"name": "a", "to": "p", "total": 7_500}, {"name": "b", "to": "p", "yearly_ppm": 3_000}]
    agreed = terms_of(terms(fees=fees, penalty_ppm=20_000))
    # 12 % and 2 % and 0.3 %, and 75.00 of 5,000.00 over one and a half years: 1 %.
    assert Fraction(*cost.nominal_parts(agreed, schedule(agreed))) == Fraction(153, 1000)


# --- grace --------------------------------------------------------------------------------------


def test_the_annuity_is_over_the_instalments_after_the_grace() -> None:
    agreed = terms_of(terms(principal=100_000, instalments=4, principal_grace=2, unit=1))
    rows = schedule(agreed).rows
    assert [row.principal for row in rows] == [0, 0, 49_751, 50_249]
    assert [row.interest for row in rows] == [1_000, 1_000, 1_000, 502]


def test_the_annuity_after_the_grace_ignores_the_length_of_the_first_period() -> None:
    long = terms_of(
        terms(principal=100_000, instalments=4, principal_grace=2, unit=1, disbursed="2022-10-16")
    )
    rows = schedule(long).rows
    assert [row.interest for row in rows] == [1_500, 1_000, 1_000, 502]
    assert rows[2].principal == 49_751


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "anchor", "dues"),
    [
        ("2022-10-31", 31, ("2022-11-30", "2022-12-31", "2023-01-31", "2023-02-28")),
        ("2023-01-30", 30, ("2023-02-28", "2023-03-30", "2023-04-30", "2023-05-30")),
        ("2023-02-28", 31, ("2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30")),
        ("2024-01-29", 29, ("2024-02-29", "2024-03-29", "2024-04-29", "2024-05-29")),
    ],
)
def test_the_due_day_is_anchored_and_clamped(first: str, anchor: int, dues: Any) -> None:
    start = date.fromisoformat(first)
    found = [dates.due_date(start, anchor, month).isoformat() for month in range(1, 5)]
    assert tuple(found) == dues


def test_a_regular_month_is_30_days_whatever_the_calendar_says() -> None:
    agreed = terms_of(terms(disbursed="2022-12-31", first_due="2023-01-31"))
    assert {period.parts for period in schedule(agreed).periods} == {dates.PARTS // 12}


def test_a_first_period_counts_from_the_day_of_disbursement_itself() -> None:
    agreed = terms_of(terms(disbursed="2023-02-28", first_due="2023-03-31"))
    assert schedule(agreed).periods[0].parts == 32 * dates.PARTS // 360


@pytest.mark.parametrize(
    ("day_count", "start", "end", "years"),
    [
        ("30/360", "2023-01-31", "2023-03-31", Fraction(60, 360)),
        ("actual/360", "2023-01-31", "2023-03-31", Fraction(59, 360)),
        ("actual/365", "2024-01-31", "2024-03-31", Fraction(60, 365)),
        ("actual/actual", "2023-12-12", "2024-01-12", Fraction(20, 365) + Fraction(11, 366)),
        ("actual/actual", "2023-12-31", "2024-01-01", Fraction(1, 365)),
        ("actual/actual", "2023-07-01", "2025-07-01", Fraction(184 + 181, 365) + 1),
    ],
)
def test_day_counts(day_count: Any, start: str, end: str, years: Fraction) -> None:
    parts = dates.period_parts(
        day_count, date.fromisoformat(start), date.fromisoformat(end), (0, 0)
    )
    assert Fraction(parts, dates.PARTS) == years


@given(
    st.dates(date(2019, 1, 1), date(2030, 1, 1)),
    st.lists(st.integers(0, 900), min_size=2, max_size=2),
)
def test_parts_of_periods_sum(start: date, days: list[int]) -> None:
    middle = date.fromordinal(start.toordinal() + days[0])
    end = date.fromordinal(middle.toordinal() + days[1])
    for day_count in dates.DAY_COUNTS:
        whole = dates.actual_parts(day_count, start, end)
        first = dates.actual_parts(day_count, start, middle)
        assert whole == first + dates.actual_parts(day_count, middle, end)


def test_examples_of_the_division_come_out_as_written() -> None:
    assert doctest.testmod(division) == (0, 2)


def test_a_refusal_says_the_difference() -> None:
    loan = open_loan(terms_of(plain(100, 1)), ALONE)
    settled = repay(loan, 100, date(2022, 12, 1)).outcome.loan
    with pytest.raises(LoanRefused, match=r"The difference is \+5 minor units") as refused:
        repay(settled, 5, date(2022, 12, 1))
    assert refused.value.difference == 5
