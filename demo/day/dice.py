"""Choices from one seed that come out alike on every machine and every Python."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws of integers and picks from one seed; never a float.

    Args:
        seed: Where the sequence starts.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def between(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        return low + self._random.randrange(high - low + 1)

    def one_in(self, count: int) -> bool:
        """Return True once in ``count`` draws on average."""
        return self._random.randrange(count) == 0

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``."""
        return choices[self._random.randrange(len(choices))]

    def draw(self, choices: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different ones of ``choices``, in the order drawn."""
        left = list(choices)
        return [left.pop(self._random.randrange(len(left))) for _ in range(count)]

    def octets(self, count: int) -> bytes:
        """Return ``count`` bytes."""
        return self._random.getrandbits(8 * count).to_bytes(count, "big")
