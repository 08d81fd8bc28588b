"""Smaller neighbours of a neutral case, the boldest first: to find out what a difference needs."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from demo.portfolio.plan import MILLION

Plain = dict[str, Any]

_PLAIN_TERMS: tuple[tuple[str, Any], ...] = (
    ("method", "equal-principal"),
    ("fees", []),
    ("second_order", None),
    ("penalty_ppm", 0),
    ("grace_days", 0),
    ("early_fee_ppm", 0),
    ("immaterial", 0),
    ("unit", 1),
    ("principal_grace", 0),
    ("annual_rate_ppm", 0),
    ("per_instalment_days", None),
    ("whole_days", None),
    ("partial", "next"),
    ("by", "instalment"),
    ("order", ["penalty", "fees", "interest", "principal"]),
    ("early", "to-day"),
    ("penalty_to", "platform"),
    ("early_fee_to", "platform"),
    ("day_count", "30/360"),
)
_PLAIN_RATE = 120_000
_ROUND = (10_000, 1_000, 100)


def _fewer_events(case: Plain) -> Iterator[Plain]:
    events = case["events"]
    for count in range(len(events)):
        yield {**case, "events": events[:count]}
    for at in range(len(events)):
        yield {**case, "events": events[:at] + events[at + 1 :]}


def _plainer_parties(case: Plain) -> Iterator[Plain]:
    funders = case["funders"]
    for count in range(1, len(funders)):
        rest = MILLION - sum(each["ppm"] for each in funders[: count - 1])
        cut = [*funders[: count - 1], {**funders[count - 1], "ppm": rest}]
        yield {**case, "funders": cut}
    if case["guarantor"] and not any(e["kind"] == "compensation" for e in case["events"]):
        yield {**case, "guarantor": None}


def _plainer_terms(case: Plain) -> Iterator[Plain]:
    terms = case["terms"]
    for name, value in _PLAIN_TERMS:
        if terms[name] != value and not (name == "fees" and _names_fees(case)):
            stated = None if name == "method" else terms["stated"]
            yield {**case, "terms": {**terms, name: value, "stated": stated}}
    if terms["annual_rate_ppm"] not in (0, _PLAIN_RATE):  # never back and forth
        yield {**case, "terms": {**terms, "annual_rate_ppm": _PLAIN_RATE}}
    for at in range(len(terms["fees"])):
        if terms["method"] != "stated":
            rest = terms["fees"][:at] + terms["fees"][at + 1 :]
            yield {**case, "terms": {**terms, "fees": rest}}


def _names_fees(case: Plain) -> bool:
    replanned = any(each["kind"] == "replan" for each in case["events"])
    return replanned or case["terms"]["method"] == "stated"


def _smaller_numbers(case: Plain) -> Iterator[Plain]:
    terms = case["terms"]
    for count in (1, 2, 3, terms["instalments"] // 2, terms["instalments"] - 1):
        if terms["method"] != "stated" and 0 < count < terms["instalments"]:
            yield {**case, "terms": {**terms, "instalments": count}}
    for smaller in _rounder(terms["principal"]):
        if terms["method"] != "stated":
            yield {**case, "terms": {**terms, "principal": smaller}}
    for at, event in enumerate(case["events"]):
        if event["kind"] in ("repayment", "waiver"):
            for smaller in _rounder(event["amount"]):
                changed = deepcopy(case)
                changed["events"][at]["amount"] = smaller
                yield changed


def _rounder(amount: int) -> Iterator[int]:
    if amount > 1:
        yield 1
        yield amount // 2
    for step in _ROUND:
        if amount > step and amount % step:
            yield amount // step * step


KINDS = (_fewer_events, _plainer_parties, _plainer_terms, _smaller_numbers)
"""Yield cases that are a little smaller or plainer than a case, which is not changed."""
