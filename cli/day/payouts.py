"""The cut-off of a generated day: payouts of exactly what is due, and who saw them arrive."""

from __future__ import annotations

from hashlib import sha256

from cli.day.cast import CURRENCY, Cast, Plan
from cli.day.dice import Dice
from cli.day.rows import PAID, RETURNED, ConfirmationRow, PayoutRow, moment, stamp

PAYOUT_TIME = "22:00:00"
_ARRIVAL_TIME = "22:10:00"
_RETURNED_PER = 20
_REASONS = ("account closed", "name mismatch", "account frozen")


def payouts(plan: Plan, dice: Dice, due: dict[str, list[int]], cast: Cast) -> list[PayoutRow]:
    """Return one payout per receiver with anything due; a few come back (退汇)."""
    start_ms = moment(f"{plan.date}T{PAYOUT_TIME}+08:00")
    owned = {row.receiver for row in cast.owned}
    merchants = [name for name in sorted(due) if name not in owned]
    returned = set(dice.draw(merchants, max(1, len(merchants) // _RETURNED_PER)))
    rows = []
    for name in sorted(due):
        failed = name in returned
        rows.append(
            PayoutRow(
                payout=f"po-{plan.date.replace('-', '')}-{name}",
                receiver=name,
                cutoff_date=plan.date,
                amount=sum(due[name]),
                currency=CURRENCY,
                legs=len(due[name]),
                result=RETURNED if failed else PAID,
                bank_reference="" if failed else sha256(dice.octets(32)).hexdigest(),
                paid_at=stamp(start_ms + dice.between(5_000, 300_000)),
                reason=dice.pick(_REASONS) if failed else "",
            )
        )
    return rows


def confirmations(
    plan: Plan, dice: Dice, rows: list[PayoutRow], cast: Cast
) -> tuple[list[ConfirmationRow], dict[str, tuple[str, ...]]]:
    """Return the owners' arrivals: one is never confirmed, one confirmed with another amount."""
    owner = {row.receiver: row.owner for row in cast.owned}
    start_ms = moment(f"{plan.date}T{_ARRIVAL_TIME}+08:00")
    arrived = [row for row in rows if row.receiver in owner and row.result == PAID]
    unconfirmed, differing = arrived[-1].payout, arrived[0].payout
    confirmed = [
        ConfirmationRow(
            party=owner[row.receiver],
            payout=row.payout,
            amount=row.amount - dice.between(1, 99) if row.payout == differing else row.amount,
            currency=row.currency,
            received_at=stamp(start_ms + dice.between(0, 600_000)),
        )
        for row in arrived
        if row.payout != unconfirmed
    ]
    return confirmed, {
        "arrival-differs": (differing,),
        "arrival-unconfirmed": (unconfirmed,),
    }
