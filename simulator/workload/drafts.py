"""Drafts out of other drafts and of subjects that fit: how most of what is refused is made."""

from __future__ import annotations

from collections.abc import Callable

from ledger.genesis import AMOUNT_DEFAULT
from simulator.workload.knowledge import Knowledge, Shelf
from simulator.workload.moves import Author, Draft, Drafting, T
from simulator.workload.subjects import Fields, Known

YEAR_2100_MS = 4_102_444_800_000
"""A time that no run reaches: whoever claims it mistook something."""

OVER_LIMIT = AMOUNT_DEFAULT + 1
"""An amount that no single record may move."""


def spoilt(make: Drafting, **fields: object) -> Drafting:
    """Return ``make`` with other fields, from which the workload learns nothing."""
    return changed(make, lambda made: {**made, **fields})


def raised(make: Drafting, name: str) -> Drafting:
    """Return ``make`` with a number that is one too many."""
    return changed(make, lambda made: {**made, name: made[name] + 1})


def changed(make: Drafting, change: Callable[[Fields], Fields]) -> Drafting:
    """Return ``make`` with its fields changed, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        made = make(author)
        return Draft(change(made.fields), made.about)

    return draft


def rarely(ppm: int, make: Drafting) -> Drafting:
    """Return ``make`` for only so many in a million turns."""

    def draft(author: Author) -> Draft:
        author.assume(author.chance.happens(ppm))
        return make(author)

    return draft


def about(
    shelf: Callable[[Knowledge], Shelf[T]],
    fits: Callable[[Author, T], bool],
    fields: Callable[[Author, T], Fields],
) -> Drafting:
    """Return a record about a subject that fits, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        found = author.find(shelf(author.known), lambda each: fits(author, each))
        return Draft(fields(author, found), (found,))

    return draft


def anything(author: Author, subject: Known) -> bool:
    """Fit."""
    return True
