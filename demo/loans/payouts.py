"""Payouts of a portfolio: on every Friday one transfer to each receiver to whom money is due.

Of these the last transfer to the first party is under way: its arrival is not confirmed. Or there
is a single run, on the last day but one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from demo.loans.cast import CURRENCY, PortfolioPlan, receiver_of
from demo.loans.life import Life
from demo.loans.said import Speech, moment
from demo.loans.splits import PlantedFault, right_on
from demo.portfolio import days
from ledger.contracts.settlement import SettlementConfirmed, SettlementCreated, SettlementPaid

_WEEK, _FRIDAY = 7, 5
_EVENING = 500


class LegDue(NamedTuple):
    """A leg: what is due to a party, of which payment, from which day on, and since when said."""

    party: str
    payment: str
    amount: int
    due: int
    said: int


class PayoutRun(NamedTuple):
    """A transfer to a party: the day of the run, the legs in it, and whether they arrived."""

    party: str
    day: int
    legs: tuple[LegDue, ...]
    arrived: bool

    @property
    def payout(self) -> str:
        """The payout's name."""
        return f"O-{days.write(self.day)}-{self.party}"


def runs(
    plan: PortfolioPlan, lives: Iterable[Life], faults: dict[str, PlantedFault]
) -> list[PayoutRun]:
    """Return all transfers, day by day."""
    found: list[PayoutRun] = []
    left = list(_legs_due(lives, faults))
    first_friday = plan.start + (_FRIDAY - plan.start) % _WEEK
    run_days = range(first_friday, plan.end + 1, _WEEK) if plan.weekly else [plan.end - 1]
    for day in run_days:
        goes = [leg for leg in left if _goes(plan, leg, day)]
        left = [leg for leg in left if not _goes(plan, leg, day)]
        for party in plan.owners:
            legs = tuple(leg for leg in goes if leg.party == party)
            is_under_way = plan.weekly and party == plan.owners[0] and day == run_days[-1]
            if legs:
                found.append(PayoutRun(party, day, legs, not is_under_way))
    return found


def _goes(plan: PortfolioPlan, leg: LegDue, day: int) -> bool:
    """Return whether a leg is in the run of a day: a month's runs are stated when it is over."""
    is_said = leg.said <= day
    if plan.weekly:
        is_said = days.write(leg.said)[:7] <= days.write(day)[:7]
    return leg.due <= day and is_said


def _legs_due(lives: Iterable[Life], faults: dict[str, PlantedFault]) -> Iterator[LegDue]:
    """Yield the legs that are split as agreed; each is due a day after its capture."""
    for life in lives:
        for repayment in life.repayments:
            said = right_on(repayment, faults)
            if said and not repayment.reversed:
                for party, part in repayment.shares.items():
                    yield LegDue(party, repayment.payment, part, repayment.day + 1, said)
        for paid in life.compensations:
            if not paid.reversed:
                for party, part in paid.shares.items():
                    yield LegDue(party, paid.payment, part, paid.day + 1, paid.day)


def told(plan: PortfolioPlan, run: PayoutRun) -> Speech:
    """Return what institution and owner say of a transfer."""
    speech = Speech(run.payout, _EVENING)
    about, amount = (receiver_of(run.party),), sum(leg.amount for leg in run.legs)
    institution = (plan.institution, run.day)
    speech.say(
        SettlementCreated,
        institution,
        about,
        payout=run.payout,
        receiver=receiver_of(run.party),
        cutoff_date=days.write(run.day),
        amount=amount,
        currency=CURRENCY,
        legs=len(run.legs),
    )
    reference = sha256(run.payout.encode()).hexdigest()
    paid = {"bank_reference": reference, "paid_at": moment(run.day, _EVENING)}
    speech.say(SettlementPaid, institution, about, payout=run.payout, **paid)
    if run.arrived:
        came = {"amount": amount, "currency": CURRENCY, "received_at": moment(run.day, _EVENING)}
        owner = (run.party, run.day)
        speech.say(SettlementConfirmed, owner, (run.payout,), about, payout=run.payout, **came)
    return speech
