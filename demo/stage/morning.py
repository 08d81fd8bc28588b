"""The funders' morning: a portfolio's history is stated, its last day lived, its sheets made.

What every sheet has to say is worked out by the second computation of loans, before any node is
asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from cli.output import money
from demo.day.conversations import Turn
from demo.day.lines import DayLine
from demo.loans.answer import SUMS, answer
from demo.loans.cast import CURRENCY, LOANS_MIN, MONTHS_MIN, PortfolioPlan
from demo.loans.generate import Portfolio, generate, turns_of
from demo.loans.said import Said
from demo.stage.feeder import Feeder
from demo.stage.observer import Observer
from demo.stage.pages import all_of
from demo.stage.screen import Screen
from demo.stage.trading_day import hold
from ledger.contracts.settlement import SettlementConfirmed, SettlementCreated, SettlementPaid

if TYPE_CHECKING:
    from ledger.genesis import Role

Plain = dict[str, Any]

TURN_RECORDS_MAX = 1000
"""A turn goes out in one request, which keeps its order."""

PAYOUTS = (SettlementCreated, SettlementPaid, SettlementConfirmed)

STANDING = {"days_past_due": 0, "bucket": "", "open_principal": 0}
"""The fields of a loan that are compared, and what they are where an answer leaves them out."""

SHOWN = ("due", "captured", "split", "differing", "unstated", "failed")
"""The figures of a sheet that the report shows."""


def morning_plan(parties: list[tuple[str, Role]], seed: int) -> PortfolioPlan | None:
    """Return the plan of a portfolio for a cast; None if nobody of it lends, or guarantees."""
    by_role: dict[str, list[str]] = {}
    for name, role in parties:
        by_role.setdefault(role, []).append(name)
    funders, guarantors = by_role.get("funder", []), by_role.get("guarantor", [])
    if not funders or not guarantors:
        return None
    return PortfolioPlan(
        loans=LOANS_MIN,
        months=MONTHS_MIN,
        seed=seed,
        platform=by_role["platform"][0],
        institution=by_role["institution"][0],
        funders=tuple(funders),
        guarantor=guarantors[0],
        weekly=False,
    )


class FundersMorning:
    """A portfolio that the parties' feeders state, and what has to come of it.

    Args:
        plan: The portfolio; its last day is lived last.
    """

    def __init__(self, plan: PortfolioPlan) -> None:
        self.plan = plan
        self.portfolio: Portfolio = generate(plan)
        self.key = answer(self.portfolio)

    @property
    def lines(self) -> list[DayLine[Any]]:
        """All that is stated."""
        return [DayLine(each.party, each.record) for each in self._said()]

    def _said(self) -> Iterable[Said]:
        return chain.from_iterable(self.portfolio.parts)

    async def play(
        self, feeders: Mapping[str, Feeder], observer: Observer, screen: Screen
    ) -> Plain:
        """State all of it; return what the morning showed, and what had to come of it.

        Args:
            feeders: One feeder per party.
            observer: Tells when all nodes have come to one height, and asks them.
            screen: Told what happens.
        """
        end = self.plan.end
        before = [each for each in self._said() if each.day < end]
        history = [each for each in before if not isinstance(each.record, PAYOUTS)]
        payouts = [each for each in before if isinstance(each.record, PAYOUTS)]
        today = [each for each in self._said() if each.day == end]
        screen.event(f"{self.plan.loans} loans, {self.plan.months} months: {len(before)} records")
        await hold(feeders, [*_spoken(history), *_spoken(payouts)], TURN_RECORDS_MAX)
        await observer.until_equal()
        screen.event(f"the funders' morning (资金方的早晨), {self.plan.date}: {len(today)} records")
        await hold(feeders, _spoken(today), TURN_RECORDS_MAX)
        await observer.until_equal()
        sheets, loans = await asyncio.gather(self._sheets(observer), self._loans(observer))
        return {
            "date": self.plan.date,
            "loans": self.plan.loans,
            "records": len(before) + len(today),
            "sheets": sheets,
            "standing": loans,
            "wrong": self._wrong(),
            "compensations": [
                each for each in self.key["compensations"] if each["day"] == self.plan.date
            ],
        }

    async def _sheets(self, observer: Observer) -> dict[str, Plain]:
        """Return each party's sheet of the last day, made by that party's own node."""
        parties = self.plan.owners
        made = await asyncio.gather(
            *(
                observer.get(party, "/v1/reports/day", party=party, date=self.plan.date)
                for party in parties
            )
        )
        return dict(zip(parties, made, strict=True))

    async def _loans(self, observer: Observer) -> dict[str, list[Any]]:
        """Return days past due, bucket and open principal of each loan, as a funder sees them."""
        get = partial(observer.get, self.plan.funders[0])
        found = await all_of(get, "loans", as_of=self.plan.date)
        return {
            each["loan"]: [each.get(name, nought) for name, nought in STANDING.items()]
            for each in found
        }

    def _wrong(self) -> list[Plain]:
        return [each for each in self.key["faults"] if not each["corrected"]]

    def expected(self) -> dict[str, Any]:
        """Return what has to come of it: the figures of each sheet, and how each loan stands."""
        days = {
            each["party"]: {name: each[name] for name in SUMS}
            for each in self.key["days"]
            if each["date"] == self.plan.date
        }
        nothing = dict.fromkeys(SUMS, 0)
        return {
            "figures": {party: days.get(party, nothing) for party in self.plan.owners},
            "loans": {
                each["loan"]: [
                    each["days_past_due"],
                    each["bucket"],
                    sum(open_.get("principal", 0) for open_ in each["open"].values()),
                ]
                for each in self.key["loans"]
            },
            "refused": sum(each["outcome"] != "conflicting" for each in self.key["faults"]),
        }


def _spoken(said: list[Said]) -> list[Turn]:
    return [
        Turn(turn.party, tuple(DayLine(each.party, each.record) for each in turn.said))
        for turn in turns_of(said)
    ]


def figures_of(sheet: Plain) -> dict[str, int]:
    """Return the figures of a sheet under the names of the answer key."""
    told = {each["name"].replace("-", "_"): each["amount"] for each in sheet["figures"]}
    return {name: told[name] for name in SUMS}


def yuan(amount: int) -> str:
    """Return an amount of the portfolio for people."""
    return money(amount, CURRENCY).removesuffix(f" {CURRENCY}")
