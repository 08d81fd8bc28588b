"""Moves: what a party may say next, and what it wants to be answered.

A move looks for something known that it fits, and drafts a record about it. A valid move wants
``applied``. Every refusal has a move of its own, which is made on purpose and wants that very code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from ledger.entry import APPLIED
from simulator.chance import Chance
from simulator.workload.knowledge import Knowledge, Shelf
from simulator.workload.subjects import Fields, Known, NothingFits

ANYBODY = ""
"""The role of moves that are open to every party, if they know something for it."""

ERRS_PPM = 80_000

T = TypeVar("T", bound=Known)


def nothing() -> None:
    """Learn nothing from an answer."""


def unnamed(raw: bytes) -> None:
    """Need no name of a record."""


class Draft(NamedTuple):
    """A record to be: its fields, what it is about, and what is learnt once it is applied.

    ``named`` is told its bytes: some records are named by their hash.
    """

    fields: Fields
    about: tuple[Known, ...] = ()
    then: Callable[[], None] = nothing
    named: Callable[[bytes], None] = unnamed


class Author(NamedTuple):
    """A party that drafts a record: what is known, who it is, what decides, and its wall clock."""

    known: Knowledge
    party: str
    chance: Chance
    now_ms: int

    def seek(self, shelf: Shelf[T], fits: Callable[[T], bool]) -> T | None:
        """Return a subject that fits and about which this party waits for no answer, or None."""
        return shelf.find(
            self.chance, lambda subject: self.party not in subject.busy and fits(subject)
        )

    def find(self, shelf: Shelf[T], fits: Callable[[T], bool]) -> T:
        """Return such a subject.

        Raises:
            NothingFits: there is none.
        """
        found = self.seek(shelf, fits)
        if found is None:
            raise NothingFits
        return found

    def assume(self, holds: bool) -> None:
        """Go on with a draft only if something holds.

        Raises:
            NothingFits: it does not.
        """
        if not holds:
            raise NothingFits

    def errs(self) -> bool:
        """Return whether it says otherwise than the other side, as happens."""
        return self.chance.happens(ERRS_PPM)

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}{self.known.number()}"

    def commitment(self) -> str:
        """Return a commitment to something."""
        return f"{self.known.number():064x}"

    def paid_by_bank(self, prefix: str) -> Fields:
        """Return what a bank tells of money that it has paid; a channel's number has a prefix."""
        number = {"channel_number": self.fresh(prefix)} if self.chance.happens(300_000) else {}
        return {"bank_reference": self.commitment(), "paid_at": self.now_ms, **number}

    @property
    def month(self) -> str:
        """The month of today's business date."""
        return self.known.date(self.now_ms)[:7]


Drafting = Callable[[Author], Draft]
"""A way to draft a record; it raises :class:`NothingFits` where its author knows nothing for it."""


class Attempt(NamedTuple):
    """A record of a type that is drafted for an outcome; ``weight`` is how often it comes."""

    wants: str
    draft: Drafting
    weight: int = 1


def valid(draft: Drafting, weight: int = 1) -> Attempt:
    """Return an attempt that is to be applied."""
    return Attempt(APPLIED, draft, weight)


def refused(code: str, draft: Drafting, weight: int = 1) -> Attempt:
    """Return an attempt that is to be refused with ``code``."""
    return Attempt(code, draft, weight)


Moves = dict[tuple[str, str], tuple[Attempt, ...]]
"""Attempts by role and record type; :data:`ANYBODY` may be the role."""


class Move(NamedTuple):
    """One kind of record to say: who may say it, of which type it is, what it is for."""

    role: str
    type: str
    wants: str
    draft: Drafting
    weight: int


def moves(table: Moves) -> Iterator[Move]:
    """Yield the moves of a business in order."""
    for (role, type_), attempts in table.items():
        for attempt in attempts:
            yield Move(role, type_, *attempt)
