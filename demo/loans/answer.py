"""The answer key of a portfolio: what has to come of it, by the second computation alone.

Amounts are in minor units; what is nothing is left out of maps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from demo.loans.generate import Portfolio
from demo.loans.life import Life
from demo.loans.said import CapturedRepayment
from demo.loans.splits import FAULTS, REFUSED, PlantedFault
from demo.portfolio import days
from demo.portfolio.account import bucket, open_state, play
from demo.portfolio.instalment import FEE, INTEREST, PRINCIPAL
from demo.portfolio.loan import PortfolioAccount

Plain = dict[str, Any]
DaySums = defaultdict[tuple[int, str], Counter[str]]

SUMS = (
    "due", "captured", "split", "differing", "unstated", "to_pay", "in_transit", "arrived",
    "reversed", "overpaid", "failed",
)  # fmt: skip
"""What is summed up for each party and business date.

``due``: principal, interest and fees of the party by the plan that holds on the date, paid or not.
``captured``: its part of the date's repayments that stand; that is ``split`` as agreed, or the
split is ``differing``, or ``unstated``. Of what is split a part is ``to_pay``, ``in_transit``, or
has ``arrived``. ``reversed``: its part of those taken back since.
``overpaid`` and ``failed`` are whole amounts, of loans in which the party takes part.
"""

STATES = {
    "split": ("split", "to_pay"),
    "conflicting": ("differing",),
    "captured": ("unstated",),
}
"""How far a payment has got, and under which sums its parts stand until they are paid out."""


class DueClaim(NamedTuple):
    """What a party has due on a day by plan, paid or not, of one component of an instalment."""

    day: int
    party: str
    component: str
    amount: int


def answer(portfolio: Portfolio) -> Plain:
    """Return the answer key."""
    end, lives = portfolio.plan.end, portfolio.lives
    loans = [_loan(life, end) for life in lives]
    return {
        "plan": asdict(portfolio.plan),
        "stories": {life.story: life.name for life in lives if life.story},
        "records": {
            "stated": sum(len(turn.said) for turn in portfolio.turns),
            "refused": sum(FAULTS[each.fault] == REFUSED for each in portfolio.faults.values()),
        },
        "buckets": dict(sorted(Counter(each["bucket"] for each in loans).items())),
        "loans": loans,
        "repayments": [
            _repayment(each, portfolio.faults) for life in lives for each in life.repayments
        ],
        "compensations": [_compensation(each) for life in lives for each in life.compensations],
        "days": list(_days(portfolio)),
        "faults": [_fault(each) for each in portfolio.faults.values()],
    }


def _loan(life: Life, end: int) -> Plain:
    account = life.account
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in open_state(account, end):
        component = "fees" if each["component"].startswith(FEE) else each["component"]
        found[each["party"]][component] += each["open"]
    return {
        "loan": life.name,
        "settled": account.is_settled(account.latest),
        "days_past_due": account.days_past_due(end),
        "bucket": bucket(account, end),
        "open": {party: dict(sorted(found[party].items())) for party in sorted(found)},
    }


def state_of(repayment: CapturedRepayment, faults: dict[str, PlantedFault]) -> str:
    """Return how far a repayment has got in the end: reversed, split, conflicting or captured."""
    fault = faults.get(repayment.payment)
    if repayment.reversed:
        return "reversed"
    if fault is None or fault.corrected:
        return "split"
    return "captured" if FAULTS[fault.fault] == REFUSED else "conflicting"


def _repayment(repayment: CapturedRepayment, faults: dict[str, PlantedFault]) -> Plain:
    return {
        "payment": repayment.payment,
        "loan": repayment.loan,
        "attempt": repayment.attempt,
        "date": days.write(repayment.day),
        "amount": repayment.amount,
        "shares": repayment.shares,
        "overpaid": repayment.overpaid,
        "state": state_of(repayment, faults),
    }


def _compensation(paid: Any) -> Plain:
    said = asdict(paid)
    return {
        **said,
        "day": days.write(paid.day),
        "reversed": days.write(paid.reversed) if paid.reversed else "",
    }


def _fault(planted: PlantedFault) -> Plain:
    repayment = planted.repayment
    return {
        "fault": planted.fault,
        "outcome": FAULTS[planted.fault],
        "record": planted.record,
        "payment": repayment.payment,
        "loan": repayment.loan,
        "date": days.write(repayment.said),
        "right": repayment.shares,
        "stated": planted.stated,
        "differences": planted.differences,
        "harmed": planted.harmed,
        "corrected": days.write(planted.corrected) if planted.corrected else "",
    }


def _days(portfolio: Portfolio) -> Iterator[Plain]:
    """Yield the sums of each date and party, where there are any."""
    sums: DaySums = defaultdict(Counter)
    for life in portfolio.lives:
        for claim in due_by_plan(life.case, portfolio.plan.end):
            sums[claim.day, claim.party]["due"] += claim.amount
        for repayment in life.repayments:
            _add(sums, repayment, state_of(repayment, portfolio.faults), takers(life))
        for failed in life.failed:
            for party in takers(life):
                sums[failed.day, party]["failed"] += failed.amount
    _pay_out(sums, portfolio)
    for (day, party), found in sorted(sums.items()):
        if any(found.values()):
            yield {"date": days.write(day), "party": party, **{n: found[n] for n in SUMS}}


def _pay_out(sums: DaySums, portfolio: Portfolio) -> None:
    """Move what went out of repayments from what is to be paid to under way or arrived."""
    repaid = {each.payment: each.day for life in portfolio.lives for each in life.repayments}
    for run in portfolio.payouts:
        for leg in run.legs:
            day = repaid.get(leg.payment)
            if day is not None:
                moved = {"arrived" if run.arrived else "in_transit": leg.amount}
                sums[day, leg.party].update({**moved, "to_pay": -leg.amount})


def _add(
    sums: DaySums,
    repayment: CapturedRepayment,
    state: str,
    parties: Iterable[str],
) -> None:
    day = repayment.day
    for party, part in repayment.shares.items():
        names = ("reversed",) if state == "reversed" else ("captured", *STATES[state])
        sums[day, party].update(dict.fromkeys(names, part))
    if state != "reversed" and repayment.overpaid:
        for party in parties:
            sums[day, party]["overpaid"] += repayment.overpaid


def takers(life: Life) -> list[str]:
    """Return the parties that take part in a loan."""
    account = life.account
    return [each for each in (*account.funders, account.guarantor, account.platform) if each]


def due_by_plan(case: Plain, end: int) -> Iterator[DueClaim]:
    """Yield what is due of a loan by the plan that holds on each due date, up to the end."""
    events = [(days.read(event["date"]), event) for event in case["events"]]
    dates = [day for day, _ in events]
    if dates == sorted(dates):
        yield from _due_in_order(case, events, end)
        return
    account = PortfolioAccount(case)
    found = {row.due for row in account.living()}
    for _, event in events:
        play(account, event)
        found |= {row.due for row in account.living()}
    for day in sorted(each for each in found if each <= end):
        account = PortfolioAccount(case)
        for date, event in events:
            if date <= day:
                play(account, event)
        yield from _due_on(account, day, day)


def _due_in_order(case: Plain, events: list[tuple[int, Plain]], end: int) -> Iterator[DueClaim]:
    account, start = PortfolioAccount(case), 0
    for day, event in events:
        yield from _due_on(account, start, day - 1)
        play(account, event)
        start = day
    yield from _due_on(account, start, end)


def _due_on(account: PortfolioAccount, first: int, last: int) -> Iterator[DueClaim]:
    """Yield what is due on days from ``first`` to ``last`` by the plan as it stands."""
    rows = [row for row in account.living() if first <= row.due <= last]
    settled = _settled(account) if rows else {}
    for row in rows:
        for component, shares in row.open.items():
            if component in (PRINCIPAL, INTEREST) or component.startswith(FEE):
                paid = settled.get((row.number, component), Counter())
                for party in sorted({*shares, *paid}):
                    amount = shares.get(party, 0) + paid[party]
                    if amount:
                        yield DueClaim(row.due, party, component, amount)


def _settled(account: PortfolioAccount) -> dict[tuple[int, str], Counter[str]]:
    """Return what was paid or waived, by instalment and component, of each party's own."""
    found: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    moves = [move for _, move in account.waived]
    for entry in account.played.values():
        if entry.kind == "repayment" and not entry.reversed:
            moves += [move for move in entry.moves if not move.ahead]
    for move in moves:
        found[move.number, move.component][move.party] += move.amount
    return found
