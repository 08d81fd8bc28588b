"""Amounts of loans as views show them: by principal, interest, fees and penalty, and by holder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from ledger.lending.instalments import INTEREST, PENALTY, PRINCIPAL, Instalment, LoanLeg
from views.labels import Amount, Label, Party
from views.view import ViewStruct

_FIELDS = {PRINCIPAL: "principal", INTEREST: "interest", PENALTY: "penalty"}
"""The field of a component; every other one is a fee."""


class HolderView(ViewStruct, frozen=True, kw_only=True):
    """Whose an amount is."""

    party: Party
    amount: Amount


Holders = Annotated[list[HolderView], Label("holders", "债权方")]


def open_legs(instalments: Iterable[Instalment]) -> list[LoanLeg]:
    """Return what is open of instalments, claim by claim."""
    return [
        LoanLeg(claim.party, each.number, claim.component, claim.open)
        for each in instalments
        for claim in each.claims
        if claim.open
    ]


def by_component(legs: Iterable[LoanLeg]) -> dict[str, int]:
    """Return sums of legs as the fields ``principal``, ``interest``, ``fees``, ``penalty``."""
    found = {"principal": 0, "interest": 0, "fees": 0, "penalty": 0}
    for leg in legs:
        found[_FIELDS.get(leg.component, "fees")] += leg.amount
    return found


def by_holder(legs: Iterable[LoanLeg]) -> list[HolderView]:
    """Return the sum of legs of each party, in the order of the legs."""
    sums: dict[str, int] = {}
    for leg in legs:
        sums[leg.party] = sums.get(leg.party, 0) + leg.amount
    return [HolderView(party=party, amount=amount) for party, amount in sums.items()]
