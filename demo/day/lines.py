"""Lines of a business day's files: a record, who states it, and when its party's node hears of it.

The fields of :class:`DayFiles` that hold lines are its files, and the records that they may hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from demo.day.dates import PlainCalendar
from ledger import canonical
from ledger.contracts.calendars import CalendarAccepted, CalendarDeclared
from ledger.contracts.disputes import DisputeRaised, DisputeResolved
from ledger.contracts.fee_agreements import FeeAccepted, FeeAgreed
from ledger.contracts.fee_invoices import FeeInvoiced, FeeSettled
from ledger.contracts.fees import FeeCharged
from ledger.contracts.payments import (
    PaymentCaptured,
    SplitAmended,
    SplitInstructed,
    SplitWithdrawn,
)
from ledger.contracts.profit_agreements import ProfitAccepted, ProfitAgreed
from ledger.contracts.profits import ProfitConfirmed, ProfitShared
from ledger.contracts.receivers import ReceiverRegistered, ReceiverSuspended
from ledger.contracts.refund_float import (
    RefundFloatConfirmed,
    RefundFloatDeposited,
    RefundFloatWithdrawn,
)
from ledger.contracts.refunds import RefundFailed, RefundPaid, RefundRequested
from ledger.contracts.reversals import PaymentReversed
from ledger.contracts.settlement import (
    SettlementConfirmed,
    SettlementCreated,
    SettlementPaid,
    SettlementReturned,
)
from ledger.records import Record

R = TypeVar("R", bound=Record, covariant=True)
K = TypeVar("K", bound=Record)

ZONE = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class DayLine(NamedTuple, Generic[R]):
    """One line: what ``party`` states. Its node hears of it ``delay_ms`` later; None: never."""

    party: str
    record: R
    delay_ms: int | None = 0

    @property
    def heard_at(self) -> int:
        """When the node of the party hears of it, ms since the epoch; of what is not lost."""
        return self.record.at + (self.delay_ms or 0)

    @property
    def raw(self) -> bytes:
        """The record as canonical JSON."""
        return canonical.encode(self.record)

    def but(self, **changes: Any) -> DayLine[R]:
        """Return the line with other values in some fields of its record."""
        return self._replace(record=msgspec.structs.replace(self.record, **changes))


DayLines = tuple[DayLine[R], ...]
Registry = DayLines[ReceiverRegistered | ReceiverSuspended]
Orders = DayLines[SplitInstructed | SplitAmended | SplitWithdrawn]
Captures = DayLines[PaymentCaptured | PaymentReversed]
Payouts = DayLines[SettlementCreated | SettlementPaid | SettlementReturned]
Floats = DayLines[RefundFloatDeposited | RefundFloatWithdrawn | RefundFloatConfirmed]
Refunds = DayLines[RefundRequested | RefundPaid | RefundFailed]
Agreements = DayLines[FeeAgreed | FeeAccepted | ProfitAgreed | ProfitAccepted]
Invoices = DayLines[FeeInvoiced | FeeSettled]
Profits = DayLines[ProfitShared | ProfitConfirmed]
Disputes = DayLines[DisputeRaised | DisputeResolved]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """One business day and what follows from it: the files, the calendar, and the planted trouble.

    ``troubles`` names, by kind of trouble, the payments (or payouts) that it was planted in.
    """

    business_date: str
    dates: PlainCalendar
    platform: str
    institution: str
    seed: int
    troubles: dict[str, tuple[str, ...]]
    calendars: DayLines[CalendarDeclared | CalendarAccepted]
    terms: Agreements
    receivers: Registry
    orders: Orders
    captures: Captures
    payouts: Payouts = ()
    confirmations: DayLines[SettlementConfirmed] = ()
    floats: Floats = ()
    refunds: Refunds = ()
    fees: DayLines[FeeCharged] = ()
    invoices: Invoices = ()
    profits: Profits = ()
    disputes: Disputes = ()

    @property
    def lines(self) -> Iterator[DayLine[Record]]:
        """All lines, file by file."""
        return (line for name in TABLES for line in getattr(self, name))

    @property
    def parties(self) -> set[str]:
        """Who states anything on this day, owns a receiver, or has to answer a dispute."""
        named = {self.platform, self.institution} | {line.party for line in self.lines}
        named |= {row.against for row in records(self.disputes, DisputeRaised)}
        owners = {row.owner for row in records(self.receivers, ReceiverRegistered)}
        return named | {owner for owner in owners if owner}


def _kinds(lines: Any) -> tuple[type[Record], ...]:
    (kinds,) = get_args(get_args(lines)[0])
    return get_args(kinds) or (kinds,)


TABLES: dict[str, tuple[type[Record], ...]] = {
    name: _kinds(hint)
    for name, hint in get_type_hints(DayFiles).items()
    if get_origin(hint) is tuple
}
"""The tables of a day, in the order in which the day uses them, and the records of each."""


def those(lines: Iterable[DayLine[Record]], kind: type[K]) -> list[DayLine[K]]:
    """Return the lines whose records are of a kind."""
    return [line for line in lines if isinstance(line.record, kind)]  # type: ignore[misc]


def records(lines: Iterable[DayLine[Record]], kind: type[K]) -> list[K]:
    """Return the records of a kind."""
    return [line.record for line in lines if isinstance(line.record, kind)]


def moment(text: str) -> int:
    """Return the ms since the epoch of an ISO 8601 time with an offset."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MS


def at(date: str, time: str) -> int:
    """Return the ms since the epoch of a time of day, such as ``09:00``, at the offset +08:00."""
    return moment(f"{date}T{time}+08:00")


def stamp(time_ms: int) -> str:
    """Return ``time_ms`` as ISO 8601 with milliseconds and the offset +08:00."""
    return (_EPOCH + time_ms * _MS).astimezone(ZONE).isoformat(timespec="milliseconds")
