"""A timeline with a lane for each party: who stated what, when, and which half is missing.

It is made of any entries and any expectations, of a payment, a payout, a loan, a dispute, or of
several things at once. In the function of a page::

    from web import timeline
    ...
    return {"timeline": timeline.drawn(visit, view.timeline, view.expectations), ...}

and in its template::

    {% from "timeline.html" import lanes with context %}
    {% block scripts %}<link rel="stylesheet" href="{{ static('timeline.css') }}">{% endblock %}
    ...
    {{ lanes(timeline) }}

Entries stand from top to bottom in the order of the log, each in the lane of the party that stated
it. What an entry awaits and nobody has stated is a gap beside it, in the lane of the awaited party.
Where the two halves meet, or contradict each other, a bar joins their lanes below the later one.
Without room for lanes, as on a phone, each mark has its party's name instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ledger.entry import APPLIED
from ledger.expectations import (
    CONFLICTING,
    DISPUTE,
    FEE_REVERSAL,
    MET,
    PAYOUT_RESULT,
    REFUND_RESULT,
    REVERSAL,
)
from views import cells
from views.expectations import ExpectationView
from views.labels import Label
from views.listing import Column
from views.sentences import Sentence, refusal, sentences
from views.timeline import EntryView
from web.page import Visit
from web.values import age

_SECOND_MS = 1000
_ANSWERS = (PAYOUT_RESULT, REFUND_RESULT, DISPUTE, REVERSAL, FEE_REVERSAL)
LANES_MAX = 8
"""Parties that have a lane of their own; with more of them every mark has its party's name."""


def _late_by(item: Mapping[str, Any]) -> str:
    return age(item["lateness_ms"]) if item["lateness_ms"] >= _SECOND_MS else ""


LATE_BY = Column(Label("late by", "迟到", "age"), text=_late_by)
"""A column for tables of expectations, empty where the half was in time."""


class Lane(NamedTuple):
    """The lane of a party."""

    party: str
    role: str


class Gap(NamedTuple):
    """A half that is awaited, and the number of its lane, from 1 on."""

    expectation: ExpectationView
    lane: int


class Join(NamedTuple):
    """Two halves of a fact, from the first of their lanes to the last.

    ``stated`` and ``answered`` are the amounts of halves that differ, with their parties; ``by_it``
    says whether it is met by the half that was awaited.
    """

    expectation: ExpectationView
    first: int
    last: int
    stated: str = ""
    answered: str = ""
    by_it: bool = True

    @property
    def is_answer(self) -> bool:
        """Whether it awaited a result or an answer, and not the same fact once more."""
        return self.expectation.kind in _ANSWERS


class TimelineStep(NamedTuple):
    """An entry with what hangs on it; without one, gaps of entries that are not shown."""

    entry: EntryView | None
    lane: int
    said: Sentence
    refusal: str
    gaps: Sequence[Gap]
    joins: Sequence[Join]


class Timeline(NamedTuple):
    """What is drawn."""

    lanes: Sequence[Lane]
    steps: Sequence[TimelineStep]

    @property
    def layout(self) -> str:
        """How many lanes there are, as the style sheet calls it."""
        return f"lanes-{len(self.lanes)}" if len(self.lanes) <= LANES_MAX else "lanes-many"


def drawn(
    visit: Visit, entries: Sequence[EntryView], expectations: Sequence[ExpectationView]
) -> Timeline:
    """Return a timeline.

    Args:
        visit: The look at the ledger; what records name is looked up in its snapshot.
        entries: What was stated, in the order of the log, refused records too.
        expectations: What is or was awaited about the same things.
    """
    lanes = _lanes(visit, entries, expectations)
    numbers = {lane.party: number for number, lane in enumerate(lanes, 1)}
    joins = _joins(entries, expectations, numbers)
    gaps: dict[int, list[Gap]] = {}
    known = {each.index for each in entries}
    for each in expectations:
        if each.state not in (MET, CONFLICTING):
            place = each.opened_entry if each.opened_entry in known else -1
            gaps.setdefault(place, []).append(Gap(each, numbers[each.awaited]))
    steps = [
        TimelineStep(
            entry=entry,
            lane=numbers[entry.party],
            said=said,
            refusal=refusal(entry.outcome),
            gaps=gaps.get(entry.index, ()),
            joins=joins.get(entry.index, ()),
        )
        for entry, said in zip(entries, sentences(visit.reader, entries), strict=True)
    ]
    apart = gaps.get(-1)
    return Timeline(lanes, steps + ([TimelineStep(None, 0, (), "", apart, ())] if apart else []))


def _lanes(
    visit: Visit, entries: Iterable[EntryView], expectations: Iterable[ExpectationView]
) -> list[Lane]:
    """Return the lanes of the parties concerned, in the order of the founding document."""
    concerned = {each.party for each in entries}
    for each in expectations:
        concerned |= {each.opener, each.awaited}
    roles = visit.genesis.roles
    ordered = [name for name in roles if name in concerned] + sorted(concerned - set(roles))
    return [Lane(name, roles.get(name, "")) for name in ordered]


def _joins(
    entries: Sequence[EntryView], expectations: Iterable[ExpectationView], numbers: dict[str, int]
) -> dict[int, list[Join]]:
    """Return what joins halves, by the entry below which it is drawn."""
    by_index = {each.index: each for each in entries}
    found: dict[int, list[Join]] = {}
    for each in expectations:
        later = by_index.get(each.settled_entry)
        if each.state == CONFLICTING:
            later = _answer(entries, each)
        if later is None or each.state not in (MET, CONFLICTING):
            continue
        first, last = sorted((numbers[each.opener], numbers[each.awaited]))
        join = Join(each, first, last, by_it=_is_met_by(later, each))
        if each.state == CONFLICTING:
            stated = _amount(by_index.get(each.opened_entry), each)
            join = join._replace(stated=stated, answered=_amount(later, each))
        found.setdefault(later.index, []).append(join)
    return found


def _is_met_by(entry: EntryView, expectation: ExpectationView) -> bool:
    """Return whether an entry is the awaited half, or else what made it one that nobody awaits.

    The party that is awaited can end it, too, as with a reversal: then a detail says so.
    """
    by_it = entry.party == expectation.awaited
    return by_it and (expectation.kind in _ANSWERS or not expectation.detail)


def _answer(entries: Sequence[EntryView], expectation: ExpectationView) -> EntryView | None:
    """Return the half that contradicts: the last that the awaited party stated about it since."""
    answers = [
        each
        for each in entries
        if each.party == expectation.awaited
        and each.subject == expectation.subject
        and each.outcome == APPLIED
        and each.index > expectation.opened_entry
    ]
    return answers[-1] if answers else None


def _amount(entry: EntryView | None, expectation: ExpectationView) -> str:
    """Return the amount that an entry states; where it states none, what is at stake."""
    values = {} if entry is None else msgspec.json.decode(entry.record)
    amount = values.get("amount", expectation.amount)
    return cells.money(amount, values.get("currency", expectation.currency))
