"""Plans of the instalments ahead: payoff, and the new plan after a partial prepayment.

The current instalment is the first one that is not due yet; its period is the current one. On a due
date the current period has not begun: nothing of it is earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from msgspec.structs import replace

from ledger.lending import division
from ledger.lending.accrual import interest_to, rounded
from ledger.lending.dates import half_up
from ledger.lending.instalments import (
    EARLY_FEE,
    FEE,
    INTEREST,
    PENALTY,
    PRINCIPAL,
    Claim,
    Instalment,
    LoanLeg,
    Share,
    legs_of,
    moved,
    paid_in,
    shares_open,
    total,
)
from ledger.lending.schedule import Course, Period, grace_of, regular_amount, repaid
from ledger.lending.terms import FUNDERS, MILLION, LoanTerms


class Ahead(NamedTuple):
    """The instalments that are not due, and how they were made.

    Args:
        terms: The loan's.
        method: Of the schedule that holds: that of the terms, or ``stated`` after a re-plan.
        regular: What repeats in the first schedule; ``shorten`` keeps it.
        instalments: Oldest first, up to the last one of which anything is open.
        day: The business date from which they are looked at.
    """

    terms: LoanTerms
    method: str
    regular: int
    instalments: Sequence[Instalment]
    day: date

    @property
    def accrues(self) -> bool:
        """Whether interest follows the balance."""
        return self.method not in ("flat", "stated")

    @property
    def principal(self) -> int:
        """The principal that is open."""
        return sum(amount for _, amount in shares_open(self.instalments, PRINCIPAL))

    @property
    def has_begun(self) -> bool:
        """Whether anything of the current period is over."""
        return self.day > self.instalments[0].start


class Planned(NamedTuple):
    """What was moved, and the instalments after it."""

    legs: tuple[LoanLeg, ...]
    instalments: tuple[Instalment, ...]

    @property
    def amount(self) -> int:
        """The money that was moved."""
        return sum(leg.amount for leg in self.legs)


def payoff(ahead: Ahead) -> Planned:
    """Return what pays off the instalments ahead, and the instalments after that.

    All principal; interest of the current period to the day or to its end; its fees whole; the
    early fee on the principal. Later interest and fees fall away, flat interest by its term.
    """
    if not ahead.instalments:
        return Planned((), ())
    legs: list[LoanLeg] = []
    after = []
    for index, instalment in enumerate(ahead.instalments):
        claims = instalment.claims
        for component in dict.fromkeys(claim.component for claim in claims):
            shares = _closing(ahead, index, component)
            claims = paid_in(claims, component, shares)
            legs += legs_of(instalment.number, component, shares)
        if not index:
            fee = _early_fee(ahead)
            claims = moved(claims, EARLY_FEE, fee, ())
            legs += legs_of(instalment.number, EARLY_FEE, fee)
        closed = tuple(Claim(c.component, c.party, c.settled, 0) for c in claims)
        owing = replace(instalment, balance=0) if index else _lowered(ahead, 0)
        after.append(replace(owing, claims=closed))
    return Planned(tuple(legs), tuple(after))


def _closing(ahead: Ahead, index: int, component: str) -> list[Share]:
    """Return what of a component is paid at a payoff, to each holder of what is open."""
    instalment = ahead.instalments[index]
    held = shares_open([instalment], component)
    if component in (PRINCIPAL, PENALTY):
        return held
    if component.startswith(FEE):
        return held if not index and ahead.has_begun else []
    if component != INTEREST:
        return []
    if ahead.method == "flat" and not ahead.terms.flat_interest_falls_away:
        return held
    if index or not ahead.has_begun:
        return []
    return held if ahead.terms.early == "to-period-end" else earned(ahead, ahead.day)


def earned(ahead: Ahead, day: date) -> list[Share]:
    """Return the current period's interest up to a date, less what is settled, to each holder."""
    current = ahead.instalments[0]
    held = shares_open([current], INTEREST)
    is_open = sum(amount for _, amount in held)
    settled = total(current, INTEREST) - is_open
    due = rounded(interest_to(ahead.terms, ahead.accrues, current, day)) - settled
    parts = division.by_weights(min(max(due, 0), is_open), [amount for _, amount in held])
    return [(party, part) for (party, _), part in zip(held, parts, strict=True)]


def _early_fee(ahead: Ahead) -> list[Share]:
    """Return the early fee on the principal ahead, to whom it goes."""
    held = shares_open(ahead.instalments, PRINCIPAL)
    principal = sum(amount for _, amount in held)
    fee = half_up(principal * ahead.terms.early_fee_ppm, MILLION)
    if ahead.terms.early_fee_to != FUNDERS:
        return [(ahead.terms.early_fee_to, fee)]
    parts = division.by_weights(fee, [amount for _, amount in held])
    return [(party, part) for (party, _), part in zip(held, parts, strict=True)]


