"""Allocation of money over open instalments, and among the holders of what is open.

By instalment the oldest is whole before the next one gets anything, and is read only then. By
component all that is due gets its first component before any gets its second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ledger.lending import division
from ledger.lending.instalments import FEE, Claim, Instalment, LoanLeg
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
    claims = instalment.claims
    left = [claim.open for claim in claims]
    legs: list[LoanLeg] = []
    for component, held in _places(tuple([claim.component for claim in claims]), tuple(groups)):
        opened = [left[place] for place in held]
        whole = sum(opened)
        taken = min(amount, whole)
        parts = opened if taken == whole else division.by_weights(taken, opened)
        amount -= taken
        for place, part in zip(held, parts, strict=True):
            if part:
                left[place] -= part
                legs.append(LoanLeg(claims[place].party, instalment.number, component, part))
    if not legs:
        return _Paid(instalment, legs, amount)
    after = [Claim(c.component, c.party, c.due, o) for c, o in zip(claims, left, strict=True)]
    return _Paid(replace(instalment, claims=tuple(after)), legs, amount)


@lru_cache(maxsize=1024)
def _places(
    components: tuple[str, ...], groups: tuple[str, ...]
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the components of groups, fees in the order of the terms, and where each stands."""
    found = []
    for group in groups:
        names = [name for name in dict.fromkeys(components) if _group_of(name) == group]
        for name in names:
            held = [place for place, each in enumerate(components) if each == name]
            found.append((name, tuple(held)))
    return tuple(found)


def _group_of(component: str) -> str:
    return "fees" if component.startswith(FEE) else component
