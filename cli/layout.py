"""Layout of a table in the room there is: side by side, stacked, or one block a row.

No word of it is broken and nothing of it is left out, however little room there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

GAP = 2
"""Between two columns."""

FOLDED = 12
"""What a long text without spaces has at least where it may be broken, as Chinese may."""

Cell = tuple[str, ...]
"""What stands in one place: one text, or several that stand one above the other if need be."""


class Grid(NamedTuple):
    """Rows under headings; the columns in ``right`` (0-based) are figures, which are not broken.

    Widths are in cells of a terminal, of which a Chinese character takes two.
    """

    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    right: frozenset[int]

    def side_by_side(self) -> Grid:
        """Return the same with every text in a column of its own."""
        places = [index for index, heading in enumerate(self.headings) for _ in heading]
        right = frozenset(at for at, index in enumerate(places) if index in self.right)
        return Grid(_apart(self.headings), [_apart(row) for row in self.rows], right)

    def widths(self) -> list[int]:
        """Return a width for each column at which no text is broken."""
        return [self._width(index, width_of, width_of) for index in range(len(self.headings))]

    def widths_within(self, room: int) -> list[int] | None:
        """Return a width for each column at which texts are broken at spaces, all within ``room``.

        None where there is too little of it. What is left goes to the columns that have a use for
        it, from the left.
        """
        figure = [width_of if index in self.right else _word for index in range(len(self.headings))]
        widths = [self._width(index, _word, cell) for index, cell in enumerate(figure)]
        left = room - taken(widths)
        if left < 0:
            return None
        for index, whole in enumerate(self.widths()):
            more = min(left, whole - widths[index])
            widths[index] += more
            left -= more
        return widths

    def _width(self, index: int, of_heading: _Measure, of_cell: _Measure) -> int:
        texts = (text for row in self.rows for text in row[index])
        return max(*map(of_heading, self.headings[index]), 0, *map(of_cell, texts))


_Measure = Callable[[str], int]


def taken(widths: Sequence[int]) -> int:
    """Return how wide a table with columns of these widths is."""
    return sum(widths) + GAP * (len(widths) - 1)


def _apart(cells: Iterable[Cell]) -> list[Cell]:
    return [(text,) for cell in cells for text in cell]


def width_of(text: str) -> int:
    """Return the width of a text in cells of a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _word(text: str) -> int:
    """Return the width of what of a text is not broken."""
    return max((_unbroken(word) for word in text.split()), default=0)


def _unbroken(word: str) -> int:
    return width_of(word) if word.isascii() else min(width_of(word), FOLDED)
