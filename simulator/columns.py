"""Columns of numbers: rows in the order of their time, thinned out beyond a bound."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class Columns:
    """Rows of whole numbers, kept by column; the first one is a time.

    Beyond the bound every second row is dropped, and of those to come every second one is taken,
    then every fourth, and so on: what stays is spread evenly, and memory is bounded.

    Args:
        names: The columns' names.
        rows_max: How many rows may stay; 0 for all.
    """

    def __init__(self, names: Sequence[str], rows_max: int) -> None:
        self._names = names
        self._columns = [array("q") for _ in names]
        self._rows_max = rows_max
        self._stride = 1
        self._seen = 0
        self.last = 0
        """The latest time of a row."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._columns[0])

    @property
    def left_out(self) -> int:
        """How many rows were dropped."""
        return self._seen - self.count

    def add(self, *row: int) -> None:
        """Add a row."""
        self._seen += 1
        self.last = max(self.last, row[0])
        if (self._seen - 1) % self._stride:
            return
        if self._rows_max and self.count >= self._rows_max:
            self._stride *= 2
            self._columns = [column[::2] for column in self._columns]
            if (self._seen - 1) % self._stride:
                return
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    def document(self) -> dict[str, list[int]]:
        """Return the columns by name, sorted by time; times as distances to the row before."""
        times = self._columns[0]
        order = sorted(range(self.count), key=times.__getitem__)
        found = {
            name: [column[place] for place in order]
            for name, column in zip(self._names, self._columns, strict=True)
        }
        sorted_times = found[self._names[0]]
        befores = [0, *sorted_times]
        steps = zip(befores, sorted_times, strict=False)
        found[self._names[0]] = [time - before for before, time in steps]
        return found
