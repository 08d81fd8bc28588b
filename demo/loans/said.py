"""Statements of a portfolio: a record, who states it on which day, and what it comes after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import msgspec

from demo.day.lines import at
from demo.portfolio import days
from ledger.records import Record, type_name

R = TypeVar("R", bound=Record)

_MINUTE_MS = 60_000
_MINUTES = 540
"""Business is done from ten in the morning on, for nine hours."""


class Said(NamedTuple):
    """A record that ``party`` states on a day.

    ``after`` names what it is about: of records about one thing, each is stated when the one before
    it is final. What it ``follows`` it waits for, too, but holds nothing of it up.
    """

    day: int
    party: str
    record: Record
    after: tuple[str, ...]
    follows: tuple[str, ...] = ()


@dataclass(slots=True)
class CapturedRepayment:
    """A repayment as it was captured, and how it has to be split, by the second computation.

    Args:
        loan: The loan's name.
        attempt: By which it was collected; unique in the loan.
        day: The business date of the capture.
        said: The day on which the institution states it.
        amount: Minor units.
        legs: What it pays: party, instalment, component and amount.
        overpaid: More than was owed.
        weights: The funders' shares in parts per million.
        reversed: The business date of its reversal; 0 if it stands.
    """

    loan: str
    attempt: str
    day: int
    said: int
    amount: int
    legs: list[dict[str, Any]]
    overpaid: int
    weights: dict[str, int]
    reversed: int = 0

    @property
    def payment(self) -> str:
        """Its payment's name."""
        return f"P-{self.loan}-{self.attempt}"

    @property
    def order(self) -> str:
        """Its order's name."""
        return f"O-{self.loan}-{self.attempt}"

    @property
    def shares(self) -> dict[str, int]:
        """What each party gets, in the order of names."""
        found: dict[str, int] = {}
        for leg in self.legs:
            found[leg["party"]] = found.get(leg["party"], 0) + leg["amount"]
        return dict(sorted(found.items()))


@dataclass(slots=True)
class FailedAttempt:
    """An attempt to collect that brought nothing."""

    loan: str
    attempt: str
    day: int
    amount: int


@dataclass(slots=True)
class CompensationPaid:
    """A compensation as it was settled: its money by party, and the business date of its capture.

    ``reversed`` is the business date on which its money went back; 0 if it stands.
    """

    loan: str
    compensation: str
    payment: str
    day: int
    amount: int
    shares: dict[str, int]
    reversed: int = 0


@dataclass(slots=True)
class Speech:
    """What is said of one thing, in order: each record has an id of its own."""

    name: str
    minute: int
    said: list[Said] = field(default_factory=list)

    def say(
        self,
        record_type: type[R],
        who: tuple[str, int],
        after: Iterable[str],
        follows: tuple[str, ...] = (),
        /,
        **fields: Any,
    ) -> R:
        """State a record.

        Args:
            record_type: The record's type.
            who: The party, and the day on which it states this.
            after: What it is about, see :class:`Said`.
            follows: What it waits for besides.
            fields: Its fields as plain data.
        """
        party, day = who
        number = len(self.said) + 1
        whole = {
            "type": type_name(record_type),
            "id": f"{self.name}-{number:03d}",
            "at": moment(day, self.minute) + number,
            **fields,
        }
        record = msgspec.convert(whole, record_type)
        self.said.append(Said(day, party, record, tuple(after), follows))
        return record


def moment(day: int, minute: int = 0) -> int:
    """Return a time of a day in business hours, ms since the epoch."""
    return at(days.write(day), "10:00") + minute % _MINUTES * _MINUTE_MS
