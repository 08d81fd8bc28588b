"""Random cases have everything that the rules speak of, so that a comparison means something."""

from __future__ import annotations

from collections import Counter
from typing import Any

from demo.portfolio import days
from demo.portfolio.account import play
from demo.portfolio.cases import COMPONENTS, DAY_COUNTS, METHODS, draw_case
from demo.portfolio.loan import PortfolioAccount
from demo.portfolio.refusal import RuleBroken
from demo.portfolio.repaying import order_on

CASES, SEED = 1_500, 4
PARTIALS = ("shorten", "reduce", "next")

Plain = dict[str, Any]


def events_of(loan: PortfolioAccount, event: Plain) -> set[str]:
    """Play an event and return what of interest it was."""
    latest, day = loan.latest, days.read(event["date"])
    second = order_on(loan, max(day, latest)) != (loan.terms["order"], loan.terms["by"])
    record = loan.played.get(event.get("of", ""))
    found = play(loan, event)
    if "refused" in found:
        return {f"{event['kind']} refused", str(found["refused"])}
    names = {f"paid {leg['component'].partition(':')[0]}" for leg in found["legs"]}
    names |= {f"to {leg['party']}" for leg in found["legs"]}
    marks = {
        "late arrival": day < latest,
        "same day": day == latest,
        "second order": second and event["kind"] == "repayment",
        "overpaid": found["overpaid"] > 0,
        "prepayment taken back": record is not None and bool(record.kept),
        "whole compensation": event.get("instalments") == "whole",
    }
    if event["kind"] == "repayment" and loan.played[event["id"]].kept:
        names.add("payoff" if not found["open"] else f"prepayment {loan.terms['partial']}")
    return names | {name for name, holds in marks.items() if holds}


def test_random_cases_have_everything() -> None:
    seen: Counter[Any] = Counter()
    for number in range(CASES):
        case = draw_case(SEED, number)
        terms = case["terms"]
        seen["one case"] += 1
        seen[terms["method"], terms["partial"]] += 1
        seen.update((terms["day_count"], terms["by"], len(case["funders"]), case["guarantor"]))
        seen.update(fee["name"] for fee in terms["fees"])
        seen["grace"] += terms["principal_grace"] > 0
        try:
            loan = PortfolioAccount(case)
        except RuleBroken as broken:
            seen["terms", broken.code] += 1
            continue
        for event in case["events"]:
            seen.update(events_of(loan, event))
    wanted: list[Any] = [*DAY_COUNTS, "instalment", "component", 1, 2, 3, 4, 5, None, "guarantor"]
    wanted += [
        (method, partial)
        for method in METHODS
        for partial in (PARTIALS if method != "stated" else ("next",))
    ]
    wanted += ["service", "guarantee", "channel", "grace", "late arrival", "same day", "overpaid"]
    wanted += ["second order", "payoff", "prepayment shorten", "prepayment reduce"]
    wanted += ["prepayment taken back", "whole compensation", "to guarantor", "to platform"]
    wanted += [f"paid {name}" for name in (*COMPONENTS[:1], "fee", *COMPONENTS[2:], "early-fee")]
    wanted += ["claims-paid-since", "already-reversed", "loan-settled", "compensation-too-early"]
    wanted += ["waiver-exceeds-open", "dates-out-of-order", "nothing-to-compensate"]
    wanted += [("terms", "schedule-does-not-close"), ("terms", "shares-do-not-sum")]
    assert {each: seen[each] for each in wanted if not seen[each]} == {}
