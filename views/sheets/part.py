"""A party's part of the ledger, and the point as of which a sheet looks at it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.contracts.loan_rows import LoanAgreement
from ledger.contracts.receivers import Receiver
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Walk
from views.loan_history import Vantage
from views.reader import Reader, walked

_HOLDERS: Final = ("funder", "guarantor", "platform")
"""Roles that hold claims on loans. A party of another role sees all of it."""


class Part(NamedTuple):
    """A party's part: its own claims and receivers, or all of them.

    ``receivers`` has the owner of each receiver that a party owns and that is of the part.
    """

    party: str
    role: str
    whole: bool
    receivers: dict[str, Receiver]

    def claims(self, party: str) -> bool:
        """Return whether what is due to ``party`` is of the part."""
        return self.whole or party == self.party

    def takes_part(self, agreement: LoanAgreement) -> bool:
        """Return whether the party has a side in a loan."""
        return self.whole or self.party in (*agreement.names, agreement.platform)

    def in_question(self, own: int, all_of_it: int, acting: str) -> int:
        """Return the amount of an exception: its own, or all where the party has to act."""
        return all_of_it if self.party == acting else own


class Point(NamedTuple):
    """As of when: the business date, what is known, and the time at which lateness is judged.

    ``today`` is the business date of that time. ``may_be_later`` says that the ledger may have
    records of later dates, which do not count.
    """

    known: Vantage
    as_of_ms: int
    today: str
    may_be_later: bool

    @property
    def is_past(self) -> bool:
        """Whether there are entries that are not known yet."""
        return self.known.size < SAFE_INTEGER_MAX

    @property
    def day(self) -> str:
        """The business date in ISO 8601."""
        return self.known.day.isoformat()


def part_of(reader: Reader, genesis: Genesis, party: str) -> Part:
    """Return the part of a party of the consortium."""
    role = genesis.roles[party]
    whole = role not in _HOLDERS
    owners = genesis.names if whole else (party,)
    receivers = {
        row.receiver: row
        for owner in owners
        for row in walked(reader, Receiver, Walk({"owner": owner}, ("receiver",)))
    }
    return Part(party, role, whole, receivers)
