"""Subjects of records: what stands in the ledger about one of them, whatever its kind.

A subject is named as records name it, ``dispute:D-7``. What has a view of its own, such as a
payment, is told there in full; for everything else this is its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from ledger.contracts.disputes import SUBJECTS, Dispute
from ledger.genesis import Genesis
from ledger.state import Row
from views.disputes import DISPUTES, DisputeView, disputes_about
from views.expectations import ExpectationView, expectations_on
from views.labels import Label, Subject, Whole
from views.listing import Asked, Listing, shown_items
from views.listings import LISTINGS
from views.reader import Reader
from views.timeline import EntryView, timeline
from views.view import ViewStruct

KINDS: Mapping[str, tuple[type[Row], ...]] = {**SUBJECTS, "dispute": (Dispute,)}
"""The rows, keyed by id alone, of which at least one stands for a subject of a kind."""

SHOWN_BY: Mapping[str, Listing] = {
    "dispute": DISPUTES,
    **{each.subject: each for each in LISTINGS if each.subject and issubclass(each.row, Row)},
}
"""The list that shows a subject of a kind; a loan has a view of its own."""


class SubjectView(ViewStruct, frozen=True, kw_only=True):
    """A subject: what it is now, what is awaited, who disputes it, and every entry about it.

    ``item`` is what the list of its kind shows, left out if there is none. ``whole`` says whether
    the timeline has all entries.
    """

    subject: Subject
    kind: Annotated[str, Label("kind", "种类")]
    name: Annotated[str, Label("id", "编号")]
    item: ViewStruct | None = None
    expectations: list[ExpectationView]
    disputes: list[DisputeView]
    timeline: list[EntryView]
    whole: Whole


def subject_view(
    reader: Reader, genesis: Genesis, subject: str, now: tuple[int, str]
) -> SubjectView | None:
    """Return a subject as it is shown; None if no record is about it.

    Args:
        reader: The snapshot.
        genesis: The founding document.
        subject: As records name it.
        now: The present in ms, at which is judged what is overdue, and its business date, on which
            agreements hold.
    """
    now_ms, today = now
    kind, _, name = subject.partition(":")
    entries, whole = timeline(reader, [subject])
    item = _item(Asked(reader, genesis, {"on": today, "as_of": now_ms}, None, 1, {}), kind, name)
    if item is None and not entries:
        return None
    awaited = [subject, *(f"{subject}/{party}" for party in genesis.names)]
    return SubjectView(
        subject=subject,
        kind=kind,
        name=name,
        item=item,
        expectations=expectations_on(reader, awaited, now_ms),
        disputes=disputes_about(reader, [subject]),
        timeline=entries,
        whole=whole,
    )


def is_known(reader: Reader, kind: str, name: str) -> bool:
    """Return whether a row stands for a subject."""
    return any(reader.row(row, (name,)) is not None for row in KINDS.get(kind, ()))


def _item(asked: Asked, kind: str, name: str) -> ViewStruct | None:
    listing = SHOWN_BY.get(kind)
    row = None if listing is None else asked.reader.row(listing.row, (name,))
    if listing is None or row is None:
        return None
    item: ViewStruct = shown_items(listing, asked, [row])[0]
    return item
