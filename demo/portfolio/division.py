"""Rounding and division of integers among holders, by handing out units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Shares = dict[str, int]
"""What each party gets or has, in minor units, in the order of the proposal."""


def half_up(numerator: int, denominator: int) -> int:
    """Return the nearest integer, the upper one of two (四舍五入)."""
    return (2 * numerator + denominator) // (2 * denominator)


def to_unit(numerator: int, denominator: int, unit: int) -> int:
    """Return the nearest multiple of ``unit``, the upper one of two."""
    return unit * half_up(numerator, denominator * unit)


def spread(total: int, count: int) -> list[int]:
    """Return ``count`` equal parts, each rounded half up; the last takes the rest."""
    each = half_up(total, count)
    return [each] * (count - 1) + [total - each * (count - 1)]


def hand_out(amount: int, lacks: Mapping[str, int], scale: int) -> Shares:
    """Return ``amount`` divided so that each gets the whole units it lacks, then by what remains.

    Nobody gets less than nothing: who has too much already gets none and lacks less than none.

    Args:
        amount: What is handed out.
        lacks: What each lacks, over ``scale``; together exactly ``amount``.
        scale: The common denominator.
    """
    got = {party: max(0, lack // scale) for party, lack in lacks.items()}
    still = {party: lack - got[party] * scale for party, lack in lacks.items()}
    rest = amount - sum(got.values())
    while rest > 0:
        neediest = max(still, key=lambda party: still[party])
        got[neediest] += 1
        still[neediest] -= scale
        rest -= 1
    while rest < 0:
        latest = min((p for p in reversed(got) if got[p]), key=lambda party: still[party])
        got[latest] -= 1
        still[latest] += scale
        rest += 1
    return got


def divide(amount: int, weights: Mapping[str, int]) -> Shares:
    """Return ``amount`` divided by weights, largest remainder, ties in the weights' order."""
    whole = sum(weights.values())
    if len(weights) == 1 or not whole:
        return {party: amount if at == 0 else 0 for at, party in enumerate(weights)}
    return hand_out(amount, {party: amount * each for party, each in weights.items()}, whole)


def columns(rows: Sequence[int], closing: Mapping[str, int]) -> list[Shares]:
    """Return each row divided so that each holder's column closes on what stands in ``closing``."""
    whole = sum(closing.values())
    if sum(rows) != whole:
        raise ValueError(f"rows sum to {sum(rows)}, what they close on to {whole}")
    given = dict.fromkeys(closing, 0)
    divided, so_far = [], 0
    for row in rows:
        so_far += row
        lacks = {party: so_far * own - given[party] * whole for party, own in closing.items()}
        shares = hand_out(row, lacks, whole or 1)
        for party, share in shares.items():
            given[party] += share
        divided.append(shares)
    return divided
