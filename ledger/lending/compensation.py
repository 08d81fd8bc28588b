"""Compensation (代偿): the guarantor pays what the terms cover, and holds the claims from then on.

Per instalment: what is open of the covered components to the funders. Whole: that of all that is
due, all principal ahead, and the interest of the current period to the day; all rights ahead in the
covered components pass. Only funders' claims are compensated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from ledger.lending import plans
from ledger.lending.accrual import with_penalty
from ledger.lending.errors import AmountRefused, LoanRefused
from ledger.lending.instalments import (
    FEE,
    INTEREST,
    PRINCIPAL,
    Claim,
    Instalment,
    LoanLeg,
    Share,
    legs_of,
    moved,
)
from ledger.lending.loan import Loan, Outcome, outcome, refuse_earlier
from ledger.lending.standing import standing

WHOLE = "whole"
"""In the place of instalments: the whole loan."""


class Compensation(NamedTuple):
    """A compensation: what it pays to whom, and the claims that pass, of their former holders.

    ``settled`` is what the guarantor had been paid of each claim's component before.
    """

    day: date
    legs: tuple[LoanLeg, ...]
    passed: tuple[LoanLeg, ...]
    settled: tuple[int, ...]

    @property
    def amount(self) -> int:
        """What the guarantor pays."""
        return sum(leg.amount for leg in self.legs)


class Compensated(NamedTuple):
    """The loan after a compensation, and what it was."""

    outcome: Outcome
    compensation: Compensation


def compensate(loan: Loan, what: Sequence[int] | str, day: date) -> Compensated:
    """Let the guarantor compensate instalments, or the whole loan.

    Args:
        loan: As it stands.
        what: Numbers of instalments, or :data:`WHOLE`.
        day: The date of the guarantor's statement.

    Raises:
        LoanRefused: ``date-goes-back``, ``not-covered``, ``unknown-instalment``,
            ``compensation-too-early`` or ``nothing-to-compensate``.
    """
    refuse_earlier(loan, day)
    if isinstance(what, str):
        _refuse_early(loan, loan.terms.whole_days, standing(loan, day).days_past_due)
        chosen = [each for each in loan.as_of(day) if each.open]
    else:
        chosen = [loan.instalment(number) for number in sorted(set(what))]
        for each in chosen:
            _refuse_early(loan, loan.terms.per_instalment_days, (day - each.due).days)
        chosen = [with_penalty(loan.terms, loan.parties, each, day) for each in chosen]
    legs, passed, settled, changed = [], [], [], []
    for instalment in chosen:
        claims = [c for c in instalment.claims if c.open and is_covered(loan, c)]
        passed += [LoanLeg(c.party, instalment.number, c.component, c.open) for c in claims]
        settled += [_settled(loan, instalment, c.component) for c in claims]
        legs += _paid(loan, instalment, claims, day)
        if claims:
            changed.append(_to_guarantor(instalment, claims, loan.parties.guarantor))
    if not legs:
        raise LoanRefused(
            "nothing-to-compensate",
            "A compensation takes over what is open to funders of the covered components.",
            expected=f"something open of {', '.join(loan.terms.covered) or 'nothing'}",
            got="nothing open",
        )
    found = Compensation(day, tuple(legs), tuple(passed), tuple(settled))
    return Compensated(outcome(loan, day, legs, changed), found)


def _refuse_early(loan: Loan, days: int | None, past_due: int) -> None:
    if days is None or not loan.parties.guarantor:
        raise LoanRefused(
            "not-covered",
            "The terms do not cover this: the loan has no guarantor, or it does not stand for it.",
            expected="a guarantor and a trigger in the terms",
            got="none",
        )
    if past_due <= days:
        raise LoanRefused(
            "compensation-too-early",
            "The guarantor compensates what is longer past due than the terms say.",
            expected=f"more than {days} days past due",
            got=f"{past_due} days",
        )


def is_covered(loan: Loan, claim: Claim) -> bool:
    """Return whether the guarantor stands for a claim: a funder's, of a covered component."""
    group = "fees" if claim.component.startswith(FEE) else claim.component
    return group in loan.terms.covered and claim.party in loan.parties.names


