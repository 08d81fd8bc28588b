"""The terms, holders and instalments of a loan as they stand after the records played so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from demo.portfolio import days, plan
from demo.portfolio.division import Shares, columns, divide
from demo.portfolio.instalment import FEE, INTEREST, PENALTY, PRINCIPAL, InstalmentAccount
from demo.portfolio.plan import MILLION
from demo.portfolio.refusal import RuleBroken

FUNDERS = "funders"
"""The word in place of a party's name for what all funders get by their shares."""

FUNDERS_MAX = 5
EARLY_FEE_MAX = 30_000


@dataclass(frozen=True, slots=True)
class AccountMove:
    """An amount that a record moved, from which night on, and whether it is principal ahead."""

    number: int
    component: str
    party: str
    amount: int
    night: int
    ahead: bool = False


@dataclass(slots=True)
class AccountEntry:
    """A repayment or compensation that was accepted, with all that its reversal needs.

    Args:
        order: Its place among the records of the log.
        kept: The instalments as they were that its new plan changed.
        plan: How many plans there were after it.
        passed: Claims that went to the guarantor: number, component, from whom, how much.
    """

    kind: str
    order: int
    moves: list[AccountMove] = field(default_factory=list)
    overpaid: int = 0
    kept: list[InstalmentAccount] = field(default_factory=list)
    passed: list[tuple[int, str, str, int]] = field(default_factory=list)
    reversed: bool = False


class PortfolioAccount:
    """A loan from its disbursement on.

    Args:
        case: The neutral case; its events are played by others.

    Raises:
        RuleBroken: the terms, the funders or the schedule break a rule.
    """

    def __init__(self, case: dict[str, Any]) -> None:
        self.terms: dict[str, Any] = case["terms"]
        self.funders: Shares = {each["party"]: each["ppm"] for each in case["funders"]}
        self.guarantor: str | None = case["guarantor"]
        self.platform: str = case["platform"]
        _check(case)
        self.fee_names = [fee["name"] for fee in self.terms["fees"]]
        self.restated = self.terms["method"] == "stated"
        self.disbursed = days.read(self.terms["disbursed"])
        self.latest = self.disbursed
        self.instalments: list[InstalmentAccount] = []
        self.last_number = 0
        self.order = 0
        self.played: dict[str, AccountEntry] = {}
        self.waived: list[tuple[int, AccountMove]] = []
        over = plan.periods(self.terms)
        if any(period.due <= period.start for period in over):
            raise RuleBroken("dates-out-of-order", "a due date is not after the one before it")
        lines, fees = plan.original(self.terms, over), plan.fees(self.terms, over)
        self.rule = plan.rule_of(self.terms, over)
        lent = divide(self.terms["principal"], self.funders)
        self._ask(over, lines, fees, lent)
        for row, line in zip(self.instalments, lines, strict=True):
            row.ask(INTEREST, divide(line.interest, self.funders))
        self._set_balances()

    def _ask(
        self,
        over: list[plan.PlanPeriod],
        lines: list[plan.PlanRow],
        fees: dict[str, list[int]],
        closing: Shares,
    ) -> None:
        parts = columns([line.principal for line in lines], closing)
        for at, (period, part) in enumerate(zip(over, parts, strict=True)):
            row = InstalmentAccount(period, frozen=period.due, changed_by=self.order)
            row.ask(PRINCIPAL, part)
            for fee in self.terms["fees"]:
                row.ask(FEE + fee["name"], self.split(fee["to"], fees[fee["name"]][at], closing))
            self.instalments.append(row)
            self.last_number = max(self.last_number, period.number)

    def _set_balances(self) -> None:
        """Let interest run on balances, unless the method states it row by row."""
        if self.restated or self.terms["method"] == "flat":
            return
        balance = self.terms["principal"]
        for row in self.instalments:
            row.balances = [(row.period.start, balance)]
            balance -= row.sum_open(PRINCIPAL)

    def restate(self, day: int, rows: list[dict[str, Any]], closing: Shares) -> None:
        """Put stated rows in the place of all that is unpaid."""
        weights = self.interest_weights(self.living(), closing)
        penalty = self.sum_by_party(PENALTY, [self.seen(row, day) for row in self.living()])
        for row in self.instalments:
            if row.due > day or self.seen(row, day).total_open():
                self.drop(row)
        over, start = [], day
        for at, each in enumerate(rows):
            due = days.read(each["due"])
            part = days.actual_part(start, due, self.terms["day_count"])
            over.append(plan.PlanPeriod(self.last_number + at + 1, start, due, part))
            start = due
        lines = [plan.PlanRow(each["principal"], each["interest"]) for each in rows]
        fees = {name: [each["fees"].get(name, 0) for each in rows] for name in self.fee_names}
        first = len(self.instalments)
        self._ask(over, lines, fees, closing)
        for row, line in zip(self.instalments[first:], lines, strict=True):
            row.ask(INTEREST, divide(line.interest, weights))
        self.instalments[first].ask(PENALTY, penalty)
        self.put(self.instalments)
        self.restated = True

    def interest_weights(self, rows: list[InstalmentAccount], closing: Shares) -> Shares:
        """Return by what interest of a new plan is divided: by the principal that is open.

        Where others hold interest, after a compensation that did not cover it, by that interest.
        """
        principal = self.in_order(closing)
        interest = self.sum_by_party(INTEREST, rows)
        if principal and interest.keys() <= principal.keys():
            return principal
        return interest or dict(self.funders)

    def drop(self, row: InstalmentAccount) -> None:
        """Let nothing of an instalment be asked for any more."""
        for component in row.open:
            row.replace(component, {})
        row.gone, row.changed_by = True, self.order
        row.spared = True

    def split(self, beneficiary: str | None, amount: int, holders: Shares) -> Shares:
        """Return what a beneficiary gets; the word ``funders`` divides by what each holds."""
        if not amount:
            return {}
        if beneficiary == FUNDERS:
            return divide(amount, holders)
        return {beneficiary or self.platform: amount}

    def touch(self, row: InstalmentAccount, day: int) -> None:
        """Fix and divide an instalment's penalty up to a day, since a record changes it."""
        to, holders = self.terms["penalty_to"], self.in_order(row.holders())
        if to in self.funders and list(holders) == [self.guarantor]:
            to = self.guarantor
        row.touch(self.terms, day, lambda amount: self.split(to, amount, holders))
        row.changed_by = self.order

    def seen(self, row: InstalmentAccount, day: int) -> InstalmentAccount:
        """Return an instalment as of a day, the penalty until then divided."""
        if not row.untouched_penalty(self.terms, day):
            return row
        changed, copy = row.changed_by, row.copy()
        self.touch(copy, day)
        copy.changed_by = changed
        return copy

    def living(self) -> list[InstalmentAccount]:
        """Return the instalments that stand in the plan or were whole before it, oldest first."""
        return [row for row in self.instalments if not row.gone]

    def put(self, rows: list[InstalmentAccount]) -> None:
        """Let these be the instalments, gone ones among them; they are kept oldest first."""
        self.instalments = sorted(rows, key=lambda row: (row.due, row.number))

    def due(self, day: int) -> list[InstalmentAccount]:
        """Return the living instalments due on a day or before it."""
        return [row for row in self.living() if row.due <= day]

    def ahead(self, day: int) -> list[InstalmentAccount]:
        """Return the living instalments due after a day; the first is the current one."""
        return [row for row in self.living() if row.due > day]

    def planned(self, day: int) -> list[InstalmentAccount]:
        """Return the instalments due after a day, up to the last one of which anything is open."""
        rows = self.ahead(day)
        while rows and not rows[-1].total_open():
            del rows[-1]
        return rows

    def find(self, number: int) -> InstalmentAccount | None:
        """Return the living instalment of a number."""
        for row in self.instalments:
            if row.number == number and not row.gone:
                return row
        return None

    def party_order(self, parties: Iterable[str]) -> list[str]:
        """Return parties in the proposal's order: funders, guarantor, platform, others by name."""
        order = [*self.funders, self.guarantor, self.platform]
        return sorted(parties, key=lambda p: (order.index(p) if p in order else len(order), p))

    def in_order(self, shares: Shares) -> Shares:
        """Return shares above nothing in the proposal's order."""
        return {party: shares[party] for party in self.party_order(shares) if shares[party]}

    def sum_by_party(self, component: str, rows: Iterable[InstalmentAccount]) -> Shares:
        """Return what is open of a component over instalments to each, in the proposal's order."""
        found: Shares = {}
        for row in rows:
            for party, amount in row.open.get(component, {}).items():
                found[party] = found.get(party, 0) + amount
        return self.in_order(found)

    @property
    def keeps_flat_interest(self) -> bool:
        """Whether flat interest is due whole though its principal was paid before."""
        return self.terms["method"] == "flat" and not self.terms["flat_interest_falls_away"]

    def is_settled(self, day: int) -> bool:
        """Return whether nothing is open as of a day."""
        return not any(self.seen(row, day).total_open() for row in self.living())

    def days_past_due(self, day: int, at_least: int = 1) -> int:
        """Return the days past due of the oldest instalment with so much open as of a day."""
        late = [
            day - row.due
            for row in self.due(day)
            if self.seen(row, day).total_open() >= max(at_least, 1)
        ]
        return max(late, default=0)

    def components(self, order: list[str]) -> list[tuple[str, ...]]:
        """Return the components in an order; all named fees take the place of fees."""
        fees = tuple(FEE + name for name in self.fee_names)
        return [fees if each == "fees" else (each,) for each in order]


