"""Neutral cases for tests: a usual loan, its events, and what stands in an answer."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from ledger.lending.dates import due_date
from tests.ledger.lending.adapter import answer

Json = dict[str, Any]

ALONE = (("fund", 1_000_000),)
THIRDS = (("ant", 333_334), ("bee", 333_333), ("cow", 333_333))
_METHODS = ("equal-instalment", "equal-principal", "interest-first", "flat", "bullet", "stated")
_COMPONENTS = ("penalty", "fees", "interest", "principal")


def terms(**changed: Any) -> Json:
    """Return usual terms: 5,000.00 at 12 % in 18 equal instalments of whole yuan."""
    return {
        "principal": 500_000, "annual_rate_ppm": 120_000, "day_count": "30/360",
        "method": "equal-instalment", "instalments": 18, "disbursed": "2022-11-01",
        "first_due": "2022-12-01", "unit": 100, **changed,
    }  # fmt: skip


def plain(amounts: int, count: int, **changed: Any) -> Json:
    """Return terms of equal instalments without interest, to the minor unit."""
    usual = {"principal": amounts * count, "annual_rate_ppm": 0, "instalments": count, "unit": 1}
    return terms(**{**usual, **changed})


def case(
    agreed: Json,
    *events: Json,
    funders: tuple[tuple[str, int], ...] = ALONE,
    guarantor: str | None = None,
) -> Json:
    """Return a neutral case."""
    return {
        "terms": agreed,
        "funders": [{"party": party, "ppm": ppm} for party, ppm in funders],
        "guarantor": guarantor,
        "platform": "plat",
        "events": list(events),
    }


def pay(name: str, day: str, amount: int) -> Json:
    """Return a repayment."""
    return {"kind": "repayment", "id": name, "date": day, "amount": amount}


def back(of: str, day: str) -> Json:
    """Return a reversal."""
    return {"kind": "reversal", "of": of, "date": day}


def compensated(name: str, day: str, what: Any) -> Json:
    """Return a compensation."""
    return {"kind": "compensation", "id": name, "date": day, "instalments": what}


def waived(by: str, day: str, place: tuple[int, str], amount: int) -> Json:
    """Return a waiver of an instalment's component."""
    named = {"by": by, "instalment": place[0], "component": place[1], "amount": amount}
    return {"kind": "waiver", "date": day, **named}


def replanned(day: str, *rows: tuple[str, int, int]) -> Json:
    """Return a new schedule: due date, principal, interest."""
    schedule = [{"due": due, "principal": p, "interest": i, "fees": {}} for due, p, i in rows]
    return {"kind": "replan", "date": day, "schedule": schedule}


def legs(event: Json, *names: str) -> list[tuple[Any, ...]]:
    """Return an event's legs as tuples of the named fields."""
    return [tuple(leg[name] for name in names) for leg in event["legs"]]


def open_by(event: Json, *names: str) -> dict[Any, int]:
    """Return what is open after an event, summed by the named fields."""
    found: dict[Any, int] = {}
    for row in event["open"]:
        key = row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        found[key] = found.get(key, 0) + row["open"]
    return found


def orders() -> st.SearchStrategy[Json]:
    """Return orders of allocation."""
    return st.fixed_dictionaries(
        {
            "order": st.permutations(_COMPONENTS).map(list),
            "by": st.sampled_from(("instalment", "component")),
        }
    )


