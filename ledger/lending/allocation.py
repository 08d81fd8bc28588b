"""Allocation of money over open instalments, and among the holders of what is open.

By instalment the oldest is whole before the next one gets anything, and is read only then. By
component all that is due gets its first component before any gets its second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from ledger.lending import division
from ledger.lending.instalments import FEE, Instalment, LoanLeg, legs_of, paid_in
from ledger.lending.terms import Order

Ready = Callable[[Instalment], Instalment]


class Allocated(NamedTuple):
    """Legs, the instalments that they changed, and what is left of the money."""

    legs: tuple[LoanLeg, ...]
    changed: tuple[Instalment, ...]
    rest: int


class _Paid(NamedTuple):
    instalment: Instalment
    legs: list[LoanLeg]
    rest: int


def allocate(
    instalments: Iterable[Instalment], amount: int, order: Order, ready: Ready, day: date
) -> Allocated:
    """Allocate money over open instalments.

    Args:
        instalments: What may be paid, oldest first; no more of them are drawn than are paid.
        amount: Minor units.
        order: Of components and instalments.
        ready: Fixes the penalty of an instalment before it is paid.
        day: The business date of the money.
    """
    if order.by == "instalment":
        return _by_instalment(instalments, amount, order, ready, day)
    drawn = [ready(instalment) for instalment in instalments]
    legs: list[LoanLeg] = []
    for group in order.components:
        for index, instalment in enumerate(drawn):
            drawn[index], paid, amount = _pay(instalment, (group,), amount)
            legs += paid
    numbers = {leg.instalment for leg in legs}
    changed = tuple(_marked(each, day) for each in drawn if each.number in numbers)
    return Allocated(tuple(legs), changed, amount)


def _by_instalment(
    instalments: Iterable[Instalment], amount: int, order: Order, ready: Ready, day: date
) -> Allocated:
    legs: list[LoanLeg] = []
    changed: list[Instalment] = []
    if not amount:
        return Allocated((), (), 0)
    for instalment in instalments:
        after, paid, amount = _pay(ready(instalment), order.components, amount)
        if paid:
            legs += paid
            changed.append(_marked(after, day))
        if not amount:
            break
    return Allocated(tuple(legs), tuple(changed), amount)


def _marked(instalment: Instalment, day: date) -> Instalment:
    return instalment if instalment.open else replace(instalment, whole_on=day)


def _pay(instalment: Instalment, groups: Sequence[str], amount: int) -> _Paid:
    """Pay components of an instalment in turn, each divided by what is open to its holders."""
    legs: list[LoanLeg] = []
    claims = instalment.claims
    for component in _components(instalment, groups):
        held = [(c.party, c.open) for c in claims if c.component == component]
        taken = min(amount, sum(each for _, each in held))
        if not taken:
            continue
        parts = division.by_weights(taken, [each for _, each in held])
        shares = [(party, part) for (party, _), part in zip(held, parts, strict=True)]
        legs += legs_of(instalment.number, component, shares)
        claims = paid_in(claims, component, shares)
        amount -= taken
    return _Paid(replace(instalment, claims=claims) if legs else instalment, legs, amount)


def _components(instalment: Instalment, groups: Sequence[str]) -> Iterator[str]:
    """Yield the components of groups; fees in the order of the terms."""
    names = dict.fromkeys(claim.component for claim in instalment.claims)
    for group in groups:
        if group == "fees":
            yield from (name for name in names if name.startswith(FEE))
        elif group in names:
            yield group
