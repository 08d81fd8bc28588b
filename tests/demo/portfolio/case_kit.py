"""Neutral cases for tests: a plain loan, of which a test says what is other."""

from __future__ import annotations

from typing import Any

from demo.portfolio.account import answer

Plain = dict[str, Any]
ORDER = ["penalty", "fees", "interest", "principal"]


def terms(**other: Any) -> Plain:
    """Return terms: 5,000.00 at 12 %, 30/360, and no fee, penalty or cover, unless said."""
    return {
        "principal": 500_000,
        "annual_rate_ppm": 120_000,
        "day_count": "30/360",
        "method": "equal-instalment",
        "instalments": 18,
        "disbursed": "2022-11-01",
        "first_due": "2022-12-01",
        "unit": 1,
        "principal_grace": 0,
        "fees": [],
        "penalty_ppm": 0,
        "penalty_to": "funders",
        "grace_days": 0,
        "early": "to-day",
        "early_fee_ppm": 0,
        "early_fee_to": "funders",
        "partial": "next",
        "order": ORDER,
        "by": "instalment",
        "second_order": None,
        "per_instalment_days": None,
        "whole_days": None,
        "covered": [],
        "flat_interest_falls_away": False,
        "immaterial": 0,
        "stated": None,
        **other,
    }


def case(loan: Plain, *events: Plain, funders: dict[str, int] | None = None) -> Plain:
    """Return a case of one funder unless said, a guarantor and a platform."""
    shares = funders or {"a": 1_000_000}
    return {
        "terms": loan,
        "funders": [{"party": party, "ppm": ppm} for party, ppm in shares.items()],
        "guarantor": "guarantor",
        "platform": "platform",
        "events": list(events),
    }


def repaid(name: str, date: str, amount: int) -> Plain:
    """Return a repayment."""
    return {"kind": "repayment", "id": name, "date": date, "amount": amount}


def rows(loan: Plain) -> list[Plain]:
    """Return the rows of a loan's schedule."""
    found: list[Plain] = answer(case(loan))["schedule"]
    return found


def column(loan: Plain, name: str) -> list[int]:
    """Return a column of a loan's schedule."""
    return [row[name] for row in rows(loan)]


def still_open(state: list[Plain], component: str = "principal") -> list[int]:
    """Return what is open of a component, instalment by instalment."""
    found: dict[int, int] = {}
    for each in state:
        if each["component"] == component:
            found[each["instalment"]] = found.get(each["instalment"], 0) + each["open"]
    return [found[number] for number in sorted(found)]


def played(loan: Plain, *events: Plain, funders: dict[str, int] | None = None) -> list[Plain]:
    """Return what each event of a loan did."""
    found: list[Plain] = answer(case(loan, *events, funders=funders))["events"]
    return found


def paid(found: Plain, component: str) -> dict[str, int]:
    """Return what an event moved of a component, by party."""
    by: dict[str, int] = {}
    for leg in found["legs"]:
        if leg["component"] == component:
            by[leg["party"]] = by.get(leg["party"], 0) + leg["amount"]
    return by


def reversal(of: str, date: str) -> Plain:
    """Return a reversal."""
    return {"kind": "reversal", "of": of, "date": date}


def compensation(date: str, instalments: Any, name: str = "c") -> Plain:
    """Return a compensation."""
    return {"kind": "compensation", "id": name, "date": date, "instalments": instalments}


def waiver(by: str, component: str, amount: int, date: str) -> Plain:
    """Return a waiver of the first instalment."""
    given = {"kind": "waiver", "by": by, "instalment": 1, "component": component}
    return {**given, "amount": amount, "date": date}
