"""Random loans and histories: what holds whatever happens, to the minor unit."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import Refused
from ledger.lending import division
from ledger.lending.loan import Loan
from tests.ledger.lending.adapter import Book, answer
from tests.ledger.lending.lending_kit import (
    Json,
    case,
    pay,
    some_case,
    some_funders,
    some_terms,
)

MANY = settings(max_examples=150, deadline=None)


def opened(asked: Json) -> Book:
    """Return the book of a case whose terms can be agreed."""
    try:
        return Book(asked)
    except Refused:
        assume(False)
        raise


def principal_of(loan: Loan) -> Counter[str]:
    found: Counter[str] = Counter()
    for instalment in loan.instalments:
        for claim in instalment.claims:
            if claim.component == "principal":
                found[claim.party] += claim.open
    return found


@MANY
@given(some_terms(), some_funders())
def test_a_schedule_closes_and_its_shares_sum_to_it(agreed: Json, funders: Any) -> None:
    book = opened(case(agreed, funders=funders, guarantor="guar"))
    rows = book.schedule()
    assert sum(row["principal"] for row in rows) == agreed["principal"]
    lent: Counter[str] = Counter()
    for row in rows:
        amounts = {"principal": row["principal"], "interest": row["interest"]}
        amounts |= {f"fee:{name}": amount for name, amount in row["fees"].items()}
        assert {name: sum(each.values()) for name, each in row["shares"].items()} == amounts
        assert min(amount for each in row["shares"].values() for amount in each.values()) >= 0
        lent.update(row["shares"]["principal"])
    ppms = [ppm for _, ppm in funders]
    parts = division.by_weights(agreed["principal"], ppms)
    assert [lent[party] for party, _ in funders] == list(parts)


@MANY
@given(some_case())
def test_money_in_is_money_allocated_and_overpaid_and_nobody_gets_more_than_is_due(
    asked: Json,
) -> None:
    book = opened(asked)
    for event in asked["events"]:
        state = book.state(event)
        for instalment in book.loan.instalments:
            for claim in instalment.claims:
                assert 0 <= claim.open <= claim.due, (instalment.number, claim)
        if "refused" in state or event["kind"] != "repayment":
            continue
        moved = sum(leg["amount"] for leg in state["legs"])
        assert moved + state["overpaid"] == event["amount"]
        assert all(leg["amount"] > 0 for leg in state["legs"])


@MANY
@given(some_case())
def test_principal_closes_on_what_each_holder_lent_or_took_over(asked: Json) -> None:
    book = opened(asked)
    whole = principal_of(book.loan)
    for event in asked["events"]:
        state = book.state(event)
        if "refused" in state:
            continue
        for leg in state["legs"]:
            if leg["component"] != "principal":
                continue
            whole[leg["party"]] -= leg["amount"]
            if event["kind"] == "compensation" or event.get("of", "") in compensations(asked):
                whole["guar"] += leg["amount"]
        assert +principal_of(book.loan) == +whole, event


def compensations(asked: Json) -> set[str]:
    return {each["id"] for each in asked["events"] if each["kind"] == "compensation"}


@MANY
@given(some_case())
def test_what_is_refused_changes_nothing_and_has_a_code(asked: Json) -> None:
    book = opened(asked)
    for event in asked["events"]:
        before = book.loan
        state = book.state(event)
        if "refused" in state:
            assert book.loan == before
            assert state["refused"]


@MANY
@given(some_case(), st.integers(1, 10_000))
def test_a_payment_that_is_taken_back_at_once_leaves_what_was_open(
    asked: Json, amount: int
) -> None:
    book = opened(asked)
    for event in asked["events"]:
        book.state(event)
    day = book.loan.latest
    before = book.open(day)
    paid = book.state(pay("last", day.isoformat(), amount))
    assume("refused" not in paid)
    taken = book.state({"kind": "reversal", "of": "last", "date": day.isoformat()})
    by = {tuple(leg.items()) for leg in paid["legs"]}
    assert by == {tuple({**leg, "amount": -leg["amount"]}.items()) for leg in taken["legs"]}
    assert taken["overpaid"] == -paid["overpaid"]
    assert book.open(day) == before


@MANY
@given(some_case(6), st.integers(1, 99), st.integers(1, 99))
def test_two_payments_of_a_date_pay_what_one_of_their_sum_pays(
    asked: Json, percent: int, split: int
) -> None:
    """Within what is due; so the order of equal-dated payments is that of the log."""
    asked["terms"] |= {"by": "instalment", "second_order": None}
    book = opened(asked)
    for event in asked["events"]:
        book.state(event)
    day = book.loan.latest + timedelta(days=40)
    due = sum(each.open for each in book.loan.as_of(day) if each.due <= day)
    amount = due * percent // 100
    parts = [part for part in (amount * split // 100, amount - amount * split // 100) if part]
    loan = book.loan
    twice = paid_by(book, day, parts)
    book.loan = loan
    assert paid_by(book, day, [sum(parts)] if parts else []) == twice


def paid_by(book: Book, day: date, payments: list[int]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for amount in payments:
        for leg in book.state(pay(f"x{len(book.records)}", day.isoformat(), amount))["legs"]:
            found[leg["instalment"], leg["component"]] += leg["amount"]
    return found


@MANY
@given(some_case())
def test_a_case_has_one_answer(asked: Json) -> None:
    assert answer(asked) == answer(asked)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=30),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
)
def test_columns_close_row_by_row(rows: list[int], weights: list[int]) -> None:
    assume(sum(weights))
    lent = division.by_weights(sum(rows), weights)
    columns = division.columns(rows, lent)
    assert [sum(parts) for parts in columns] == rows
    assert [sum(column) for column in zip(*columns, strict=True)] == list(lent)
    assert min(min(parts) for parts in columns) >= 0


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=7))
def test_a_division_sums_and_stays_within_one_of_the_exact_part(
    amount: int, weights: list[int]
) -> None:
    assume(sum(weights))
    parts = division.by_weights(amount, weights)
    assert sum(parts) == amount
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - amount * weight) < whole
        assert amount > whole or part <= weight
