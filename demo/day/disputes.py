"""The disputes of a generated day: about single legs, about what arrived, about what came back."""

from __future__ import annotations

from demo.day.dice import Dice
from demo.day.rows import RETURNED, Day, DisputeRow

_RAISED_TIME = "23:40:00"
_UPHELD, _REJECTED, _WITHDRAWN = "upheld", "rejected", "withdrawn"
_ANSWERS = {_UPHELD: "the rate was agreed anew", _REJECTED: "as the order says"}


def disputes(day: Day, dice: Dice) -> tuple[DisputeRow, ...]:
    """Return the disputes of a day whose payouts and confirmations are known.

    The platform contests legs on its merchants' behalf and gets an answer. It also contests a
    payout that came back, and withdraws when the payout has gone out again. The owner who got less
    than was paid still waits for its answer.
    """
    legs = [_of_leg(day, dice, payment) for payment in day.troubles["disputed-leg"]]
    returned = next(row.payout for row in day.payouts if row.result == RETURNED)
    came_back = _raised(day, "returned", day.platform, f"payout:{returned}")._replace(
        reason="the merchant has not been paid",
        outcome=_WITHDRAWN,
        answer="paid with the next run",
        resolved_at=f"{day.dates.after(day.business_date)}T23:50:00.000+08:00",
    )
    (differing,) = day.troubles["arrival-differs"]
    owner = next(row.party for row in day.confirmations if row.payout == differing)
    arrived = _raised(day, "arrival", owner, f"payout:{differing}")._replace(
        reason="less arrived than was paid"
    )
    return (*legs, arrived, came_back)


def _of_leg(day: Day, dice: Dice, payment: str) -> DisputeRow:
    outcome = dice.pick((_UPHELD, _REJECTED))
    row = _raised(day, payment.removeprefix("pay-"), day.platform, f"payment:{payment}/leg:1")
    return row._replace(
        reason="the merchant expected another share",
        outcome=outcome,
        answer=_ANSWERS[outcome],
        resolved_at=f"{day.business_date}T23:50:00.000+08:00",
    )


def _raised(day: Day, tag: str, party: str, subject: str) -> DisputeRow:
    return DisputeRow(
        dispute=f"dsp-{tag}",
        party=party,
        subject=subject,
        against=day.institution,
        reason="",
        raised_at=f"{day.business_date}T{_RAISED_TIME}.000+08:00",
        outcome="",
        answer="",
        resolved_at="",
    )
