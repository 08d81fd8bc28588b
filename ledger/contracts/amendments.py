"""Amendments: what a new instruction has to leave as it is."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import books
from ledger.contracts import allocation
from ledger.contracts.allocation import Leg, Shares, Split
from ledger.contracts.halves import Instruction
from ledger.errors import Refused
from ledger.state import Transaction


def refuse_moved(
    tx: Transaction,
    record: Split,
    shares: Shares,
    existing: Instruction,
    paid: Mapping[int, Leg],
) -> None:
    """Return if an amendment leaves the legs that are in a payout as they are.

    Args:
        tx: The record's transaction.
        record: The amendment.
        shares: What each of its legs gets.
        existing: The instruction that it replaces.
        paid: The legs of that which are in a payout, by number.

    Raises:
        Refused: ``leg-in-payout``.
    """
    stated = {
        leg.leg: (leg.receiver, amount, leg.purpose)
        for leg, amount in zip(record.legs, shares.amounts, strict=True)
    }
    same = not paid or (
        (record.order, record.amount, record.currency)
        == (existing.order, existing.amount, existing.currency)
    )
    for number, leg in paid.items():
        if not same or stated.get(number) != (leg.receiver, leg.amount, leg.purpose):
            amount = books.money(leg.amount, existing.currency)
            payout = allocation.payout_of(tx, leg)
            raise Refused(
                "leg-in-payout",
                f"Leg {number} of payment {record.payment} is in payout {payout}; an amendment "
                "states it, the order and the amount as they are, until that payout was returned.",
                expected=f"leg {number}: {amount} to {leg.receiver} ({leg.purpose}), of order "
                f"{existing.order} and {books.money(existing.amount, existing.currency)} in all",
                got=_said_of(record, stated.get(number)),
            )


def _said_of(record: Split, leg: tuple[str, int, str] | None) -> str:
    whole = f"of order {record.order} and {books.money(record.amount, record.currency)} in all"
    if leg is None:
        return f"no such leg, {whole}"
    receiver, amount, purpose = leg
    return f"{books.money(amount, record.currency)} to {receiver} ({purpose}), {whole}"
