"""Reports that were made a short while ago, so that a large one is not made at every look.

A sheet of a day is made of all loans of a party. For some ten thousand of them that takes seconds;
who looks at it reloads it, prints it, changes the language. One that took long is shown for ten
times as long as it took, so making them takes a tenth of a processor at most. It names its height.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

KEPT_MAX = 8
LONG_S = 0.25
"""What took less is made at every look."""
TIMES_AS_LONG = 10

R = TypeVar("R")


class ReportsKept(Generic[R]):
    """Reports by what was asked for. It may be called from any thread.

    Args:
        clock: Returns seconds of a clock that only goes on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[R, float]] = {}

    def get(self, asked: Hashable, make: Callable[[], R]) -> R:
        """Return the report that was asked for, as it was made or made anew."""
        kept = self._kept.get(asked)
        begun = self._clock()
        if kept is not None and begun < kept[1]:
            return kept[0]
        report = make()
        ended = self._clock()
        if ended - begun >= LONG_S:
            self._keep(asked, report, ended + TIMES_AS_LONG * (ended - begun))
        return report

    def _keep(self, asked: Hashable, report: R, until_s: float) -> None:
        now = self._clock()
        kept = {name: each for name, each in self._kept.items() if each[1] > now and name != asked}
        if len(kept) == KEPT_MAX:
            del kept[min(kept, key=lambda name: kept[name][1])]
        self._kept = {**kept, asked: (report, until_s)}
