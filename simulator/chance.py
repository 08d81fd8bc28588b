"""Chance: all randomness of a run, in integers only, the same on every Python and machine."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
MILLION = 1_000_000


class Chance:
    """A stream of decisions that belongs to one purpose of one run.

    Streams of different purposes are independent: a further draw in one moves nothing in another.

    Args:
        seed: The run's seed.
        purpose: What it decides, such as ``network``.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._bits = Random(f"{seed}/{purpose}").getrandbits

    def below(self, bound: int) -> int:
        """Return an integer from 0 to ``bound`` − 1; 0 for a bound below 2."""
        return (self._bits(62) * bound) >> 62 if bound > 1 else 0

    def between(self, least: int, most: int) -> int:
        """Return an integer from ``least`` to ``most``, both included."""
        return least + self.below(most - least + 1)

    def happens(self, ppm: int) -> bool:
        """Return True in ``ppm`` of a million cases."""
        return ppm > 0 and self.below(MILLION) < ppm

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``, which must not be empty."""
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different ones of ``choices``, in random order."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]

    def tail(self, mean: int) -> int:
        """Return an integer with a long tail: mostly below twice ``mean``, rarely ten times it."""
        bits, bound = self._bits, mean + 1
        value = (bits(62) * bound >> 62) + (bits(62) * bound >> 62) if mean else 0
        return value * 10 if bits(62) * 50 >> 62 == 0 else value

    def bytes(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        return self._bits(8 * count).to_bytes(count, "big") if count else b""
