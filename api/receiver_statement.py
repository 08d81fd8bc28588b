"""A receiver's statement, from the postings to its three accounts.

The books hold what is due (``pending``) and on its way (``in_transit``). What was paid leaves them
for good where no party owns the receiver, so its sum is kept along the way: what a settlement's
entry takes from the two accounts was paid, and what it gives back to them was not.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from ledger import books
from ledger.contracts.receivers import Receiver
from ledger.contracts.settlement import SettlementConfirmed
from ledger.limits import LEGS_CEILING, SAFE_INTEGER_MAX
from ledger.posted import PostedEntry
from ledger.records import type_name
from node.storage.books import BookReader
from views.receivers import ReceiverLine

_CONFIRMED = type_name(SettlementConfirmed)
_SETTLEMENTS = "settlement."
_ROWS_OF_ENTRY_MAX = 2 * LEGS_CEILING
"""How often an entry may post to one account: an amendment takes every leg back and enters it anew.

An entry is whole only if all of them are read, and a page has to hold one whole entry at least.
"""


class ReceiverStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The statement of a receiver in the order of the log, or a page of it.

    A page may be short: go on while there is a ``next``.
    """

    receiver: str
    currency: str
    lines: list[ReceiverLine]
    next: str | UnsetType = UNSET


class Sums(NamedTuple):
    """Amounts in minor units: due, in transit, paid in all, and arrived of that."""

    due: int
    in_transit: int
    paid: int
    arrived: int

    def plus(self, other: Sums) -> Sums:
        """Return both, added up."""
        return Sums(*(one + more for one, more in zip(self, other, strict=True)))


class RunningLine(NamedTuple):
    """One entry, what it changed for the receiver, and the sums after it."""

    entry: PostedEntry
    change: Sums
    after: Sums


def running_lines(
    reader: BookReader, receiver: Receiver, after: tuple[int, Sums], limit: int
) -> tuple[list[RunningLine], bool]:
    """Return a receiver's lines in the order of the log, and whether there are more.

    Args:
        reader: The books.
        receiver: Whose statement it is.
        after: The last entry already seen, −1 for none, and the sums after it.
        limit: How many lines at most; there may be fewer although there are more.
    """
    start, sums = after
    by_entry, horizon = _postings(reader, receiver, start, limit)
    whole = sorted(index for index in by_entry if index < horizon)
    lines: list[RunningLine] = []
    for index in whole[:limit]:
        entry, amounts = by_entry[index]
        change = _change(entry.type, amounts)
        sums = sums.plus(change)
        lines.append(RunningLine(entry, change, sums))
    return lines, len(lines) < len(by_entry)


_Amounts = dict[str, int]


def _postings(
    reader: BookReader, receiver: Receiver, start: int, limit: int
) -> tuple[dict[int, tuple[PostedEntry, _Amounts]], int]:
    """Return what entries credited to each account, and before which entry that is complete."""
    found: dict[int, tuple[PostedEntry, _Amounts]] = {}
    horizon = SAFE_INTEGER_MAX
    rows_max = limit + _ROWS_OF_ENTRY_MAX + 1
    for account in (books.pending, books.in_transit, books.paid):
        name = account(receiver.receiver)
        place = (start, SAFE_INTEGER_MAX)
        rows = reader.statement((name, receiver.currency), SAFE_INTEGER_MAX, place, rows_max)
        for row in rows:
            amounts = found.setdefault(row.entry.index, (row.entry, {}))[1]
            amounts[account.__name__] = amounts.get(account.__name__, 0) - row.amount
        if len(rows) == rows_max:
            horizon = min(horizon, rows[-1].entry.index)
    return found, horizon


def _change(type_: str, amounts: _Amounts) -> Sums:
    due, in_transit = amounts.get("pending", 0), amounts.get("in_transit", 0)
    settled = type_.startswith(_SETTLEMENTS)
    arrived = -amounts.get("paid", 0) if type_ == _CONFIRMED else 0
    return Sums(due, in_transit, -(due + in_transit) if settled else 0, arrived)


def receiver_line(line: RunningLine) -> ReceiverLine:
    """Return a line as it is shown."""
    entry, change, after = line
    return ReceiverLine(
        entry=entry.index,
        time=entry.time,
        date=entry.date,
        party=entry.party,
        id=entry.id,
        type=entry.type,
        subject=entry.subject,
        due_change=change.due,
        in_transit_change=change.in_transit,
        paid_change=change.paid,
        arrived_change=change.arrived,
        due=after.due,
        in_transit=after.in_transit,
        paid=after.paid,
        arrived=after.arrived,
    )
