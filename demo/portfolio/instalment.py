"""Instalment: what it asked for, what is open to whom, and a diary of its overdue principal.

The diary has one entry for each night from the due date on: the principal open that night. The
penalty is the sum of the nights, so a payment that arrives late, or is taken back, changes nights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from demo.portfolio import days
from demo.portfolio.division import Shares, half_up
from demo.portfolio.plan import MILLION, Exact, PlanPeriod

PRINCIPAL, INTEREST, PENALTY, EARLY_FEE = "principal", "interest", "penalty", "early-fee"
FEE = "fee:"


@dataclass(slots=True)
class InstalmentAccount:
    """An instalment of the present plan, or one that was whole or replaced before it.

    Args:
        period: Its number, days and part of a year.
        open: What is open, by component and party; nothing is below zero.
        asked: What was asked for so far, by component: open and settled.
        lent: Of the principal asked for, whose it is, paid or not.
        balances: From which day on interest runs on which balance; empty if the interest is stated.
        frozen: The day up to which nights no longer change.
        fixed: Penalty that has been divided.
        spared: Whether it became whole within the days of grace.
        gone: Whether a later plan has none like it or replaces it.
        changed_by: The record that changed it last, by its place in the log.
    """

    period: PlanPeriod
    open: dict[str, Shares] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    lent: Shares = field(default_factory=dict)
    balances: list[tuple[int, int]] = field(default_factory=list)
    diary: list[int] = field(default_factory=list)
    frozen: int = 0
    fixed: int = 0
    spared: bool = False
    gone: bool = False
    changed_by: int = 0

    @property
    def number(self) -> int:
        """Return the instalment's number."""
        return self.period.number

    @property
    def due(self) -> int:
        """Return the due date's number."""
        return self.period.due

    def copy(self) -> InstalmentAccount:
        """Return a copy that shares nothing that changes."""
        return replace(
            self,
            open={component: dict(shares) for component, shares in self.open.items()},
            asked=dict(self.asked),
            lent=dict(self.lent),
            balances=list(self.balances),
            diary=list(self.diary),
        )

    def ask(self, component: str, shares: Shares) -> None:
        """Ask for a component, divided."""
        here = self.open.setdefault(component, {})
        for party, amount in shares.items():
            here[party] = here.get(party, 0) + amount
            self._lend(component, party, amount)
        self.asked[component] = self.asked.get(component, 0) + sum(shares.values())

    def replace(self, component: str, shares: Shares) -> None:
        """Let ``shares`` be what is open from now on; what is settled stays settled."""
        self.asked[component] = self.settled(component) + sum(shares.values())
        for party, amount in self.open.get(component, {}).items():
            self._lend(component, party, -amount)
        for party, amount in shares.items():
            self._lend(component, party, amount)
        self.open[component] = shares

    def _lend(self, component: str, party: str, amount: int) -> None:
        if component == PRINCIPAL:
            self.lent[party] = self.lent.get(party, 0) + amount

    def holders(self) -> Shares:
        """Return the principal that is open to each; where none is, all that was."""
        return self.open[PRINCIPAL] if self.sum_open(PRINCIPAL) else self.lent

    def sum_open(self, component: str) -> int:
        """Return what is open of a component."""
        return sum(self.open.get(component, {}).values())

    def settled(self, component: str) -> int:
        """Return what was paid or waived of a component."""
        return self.asked.get(component, 0) - self.sum_open(component)

    def total_open(self) -> int:
        """Return all that is open, without penalty that nobody has touched yet."""
        return sum(self.sum_open(component) for component in self.open)

    def change(self, component: str, party: str, amount: int, day: int) -> int:
        """Add to what is open, from a day on or, where nights are frozen, from then on.

        Returns:
            The first night that changed.
        """
        night = max(day, self.frozen, self.due)
        if component == PRINCIPAL:
            self.keep_diary(night)
            for at in range(night - self.due, len(self.diary)):
                self.diary[at] += amount
        here = self.open.setdefault(component, {})
        here[party] = here.get(party, 0) + amount
        if here[party] < 0:
            raise ValueError(f"instalment {self.number}: {party} would have {here[party]} open")
        return night

    def reopen(self, component: str, party: str, amount: int, night: int, day: int) -> None:
        """Take a payment back on a day, as though it had never been there: its nights count again.

        The nights before the day are written down first, as they were.
        """
        if component == PRINCIPAL:
            self.keep_diary(max(night, day))
            for at in range(night - self.due, len(self.diary)):
                self.diary[at] += amount
        here = self.open.setdefault(component, {})
        here[party] = here.get(party, 0) + amount

    def come_back(self, component: str, party: str, amount: int) -> None:
        """Ask for what an earlier plan had, from now on; nights before cost nothing."""
        if self.spared:
            self.diary = [0] * len(self.diary)
        self.ask(component, {party: amount})
        self.spared = self.gone = False

    def hand_over(self, component: str, giver: str, taker: str, amount: int) -> None:
        """Let what is open to one party be open to another."""
        here = self.open[component]
        here[giver] -= amount
        here[taker] = here.get(taker, 0) + amount
        self._lend(component, giver, -amount)
        self._lend(component, taker, amount)

    def keep_diary(self, until: int) -> None:
        """Write the nights before ``until`` down."""
        missing = until - self.due - len(self.diary)
        if missing > 0:
            self.diary.extend([self.sum_open(PRINCIPAL)] * missing)

    def forget_nights(self, after: int) -> None:
        """Forget nights that somebody asked about before they came."""
        del self.diary[max(0, after - self.due) :]

    def untouched_penalty(self, terms: dict[str, Any], day: int) -> int:
        """Return the penalty up to a day beyond what was divided before."""
        day = max(day, self.frozen)
        if self.spared or day - self.due <= terms["grace_days"] or not terms["penalty_ppm"]:
            return 0
        self.keep_diary(day)
        count = terms["day_count"]
        nights = days.weigh(self.diary[: day - self.due], self.due, count)
        total = half_up(nights * terms["penalty_ppm"], MILLION * days.year_days(count))
        return max(0, total - self.fixed)

    def touch(self, terms: dict[str, Any], day: int, split: Callable[[int], Shares]) -> None:
        """Fix and divide the penalty up to a day; nights before it no longer change."""
        penalty = self.untouched_penalty(terms, day)
        if penalty:
            self.fixed += penalty
            self.ask(PENALTY, split(penalty))
        if day > self.due:
            self.keep_diary(day)
            self.frozen = max(self.frozen, day)

    def judge_grace(self, grace_days: int, day: int) -> None:
        """Spare it of penalty if it is whole within the days of grace; else no longer."""
        whole = not self.total_open()
        if whole and not self.spared:
            self.spared = max(day, self.frozen) - self.due <= grace_days
        elif not whole:
            self.spared = False

    def interest_to(self, day: int, rate: int) -> Exact:
        """Return the exact interest from the period's first day to ``day``, by actual days."""
        length = self.period.due - self.period.start
        if not self.balances:
            return self.asked.get(INTEREST, 0) * (day - self.period.start), length
        part, year = self.period.part
        ends: Iterable[int] = [start for start, _ in self.balances[1:]] + [day]
        nights = sum(
            balance * max(0, min(end, day) - min(start, day))
            for (start, balance), end in zip(self.balances, ends, strict=True)
        )
        return nights * rate * part, MILLION * year * length
