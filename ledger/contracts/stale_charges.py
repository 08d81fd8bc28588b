"""Stale charges: those whose payment was reversed, or captured anew, since.

The institution has to take them back, and their month is not invoiced before.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ledger.errors import Refused
from ledger.limits import STALE_NAMED_MAX
from ledger.state import Row, Transaction


class StaleCharges(Row, frozen=True):
    """The count of a month's charges that await their reversal, and the payments of the first.

    There is no row where none does. ``payments`` are at most ``STALE_NAMED_MAX``.
    """

    TABLE: ClassVar[str] = "stale_charges"
    KEY: ClassVar[int] = 2

    period: str
    currency: str
    count: int
    payments: tuple[str, ...]


def add(tx: Transaction, month: tuple[str, str], payment: str) -> None:
    """Count the charge of a payment among the stale ones of its month and currency."""
    stale = tx.rows[StaleCharges][month] or StaleCharges(*month, count=0, payments=())
    names = (*stale.payments, payment)[:STALE_NAMED_MAX]
    tx.put(replace(stale, count=stale.count + 1, payments=names))


def remove(tx: Transaction, month: tuple[str, str], payment: str) -> None:
    """Count the charge of a payment, which was counted before, no longer."""
    stale = tx.rows[StaleCharges][month]
    if stale is None:
        raise LookupError(f"the state counts no stale charge of {month}")
    names = tuple(name for name in stale.payments if name != payment)
    left = replace(stale, count=stale.count - 1, payments=names)
    tx.set(StaleCharges, month, left if left.count else None)


def refuse_stale(tx: Transaction, period: str, currency: str) -> None:
    """Return if no charge of a month awaits its reversal.

    Raises:
        Refused: ``stale-charge``.
    """
    stale = tx.rows[StaleCharges][period, currency]
    if stale is None:
        return
    names = ", ".join(stale.payments)
    more = f"{names} and others" if stale.count > len(stale.payments) else names
    raise Refused(
        "stale-charge",
        f"Payments that were charged for {period} are reversed; take their charges back "
        "with fee.reversed before the month is invoiced.",
        expected=f"no stale charge in {currency}",
        got=f"{stale.count}: {more.removeprefix(' and ')}",
    )
