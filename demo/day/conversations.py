"""Conversations, in which one party's word follows another's: agreements, refunds, fees, disputes.

A conversation is what its parties say, by the times in the files. A turn is what one party says
before another answers. Conversations are independent of each other: they may run side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from demo.day.lines import DayFiles, DayLine, at
from demo.day.trade import OPEN_TIME
from ledger.contracts import RULES
from ledger.contracts.fees import FeeCharged
from ledger.contracts.refund_float import FloatStatement
from ledger.contracts.refunds import RefundRequested
from ledger.records import Record


class Turn(NamedTuple):
    """Lines of one party in a row: only those about one subject keep their order."""

    party: str
    lines: tuple[DayLine[Any], ...]


def turns(lines: Iterable[DayLine[Any]], apart: type[Record] | None = None) -> list[Turn]:
    """Return a conversation by turns, in the order of the times.

    Records of the kind ``apart`` are a turn of their own, which ends before its party says more.
    """
    timed = sorted(lines, key=lambda line: line.record.at)
    runs = groupby(timed, key=lambda line: (line.party, type(line.record) is apart))
    return [Turn(party, tuple(run)) for (party, _), run in runs]


def subject_of(record: Record) -> str:
    """Return what a record is about.

    All that uses the refund float is about one thing, for each record needs what is left of it.
    """
    if isinstance(record, (FloatStatement, RefundRequested)):
        return "refund-float"
    return RULES[type(record)].subject(record)


def opening(day: DayFiles) -> list[Turn]:
    """Return what is agreed before the trade: calendar, fees, profit sharing, refund float."""
    return turns([*day.calendars, *day.terms, *_floats(day, is_early=True)])


def refunding(day: DayFiles) -> list[Turn]:
    """Return requests, their results, and what moves in the float meanwhile."""
    return turns([*_floats(day, is_early=False), *day.refunds])


def charging(day: DayFiles) -> list[Turn]:
    """Return the charges, the invoices with their settlement, and how the income is shared."""
    return turns([*day.fees, *day.invoices, *day.profits], apart=FeeCharged)


def disputing(day: DayFiles) -> list[Turn]:
    """Return what is contested after the first run of payouts, and the answers."""
    return turns(day.disputes)


def _floats(day: DayFiles, *, is_early: bool) -> list[DayLine[Any]]:
    opens_at = at(day.business_date, OPEN_TIME)
    return [line for line in day.floats if (line.record.at < opens_at) == is_early]