def _settled(loan: Loan, instalment: Instalment, component: str) -> int:
    guarantor = loan.parties.guarantor
    own = (c for c in instalment.claims if (c.component, c.party) == (component, guarantor))
    return sum(claim.settled for claim in own)


def _paid(loan: Loan, instalment: Instalment, claims: Sequence[Claim], day: date) -> list[LoanLeg]:
    """Return what is paid for claims that pass: ahead the principal, and interest to the day."""
    if instalment.due <= day:
        return [LoanLeg(c.party, instalment.number, c.component, c.open) for c in claims]
    paid = [
        LoanLeg(c.party, instalment.number, PRINCIPAL, c.open)
        for c in claims
        if c.component == PRINCIPAL
    ]
    if instalment.start <= day:
        ahead = loan.ahead(day)._replace(instalments=[instalment])
        interest = {c.party for c in claims if c.component == INTEREST}
        shares = [each for each in plans.earned(ahead, day) if each[0] in interest]
        paid += legs_of(instalment.number, INTEREST, shares)
    return paid


def _to_guarantor(instalment: Instalment, passed: Iterable[Claim], guarantor: str) -> Instalment:
    claims = instalment.claims
    for claim in passed:
        shares: list[Share] = [(claim.party, -claim.open), (guarantor, claim.open)]
        claims = moved(claims, claim.component, shares, shares)
    return replace(instalment, claims=claims)


def require_amount(stated: int, found: Compensation) -> None:
    """Return if a guarantor's statement has the amount that is open.

    Raises:
        LoanRefused: ``compensation-differs``.
    """
    if stated != found.amount:
        raise AmountRefused(
            "compensation-differs",
            "A compensation is what is open of the covered components on its date; state it anew.",
            found.amount,
            stated,
        )


def give_back(loan: Loan, compensation: Compensation, day: date) -> Outcome:
    """Give the claims back to the funders: the guarantor's money was reversed.

    Raises:
        LoanRefused: ``date-goes-back`` or ``claims-paid-since``.
    """
    refuse_earlier(loan, day)
    by_number = {each.number: each for each in loan.instalments}
    changed: dict[int, Instalment] = {}
    for leg, settled in zip(compensation.passed, compensation.settled, strict=True):
        instalment = changed.get(leg.instalment) or by_number.get(leg.instalment)
        if instalment is None or _settled(loan, instalment, leg.component) > settled:
            raise _paid_since(leg, 0)
        changed[leg.instalment] = _returned(instalment, leg, loan.parties.guarantor)
    back = [leg._replace(amount=-leg.amount) for leg in compensation.legs]
    return outcome(loan, day, back, _fixed(loan, changed.values(), day))


def _returned(instalment: Instalment, leg: LoanLeg, guarantor: str) -> Instalment:
    held = [c for c in instalment.claims if (c.component, c.party) == (leg.component, guarantor)]
    if not held or held[0].open < leg.amount:
        raise _paid_since(leg, held[0].open if held else 0)
    shares: list[Share] = [(guarantor, -leg.amount), (leg.party, leg.amount)]
    return replace(instalment, claims=moved(instalment.claims, leg.component, shares, shares))


def _fixed(loan: Loan, instalments: Iterable[Instalment], day: date) -> list[Instalment]:
    return [with_penalty(loan.terms, loan.parties, each, day) for each in instalments]


def _paid_since(leg: LoanLeg, left: int) -> LoanRefused:
    return AmountRefused(
        "claims-paid-since",
        "The claims of a compensation go back only if nothing was paid on them since: "
        f"{leg.component} of instalment {leg.instalment}.",
        leg.amount,
        left,
    )
