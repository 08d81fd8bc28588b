"""What holds for every loan and history: nothing is lost, nobody gets more than its due."""

from __future__ import annotations

import ast
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from demo.portfolio import days
from demo.portfolio.account import answer, open_state, play
from demo.portfolio.cases import draw_case
from demo.portfolio.division import divide
from demo.portfolio.loan import PortfolioAccount
from demo.portfolio.refusal import RuleBroken

Plain = dict[str, Any]
Claims = Counter[tuple[str, int, str]]

ROOT = Path(__file__).resolve().parents[3]
CASES, PARTS, SEED = 2_400, 4, 15
OTHERS = {"ledger", "views", "node", "consensus", "api", "cli", "datetime", "fractions"}


def loans(part: int, parts: int = PARTS) -> Any:
    """Yield one part of the cases whose terms are good, each with its loan before any event."""
    for number in range(part, CASES, parts):
        case = draw_case(SEED, number)
        try:
            yield case, PortfolioAccount(case)
        except RuleBroken:
            continue


def claims(state: list[Plain], *components: str) -> Claims:
    """Return what is open, by party, instalment and component."""
    return Counter(
        {
            (each["party"], each["instalment"], each["component"]): each["open"]
            for each in state
            if not components or each["component"] in components
        }
    )


def moved(found: Plain, *components: str) -> Claims:
    """Return what an event moved, by party, instalment and component."""
    return Counter(
        {
            (leg["party"], leg["instalment"], leg["component"]): leg["amount"]
            for leg in found["legs"]
            if not components or leg["component"] in components
        }
    )


def by_party(amounts: Claims) -> Counter[str]:
    """Return amounts summed by party, without zeros."""
    sums: Counter[str] = Counter()
    for (party, _, _), amount in amounts.items():
        sums[party] += amount
    return Counter({party: amount for party, amount in sums.items() if amount})


def test_nothing_of_the_ledger_is_imported() -> None:
    for path in sorted((ROOT / "demo" / "portfolio").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            assert not {name.partition(".")[0] for name in names} & OTHERS, path.name


@pytest.mark.parametrize("part", range(PARTS))
def test_schedules_close_row_by_row_and_column_by_column(part: int) -> None:
    for case, loan in loans(part):
        terms = case["terms"]
        schedule = answer({**case, "events": []})["schedule"]
        assert sum(row["principal"] for row in schedule) == terms["principal"]
        columns: Counter[str] = Counter()
        for row in schedule:
            amounts = {"principal": row["principal"], "interest": row["interest"]}
            amounts |= {f"fee:{name}": amount for name, amount in row["fees"].items()}
            assert min(amounts.values()) >= 0
            for component, amount in amounts.items():
                shares = row["shares"][component]
                assert sum(shares.values()) == amount
                assert min(shares.values(), default=0) >= 0
            columns.update(row["shares"]["principal"])
        lent = divide(terms["principal"], loan.funders)
        assert columns == Counter({party: amount for party, amount in lent.items() if amount})


@pytest.mark.parametrize("part", range(PARTS))
def test_money_in_is_legs_and_overpaid_and_nobody_gets_more_than_its_due(part: int) -> None:
    for case, loan in loans(part):
        for event in case["events"]:
            before = claims(open_state(loan, days.read(event["date"])))
            found = play(loan, event)
            if "refused" in found or event["kind"] != "repayment":
                continue
            legs = moved(found)
            assert sum(legs.values()) + found["overpaid"] == event["amount"]
            assert found["overpaid"] >= 0
            assert min(legs.values(), default=1) > 0
            for claim, amount in legs.items():
                if claim[2] not in ("principal", "early-fee"):
                    assert amount <= before[claim], (claim, event)
            had = by_party(Counter({c: a for c, a in before.items() if c[2] == "principal"}))
            for party, amount in by_party(moved(found, "principal")).items():
                assert amount <= had[party], (party, event)
            if found["overpaid"]:
                assert not found["open"]


@pytest.mark.parametrize("part", range(PARTS))
def test_principal_is_never_lost_nor_made(part: int) -> None:
    for case, loan in loans(part):
        for event in case["events"]:
            day = days.read(event["date"])
            before = by_party(claims(open_state(loan, day), "principal"))
            found = play(loan, event)
            after = by_party(claims(open_state(loan, day), "principal"))
            if "refused" in found:
                assert after == before
                continue
            legs = by_party(moved(found, "principal"))
            of_funders = str(event.get("of", "")).startswith("c")
            if event["kind"] == "compensation" or of_funders:
                assert sum(after.values()) == sum(before.values())
                if after[case["guarantor"]] - before[case["guarantor"]] != sum(legs.values()):
                    raise AssertionError((event, legs))
            else:
                for party in set(before) | set(after) | set(legs):
                    assert after[party] == before[party] - legs[party], (event, party)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_payment_taken_back_at_once_leaves_no_trace(part: int) -> None:
    for case, loan in loans(part, 3 * PARTS):  # of one in three
        for at, event in enumerate(case["events"]):
            twin = deepcopy(loan)
            day = max(loan.latest, days.read(event["date"]))
            before = open_state(twin, day)
            if event["kind"] in ("repayment", "compensation") and day == days.read(event["date"]):
                found = play(twin, event)
                if "refused" not in found:
                    back = {"kind": "reversal", "of": event["id"], "date": event["date"]}
                    taken = play(twin, back)
                    assert moved(taken) == Counter({c: -a for c, a in moved(found).items()})
                    assert taken["overpaid"] == -found["overpaid"]
                    sums = by_component(before)
                    assert by_component(open_state(twin, day)) == sums, (at, event)
            play(loan, event)


def by_component(state: list[Plain]) -> Counter[tuple[int, str]]:
    """Return what is open, by instalment and component."""
    sums: Counter[tuple[int, str]] = Counter()
    for each in state:
        sums[each["instalment"], each["component"]] += each["open"]
    return sums


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_refused_changes_nothing(part: int) -> None:
    for case, loan in loans(part):
        for event in case["events"]:
            until = loan.latest + 100
            before = open_state(loan, until)
            if "refused" in play(loan, event):
                assert open_state(loan, until) == before
                assert loan.latest + 100 == until


def test_the_cases_have_all_kinds_of_events_accepted_and_refused() -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    for part in range(PARTS):
        for case, loan in loans(part):
            for event in case["events"]:
                seen[event["kind"], "refused" in play(loan, event)] += 1
    kinds = ("repayment", "reversal", "waiver", "replan", "compensation")
    assert all(seen[kind, refused] > 20 for kind in kinds for refused in (True, False)), seen
