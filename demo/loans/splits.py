"""Splits of repayments: the right ones, and the wrong ones that are planted among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.day.dice import Dice
from demo.loans.cast import CURRENCY, PortfolioPlan, receiver_of
from demo.loans.life import Life
from demo.loans.said import CapturedRepayment, Speech
from demo.loans.stories import TODAY
from demo.portfolio.division import divide
from ledger.contracts.payments import SplitAmended, SplitInstructed, SplitWithdrawn

REFUSED, CONFLICT = "allocation-differs", "conflicting"

FAULTS = {
    "a-fen-off": REFUSED,
    "by-shares": REFUSED,
    "to-another-receiver": REFUSED,
    "loan-left-out": CONFLICT,
    "another-attempt": CONFLICT,
    "instructed-first": CONFLICT,
}
"""The wrong splits, and what becomes of each: refused with a code, or in conflict."""

_PER_FAULT = 200
"""One in so many repayments bears a fault of each kind."""

Shares = dict[str, int]
Who = tuple[str, int]


@dataclass(slots=True)
class PlantedFault:
    """A wrong split of a repayment.

    Args:
        fault: Its kind, of :data:`FAULTS`.
        repayment: What is split.
        stated: What the split gives to whom.
        record: The id of the wrong record.
        corrected: The day on which the platform states the right one; 0 if it has not.
    """

    fault: str
    repayment: CapturedRepayment
    stated: Shares
    record: str = ""
    corrected: int = 0

    @property
    def differences(self) -> Shares:
        """What the split gives to each party beyond what is right, where the two differ."""
        right = self.repayment.shares
        parties = sorted({*right, *self.stated})
        apart = {each: self.stated.get(each, 0) - right.get(each, 0) for each in parties}
        return {party: amount for party, amount in apart.items() if amount}

    @property
    def harmed(self) -> Shares:
        """What each party would lack; where the split names the loan wrongly, all of its part."""
        if self.fault in ("loan-left-out", "another-attempt"):
            return self.repayment.shares
        return {party: -amount for party, amount in self.differences.items() if amount < 0}


def plant(plan: PortfolioPlan, lives: Sequence[Life], dice: Dice) -> dict[str, PlantedFault]:
    """Choose the repayments that are split wrongly at first, by payment.

    Those of the last day are told by the loans' stories, and not corrected yet; else the platform
    states the right split on the next day.
    """
    found: dict[str, PlantedFault] = {}
    free: list[CapturedRepayment] = []
    for life in lives:
        for repayment in (each for each in life.repayments if not each.reversed):
            if repayment.said < plan.end and len(repayment.shares) > 1:
                free.append(repayment)
            elif repayment.said == plan.end and life.story in TODAY:
                found[repayment.payment] = _planted(plan, TODAY[life.story], repayment)
    count = max(1, len(free) // _PER_FAULT)
    for fault in FAULTS:
        left = [each for each in free if each.payment not in found]
        for repayment in _candidates(fault, left, count, dice):
            found[repayment.payment] = _planted(plan, fault, repayment)
    return found


def _planted(plan: PortfolioPlan, fault: str, repayment: CapturedRepayment) -> PlantedFault:
    """Return a fault of a repayment; another one, where it would be none or be refused as a sum.

    Shares may be what is open. Without its loan a split names nothing as overpaid.
    """
    if fault == "loan-left-out" and repayment.overpaid:
        fault = "another-attempt"
    stated = _wrong(plan, fault, repayment)
    if fault == "by-shares" and stated == repayment.shares:
        fault = "a-fen-off"
        stated = _wrong(plan, fault, repayment)
    corrected = repayment.said + 1 if repayment.said < plan.end else 0
    return PlantedFault(fault, repayment, stated, corrected=corrected)


def right_on(repayment: CapturedRepayment, faults: dict[str, PlantedFault]) -> int:
    """Return the day on which the platform states the right split; 0 if it has not."""
    fault = faults.get(repayment.payment)
    return repayment.said if fault is None else fault.corrected


def _candidates(
    fault: str, left: list[CapturedRepayment], count: int, dice: Dice
) -> list[CapturedRepayment]:
    """Choose repayments for a fault; for one by shares those where it does the most harm."""
    if fault != "by-shares":
        return dice.draw(left, min(count, len(left)))
    worst = sorted(left, key=lambda each: (-_harm_by_shares(each), each.payment))
    return [each for each in worst[:count] if _harm_by_shares(each)]


def _harm_by_shares(repayment: CapturedRepayment) -> int:
    right, stated = repayment.shares, _by_shares(repayment)
    return sum(max(0, right[each] - stated.get(each, 0)) for each in right)


def _by_shares(repayment: CapturedRepayment) -> Shares:
    """Divide what lenders and guarantor get by the lenders' shares of the proposal."""
    right, lenders = repayment.shares, {*repayment.weights}
    passed = {
        leg["party"] for leg in repayment.legs if leg["component"] in ("principal", "interest")
    }
    whole = sum(part for party, part in right.items() if party in lenders | passed)
    kept = {party: part for party, part in right.items() if party not in lenders | passed}
    return {**kept, **divide(whole, repayment.weights)}


