"""An instalment as it stands: what is due of each component to each holder, and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.lending import division
from ledger.lending.schedule import Period
from ledger.lending.terms import LoanTerms, Parties, ScheduleRow

PENALTY, INTEREST, PRINCIPAL, EARLY_FEE = "penalty", "interest", "principal", "early-fee"
FEE = "fee:"
"""What stands before the name of a fee where it is a component."""

Share = tuple[str, int]
"""A party and its minor units."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One holder's part of a component: what is due to it in all, and what of that is open.

    What is no longer open was paid or waived; what passed to another holder is due to that one.
    """

    component: str
    party: str
    due: int
    open: int

    @property
    def settled(self) -> int:
        """What was paid or waived."""
        return self.due - self.open


class Instalment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An instalment: its period, its claims, and what accrues on it.

    Interest: the period is ``parts`` long; ``balance`` is owed since ``since``, and ``weighed`` is
    what was owed on each day of the period before, summed up. Penalty: ``overdue`` is the open
    principal of each day since the due date, in parts of a year, summed up to ``counted_to``;
    ``fixed`` is what was divided of the penalty on it, without penalty that came from elsewhere.
    ``whole_on`` is the date of the payment that left nothing open; ``dropped`` says that a shorter
    plan has none like it. ``touched`` is the number of the loan's record that changed it last.
    """

    number: int
    start: date
    due: date
    parts: int
    balance: int
    since: date
    counted_to: date
    claims: tuple[Claim, ...]
    weighed: int = 0
    overdue: int = 0
    fixed: int = 0
    whole_on: date | None = None
    dropped: bool = False
    touched: int = 0

    @property
    def open(self) -> int:
        """All that is open."""
        return sum(claim.open for claim in self.claims)


class LoanLeg(NamedTuple):
    """Money of a holder in a component of an instalment: what a record of the loan moved."""

    party: str
    instalment: int
    component: str
    amount: int


def open_instalments(
    terms: LoanTerms, rows: Sequence[ScheduleRow], periods: Sequence[Period], shares: Shares
) -> tuple[Instalment, ...]:
    """Return the instalments of a schedule that comes into force, divided among the holders.

    Args:
        terms: Who the fees go to.
        rows: The schedule.
        periods: The periods that the rows end.
        shares: What of the principal, and by which weights of the interest, is whose.
    """
    columns = division.columns([row.principal for row in rows], [part for _, part in shares.lent])
    balance = sum(row.principal for row in rows)
    found = []
    for row, period, parts in zip(rows, periods, columns, strict=True):
        fees = tuple(
            Claim(f"{FEE}{fee.name}", fee.to, amount, amount)
            for fee, amount in zip(terms.fees, row.fees, strict=True)
        )
        interest = divided(INTEREST, row.interest, shares.interest)
        principal = tuple(
            Claim(PRINCIPAL, party, part, part)
            for (party, _), part in zip(shares.lent, parts, strict=True)
        )
        found.append(
            Instalment(
                number=row.number,
                start=period.start,
                due=row.due,
                parts=period.parts,
                balance=balance,
                since=period.start,
                counted_to=row.due,
                claims=fees + interest + principal,
            )
        )
        balance -= row.principal
    return tuple(found)


class Shares(NamedTuple):
    """Holders with what each lent, and holders with their weights of interest."""

    lent: Sequence[Share]
    interest: Sequence[Share]


def founding_shares(terms: LoanTerms, parties: Parties) -> Shares:
    """Return what each funder lends, and its parts per million for the interest."""
    lent = division.by_weights(terms.principal, parties.ppms)
    names = parties.names
    return Shares(
        tuple(zip(names, lent, strict=True)), tuple(zip(names, parties.ppms, strict=True))
    )


def divided(component: str, amount: int, weights: Sequence[Share]) -> tuple[Claim, ...]:
    """Return the claims of an amount that is divided by weights."""
    parts = division.by_weights(amount, [weight for _, weight in weights])
    return tuple(
        Claim(component, party, part, part) for (party, _), part in zip(weights, parts, strict=True)
    )


def total(instalment: Instalment, component: str) -> int:
    """Return what is due of a component in all."""
    return sum(claim.due for claim in instalment.claims if claim.component == component)


def shares_open(instalments: Iterable[Instalment], component: str) -> list[Share]:
    """Return what is open of a component to each holder, over instalments, in their order."""
    found: dict[str, int] = {}
    for instalment in instalments:
        for claim in instalment.claims:
            if claim.component == component:
                found[claim.party] = found.get(claim.party, 0) + claim.open
    return list(found.items())


def shares_due(instalment: Instalment, component: str) -> list[Share]:
    """Return what is due of a component to each holder, paid or not."""
    return [(c.party, c.due) for c in instalment.claims if c.component == component]


def legs_of(number: int, component: str, shares: Iterable[Share]) -> list[LoanLeg]:
    """Return the legs of shares that are not zero."""
    return [LoanLeg(party, number, component, amount) for party, amount in shares if amount]


def moved(
    claims: Sequence[Claim], component: str, due: Iterable[Share], opened: Iterable[Share]
) -> tuple[Claim, ...]:
    """Return claims of which a component has more, or less, due and open to holders.

    Args:
        claims: What there is.
        component: Of which.
        due: By how much more is due to whom.
        opened: By how much more is open to whom.
    """
    more: dict[str, list[int]] = {}
    for index, shares in enumerate((due, opened)):
        for party, amount in shares:
            more.setdefault(party, [0, 0])[index] += amount
    found = []
    for claim in claims:
        if claim.component == component and claim.party in more:
            by_due, by_open = more.pop(claim.party)
            claim = Claim(component, claim.party, claim.due + by_due, claim.open + by_open)
        found.append(claim)
    found += [Claim(component, party, *each) for party, each in more.items() if any(each)]
    return tuple(found)


def paid_in(claims: Sequence[Claim], component: str, paid: Iterable[Share]) -> tuple[Claim, ...]:
    """Return claims of which a component is paid, or waived, in part."""
    return moved(claims, component, (), [(party, -amount) for party, amount in paid])
