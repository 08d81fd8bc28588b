"""Moves: what a party may say next, and what it wants to be answered.

A move looks at the book for something that it fits, and drafts a record about it; it says None when
there is nothing. A valid move wants ``applied``. Every refusal has a move of its own, which is made
on purpose and wants that very code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ledger.entry import APPLIED
from ledger.genesis import AMOUNT_DEFAULT
from simulator.chance import Chance
from simulator.workload.knowledge import Knowledge, Shelf
from simulator.workload.subjects import Fields, Known

ANYBODY = ""
"""The role of moves that are open to every party, if the book has something for it."""

YEAR_2100_MS = 4_102_444_800_000
"""A time that no run reaches: whoever claims it mistook something."""

OVER_LIMIT = AMOUNT_DEFAULT + 1
"""An amount that no single record may move."""

T = TypeVar("T", bound=Known)


def nothing() -> None:
    """Learn nothing from an answer."""


class Draft(NamedTuple):
    """A record to be: its fields, what it is about, and what the book learns once it is applied."""

    fields: Fields
    about: tuple[Known, ...] = ()
    then: Callable[[], None] = nothing


class Author(NamedTuple):
    """Where a party drafts a record: the book, who it is, what decides, and its wall clock."""

    known: Knowledge
    party: str
    chance: Chance
    now_ms: int

    def find(self, shelf: Shelf[T], fits: Callable[[T], bool]) -> T | None:
        """Return a subject that fits and about which this party waits for no answer."""
        return shelf.find(
            self.chance, lambda subject: self.party not in subject.busy and fits(subject)
        )

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}{self.known.number()}"

    def commitment(self) -> str:
        """Return a commitment to something."""
        return f"{self.known.number():064x}"

    @property
    def month(self) -> str:
        """The month of today's business date."""
        return self.known.date(self.now_ms)[:7]


class Move(NamedTuple):
    """One kind of subject to say.

    ``role`` may say it, ``wants`` is the outcome that it is for, ``weight`` how often it comes.
    """

    role: str
    type: str
    wants: str
    draft: Callable[[Author], Draft | None]
    weight: int = 1


def valid(role: str, type_: str, draft: Callable[[Author], Draft | None], weight: int = 1) -> Move:
    """Return a move that wants to be applied."""
    return Move(role, type_, APPLIED, draft, weight)


def spoilt(
    make: Callable[[Author], Draft | None], **fields: object
) -> Callable[[Author], Draft | None]:
    """Return a move that is ``make`` with other fields, from which the book learns nothing."""

    def draft(author: Author) -> Draft | None:
        made = make(author)
        return None if made is None else Draft({**made.fields, **fields}, made.about)

    return draft


def raised(make: Callable[[Author], Draft | None], name: str) -> Callable[[Author], Draft | None]:
    """Return a move that is ``make`` with a number that is one too many."""

    def draft(author: Author) -> Draft | None:
        made = make(author)
        if made is None:
            return None
        return Draft({**made.fields, name: made.fields[name] + 1}, made.about)

    return draft
