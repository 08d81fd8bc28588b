"""The disputes of a generated day: about single legs, about what arrived, about what came back."""

from __future__ import annotations

from demo.day.dice import Dice
from demo.day.lines import DayFiles, DayLine, Disputes, at, records
from ledger.contracts.disputes import DisputeOutcome, DisputeRaised, DisputeResolved
from ledger.contracts.settlement import SettlementReturned

_RAISED_TIME, _ANSWERED_TIME = "23:40", "23:50"
_ANSWERS: dict[DisputeOutcome, str] = {
    "upheld": "the rate was agreed anew",
    "rejected": "as the order says",
}


def disputes(day: DayFiles, dice: Dice) -> Disputes:
    """Return the disputes of a day whose payouts and confirmations are known.

    The platform contests legs on its merchants' behalf and gets an answer. It also contests a
    payout that came back, and withdraws when the payout has gone out again. The owner who got less
    than was paid still waits for its answer.
    """
    lines: list[DayLine[DisputeRaised | DisputeResolved]] = []
    for payment in day.troubles["disputed-leg"]:
        tag, subject = payment.removeprefix("pay-"), f"payment:{payment}/leg:1"
        outcome = dice.pick(tuple(_ANSWERS))
        lines.append(_raised(day, tag, subject, "the merchant expected another share"))
        answer = _resolved(tag, at(day.business_date, _ANSWERED_TIME), outcome, _ANSWERS[outcome])
        lines.append(DayLine(day.institution, answer))
    (differing,) = day.troubles["arrival-differs"]
    owner = next(line.party for line in day.confirmations if line.record.payout == differing)
    less = _raised(day, "arrival", f"payout:{differing}", "less arrived than was paid")
    returned = records(day.payouts, SettlementReturned)[0].payout
    unpaid = _raised(day, "returned", f"payout:{returned}", "the merchant has not been paid")
    paid_ms = at(day.dates.after(day.business_date), _ANSWERED_TIME)
    withdrawal = _resolved("returned", paid_ms, "withdrawn", "paid with the next run")
    return (*lines, less._replace(party=owner), unpaid, DayLine(day.platform, withdrawal))


def _raised(day: DayFiles, tag: str, subject: str, reason: str) -> DayLine[DisputeRaised]:
    return DayLine(
        day.platform,
        DisputeRaised(
            id=f"dsp-{tag}.raised",
            at=at(day.business_date, _RAISED_TIME),
            dispute=f"dsp-{tag}",
            subject=subject,
            against=day.institution,
            reason=reason,
        ),
    )


def _resolved(tag: str, at_ms: int, outcome: DisputeOutcome, answer: str) -> DisputeResolved:
    return DisputeResolved(
        id=f"dsp-{tag}.resolved", at=at_ms, dispute=f"dsp-{tag}", outcome=outcome, reason=answer
    )
