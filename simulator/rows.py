"""The rows of a sequence diagram: one for each time, more where labels would meet in one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

GAP = 6
"""Distance that labels in one row keep."""

Extent = tuple[int, int]
"""The x at which it begins, and that at which it ends."""


class DiagramRows:
    """Gives each label a row of its time in which nothing else stands at its place.

    Args:
        times: All times, in µs.
        begin: What stands in the first row of each of them.
    """

    def __init__(self, times: Iterable[int], begin: Extent) -> None:
        self._rows: dict[int, list[list[Extent]]] = {at_us: [[begin]] for at_us in sorted(times)}

    def place(self, at_us: int, span: Extent, *, least: int = 0) -> int:
        """Return which row of a time, from ``least`` on, has room for a label, and take it."""
        rows = self._rows[at_us]
        for row in count(least):
            while row >= len(rows):
                rows.append([])
            if all(_apart(span, other) for other in rows[row]):
                rows[row].append(span)
                return row
        raise AssertionError  # a new row has room

    def numbers(self) -> dict[int, int]:
        """Return the 1-based number of each time's first row, when all labels are placed."""
        found, number = {}, 1
        for at_us, rows in self._rows.items():
            found[at_us] = number
            number += len(rows)
        return found

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))


def _apart(one: Extent, other: Extent) -> bool:
    return one[1] + GAP <= other[0] or other[1] + GAP <= one[0]