def _wrong(plan: PortfolioPlan, fault: str, repayment: CapturedRepayment) -> Shares:
    """Return what a fault makes of the shares."""
    right = dict(repayment.shares)
    if fault in ("loan-left-out", "another-attempt"):
        return right
    if fault == "by-shares":
        return {party: part for party, part in sorted(_by_shares(repayment).items()) if part}
    giver = max(right, key=lambda party: (party in repayment.weights, right[party]))
    taker = plan.platform if giver != plan.platform else plan.funders[0]
    moved = right[giver] if fault == "to-another-receiver" else 1
    right[giver] -= moved
    right[taker] = right.get(taker, 0) + moved
    return {party: part for party, part in right.items() if part}


def tell(plan: PortfolioPlan, life: Life, planted: dict[str, PlantedFault]) -> Iterator[Speech]:
    """Yield what the platform says of each repayment of a loan; the faults learn their records."""
    for repayment in life.repayments:
        speech = Speech(repayment.payment, life.speech.minute)
        about = (repayment.payment,)
        fault = planted.get(repayment.payment)
        if fault is None:
            who = (plan.platform, repayment.said)
            speech.say(SplitInstructed, who, about, **split(repayment, repayment.shares))
        else:
            _tell_fault(plan, fault, speech)
        if repayment.reversed:
            said = {"payment": repayment.payment, "reason": "the repayment was void"}
            speech.say(SplitWithdrawn, (plan.platform, repayment.reversed), about, **said)
        yield speech


def _tell_fault(plan: PortfolioPlan, planted: PlantedFault, speech: Speech) -> None:
    repayment, right = planted.repayment, planted.repayment.shares
    said: dict[str, Any] = split(repayment, planted.stated)
    if planted.fault == "loan-left-out":
        del said["loan"], said["attempt"]
        said.pop("overpaid", None)
    elif planted.fault == "another-attempt":
        said["attempt"] = f"{repayment.attempt}-again"
    about = (repayment.payment,)
    first = (repayment.loan,) if planted.fault == "instructed-first" else ()
    wrong = speech.say(SplitInstructed, (plan.platform, repayment.said), about, first, **said)
    planted.record = wrong.id
    if planted.corrected:
        kind = SplitInstructed if FAULTS[planted.fault] == REFUSED else SplitAmended
        who = (plan.platform, planted.corrected)
        speech.say(kind, who, about, **split(repayment, right))


def split(repayment: CapturedRepayment, shares: Shares) -> dict[str, Any]:
    """Return the fields of a split of a repayment."""
    said: dict[str, Any] = {
        "payment": repayment.payment,
        "order": repayment.order,
        "amount": repayment.amount,
        "currency": CURRENCY,
        "mode": "fixed",
        "legs": [
            {"leg": at, "receiver": receiver_of(party), "purpose": "repayment", "amount": part}
            for at, (party, part) in enumerate(shares.items(), 1)
        ],
        "loan": repayment.loan,
        "attempt": repayment.attempt,
    }
    return {**said, "overpaid": repayment.overpaid} if repayment.overpaid else said
