"""The payout runs of a generated day: transfers of exactly what is due, and who saw them arrive."""

from __future__ import annotations

from hashlib import sha256

from demo.day.cast import CURRENCY, Cast
from demo.day.dice import Dice
from demo.day.lines import DayLine, DayLines, Payouts, at, records
from ledger.contracts.settlement import (
    SettlementConfirmed,
    SettlementCreated,
    SettlementPaid,
    SettlementReturned,
)

PAYOUT_TIME = "22:00"
_ARRIVAL_TIME = "22:10"
_MINUTE_MS = 60_000
_RETURNED_PER = 20
_REASONS = ("account closed", "name mismatch", "account frozen")

DueLegs = dict[str, list[tuple[str, int]]]
"""Per receiver the payments and amounts of the legs that are due to it."""
Arrivals = DayLines[SettlementConfirmed]


def payouts(institution: str, dice: Dice, due: DueLegs, date: str, returning: set[str]) -> Payouts:
    """Return one payout per receiver with anything due, and how each ended.

    Args:
        institution: The party that pays out.
        dice: Where choices come from.
        due: What is due.
        date: The cut-off date of the run.
        returning: The receivers whose payouts come back (退汇).
    """
    start_ms = at(date, PAYOUT_TIME)
    created, results = [], []
    for name in sorted(due):
        payout = f"po-{date.replace('-', '')}-{name}"
        reference = "" if name in returning else sha256(dice.octets(32)).hexdigest()
        ended_ms = start_ms + dice.between(5_000, 300_000)
        created.append(
            SettlementCreated(
                id=f"{payout}.created",
                at=ended_ms - _MINUTE_MS,
                payout=payout,
                receiver=name,
                cutoff_date=date,
                amount=sum(amount for _, amount in due[name]),
                currency=CURRENCY,
                legs=len(due[name]),
            )
        )
        results.append(_result(payout, ended_ms, reference, dice))
    return tuple(DayLine(institution, record) for record in (*created, *results))


def _result(
    payout: str, at_ms: int, reference: str, dice: Dice
) -> SettlementPaid | SettlementReturned:
    if not reference:
        return SettlementReturned(
            id=f"{payout}.returned", at=at_ms, payout=payout, reason=dice.pick(_REASONS)
        )
    return SettlementPaid(
        id=f"{payout}.paid", at=at_ms, payout=payout, bank_reference=reference, paid_at=at_ms
    )


def returning(dice: Dice, cast: Cast, due: DueLegs) -> set[str]:
    """Return the few merchants whose payouts come back."""
    owned = {row.receiver for row in cast.owned}
    merchants = [name for name in sorted(due) if name not in owned]
    return set(dice.draw(merchants, max(1, len(merchants) // _RETURNED_PER)))


def arrivals(dice: Dice, cast: Cast, run: Payouts, date: str) -> Arrivals:
    """Return the owners' words on all that arrived with a run, each of them right."""
    owner = {row.receiver: row.owner for row in cast.owned}
    paid = {row.payout for row in records(run, SettlementPaid)}
    start_ms = at(date, _ARRIVAL_TIME)
    lines = []
    for row in records(run, SettlementCreated):
        if row.receiver in owner and row.payout in paid:
            received_ms = start_ms + dice.between(0, 600_000)
            arrival = SettlementConfirmed(
                id=f"{row.payout}.arrived",
                at=received_ms,
                payout=row.payout,
                amount=row.amount,
                currency=row.currency,
                received_at=received_ms,
            )
            lines.append(DayLine(owner[row.receiver], arrival))
    return tuple(lines)


def spoiled(dice: Dice, lines: Arrivals) -> tuple[Arrivals, dict[str, tuple[str, ...]]]:
    """Return arrivals of which the first names another amount and the last is never confirmed."""
    first, *middle, last = lines
    wrong = first.but(amount=first.record.amount - dice.between(1, 99))
    troubles: dict[str, tuple[str, ...]] = {
        "arrival-differs": (first.record.payout,),
        "arrival-unconfirmed": (last.record.payout,),
    }
    return (wrong, *middle), troubles
