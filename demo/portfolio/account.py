"""The second account of a loan: a neutral case in, what each of its events did out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.portfolio import days
from demo.portfolio.changing import compensate, replan, reverse, waive
from demo.portfolio.cost import cost
from demo.portfolio.instalment import FEE
from demo.portfolio.loan import AccountEntry, PortfolioAccount
from demo.portfolio.refusal import RuleBroken
from demo.portfolio.repaying import repay

BUCKETS = ((0, "M0"), (30, "M1"), (60, "M2"), (90, "M3"), (180, "M4-M6"))
"""The last day past due of each bucket, and its name."""

LAST_BUCKET = "M6+"

_PLAYERS: dict[str, Callable[[PortfolioAccount, dict[str, Any]], AccountEntry]] = {
    "repayment": repay,
    "reversal": reverse,
    "waiver": waive,
    "replan": replan,
    "compensation": compensate,
}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Return schedule, what each event moved and left open, days past due and bucket.

    A case whose terms are refused has only ``refused``, the code. An event that is refused has only
    ``refused``, and nothing has changed. Days past due and bucket are as of the last date that the
    case names, refused or not. Where the case has ``cost_limit_ppm``, the cost is there, too.
    """
    try:
        loan = PortfolioAccount(case)
    except RuleBroken as refused:
        return {"refused": refused.code}
    schedule = schedule_of(loan)
    events = [play(loan, event) for event in case["events"]]
    limit = case.get("cost_limit_ppm")
    last = max([loan.disbursed, *(days.read(event["date"]) for event in case["events"])])
    return {
        "schedule": schedule,
        "events": events,
        "days_past_due": loan.days_past_due(last),
        "bucket": bucket(loan, last),
        **({"cost": cost(case["terms"], limit)} if limit else {}),
    }


def play(loan: PortfolioAccount, event: dict[str, Any]) -> dict[str, Any]:
    """Play one event and return what it moved and left open as of its date, or its refusal."""
    loan.order += 1
    for row in loan.instalments:
        row.forget_nights(loan.latest)
    try:
        record = _PLAYERS[event["kind"]](loan, event)
    except RuleBroken as refused:
        return {"refused": refused.code}
    day = days.read(event["date"])
    loan.latest = max(loan.latest, day)
    return {"legs": legs(record), "overpaid": record.overpaid, "open": open_state(loan, day)}


def schedule_of(loan: PortfolioAccount) -> list[dict[str, Any]]:
    """Return the rows of the present plan with each component's division among its holders."""
    return [
        {
            "number": row.number,
            "due": days.write(row.due),
            "principal": row.asked["principal"],
            "interest": row.asked["interest"],
            "fees": {name: row.asked[FEE + name] for name in loan.fee_names},
            "shares": {each: loan.in_order(shares) for each, shares in row.open.items()},
        }
        for row in loan.living()
    ]


def legs(record: AccountEntry) -> list[dict[str, Any]]:
    """Return what a record moved, one leg a party, instalment and component, sorted."""
    moved: dict[tuple[str, int, str], int] = {}
    for move in record.moves:
        key = (move.party, move.number, move.component)
        moved[key] = moved.get(key, 0) + move.amount
    return [
        {"party": party, "instalment": number, "component": component, "amount": amount}
        for (party, number, component), amount in sorted(moved.items())
    ]


def open_state(loan: PortfolioAccount, day: int) -> list[dict[str, Any]]:
    """Return all that is open as of a day, by instalment, component and party."""
    found = [
        {
            "instalment": row.number,
            "due": days.write(row.due),
            "component": component,
            "party": party,
            "open": amount,
        }
        for row in loan.living()
        for component, shares in loan.seen(row, day).open.items()
        for party, amount in shares.items()
        if amount
    ]
    return sorted(found, key=lambda each: (each["instalment"], each["component"], each["party"]))


def bucket(loan: PortfolioAccount, day: int) -> str:
    """Return the bucket of a day; instalments with less open than is material make none."""
    past = loan.days_past_due(day, loan.terms["immaterial"])
    for last, name in BUCKETS:
        if past <= last:
            return name
    return LAST_BUCKET
