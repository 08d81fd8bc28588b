"""The tables of ``docs/simulation.md``: ``python -m tools.simulation_reference FILE``.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; everything else is left alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from simulator import library, plan, trace
from simulator.checkers import CHECKERS
from simulator.liars import LIES, sentence
from simulator.verdict import NAMES

MARKED = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(page: str) -> str:
    """Return ``page`` with every table as the code has it now.

    Raises:
        KeyError: the page asks for a table that there is not.
    """
    tables = {
        "faults": _faults,
        "events": _events,
        "lies": _lies,
        "checkers": _checkers,
        "scenarios": _scenarios,
    }
    return MARKED.sub(lambda m: f"{m[1]}{tables[m[2]]()}{m[3]}", page)


def _faults() -> str:
    return _table("kind", "fields and meaning", _docstring_rows(plan.__doc__ or ""))


def _events() -> str:
    return _table("event", "detail", _docstring_rows(trace.__doc__ or ""))


def _lies() -> str:
    return _table("lie", "what such a party does", ((f"`{lie}`", sentence(lie)) for lie in LIES))


def _checkers() -> str:
    rows = (
        (checker.invariant, f"{NAMES[checker.invariant]}: {_first_line(checker)}")
        for checker in CHECKERS
    )
    return _table("invariant", "what the checker watches", rows)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _scenarios() -> str:
    return "".join(
        f"### {name}\n\n{library.load(name).story}\n\n![{name}](simulation/{name}.svg)\n\n"
        for name in library.names()
    )


def _table(first: str, second: str, rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"| {first} | {second} |", "|---|---|"]
    lines += [f"| {one} | {other} |" for one, other in rows]
    return "\n".join(lines) + "\n"


def _docstring_rows(text: str) -> Iterator[tuple[str, str]]:
    """Yield the rows of a docstring's table whose first column is in code quotes."""
    tables = re.findall(r"^=+  =+\n(?:(?!``).*\n=+  =+\n)?((?:.+\n)+?)=+  =+$", text, re.MULTILINE)
    table = next(table for table in tables if table.startswith("``"))
    for row in re.split(r"\n(?=``)", table.rstrip("\n")):
        name, _, meaning = row.partition("  ")
        yield _markdown(name), _markdown(" ".join(meaning.split()))


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(render(page.read_text("utf-8")), "utf-8")
