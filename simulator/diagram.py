"""Sequence diagrams of a slice of a trace, as SVG or as Mermaid text.

A column is a machine, time runs down. Times that are apart by a millisecond or by a minute get the
same distance: what matters is the order. Messages that are lost end in a cross.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from simulator.errors import SimulatorError
from simulator.replay import Line, time_of
from simulator.rows import DiagramRows
from simulator.trace import clock

EVENTS_MAX = 400
"""A diagram of more is not readable."""

COLUMN, LEFT, TOP, ROW = 170, 90, 56, 17
RIGHT = 90
"""Room for what is written beside the last node."""
CHAR, CHAR_WORLD = 62, 68
"""Width of a character of a label, in tenths of a pixel."""
MARKS = ("start", "crash", "damage", "halt", "final", "evidence", "violation", "fault", "over")
QUIET = ("submit", "answer", "read", "miss")

_STYLE = """
text { font: 11px ui-monospace, monospace; fill: #333 }
.name { font: 600 13px ui-sans-serif, sans-serif; text-anchor: middle }
.time { fill: #888; text-anchor: end }
.life { stroke: #ccc; stroke-width: 1.5 }
.label { font-size: 10px; paint-order: stroke; stroke: #fff; stroke-width: 3px }
.before { text-anchor: end }
.arrow { stroke: #777; stroke-width: 1.2; marker-end: url(#head) }
.proposal { stroke: #1f6feb } .vote { stroke: #2da44e } .certificate { stroke: #8250df }
.lost { stroke: #cf222e; stroke-dasharray: 4 3; marker-end: url(#cross) }
.dot { fill: #2da44e } .bad { fill: #cf222e } .world { fill: #bf8700; font-weight: 600 }
""".strip()

_HEADS = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker>'
    '<marker id="cross" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="10" markerHeight="10">'
    '<path d="M1 1L7 7M7 1L1 7" stroke="#cf222e" stroke-width="1.5"/></marker></defs>'
)


class Arrow(NamedTuple):
    """A message: when and where it leaves, when it arrives (never, if it is lost), what it says."""

    at_us: int
    sender: str
    to: str
    arrives_us: tuple[int, ...]
    text: str


class DiagramMark(NamedTuple):
    """Something that happens on one machine, or to the world (``-``)."""

    at_us: int
    node: str
    event: str
    text: str


class Slice(NamedTuple):
    """A slice of a run to be drawn: machines in order, and what happens."""

    nodes: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    marks: tuple[DiagramMark, ...]


def cut(lines: Sequence[Line], nodes: Sequence[str] = ()) -> Slice:
    """Return what a diagram of ``lines`` shows.

    Args:
        lines: The events.
        nodes: The machines, in order; those of the events if there are none.

    Raises:
        SimulatorError: ``bad-slice``: nothing happens in it, or more than can be shown.
    """
    arrows = tuple(_arrow(line) for line in lines if line.event == "send")
    marks = tuple(DiagramMark(*line) for line in lines if line.event in MARKS)
    shown = tuple(nodes) or _nodes(arrows, marks)
    kept = tuple(a for a in arrows if a.sender in shown and a.to in shown)
    count = len(kept) + len(marks)
    if not shown or not count:
        raise SimulatorError("bad-slice", "nothing happens in this slice; widen --from and --to")
    if count > EVENTS_MAX:
        raise SimulatorError(
            "bad-slice",
            f"this slice has {count} events and a diagram at most {EVENTS_MAX}; "
            "narrow --from and --to, or name some --node",
        )
    return Slice(shown, kept, tuple(m for m in marks if m.node in (*shown, "-")))


def _arrow(line: Line) -> Arrow:
    to, when, text = (*line.detail.split(" ", 2), "", "")[:3]
    times = tuple(time_of(part) for part in when.split("+"))
    if when != "lost" and None in times:
        raise SimulatorError("bad-trace", f"{line.detail!r} does not say when it arrives")
    arrives = () if when == "lost" else tuple(time for time in times if time is not None)
    return Arrow(line.at_us, line.node, to, arrives, text)


def _nodes(arrows: Sequence[Arrow], marks: Sequence[DiagramMark]) -> tuple[str, ...]:
    found = [name for arrow in arrows for name in (arrow.sender, arrow.to)]
    found += [mark.node for mark in marks if mark.node != "-"]
    return tuple(dict.fromkeys(found))


# -- Mermaid --------------------------------------------------------------------------------------


def mermaid(shown: Slice) -> str:
    """Return a diagram as Mermaid text."""
    names = {node: f"p{place}" for place, node in enumerate(shown.nodes)}
    rows = ["sequenceDiagram"]
    rows += [f"    participant {short} as {node}" for node, short in names.items()]
    told: list[tuple[int, str]] = []
    for arrow in shown.arrows:
        head = "->>" if arrow.arrives_us else "-x"
        times = "+".join(map(clock, arrow.arrives_us)) or "lost"
        text = f"{arrow.text} ({clock(arrow.at_us)} to {times})"
        told.append((arrow.at_us, f"{names[arrow.sender]}{head}{names[arrow.to]}: {_plain(text)}"))
    for mark in shown.marks:
        over = names.get(mark.node) or f"p0,p{len(names) - 1}"
        text = f"{clock(mark.at_us)} {mark.event} {mark.text}".rstrip()
        told.append((mark.at_us, f"Note over {over}: {_plain(text)}"))
    rows += [f"    {text}" for _, text in sorted(told, key=lambda pair: pair[0])]
    return "\n".join(rows) + "\n"


def _plain(text: str) -> str:
    """Return text without what Mermaid takes for its own."""
    return text.translate({ord("#"): "#35;", ord(";"): "#59;"})


# -- SVG ------------------------------------------------------------------------------------------


class _Label(NamedTuple):
    """A text, in which row of which time, and the dot or the end of an arrow that it is beside."""

    kind: str
    at_us: int
    row: int
    x: int
    side: int
    text: str


class _Line(NamedTuple):
    """An arrow from a machine's column to where the label of one of its ends stands."""

    kind: str
    x: int
    at_us: int
    end: _Label


class _Drawing:
    """A layout: columns by machine, and the rows that are taken so far."""

    def __init__(self, shown: Slice) -> None:
        times = {arrow.at_us for arrow in shown.arrows} | {mark.at_us for mark in shown.marks}
        times |= {at_us for arrow in shown.arrows for at_us in arrow.arrives_us}
        self.width = LEFT + COLUMN * len(shown.nodes) + RIGHT
        self.columns = {node: LEFT + COLUMN // 2 + COLUMN * n for n, node in enumerate(shown.nodes)}
        self.rows = DiagramRows(times, (0, LEFT - 14))
        self.marks = [self._marked(mark) for mark in shown.marks]
        self.lines = [line for arrow in shown.arrows for line in self._arrived(arrow)]
        self.lines += self._lost(shown.arrows)

    def _marked(self, mark: DiagramMark) -> _Label:
        text = f"{mark.event} {_short(mark)}".rstrip()
        if mark.node == "-":
            return self._placed("world", mark.at_us, LEFT - 6, 1, text=text)
        kind = "dot" if mark.event in ("start", "final") else "bad"
        return self._placed(kind, mark.at_us, self.columns[mark.node], 1, text=text)

    def _arrived(self, arrow: Arrow) -> list[_Line]:
        """Return an arrow a copy of the message, each with its text where it arrives."""
        side, x1 = self._side(arrow), self.columns[arrow.sender]
        kind, x = f"arrow {arrow.text.partition(' ')[0]}", self.columns[arrow.to] - side * 3
        ends = (self._placed("end", at, x, -side, text=arrow.text) for at in arrow.arrives_us)
        return [_Line(kind, x1 + side * 3, arrow.at_us, end) for end in ends]

    def _lost(self, arrows: Sequence[Arrow]) -> list[_Line]:
        """Return a short arrow for all copies of a message that get lost on one side."""
        lost = (arrow for arrow in arrows if not arrow.arrives_us)
        copies = Counter(
            (each.at_us, self.columns[each.sender], self._side(each), each.text) for each in lost
        )
        lines = []
        for (at_us, x, side, text), number in copies.items():
            said = text if number == 1 else f"{text} ×{number}"
            end = self._placed("end", at_us, x + side * COLUMN // 2, -side, text=said, least=1)
            lines.append(_Line("arrow lost", x + side * 3, at_us, end))
        return lines

    def _side(self, arrow: Arrow) -> int:
        return 1 if self.columns[arrow.to] > self.columns[arrow.sender] else -1

    def _placed(
        self, kind: str, at_us: int, x: int, side: int, *, text: str, least: int = 0
    ) -> _Label:
        """Return a label in a row, from ``least`` on, that has room for it."""
        far = x + side * (10 + len(text) * (CHAR_WORLD if kind == "world" else CHAR) // 10)
        row = self.rows.place(at_us, (min(x, far), max(x, far)), least=least)
        return _Label(kind, at_us, row, x, side, text)


def svg(shown: Slice, title: str) -> str:
    """Return a diagram as an SVG document.

    Args:
        shown: What it shows.
        title: What readers are told that cannot see it.
    """
    drawing = _Drawing(shown)
    first = drawing.rows.numbers()
    width, height = drawing.width, TOP + ROW * (len(drawing.rows) + 2)

    def y(at_us: int, row: int = 0) -> int:
        return TOP + ROW * (first[at_us] + row)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label={quoteattr(title)}>',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{_HEADS}",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    parts += [_lifeline(node, x, height) for node, x in drawing.columns.items()]
    parts += [_text("time", LEFT - 14, y(at_us) + 4, clock(at_us)) for at_us in first]
    for kind, x, at_us, end in drawing.lines:
        place = f'x1="{x}" y1="{y(at_us)}" x2="{end.x}" y2="{y(end.at_us, end.row)}"'
        parts.append(f'<line class="{escape(kind)}" {place}/>')
    for label in (*(line.end for line in drawing.lines), *drawing.marks):
        parts += _labelled(label, y(label.at_us, label.row))
    return "\n".join((*parts, "</svg>")) + "\n"


def _lifeline(node: str, x: int, height: int) -> str:
    line = f'<line class="life" x1="{x}" y1="{TOP - 18}" x2="{x}" y2="{height - 10}"/>'
    return line + _text("name", x, TOP - 26, node)


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _labelled(label: _Label, y: int) -> list[str]:
    """Return the text of a label: a little above an arrow's end, or beside a dot."""
    if label.kind == "end":
        kind = "label" if label.side > 0 else "label before"
        return [_text(kind, label.x + label.side * 10, y - 3, label.text)]
    if label.kind == "world":
        return [_text("world", label.x + 10, y + 4, label.text)]
    dot = f'<circle class="{label.kind}" cx="{label.x}" cy="{y}" r="4.5"/>'
    return [dot, _text("label", label.x + 8, y + 4, label.text)]


def _short(mark: DiagramMark) -> str:
    """Return as much of a mark as fits beside it."""
    words = mark.text.split(" ")
    return " ".join(words[:2]) if mark.event == "final" else mark.text[:60]
