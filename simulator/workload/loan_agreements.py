"""Agreements on loans: proposals and new schedules accepted, declined, withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from ledger.lending.instalments import PRINCIPAL, shares_open
from ledger.lending.loan import Loan
from ledger.lending.terms import ScheduleRow
from simulator.workload.drafts import changed, spoilt
from simulator.workload.lending import (
    before_latest,
    find_loan,
    is_outside,
    next_day,
    on_date,
    on_loan,
    refused_alike,
    today,
)
from simulator.workload.loan_subjects import KnownLoan, KnownOffer, PlanOffer
from simulator.workload.loan_terms import builtins
from simulator.workload.moves import Attempt, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import parts_of
from simulator.workload.subjects import Fields, NothingFits

_ANSWERING = ("funder", "guarantor")
DECLINES_PPM = 60_000
_ON_ACCEPTANCE = ("date-goes-back", "loan-settled", "schedule-does-not-close")
"""Refusals of the last acceptance of a schedule, since the loan has changed in between."""


# --- answers ------------------------------------------------------------------------------------


def _awaits(author: Author, loan: KnownLoan) -> bool:
    """Return whether a party is asked, or has nothing to say here at all."""
    offer = loan.asked
    if offer is None:
        return False
    is_asked = author.party in loan.names and author.party not in offer.accepted
    return is_asked or is_outside(author, *_ANSWERING)


def _would_be_refused(loan: KnownLoan, offer: KnownOffer) -> str:
    """Return the code with which the last acceptance of a new schedule is refused, or nothing."""
    lacking = set(loan.names) - set(offer.accepted)
    return loan.code(offer.replan) if isinstance(offer, PlanOffer) and len(lacking) == 1 else ""


def _accept_if(code: str) -> Drafting:
    """Return an acceptance of what is refused with a code, or with none."""

    def draft(author: Author) -> Draft:
        loan = author.find(author.known.loans, lambda each: _awaits(author, each))
        offer = _asked(loan)
        author.assume(_would_be_refused(loan, offer) == code)
        return Draft(_answer(loan, offer), (loan,), lambda: _accepted(author, loan, offer))

    return draft


def _accepted(author: Author, loan: KnownLoan, offer: KnownOffer) -> None:
    offer.accepted.append(author.party)
    if set(offer.accepted) < set(loan.names):
        return
    offer.is_open = False
    loan.in_force = True
    if isinstance(offer, PlanOffer):
        found = loan.take(offer.replan)
        if found is not None:
            loan.become(found.loan)


def _asked(loan: KnownLoan) -> KnownOffer:
    if loan.asked is None:
        raise NothingFits
    return loan.asked


def _answer(loan: KnownLoan, offer: KnownOffer) -> Fields:
    return {"loan": loan.name, "proposal": offer.hash}


def _decline(author: Author) -> Draft:
    loan = author.find(author.known.loans, lambda each: _awaits(author, each))
    offer = _asked(loan)
    author.assume(author.chance.happens(DECLINES_PPM))

    def learn() -> None:
        offer.is_open = False

    return Draft(_why(_answer(loan, offer)), (loan,), learn)


def _why(fields: Fields) -> Fields:
    return {**fields, "reason": "not wanted any more"}


def _answer_what(fits: Callable[[Author, KnownLoan], bool]) -> Drafting:
    """Return an acceptance of a loan's latest offer, whether it is open or not."""
    return on_loan(fits, lambda author, loan: _answer(loan, loan.plan or loan.offer))


def _has_accepted(author: Author, loan: KnownLoan) -> bool:
    return loan.asked is not None and author.party in loan.asked.accepted


def _is_no_side(author: Author, loan: KnownLoan) -> bool:
    return loan.asked is not None and author.party not in loan.names


def _has_no_offer(author: Author, loan: KnownLoan) -> bool:
    return loan.asked is None


def _said_anyway(author: Author) -> Draft:
    loan = author.find(author.known.loans, lambda each: _awaits(author, each))
    return Draft(_answer(loan, _asked(loan)), (loan,))


def _with_reason(make: Drafting) -> Drafting:
    return changed(make, _why)


def _not_answered(form: Callable[[Drafting], Drafting]) -> tuple[Attempt, ...]:
    """Return what is refused of every answer.

    Args:
        form: Makes the answer that it is of an acceptance.
    """
    return (
        refused("already-accepted", form(_answer_what(_has_accepted)), 2),
        refused("loan-unknown", form(spoilt(_said_anyway, loan="NONE"))),
        refused("no-proposal", form(_answer_what(lambda _, each: each.asked is None))),
        refused("proposal-differs", form(spoilt(_said_anyway, proposal="0" * 64))),
        refused("wrong-author", form(_answer_what(_is_no_side)), 2),
    )


