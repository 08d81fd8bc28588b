"""Phases of a day: which lines reach a node when: trading, corrections, runs of payouts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from demo.day.lines import DayFiles, DayLine, DayLines, Orders, Payouts, at, records, those
from demo.day.payouts import PAYOUT_TIME
from ledger.calendar import Calendar
from ledger.contracts.payments import PaymentCaptured, SplitInstructed
from ledger.contracts.reversals import PaymentReversed
from ledger.contracts.settlement import SettlementConfirmed, SettlementCreated
from ledger.records import Record

R = TypeVar("R", bound=Record)


def founding(day: DayFiles) -> Calendar:
    """Return the calendar that a genesis for the day needs, before any declaration."""
    return msgspec.convert(day.dates.founded(), Calendar)


def trading_orders(day: DayFiles) -> list[DayLine[SplitInstructed]]:
    """Return the instructions that reach the platform's node, in time order."""
    return heard(those(day.orders, SplitInstructed))


def corrections(day: DayFiles) -> Orders:
    """Return the amendments and withdrawals that follow once the platform sees what is wrong."""
    rest = (line for line in day.orders if not isinstance(line.record, SplitInstructed))
    return tuple(heard(rest))


def trading_captures(day: DayFiles) -> list[DayLine[PaymentCaptured]]:
    """Return the notifications that reach the institution's node before the payouts."""
    return [line for line in _notified(day) if line.heard_at < _payouts_at(day)]


def late_captures(day: DayFiles) -> list[DayLine[PaymentCaptured]]:
    """Return the notifications that come only after the payouts."""
    return [line for line in _notified(day) if line.heard_at >= _payouts_at(day)]


def reversals(day: DayFiles) -> list[DayLine[PaymentReversed]]:
    """Return the captures that the institution takes back."""
    return heard(those(day.captures, PaymentReversed))


def run_dates(day: DayFiles) -> tuple[str, str]:
    """Return the cut-off dates of the two runs: the day itself, and the next business date."""
    return day.business_date, day.dates.after(day.business_date)


def runs(day: DayFiles) -> Iterator[tuple[str, Payouts, DayLines[SettlementConfirmed]]]:
    """Yield the cut-off date of each run of payouts, the payouts, and what was said of them."""
    created = records(day.payouts, SettlementCreated)
    for date in run_dates(day):
        names = {record.payout for record in created if record.cutoff_date == date}
        yield (
            date,
            tuple(line for line in day.payouts if line.record.payout in names),
            tuple(line for line in day.confirmations if line.record.payout in names),
        )


def heard(lines: Iterable[DayLine[R]]) -> list[DayLine[R]]:
    """Return the lines that are not lost, in the order in which a node hears of them."""
    found = [line for line in lines if line.delay_ms is not None]
    return sorted(found, key=lambda line: (line.heard_at, line.record.id))


def _notified(day: DayFiles) -> list[DayLine[PaymentCaptured]]:
    return heard(those(day.captures, PaymentCaptured))


def _payouts_at(day: DayFiles) -> int:
    return at(day.business_date, PAYOUT_TIME)
