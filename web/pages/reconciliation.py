"""Reconciliation: which party owes which other one its half, in how many matters and how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ledger.expectations import CONFLICTING, KINDS, OPEN, OVERDUE, UnmetTotal
from views import cells
from views.conflicts import conflicts
from views.expectations import UnmetSum
from views.overview import oldest_unmet
from web.owed import differing, kind, named, owed
from web.page import Pages, Visit

OLDEST_MAX = 30
CONFLICTS_MAX = 30
STATES = (CONFLICTING, OVERDUE, OPEN)
"""The states of what is not met, the worst first."""


class Unmet(NamedTuple):
    """What is not met of some matters: counts by state, sums by currency, and since when.

    ``where`` are the filters of the list that has them one by one.
    """

    counts: Mapping[str, int]
    sums: Sequence[tuple[str, int]]
    oldest_at: int
    where: Mapping[str, str]

    @property
    def total(self) -> int:
        """How many they are."""
        return sum(self.counts.values())

    @property
    def tone(self) -> str:
        """The tone of the worst of them."""
        return "bad" if self.counts[CONFLICTING] or self.counts[OVERDUE] else "warn"

    def address(self, state: str = "unmet") -> str:
        """Return the page that lists them, in one state or in all."""
        return f"/expectations?{urlencode({**self.where, 'state': state})}"


class Matrix(NamedTuple):
    """What is not met by the party that owes it (rows) and the one to which (columns)."""

    awaited: Sequence[str]
    openers: Sequence[str]
    cells: Mapping[tuple[str, str], Unmet]
    by_awaited: Mapping[str, Unmet]
    by_opener: Mapping[str, Unmet]
    all: Unmet


def add_to(pages: Pages) -> None:
    """Add the page of what is not met."""
    pages.add("/reconciliation", "reconciliation.html", reconciliation_page)


def reconciliation_page(visit: Visit) -> Mapping[str, Any]:
    """Show what is not met: by pair of parties, by kind, and the oldest of it."""
    totals = visit.reader.unmet_sums({}, visit.now_ms)
    oldest = oldest_unmet(visit.reader, OLDEST_MAX, visit.now_ms)
    return {
        "states": STATES,
        "matrix": matrix_of(totals, visit.genesis.names),
        "kinds": [(name, each) for name in KINDS if (each := _of_kind(totals, name)) is not None],
        "oldest": oldest,
        "differing": differing(visit, oldest),
        "conflicts": conflicts(visit.reader, visit.genesis, CONFLICTS_MAX),
        "owed": owed,
        "state_word": lambda word: cells.word(UnmetSum, "state", word),
        "kind": kind,
        "named": named,
        "twin": "/v1/expectations/summary",
        "live": "/live",
    }


def matrix_of(totals: Sequence[UnmetTotal], parties: Sequence[str]) -> Matrix:
    """Return sums as a matrix of those parties that owe, or are owed, anything."""
    by_pair = _grouped(totals, lambda each: (each.awaited, each.opener))
    by_awaited = _grouped(totals, lambda each: each.awaited)
    by_opener = _grouped(totals, lambda each: each.opener)
    return Matrix(
        awaited=[name for name in parties if name in by_awaited],
        openers=[name for name in parties if name in by_opener],
        cells={
            pair: _unmet(found, {"awaited": pair[0], "opener": pair[1]})
            for pair, found in by_pair.items()
        },
        by_awaited={name: _unmet(found, {"awaited": name}) for name, found in by_awaited.items()},
        by_opener={name: _unmet(found, {"opener": name}) for name, found in by_opener.items()},
        all=_unmet(totals, {}),
    )


def _of_kind(totals: Iterable[UnmetTotal], name: str) -> Unmet | None:
    found = [each for each in totals if each.kind == name]
    return _unmet(found, {"kind": name}) if found else None


def _grouped(
    totals: Iterable[UnmetTotal], key: Callable[[UnmetTotal], Any]
) -> dict[Any, list[UnmetTotal]]:
    found: dict[Any, list[UnmetTotal]] = {}
    for each in totals:
        found.setdefault(key(each), []).append(each)
    return found


def _unmet(totals: Sequence[UnmetTotal], where: Mapping[str, str]) -> Unmet:
    counts = dict.fromkeys(STATES, 0)
    sums: dict[str, int] = {}
    for each in totals:
        counts[each.state] += each.count
        if each.currency:
            sums[each.currency] = sums.get(each.currency, 0) + each.amount
    oldest = min((each.oldest_at for each in totals), default=-1)
    return Unmet({state: counts[state] for state in STATES}, sorted(sums.items()), oldest, where)
