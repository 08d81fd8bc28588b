"""The search for exceptions: what it looks at, and what is awaited and late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from ledger import expectations
from ledger.expectations import Expectation, ExpectationKind
from ledger.genesis import Genesis
from ledger.state import Walk
from views.reader import Reader, walked
from views.sheets.money import Tracing
from views.sheets.part import Part, Point
from views.sheets.views import ExceptionKind, ExceptionLine


class Search(NamedTuple):
    """Where exceptions are looked for: a snapshot, whose part, and as of when."""

    reader: Reader
    genesis: Genesis
    part: Part
    point: Point
    tracing: Tracing

    @property
    def platform(self) -> str:
        """The platform."""
        return self.genesis.sole("platform")

    @property
    def institution(self) -> str:
        """The institution."""
        return self.genesis.sole("institution")

    def starts(self, day: str) -> int:
        """Return when a business date begins, in ms."""
        return self.genesis.calendar.starts_at_ms(date.fromisoformat(day))

    def unmet(self, kinds: Iterable[ExpectationKind]) -> Iterator[Expectation]:
        """Yield what of some kinds is awaited of anybody, and is known, and late or conflicting.

        What was met since an earlier height is not found. The kind is a range, lest a database
        takes the primary key, and with it what is met.
        """
        for kind in kinds:
            for state in (expectations.CONFLICTING, expectations.OPEN):
                for party in self.genesis.names:
                    fixed = {"state": state, "awaited": party}
                    walk = Walk(fixed, ("kind", "subject"), since=kind, until=kind + " ")
                    yield from filter(self._is_wrong, walked(self.reader, Expectation, walk))

    def _is_wrong(self, row: Expectation) -> bool:
        if row.opened_entry >= self.point.known.size:
            return False
        return expectations.status(row, self.point.as_of_ms) != expectations.OPEN


def exception(
    kind: ExceptionKind, party: str, amount: int, since: int, **facts: Any
) -> ExceptionLine:
    """Return an exception whose age is not known yet.

    Args:
        kind: What is wrong.
        party: Who has to act.
        amount: What is in question, in minor units.
        since: When it began, in ms.
        facts: What it is about.
    """
    return ExceptionLine(kind=kind, party=party, amount=amount, since=since, age=0, **facts)
