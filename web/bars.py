"""Bars: how a whole is divided, as rectangles of a drawing that is 1000 wide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

WIDTH = 1000
LEAST = 12
"""What is there at all is at least this wide, so that it is seen."""


class Share(NamedTuple):
    """A part of a bar: its word, what it is called, its amount, and its place in the drawing."""

    word: str
    name: str
    amount: int
    x: int
    width: int


def bar(parts: Iterable[tuple[str, str, int]]) -> list[Share]:
    """Return the parts of a bar, from left to right; those of nothing are left out.

    Args:
        parts: Word, name and amount of each.
    """
    shown = [each for each in parts if each[2] > 0]
    whole = sum(amount for _, _, amount in shown)
    free = WIDTH - LEAST * len(shown)
    shares: list[Share] = []
    x = done = 0
    for place, (word, name, amount) in enumerate(shown, 1):
        done += amount
        end = LEAST * place + done * free // whole
        shares.append(Share(word, name, amount, x, end - x))
        x = end
    return shares
