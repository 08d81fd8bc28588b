"""Reversals, compensations, new schedules: what later records make of a loan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.lending.compensation import WHOLE, compensate, require_amount
from ledger.lending.errors import LoanRefused
from ledger.lending.standing import bucket, standing
from tests.ledger.lending.adapter import Book, answer
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
LATE = plain(10_000, 3, penalty_ppm=360_000)
"""Three instalments of 100.00, with penalty of a thousandth a day."""

COVERED = {
    **LATE, "per_instalment_days": 10, "whole_days": 40, "annual_rate_ppm": 120_000,
    "method": "equal-principal", "covered": ["interest", "principal"],
}  # fmt: skip


def after(agreed: Json, *events: Json, funders: Any = ALONE) -> list[Json]:
    found: list[Json] = answer(case(agreed, *events, funders=funders, guarantor="guar"))["events"]
    return found


# --- reversals ----------------------------------------------------------------------------------


def test_what_a_reversal_opens_again_is_overdue_from_its_old_date_on() -> None:
    paid, taken = after(LATE, pay("a", "2022-12-01", 10_000), back("a", "2022-12-11"))
    assert paid["open"] and legs(taken, "amount") == [(-10_000,)]
    assert open_by(taken, "instalment", "component") == {
        (1, "penalty"): 100,
        (1, "principal"): 10_000,
        (2, "principal"): 10_000,
        (3, "principal"): 10_000,
    }


def test_a_reversal_between_two_payments_leaves_the_later_one() -> None:
    agreed = plain(100, 3)
    events = (
        pay("a", "2022-12-01", 60),
        pay("b", "2022-12-01", 40),
        back("a", "2022-12-02"),
        pay("c", "2022-12-02", 60),
    )
    found = after(agreed, *events)
    assert legs(found[2], "instalment", "amount") == [(1, -60)]
    assert open_by(found[2], "instalment") == {1: 60, 2: 100, 3: 100}
    assert open_by(found[3], "instalment") == {2: 100, 3: 100}


def test_a_prepayment_is_undone_with_its_plan() -> None:
    agreed = terms(instalments=6, partial="reduce")
    before = after(agreed, pay("a", "2022-12-01", 86_300))[0]
    events = (
        pay("a", "2022-12-01", 86_300),
        pay("b", "2022-12-05", 100_000),
        back("b", "2022-12-20"),
    )
    found = after(agreed, *events)
    assert found[1]["open"] != found[2]["open"] == before["open"]


def test_a_payoff_is_undone_though_an_earlier_payment_was_reversed_before() -> None:
    agreed = plain(100, 3, partial="reduce", early_fee_ppm=10_000)
    events = (
        pay("a", "2022-12-01", 100),
        pay("b", "2022-12-10", 202),
        back("a", "2022-12-11"),
        back("b", "2022-12-12"),
    )
    found = after(agreed, *events)
    assert found[1]["open"] == []
    assert open_by(found[2], "instalment") == {1: 100}
    assert open_by(found[3], "instalment", "component") == {
        (n, "principal"): 100 for n in (1, 2, 3)
    }


def test_principal_of_a_touched_plan_comes_back_with_the_next_instalment() -> None:
    agreed = plain(10_000, 3, partial="reduce", penalty_ppm=360_000)
    events = (
        pay("a", "2022-11-20", 15_000),
        pay("b", "2022-12-01", 5_000),
        back("a", "2022-12-20"),
    )
    found = after(agreed, *events)
    assert open_by(found[1], "instalment") == {2: 5_000, 3: 5_000}
    assert open_by(found[2], "instalment", "component") == {
        (2, "principal"): 20_000,
        (3, "principal"): 5_000,
    }


def test_after_the_last_date_it_comes_back_with_the_last_one_and_penalty_from_then_on() -> None:
    agreed = plain(10_000, 3, partial="reduce", penalty_ppm=360_000)
    events = [
        pay("a", "2022-11-20", 15_000),
        *(pay(f"p{n}", due, 5_000) for n, due in enumerate(DUES)),
        back("a", "2023-02-11"),
    ]
    assert after(agreed, *events)[4]["open"] == [
        {"instalment": 3, "due": "2023-02-01", "component": "principal", "party": "fund",
         "open": 15_000}
    ]  # fmt: skip
    book = Book(case(agreed, *events))
    for event in events:
        book.state(event)
    assert sum(row["open"] for row in book.open(date(2023, 2, 12))) == 15_015


DUES = ("2022-12-01", "2023-01-01", "2023-02-01")


def test_principal_comes_back_even_if_nothing_is_planned_any_more() -> None:
    """All that the new schedule had was interest, which fell away before its first day."""
    agreed = plain(100, 1, fees=[{"name": "service", "to": "plat", "total": 10}])
    events = (
        pay("a", "2022-12-01", 100),
        replanned("2022-12-02", ("2023-01-02", 0, 6)),
        pay("b", "2022-12-02", 9),
        back("a", "2022-12-02"),
    )
    agreed["order"] = ["principal", "interest", "fees", "penalty"]
    found = after(agreed, *events)
    assert (found[2]["overpaid"], found[2]["open"]) == (9, [])
    assert open_by(found[3], "instalment", "component") == {(2, "principal"): 100}


def test_an_overpayment_is_taken_back_with_its_payment() -> None:
    _, taken = after(plain(100, 1), pay("a", "2022-12-01", 130), back("a", "2022-12-02"))
    assert (taken["overpaid"], open_by(taken, "instalment")) == (-30, {1: 100})


# --- compensation -------------------------------------------------------------------------------


def test_an_instalment_is_compensated_from_the_day_after_its_days_on() -> None:
    early, on_time = after(
        COVERED,
        compensated("c", "2022-12-11", [1]),
        compensated("d", "2022-12-12", [1]),
        funders=HALVES,
    )
    assert early == {"refused": "compensation-too-early"}
    assert legs(on_time, "party", "component", "amount") == [
        ("ant", "interest", 150),
        ("bee", "interest", 150),
        ("ant", "principal", 5_000),
        ("bee", "principal", 5_000),
    ]
    held = open_by(on_time, "instalment", "component", "party")
    assert held[1, "principal", "guar"] == 10_000
    assert held[1, "interest", "guar"] == 300
    assert (held[1, "penalty", "ant"], held[1, "penalty", "bee"]) == (55, 55)


def test_penalty_accrues_to_the_guarantor_from_its_compensation_on() -> None:
    events = (compensated("d", "2022-12-12", [1]), waived("ant", "2022-12-22", (2, "interest"), 1))
    _, later = after(COVERED, *events, funders=HALVES)
    held = open_by(later, "instalment", "component", "party")
    assert [held[1, "penalty", party] for party in ("ant", "bee", "guar")] == [55, 55, 100]


def test_a_repayment_after_a_compensation_goes_to_the_guarantor() -> None:
    events = (compensated("d", "2022-12-12", [1]), pay("a", "2022-12-12", 10_410))
    _, paid = after(COVERED, *events, funders=HALVES)
    got = {leg["party"]: 0 for leg in paid["legs"]}
    for leg in paid["legs"]:
        got[leg["party"]] += leg["amount"]
    assert got == {"ant": 55, "bee": 55, "guar": 10_300}


def test_a_whole_compensation_pays_interest_to_the_day_and_all_rights_pass() -> None:
    (paid,) = after(COVERED, compensated("w", "2023-01-16", WHOLE), funders=HALVES)
    by = dict.fromkeys(legs(paid, "instalment", "component"), 0)
    for leg in paid["legs"]:
        by[leg["instalment"], leg["component"]] += leg["amount"]
    assert by == {
        (1, "interest"): 300,
        (1, "principal"): 10_000,
        (2, "interest"): 200,
        (2, "principal"): 10_000,
        (3, "interest"): 48,  # 15 of 31 days of 100
        (3, "principal"): 10_000,
    }
    held = open_by(paid, "component", "party")
    assert held["interest", "guar"] == 600
    assert held["principal", "guar"] == 30_000
    assert {party for name, party in held if name == "penalty"} == {"ant", "bee"}


def test_claims_go_back_unless_something_was_paid_on_them() -> None:
    done = compensated("d", "2022-12-12", [1])
    taken, paid = back("d", "2022-12-20"), pay("a", "2022-12-13", 500)
    untouched = after(COVERED, done, taken, funders=HALVES)
    assert open_by(untouched[1], "component", "party")["principal", "ant"] == 15_000
    assert "guar" not in {party for _, party in open_by(untouched[1], "component", "party")}
    touched = after(COVERED, done, paid, taken, funders=HALVES)
    assert touched[2] == {"refused": "claims-paid-since"}
    mended = after(COVERED, done, paid, back("a", "2022-12-14"), taken, funders=HALVES)
    assert legs(mended[3], "party", "amount") == [
        ("ant", -150), ("bee", -150), ("ant", -5_000), ("bee", -5_000),
    ]  # fmt: skip


def test_a_statement_that_differs_from_what_is_open_is_refused() -> None:
    book = Book(case(COVERED, guarantor="guar"))
    found = compensate(book.loan, [1], date(2022, 12, 12)).compensation
    require_amount(10_300, found)
    with pytest.raises(LoanRefused) as refused:
        require_amount(10_299, found)
    assert (refused.value.code, refused.value.difference) == ("compensation-differs", -1)


# --- new schedules ------------------------------------------------------------------------------


def test_a_new_schedule_takes_the_place_of_the_unpaid_rest() -> None:
    agreed = plain(10_001, 3, penalty_ppm=360_000)
    funders = (("ant", 333_333), ("bee", 666_667))
    events = (
        pay("a", "2022-12-01", 10_001),
        replanned("2023-01-11", ("2023-02-11", 10_001, 77), ("2023-03-11", 10_001, 0)),
        pay("b", "2023-02-11", 10_188),
    )
    before, moved, paid = after(agreed, *events, funders=funders)
    found = open_by(moved, "instalment", "component")
    assert found == {(4, "penalty"): 100, (4, "interest"): 77, (4, "principal"): 10_001,
                     (5, "principal"): 10_001}  # fmt: skip
    assert (
        open_by(moved, "component", "party")["principal", "ant"]
        == (open_by(before, "component", "party")["principal", "ant"])
    )
    assert open_by(paid, "instalment") == {5: 9_991}


@pytest.mark.parametrize(
    "rows",
    [
        [("2023-02-11", 10_000, 0)],
        [("2023-02-11", 20_001, 0)],
        [("2023-02-11", 21_000, 0), ("2023-03-11", -1_000, 0)],
        [],
    ],
)
def test_a_new_schedule_that_forgets_something_does_not_close(rows: Any) -> None:
    _, moved = after(
        plain(10_000, 3), pay("a", "2022-12-01", 10_000), replanned("2023-01-11", *rows)
    )
    assert moved == {"refused": "schedule-does-not-close"}


# --- standing -----------------------------------------------------------------------------------


def test_days_past_due_count_from_the_oldest_open_instalment() -> None:
    found = answer(case(plain(100, 3), pay("a", "2022-12-01", 99), back("x", "2023-01-05")))
    assert (found["days_past_due"], found["bucket"]) == (35, "M2")


def test_what_is_immaterial_makes_no_bucket() -> None:
    agreed = plain(100, 3, immaterial=2)
    found = answer(case(agreed, pay("a", "2022-12-01", 99), back("x", "2023-01-05")))
    assert (found["days_past_due"], found["bucket"]) == (35, "M1")


def test_buckets_at_their_edges() -> None:
    days = (0, 1, 30, 31, 60, 61, 90, 91, 180, 181)
    names = ("M0", "M1", "M1", "M2", "M2", "M3", "M3", "M4-M6", "M4-M6", "M6+")
    assert tuple(map(bucket, days)) == names


# --- edges of new plans ---------------------------------------------------------------------------

BEARING = terms(
    principal=30_000, instalments=3, unit=1, method="equal-principal", partial="reduce",
    fees=[{"name": "service", "to": "plat", "total": 300}],
)  # fmt: skip
"""Three instalments of 100.00, interest of 3.00, 2.00 and 1.00, a fee of 1.00."""


@pytest.mark.parametrize("early", ["to-day", "to-period-end"])
def test_on_a_due_date_nothing_of_the_next_period_is_owed(early: str) -> None:
    (paid,) = after({**BEARING, "early": early}, pay("a", "2022-12-01", 30_400 + 500))
    assert (paid["overpaid"], paid["open"]) == (500, [])


def test_interest_to_the_end_of_a_period_that_has_not_begun_is_of_the_new_balance() -> None:
    (paid,) = after({**BEARING, "early": "to-period-end"}, pay("a", "2022-12-01", 20_400))
    assert open_by(paid, "instalment", "component")[2, "interest"] == 100


def test_waived_interest_stays_waived_at_a_payoff_and_in_a_new_plan() -> None:
    gone = waived("fund", "2022-12-01", (2, "interest"), 60)
    first = pay("a", "2022-12-01", 10_400)
    whole = after(BEARING, first, gone, pay("b", "2022-12-17", 20_000 + 103 + 100))[2]
    assert (whole["overpaid"], whole["open"]) == (60, [])  # 16 of 31 days of 200: 103
    part = after(BEARING, first, gone, pay("b", "2022-12-01", 10_000))[2]
    assert open_by(part, "instalment", "component")[2, "interest"] == 100 - 60


@pytest.mark.parametrize(("falls_away", "left"), [(True, [2]), (False, [2, 3])])
def test_flat_interest_of_dropped_instalments_falls_away_by_its_term(
    falls_away: bool, left: list[int]
) -> None:
    agreed = {
        **BEARING, "method": "flat", "partial": "shorten", "flat_interest_falls_away": falls_away,
    }  # fmt: skip
    (paid,) = after(agreed, pay("a", "2022-12-01", 20_400))
    found = open_by(paid, "instalment", "component")
    assert [number for number, name in found if name == "interest"] == left
    assert (3, "fee:service") not in found


def test_uncovered_interest_stays_with_the_funders_in_a_new_plan() -> None:
    agreed = {**COVERED, "covered": ["principal"], "whole_days": 5, "partial": "reduce"}
    events = (
        compensated("w", "2022-12-10", WHOLE),
        pay("a", "2022-12-10", 10_300 + 90 + 10_000),
    )
    _, paid = after(agreed, *events, funders=HALVES)
    held = open_by(paid, "component", "party")
    assert held["principal", "guar"] == 10_000
    assert {party for name, party in held if name == "interest"} == {"ant", "bee"}


def test_only_funders_are_compensated() -> None:
    agreed = {
        **COVERED, "covered": ["penalty", "fees", "interest", "principal"],
        "fees": BEARING["fees"],
    }  # fmt: skip
    (paid,) = after(agreed, compensated("c", "2022-12-12", [1]), funders=HALVES)
    assert {leg["component"] for leg in paid["legs"]} == {"penalty", "interest", "principal"}
    assert open_by(paid, "component", "party")["fee:service", "plat"] == 300


def test_claims_do_not_go_back_if_penalty_of_the_guarantor_was_paid() -> None:
    agreed = {**COVERED, "covered": ["penalty", "principal"], "order": ORDER}
    events = (
        compensated("c", "2022-12-12", [1]),
        pay("a", "2022-12-22", 50),
        back("c", "2022-12-22"),
    )
    assert after(agreed, *events, funders=HALVES)[2] == {"refused": "claims-paid-since"}


ORDER = ["penalty", "fees", "interest", "principal"]


def test_what_was_settled_on_the_day_of_a_new_schedule_keeps_its_date() -> None:
    events = (
        pay("a", "2022-12-01", 100),
        replanned("2022-12-01", ("2023-02-01", 200, 0)),
        back("a", "2022-12-05"),
    )
    found = after(plain(100, 3), *events)[2]
    assert open_by(found, "instalment", "due") == {(1, "2022-12-01"): 100, (4, "2023-02-01"): 200}


def test_after_a_new_schedule_more_than_is_due_goes_to_the_next_instalment() -> None:
    events = (
        replanned("2022-11-05", ("2022-12-05", 150, 5), ("2023-01-05", 150, 5)),
        pay("a", "2022-12-05", 200),
    )
    _, paid = after(plain(100, 3, partial="reduce"), *events)
    assert open_by(paid, "instalment", "component") == {(5, "principal"): 110}


def test_the_early_fee_does_not_come_back_with_a_payoff_that_was_touched() -> None:
    agreed = plain(100, 3, partial="reduce", early_fee_ppm=10_000)
    events = (
        pay("a", "2022-11-20", 90),
        pay("b", "2022-11-25", 213),
        back("a", "2022-11-26"),
        back("b", "2022-11-27"),
    )
    found = after(agreed, *events)
    assert ("early-fee", 2) in legs(found[1], "component", "amount")
    assert open_by(found[2], "component") == {"principal": 90}
    assert open_by(found[3], "component") == {"principal": 300}


def test_a_dropped_instalment_takes_nothing_back() -> None:
    agreed = plain(10_000, 3, partial="shorten")
    events = (
        pay("a", "2022-11-20", 12_000),
        pay("b", "2022-12-01", 10_000),
        pay("c", "2023-01-01", 8_000),
        back("a", "2023-01-15"),
    )
    found = after(agreed, *events)
    assert found[2]["open"] == []
    assert open_by(found[3], "instalment") == {2: 12_000}


def test_a_waiver_within_grace_makes_an_instalment_whole() -> None:
    agreed = plain(10_000, 1, penalty_ppm=360_000, grace_days=3)
    events = [
        pay("a", "2022-12-03", 9_000),
        waived("fund", "2022-12-04", (1, "principal"), 1_000),
    ]
    book = Book(case(agreed, *events))
    for event in events:
        book.state(event)
    assert book.open(date(2023, 1, 1)) == []


def test_an_instalment_that_is_whole_on_the_last_day_of_grace_bears_no_penalty_ever() -> None:
    agreed = plain(10_000, 2, penalty_ppm=360_000, grace_days=3)
    events = (
        pay("a", "2022-12-04", 10_000),
        pay("b", "2022-12-20", 1),
        back("b", "2022-12-20"),
    )
    assert open_by(after(agreed, *events)[2], "instalment", "component") == {
        (2, "principal"): 10_000
    }


def test_penalty_of_a_closed_principal_goes_to_whom_it_was_due() -> None:
    agreed = plain(10_000, 1, penalty_ppm=360_000, grace_days=3)
    agreed["fees"] = [{"name": "service", "to": "plat", "total": 7}]
    agreed["order"] = ["principal", "interest", "fees", "penalty"]
    events = (pay("a", "2022-12-03", 10_000), pay("b", "2022-12-10", 1))
    _, later = after(agreed, *events, funders=HALVES)
    assert open_by(later, "component", "party") == {
        ("fee:service", "plat"): 6,
        ("penalty", "ant"): 10,
        ("penalty", "bee"): 10,
    }


def test_penalty_of_a_named_funder_passes_to_the_guarantor_only_with_the_principal() -> None:
    agreed = {**COVERED, "penalty_to": "bee"}
    events = (compensated("d", "2022-12-12", [1]), waived("bee", "2023-01-11", (2, "interest"), 1))
    _, later = after(agreed, *events, funders=HALVES)
    held = open_by(later, "instalment", "component", "party")
    assert held[1, "penalty", "bee"] == 110
    assert held[1, "penalty", "guar"] == 300
    assert held[2, "penalty", "bee"] == 100


def test_what_is_as_much_as_the_threshold_makes_a_bucket() -> None:
    agreed = plain(100, 3, immaterial=1)
    found = answer(case(agreed, pay("a", "2022-12-01", 99), back("x", "2023-01-05")))
    assert (found["days_past_due"], found["bucket"]) == (35, "M2")
    book = Book(case(agreed))
    assert standing(book.loan, date(2023, 1, 1)).overdue == 100
