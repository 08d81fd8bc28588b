"""Charts as shapes: columns with an axis, and bars, whose numbers templates write into SVG.

A chart is drawn without a script. Widths are in percent of its place and heights in pixels, so that
text keeps its size on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.currencies import decimal
from views import cells
from views.texts import language

HEIGHT = 190
TOP = 8
_STEPS = (1, 2, 5)
_TICKS = 4
_GAP = 0.3
"""The part of a column's place that is left free."""
_MILLION = 1_000_000
_MYRIAD = 10_000


class ColumnPart(NamedTuple):
    """A part of a column: its tone, and its value."""

    tone: str
    value: int


class Stack(NamedTuple):
    """A column: what stands below it, what it says, and its parts from below."""

    label: str
    title: str
    parts: Sequence[ColumnPart]
    href: str = ""


class Shape(NamedTuple):
    """A rectangle of a column, in pixels from above."""

    tone: str
    y: float
    height: float


class ColumnShapes(NamedTuple):
    """A column as it is drawn: ``x``, ``width`` and ``middle`` are in percent."""

    x: str
    width: str
    middle: str
    label: str
    title: str
    href: str
    shapes: list[Shape]


class AxisTick(NamedTuple):
    """A line of the axis."""

    y: float
    label: str


class Plot(NamedTuple):
    """Columns above an axis."""

    height: int
    foot: int
    ticks: list[AxisTick]
    columns: list[ColumnShapes]


def plot(
    stacks: Sequence[Stack], written: Callable[[int], str], top: int = 0, labels: int = 14
) -> Plot:
    """Return columns as they are drawn.

    Args:
        stacks: The columns.
        written: Writes a value of the axis.
        top: The value at the top of the axis; by the columns if it is nought.
        labels: How many columns have something written below them, at most; the last one has.
    """
    most = top or max((sum(part.value for part in each.parts) for each in stacks), default=0)
    step = step_of(most)
    end = top or max(step, -(-most // step) * step)
    scale = (HEIGHT - TOP) / end
    every = -(-len(stacks) // labels)
    return Plot(
        height=HEIGHT + 22,
        foot=HEIGHT,
        ticks=[
            AxisTick(HEIGHT - value * scale, written(value)) for value in range(0, end + 1, step)
        ],
        columns=[
            _column(each, (number, len(stacks)), scale, (len(stacks) - 1 - number) % every == 0)
            for number, each in enumerate(stacks)
        ],
    )


def step_of(most: int) -> int:
    """Return the step of an axis up to a value: 1, 2 or 5 with noughts, at most four of them."""
    power = 1
    while True:
        for each in _STEPS:
            if each * power * _TICKS >= most:
                return each * power
        power *= 10


def _column(each: Stack, place: tuple[int, int], scale: float, labelled: bool) -> ColumnShapes:
    number, count = place
    broad = 100 / max(count, 1)
    at, shapes = float(HEIGHT), []
    for part in each.parts:
        if part.value:
            tall = max(part.value * scale, 1.5)
            at -= tall
            shapes.append(Shape(part.tone, round(at, 1), round(tall, 1)))
    return ColumnShapes(
        x=f"{broad * (number + _GAP / 2):.3f}%",
        width=f"{broad * (1 - _GAP):.3f}%",
        middle=f"{broad * (number + 0.5):.3f}%",
        label=each.label if labelled else "",
        title=each.title,
        href=each.href,
        shapes=shapes,
    )


def percent_of(value: int, most: int) -> str:
    """Return the length of a bar, in percent of the longest one."""
    if value <= 0 or most <= 0:
        return "0%"
    return f"{max(100 * value / most, 0.5):.2f}%"


def axis_money(minor: int, currency: str) -> str:
    """Return an amount for an axis, in short: ``¥2,500``, ``¥1.2M`` or ``¥120万``."""
    whole = cells.money(minor, currency)
    text = decimal(minor, currency)
    units = int(text.partition(".")[0])
    symbol = whole.rstrip("0123456789.,")
    if language() == "zh" and units >= _MYRIAD:
        return f"{symbol}{units / _MYRIAD:,.4g}万"
    if units >= _MILLION:
        return f"{symbol}{units / _MILLION:,.4g}M"
    return whole.removesuffix(".00")


FUNCTIONS: Mapping[str, Callable[..., Any]] = {"percent_of": percent_of, "axis_money": axis_money}
"""What templates may use of this module."""