# --- the platform's side ------------------------------------------------------------------------


def _withdraw(author: Author) -> Draft:
    loan = author.find(author.known.loans, lambda each: each.asked is not None)
    offer = _asked(loan)
    author.assume(author.chance.happens(DECLINES_PPM))

    def learn() -> None:
        offer.is_open = False

    return Draft(_why({"loan": loan.name}), (loan,), learn)


def _replan(author: Author) -> Draft:
    """Propose a new schedule for what is open, from a day on that is not before the latest one."""
    known, loan = find_loan(author, lambda each: each.is_open and not _holds(each))
    author.assume(author.chance.happens(300_000))
    day = max(loan.latest, today(author))
    rows = _rows(author, known, loan, day)
    offer = PlanOffer(day, rows)
    author.assume(not known.code(offer.replan))

    def learn() -> None:
        known.plan = offer

    return Draft(_planned(known, day, rows), (known,), learn, offer.name_by)


def _holds(loan: KnownLoan) -> bool:
    """Return whether an offered schedule still closes."""
    return loan.plan is not None and loan.plan.is_open and not loan.code(loan.plan.replan)


def _rows(
    author: Author, known: KnownLoan, loan: Loan, day: date, more: int = 0
) -> tuple[ScheduleRow, ...]:
    """Return rows that repay the principal which is open, and so much more."""
    chance = author.chance
    left = sum(part for _, part in shares_open(loan.as_of(day), PRINCIPAL))
    author.assume(left > 0)
    count = 1 + chance.below(min(3, left))
    due, rows = day, []
    for number, part in enumerate(parts_of(chance, left + more, count), 1):
        due += timedelta(days=5 + chance.below(30))
        fees = tuple(chance.below(100) for _ in known.offer.terms.fees)
        row = ScheduleRow(
            number=number, due=due, principal=part, interest=chance.below(part // 50), fees=fees
        )
        rows.append(row)
    return tuple(rows)


def _planned(known: KnownLoan, day: date, rows: Sequence[ScheduleRow]) -> Fields:
    stated = [builtins(row) for row in rows]
    return {"loan": known.name, "date": day.isoformat(), "rows": stated}


def _plan_of(
    fits: Callable[[KnownLoan], bool], *, more: int = 0, at_once: bool = False
) -> Drafting:
    """Return a new schedule from which the workload learns nothing.

    Args:
        fits: Of which loan.
        more: By how much it repays more than is open.
        at_once: Whether it is due from the day on which it holds.
    """

    def draft(author: Author) -> Draft:
        known, loan = find_loan(author, fits)
        day = next_day(author, loan)
        rows = _rows(author, known, loan, day, more)
        if at_once:
            rows = (replace(rows[0], due=day), *rows[1:])
        return Draft(_planned(known, day, rows), (known,))

    return draft


def _settled_plan(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: not each.is_open)
    day = next_day(author, loan)
    fees = tuple(0 for _ in known.offer.terms.fees)
    row = ScheduleRow(number=1, due=day + timedelta(days=9), principal=100, interest=0, fees=fees)
    return Draft(_planned(known, day, (row,)), (known,))


_any_plan = _plan_of(lambda each: each.is_open)
_ACCEPTED = (
    valid(_accept_if(""), 12),
    *_not_answered(lambda make: make),
    *(refused(code, _accept_if(code), 3) for code in _ON_ACCEPTANCE),
)
_DECLINED = (valid(_decline), *_not_answered(_with_reason))
MOVES: Moves = {
    **{(role, "loan.accepted"): _ACCEPTED for role in _ANSWERING},
    **{(role, "loan.declined"): _DECLINED for role in _ANSWERING},
    ("platform", "loan.withdrawn"): (
        valid(_withdraw),
        refused("loan-unknown", lambda author: Draft(_why({"loan": "NONE"}))),
        refused(
            "no-proposal",
            on_loan(lambda _, each: each.asked is None, lambda _, each: _why({"loan": each.name})),
        ),
    ),
    ("platform", "loan.replanned"): (
        valid(_replan, 4),
        *refused_alike(_any_plan),
        refused("date-goes-back", on_date(_any_plan, before_latest)),
        refused("dates-out-of-order", _plan_of(lambda each: each.is_open, at_once=True)),
        refused("loan-settled", _settled_plan),
        refused("schedule-does-not-close", _plan_of(lambda each: each.is_open, more=1)),
    ),
}