def _check(case: dict[str, Any]) -> None:
    """Refuse terms and funders that no schedule can be made of."""
    terms, shares = case["terms"], [each["ppm"] for each in case["funders"]]
    parties = {each["party"] for each in case["funders"]}
    if not 1 <= len(parties) == len(shares) <= FUNDERS_MAX:
        raise RuleBroken(
            "bad-funders", f"one to {FUNDERS_MAX} different funders, not {len(shares)}"
        )
    if sum(shares) != MILLION or min(shares) <= 0:
        raise RuleBroken("shares-do-not-sum", f"shares sum to {sum(shares)}, not to a million")
    method = terms["method"]
    count = len(terms["stated"]) if method == "stated" else terms["instalments"]
    if not 1 <= count <= plan.INSTALMENTS_MAX or terms["instalments"] != count:
        raise RuleBroken("bad-instalments", f"1 to {plan.INSTALMENTS_MAX} instalments, not {count}")
    if terms["principal"] <= 0 or terms["unit"] <= 0:
        raise RuleBroken("bad-amount", "principal and unit are above nothing")
    if method == "bullet" and count != 1:
        raise RuleBroken("bad-instalments", f"bullet has one instalment, not {count}")
    if method == "stated" and terms["partial"] != "next":
        raise RuleBroken("bad-partial", f"stated allows only next, not {terms['partial']}")
    if not 0 <= terms.get("principal_grace", 0) < count:
        raise RuleBroken("bad-grace", "at least one instalment has principal")
    if terms["immaterial"] > terms["principal"]:
        raise RuleBroken("bad-amount", "what is immaterial is at most the principal")
    if terms["early_fee_ppm"] > EARLY_FEE_MAX:
        raise RuleBroken("early-fee-over-limit", f"at most {EARLY_FEE_MAX} ppm")
