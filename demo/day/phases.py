"""Which of a day's rows reach a node, and when: trading hours, corrections, runs of payouts."""

from __future__ import annotations

from collections.abc import Iterator

from demo.day.payouts import PAYOUT_TIME
from demo.day.rows import (
    INSTRUCT,
    LOST,
    REVERSE,
    CaptureRow,
    ConfirmationRow,
    Day,
    OrderRow,
    PayoutRow,
    moment,
)


def trading_orders(day: Day) -> list[OrderRow]:
    """Return the instructions that reach the platform's node, in time order."""
    rows = [row for row in day.orders if row.action == INSTRUCT and row.delay != LOST]
    return sorted(rows, key=lambda row: (order_at(row), row.record))


def corrections(day: Day) -> list[OrderRow]:
    """Return the amendments and withdrawals that follow once the platform sees what is wrong."""
    rows = [row for row in day.orders if row.action != INSTRUCT and row.delay != LOST]
    return sorted(rows, key=lambda row: (order_at(row), row.record))


def trading_captures(day: Day) -> list[CaptureRow]:
    """Return the notifications that reach the institution's node before the payouts."""
    rows = _notified(day)
    return [row for row in rows if row.action != REVERSE and notified_at(row) < payouts_at(day)]


def reversals(day: Day) -> list[CaptureRow]:
    """Return the captures that the institution takes back."""
    return [row for row in _notified(day) if row.action == REVERSE]


def late_captures(day: Day) -> list[CaptureRow]:
    """Return the notifications that come only after the payouts."""
    return [row for row in _notified(day) if notified_at(row) >= payouts_at(day)]


def run_dates(day: Day) -> tuple[str, str]:
    """Return the cut-off dates of the two runs: the day itself, and the next business date."""
    return day.business_date, day.dates.after(day.business_date)


def runs(day: Day) -> Iterator[tuple[str, list[PayoutRow], list[ConfirmationRow]]]:
    """Yield the cut-off date of each run of payouts, the payouts, and what was said of them."""
    for date in run_dates(day):
        payouts = [row for row in day.payouts if row.cutoff_date == date]
        names = {row.payout for row in payouts}
        yield date, payouts, [row for row in day.confirmations if row.payout in names]


def _notified(day: Day) -> list[CaptureRow]:
    rows = [row for row in day.captures if row.delay != LOST]
    return sorted(rows, key=lambda row: (notified_at(row), row.record))


def order_at(row: OrderRow) -> int:
    """Return when the platform's node hears of an order row, ms since the epoch."""
    return moment(row.instructed_at) + int(row.delay)


def notified_at(row: CaptureRow) -> int:
    """Return when the institution's node hears of a capture, ms since the epoch."""
    return moment(row.captured_at) + int(row.delay)


def payouts_at(day: Day) -> int:
    """Return when the day's payouts begin, ms since the epoch."""
    return moment(f"{day.business_date}T{PAYOUT_TIME}+08:00")
