"""The payout runs of a generated day: transfers of exactly what is due, and who saw them arrive."""

from __future__ import annotations

from hashlib import sha256

from demo.day.cast import CURRENCY, Cast
from demo.day.dice import Dice
from demo.day.rows import PAID, RETURNED, ConfirmationRow, PayoutRow, moment, stamp

PAYOUT_TIME = "22:00:00"
_ARRIVAL_TIME = "22:10:00"
_RETURNED_PER = 20
_REASONS = ("account closed", "name mismatch", "account frozen")

Due = dict[str, list[tuple[str, int]]]
"""Per receiver the payments and amounts of the legs that are due to it."""


def payouts(
    dice: Dice, cast: Cast, due: Due, *, date: str, with_returns: bool
) -> tuple[PayoutRow, ...]:
    """Return one payout per receiver with anything due.

    Args:
        dice: Where choices come from.
        cast: The receivers.
        due: What is due.
        date: The cut-off date of the run.
        with_returns: Whether a few merchants' payouts come back (退汇).
    """
    start_ms = moment(f"{date}T{PAYOUT_TIME}+08:00")
    owned = {row.receiver for row in cast.owned}
    merchants = [name for name in sorted(due) if name not in owned]
    count = max(1, len(merchants) // _RETURNED_PER) if with_returns else 0
    returned = set(dice.draw(merchants, count))
    rows = []
    for name in sorted(due):
        failed = name in returned
        rows.append(
            PayoutRow(
                payout=f"po-{date.replace('-', '')}-{name}",
                receiver=name,
                cutoff_date=date,
                amount=sum(amount for _, amount in due[name]),
                currency=CURRENCY,
                legs=len(due[name]),
                result=RETURNED if failed else PAID,
                bank_reference="" if failed else sha256(dice.octets(32)).hexdigest(),
                paid_at=stamp(start_ms + dice.between(5_000, 300_000)),
                reason=dice.pick(_REASONS) if failed else "",
            )
        )
    return tuple(rows)


def arrivals(
    dice: Dice, cast: Cast, rows: tuple[PayoutRow, ...], date: str
) -> tuple[ConfirmationRow, ...]:
    """Return the owners' words on all that arrived with a run, each of them right."""
    owner = {row.receiver: row.owner for row in cast.owned}
    start_ms = moment(f"{date}T{_ARRIVAL_TIME}+08:00")
    return tuple(
        ConfirmationRow(
            party=owner[row.receiver],
            payout=row.payout,
            amount=row.amount,
            currency=row.currency,
            received_at=stamp(start_ms + dice.between(0, 600_000)),
        )
        for row in rows
        if row.receiver in owner and row.result == PAID
    )


def spoiled(
    dice: Dice, rows: tuple[ConfirmationRow, ...]
) -> tuple[tuple[ConfirmationRow, ...], dict[str, tuple[str, ...]]]:
    """Return arrivals of which the first names another amount and the last is never confirmed."""
    first, *middle, last = rows
    wrong = first._replace(amount=first.amount - dice.between(1, 99))
    troubles: dict[str, tuple[str, ...]] = {
        "arrival-differs": (first.payout,),
        "arrival-unconfirmed": (last.payout,),
    }
    return (wrong, *middle), troubles