@st.composite
def some_terms(draw: st.DrawFn) -> Json:
    """Draw terms, most of which can be agreed."""
    method = draw(st.sampled_from(_METHODS))
    count = 1 if method == "bullet" else draw(st.integers(1, 14))
    disbursed = date(2023, 1, 1).toordinal() + draw(st.integers(0, 500))
    first = date.fromordinal(disbursed + draw(st.integers(20, 40)))
    principal = draw(st.integers(1_000, 3_000_000))
    found = {
        "principal": principal,
        "annual_rate_ppm": draw(st.sampled_from((0, 72_000, 94_822, 150_000))),
        "day_count": draw(st.sampled_from(("30/360", "actual/360", "actual/365", "actual/actual"))),
        "method": method,
        "instalments": count,
        "disbursed": date.fromordinal(disbursed).isoformat(),
        "first_due": first.isoformat(),
        "unit": draw(st.sampled_from((1, 1, 100))),
        "principal_grace": draw(st.integers(0, min(2, count - 1))),
        "fees": draw(
            st.sampled_from(
                (
                    [],
                    [{"name": "service", "to": "plat", "yearly_ppm": 20_000}],
                    [
                        {"name": "service", "to": "plat", "yearly_ppm": 12_000},
                        {"name": "guarantee", "to": "guar", "total": principal // 100},
                    ],
                )
            )
        ),
        "penalty_ppm": draw(st.sampled_from((0, 180_000))),
        "penalty_to": draw(st.sampled_from(("funders", "plat"))),
        "grace_days": draw(st.sampled_from((0, 3))),
        "early": draw(st.sampled_from(("to-day", "to-period-end"))),
        "early_fee_ppm": draw(st.sampled_from((0, 10_000))),
        "early_fee_to": draw(st.sampled_from(("funders", "plat"))),
        "partial": draw(st.sampled_from(("shorten", "reduce", "next"))),
        **draw(orders()),
        "second_order": draw(st.none() | orders().map(lambda order: {"days": 30, **order})),
        "per_instalment_days": draw(st.sampled_from((None, 3, 3))),
        "whole_days": draw(st.sampled_from((None, 20, 20))),
        "covered": draw(
            st.sampled_from((["principal"], ["interest", "principal"], list(_COMPONENTS)))
        ),
        "flat_interest_falls_away": draw(st.booleans()),
        "immaterial": draw(st.sampled_from((0, 50))),
    }
    if method == "stated":
        found |= {"partial": "next", "stated": _rows(draw, first, principal, count, found["fees"])}
    return found


def _rows(draw: st.DrawFn, first: date, principal: int, count: int, fees: Any) -> list[Json]:
    cuts = sorted(draw(st.lists(st.integers(0, principal), min_size=count - 1, max_size=count - 1)))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, principal], strict=True)]
    return [
        {
            "due": due_date(first, first.day, month).isoformat(),
            "principal": part,
            "interest": draw(st.integers(0, 9_999)),
            "fees": {fee["name"]: draw(st.integers(0, 99)) for fee in fees},
        }
        for month, part in enumerate(parts)
    ]


def some_funders() -> st.SearchStrategy[tuple[tuple[str, int], ...]]:
    """Return one to five funders with their shares."""
    cuts = st.lists(st.integers(1, 999_999), max_size=4, unique=True).map(sorted)
    return cuts.map(
        lambda at: tuple(
            (f"fund{place}", upper - lower)
            for place, (lower, upper) in enumerate(zip([0, *at], [*at, 1_000_000], strict=True))
        )
    )


@st.composite
def some_case(draw: st.DrawFn, events_max: int = 12) -> Json:
    """Draw a case: terms, funders, a guarantor, and what happens."""
    agreed = draw(some_terms())
    found = case(agreed, funders=draw(some_funders()), guarantor="guar")
    day = date.fromisoformat(agreed["disbursed"]).toordinal()
    for number in range(draw(st.integers(1, events_max))):
        day += draw(st.sampled_from((0, 1, 5, 20, 30, 31, 45)))
        event = draw(_event(found, number, date.fromordinal(day)))
        found["events"].append(event)
    return found


@st.composite
def _event(draw: st.DrawFn, before: Json, number: int, day: date) -> Json:
    agreed, name, on = before["terms"], f"e{number}", day.isoformat()
    kind = draw(st.integers(0, 13))
    if kind < 7 or not number:
        late = draw(st.sampled_from((0, 0, 0, 4)))
        many = draw(st.sampled_from((0, 1, 1, 1, 1, 2, 20)))
        usual = agreed["principal"] // max(4, agreed["instalments"])
        amount = max(1, usual * many + draw(st.integers(-500, 3_000)))
        return pay(name, date.fromordinal(day.toordinal() - late).isoformat(), amount)
    if kind < 9:
        return back(f"e{draw(st.integers(0, number - 1))}", on)
    if kind == 9:
        who = draw(st.sampled_from(["guar", "plat", *(f["party"] for f in before["funders"])]))
        place = (draw(st.integers(1, 9)), draw(st.sampled_from(("interest", "principal"))))
        return waived(who, on, place, draw(st.integers(1, 300)))
    if kind == 10:
        return _replan(draw, before, day)
    numbers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    return compensated(name, on, numbers if kind == 11 else "whole")


def _replan(draw: st.DrawFn, before: Json, day: date) -> Json:
    """Return a new schedule of what is open before it."""
    stands = [each for each in answer(before).get("events", ()) if "open" in each]
    held = open_by(stands[-1], "component").get("principal", 0) if stands else 0
    cut = draw(st.integers(0, held))
    dues = [due_date(day, day.day, months).isoformat() for months in (1, 2)]
    rows = ((dues[0], cut, draw(st.integers(0, 99))), (dues[1], held - cut, 7))
    return replanned(day.isoformat(), *rows)
