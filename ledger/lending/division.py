"""Division of amounts among holders, to the last minor unit.

>>> by_weights(100, (333_334, 333_333, 333_333))
(34, 33, 33)
>>> columns((10_000, 10_000), (1, 1, 1))
((3334, 3333, 3333), (3333, 3334, 3333))
"""

from __future__ import annotations

from collections.abc import Sequence


def by_weights(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide an amount by weights: largest remainder, of equal ones the earliest.

    If the weights are what is open to each and sum to at least the amount, nobody gets more than
    its weight: an exact part that is no whole number is below a whole weight.

    Args:
        amount: Minor units.
        weights: None negative; their sum is positive, unless the amount is 0.
    """
    if not amount:
        return (0,) * len(weights)
    whole = sum(weights)
    return _rounded(amount, [amount * weight for weight in weights], whole)


def columns(rows: Sequence[int], lent: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Divide each row so that every holder's column closes on what it lent.

    A row goes to each by what it lacks of its exact part of all rows so far, largest remainder. Who
    lacks nothing gets nothing: a part is never negative.

    Args:
        rows: Amounts, which sum to what was lent.
        lent: What each holder lent; the sum is positive unless all rows are 0.
    """
    whole = sum(lent)
    given = [0] * len(lent)
    found = []
    cumulative = 0
    for row in rows:
        cumulative += row
        lacking = [
            max(0, cumulative * each - got * whole) for each, got in zip(lent, given, strict=True)
        ]
        parts = _rounded(row, lacking, whole)
        given = [got + part for got, part in zip(given, parts, strict=True)]
        found.append(parts)
    return tuple(found)


def _rounded(amount: int, exact: Sequence[int], whole: int) -> tuple[int, ...]:
    """Round exact parts, in ``whole``-ths, to integers that sum to ``amount``."""
    if not amount:
        return (0,) * len(exact)
    parts = [each // whole for each in exact]
    remainders = [each % whole for each in exact]
    order = sorted(range(len(exact)), key=lambda index: -remainders[index])
    missing = amount - sum(parts)
    for index in order[: max(missing, 0)]:
        parts[index] += 1
    for index in [index for index in reversed(order) if parts[index]][: max(-missing, 0)]:
        parts[index] -= 1
    return tuple(parts)
