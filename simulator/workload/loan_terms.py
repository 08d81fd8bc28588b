"""Terms of simulated loans: every method, every choice, and what cannot be agreed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from ledger.lending import cost
from ledger.lending.dates import DAY_COUNTS
from ledger.lending.errors import LoanRefused
from ledger.lending.schedule import schedule
from ledger.lending.terms import (
    FUNDERS,
    MILLION,
    Fee,
    Funder,
    LoanTerms,
    Method,
    Order,
    Parties,
    check_parties,
    check_terms,
)
from simulator.chance import Chance
from simulator.workload.moves import Author
from simulator.workload.splits import parts_of
from simulator.workload.subjects import NothingFits

_FLAT_PPM = 50_000
_BACK_DAYS = 250
"""How long ago loans were disbursed at most: months of them are over."""
_METHODS: tuple[Method, ...] = (
    "equal-instalment",
    "equal-principal",
    "interest-first",
    "flat",
    "bullet",
)
"""All but a stated schedule, which is made of one of these."""
_ORDERS = (
    Order(),
    Order(components=("principal", "interest", "fees", "penalty")),
    Order(components=("interest", "penalty", "principal", "fees"), by="component"),
)


def parties_of(author: Author) -> Parties:
    """Return who may lend, and who may guarantee: one funder or more, and mostly a guarantor."""
    chance, known = author.chance, author.known
    able = [party for party in known.dealers if known.genesis.roles[party] == "funder"]
    author.assume(bool(able))
    names = chance.some(able, 1 + chance.below(len(able)))
    guarantors = [party for party in known.dealers if known.genesis.roles[party] == "guarantor"]
    return Parties(
        funders=tuple(
            Funder(party=party, ppm=ppm)
            for party, ppm in zip(names, parts_of(chance, MILLION, len(names)), strict=True)
        ),
        platform=known.platform,
        guarantor=chance.pick(guarantors) if guarantors and chance.happens(850_000) else "",
    )


def terms_of(author: Author, parties: Parties) -> LoanTerms:
    """Return terms that can be agreed.

    Raises:
        NothingFits: what was drawn cannot be agreed.
    """
    terms = _drawn(author, parties)
    try:
        check_parties(parties)
        check_terms(terms)
        made = schedule(terms)
        if author.chance.happens(150_000):
            terms = stated(terms)
            made = schedule(terms)
        cost.refuse_dear(terms, made, author.known.genesis.cost_limit_ppm)
    except LoanRefused:
        raise NothingFits from None
    return terms


def stated(terms: LoanTerms) -> LoanTerms:
    """Return terms that state the schedule which they give."""
    rows = schedule(terms).rows
    fees = tuple(Fee(name=fee.name, to=fee.to) for fee in terms.fees)
    return replace(terms, method="stated", stated=rows, partial="next", fees=fees)


def builtins(value: object) -> Any:
    """Return a value as a record states it."""
    return msgspec.to_builtins(value)


def _drawn(author: Author, parties: Parties) -> LoanTerms:
    chance = author.chance
    today = date.fromisoformat(author.known.date(author.now_ms))
    disbursed = today - timedelta(days=30 + chance.below(_BACK_DAYS - 30))
    method = chance.pick(_METHODS)
    count = 1 if method == "bullet" else 1 + chance.below(5)
    principal = 100 * (50 + chance.below(20_000))
    return LoanTerms(
        principal=principal,
        annual_rate_ppm=_FLAT_PPM if method == "flat" else 10_000 * chance.below(13),
        day_count=chance.pick(DAY_COUNTS),
        method=method,
        instalments=count,
        disbursed=disbursed,
        first_due=disbursed + timedelta(days=15 + chance.below(25)),
        unit=chance.pick((1, 100)),
        fees=_fees(chance, parties, principal),
        penalty_ppm=chance.pick((0, 40_000, 60_000)),
        penalty_to=chance.pick((FUNDERS, FUNDERS, parties.platform)),
        grace_days=chance.pick((0, 0, 3)),
        early=chance.pick(("to-day", "to-period-end")),
        early_fee_ppm=chance.pick((0, 0, 10_000)),
        early_fee_to=chance.pick((FUNDERS, parties.platform)),
        partial=chance.pick(("next", "shorten", "reduce")),
        order=chance.pick(_ORDERS),
        second_order=chance.pick((None, None, _ORDERS[1])),
        second_order_days=30,
        **_cover(chance, parties),
    )


def _fees(chance: Chance, parties: Parties, principal: int) -> tuple[Fee, ...]:
    fees = (
        Fee(name="service", to=parties.platform, yearly_ppm=10_000),
        Fee(name="guarantee", to=parties.guarantor or parties.platform, total=principal // 400),
    )
    return tuple(fee for fee in fees if chance.happens(400_000) and (fee.yearly_ppm or fee.total))


def _cover(chance: Chance, parties: Parties) -> dict[str, Any]:
    """Return from when on the guarantor stands for what, if there is one."""
    if not parties.guarantor:
        return {}
    return {
        "per_instalment_days": chance.pick((None, 5, 20)),
        "whole_days": chance.pick((None, 20, 45)),
        "covered": chance.pick(
            (("interest", "principal"), ("principal",), ("penalty", "principal"))
        ),
    }