def prepay(ahead: Ahead, amount: int) -> Planned:
    """Return what a partial prepayment moves, and the plan that it makes.

    All of it is principal, at most what is open ahead. The leg stands at the current instalment.

    Args:
        ahead: Of a plan that can be shortened or reduced.
        amount: Minor units.
    """
    held = shares_open(ahead.instalments, PRINCIPAL)
    whole = sum(share for _, share in held)
    parts = division.by_weights(min(amount, whole), [share for _, share in held])
    left = [(party, share - part) for (party, share), part in zip(held, parts, strict=True)]
    paid = [(party, part) for (party, _), part in zip(held, parts, strict=True)]
    instalments = _new_plan(ahead, left)
    legs = legs_of(instalments[0].number, PRINCIPAL, paid)
    return Planned(tuple(legs), instalments)


def _new_plan(ahead: Ahead, left: Sequence[Share]) -> tuple[Instalment, ...]:
    """Return the instalments that repay what is left to each holder."""
    balance = sum(share for _, share in left)
    current = _lowered(ahead, balance)
    course = Course(
        ahead.terms.method,
        ahead.terms.annual_rate_ppm,
        grace_of(ahead.terms),
        balance,
        [Period(each.number, each.start, each.due, each.parts) for each in ahead.instalments],
        _first_interest(ahead, current),
    )
    regular = ahead.regular
    if ahead.terms.partial == "reduce":
        regular = regular_amount(course, ahead.terms.unit)
    rows = repaid(course, regular, clip=True)
    columns = division.columns([row[0] for row in rows], [share for _, share in left])
    weights = interest_weights(ahead.instalments, left)
    owed = list(accumulate((-row[0] for row in rows), initial=balance))
    found = []
    for index, instalment in enumerate((current, *ahead.instalments[1:])):
        is_dropped = not owed[index] and (index > 0 or not ahead.has_begun)
        interest = _interest(ahead, instalment, rows[index][1], is_dropped)
        claims = _reset_principal(instalment.claims, left, columns[index])
        claims = _reset_interest(claims, interest, weights)
        if is_dropped:
            claims = tuple(
                Claim(c.component, c.party, c.settled, 0) if c.component.startswith(FEE) else c
                for c in claims
            )
        if index:
            instalment = replace(instalment, balance=owed[index])
        is_dropped = is_dropped and not interest
        instalment = replace(instalment, claims=claims, dropped=is_dropped)
        found.append(replace(instalment, whole_on=None) if instalment.open else instalment)
    return tuple(found)


def _lowered(ahead: Ahead, balance: int) -> Instalment:
    """Return the current instalment with a balance that is lower from the day on."""
    current = ahead.instalments[0]
    if ahead.has_begun and ahead.terms.early == "to-period-end":
        return current
    weighed = current.weighed + current.balance * (ahead.day - current.since).days
    return replace(current, weighed=weighed, since=ahead.day, balance=balance)


def _first_interest(ahead: Ahead, current: Instalment) -> Fraction:
    return interest_to(ahead.terms, ahead.accrues, current, current.due)


def _interest(ahead: Ahead, instalment: Instalment, computed: int, is_dropped: bool) -> int:
    """Return an instalment's interest in a new plan: flat interest stays, or falls away."""
    if ahead.accrues:
        return 0 if is_dropped else computed
    falls_away = is_dropped and ahead.terms.flat_interest_falls_away
    return 0 if falls_away else total(instalment, INTEREST)


def interest_weights(ahead: Sequence[Instalment], left: Sequence[Share]) -> list[Share]:
    """Return by which weights interest of a new plan is divided: by the principal that is open.

    Where others than its holders hold interest, as after a compensation that did not cover it, by
    the interest that is open.
    """
    holders = [each for each in left if each[1]]
    interest = [each for each in shares_open(ahead, INTEREST) if each[1]]
    others = {party for party, _ in interest} - {party for party, _ in holders}
    return interest if others or not holders else holders


def _reset_principal(
    claims: Sequence[Claim], left: Sequence[Share], parts: Sequence[int]
) -> tuple[Claim, ...]:
    """Return claims whose open principal is what the new plan gives to each."""
    wanted = {party: part for (party, _), part in zip(left, parts, strict=True)}
    by = [
        (claim.party, wanted.pop(claim.party, 0) - claim.open)
        for claim in claims
        if claim.component == PRINCIPAL
    ]
    by += wanted.items()
    return moved(claims, PRINCIPAL, by, by)


def _reset_interest(
    claims: Sequence[Claim], interest: int, weights: Sequence[Share]
) -> tuple[Claim, ...]:
    """Return claims whose interest is what the new plan gives, less what is settled.

    An interest that stays the same stays divided as it was; one that is settled in part is divided
    by what is open of it.
    """
    held = [claim for claim in claims if claim.component == INTEREST]
    if sum(claim.due for claim in held) == interest or not (held or weights):
        return tuple(claims)
    settled = sum(claim.settled for claim in held)
    left = max(0, interest - settled)
    if settled and any(claim.open for claim in held):
        weights = [(claim.party, claim.open) for claim in held]
    parts = division.by_weights(left, [weight for _, weight in weights])
    wanted = {party: part for (party, _), part in zip(weights, parts, strict=True)}
    by = [(claim.party, wanted.pop(claim.party, 0) - claim.open) for claim in held]
    by += wanted.items()
    return moved(claims, INTEREST, by, by)
