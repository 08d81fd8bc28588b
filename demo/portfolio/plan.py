"""Plans: periods between due dates, and what falls due at each of them, laid period by period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.portfolio import days
from demo.portfolio.division import half_up, spread, to_unit
from demo.portfolio.refusal import RuleBroken

MILLION = 1_000_000
INSTALMENTS_MAX = 120
LEVEL_PRINCIPAL = ("equal-principal", "flat")
AT_THE_END = ("interest-first", "bullet")

Exact = tuple[int, int]
"""An exact amount: numerator and denominator."""


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """One period: its instalment's number, first day, due date, and the part of a year it is."""

    number: int
    start: int
    due: int
    part: days.Part

    def interest(self, balance: int, rate: int) -> Exact:
        """Return the exact interest of the whole period."""
        return balance * rate * self.part[0], MILLION * self.part[1]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What one instalment asks for; ``kept`` is False when the plan ends before it."""

    principal: int
    interest: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class PlanRule:
    """How principal falls due: method, rate, unit, instalments without principal.

    ``level`` is the instalment (``equal-instalment``) or the principal of each, None at the end.
    """

    method: str
    rate: int
    unit: int
    grace: int
    level: int | None


def periods(terms: dict[str, Any]) -> list[PlanPeriod]:
    """Return the periods of the terms, from disbursement on; those of stated rows if it has."""
    if terms["method"] == "stated":
        return _stated_periods(terms)
    first = days.civil(days.read(terms["first_due"]))
    anchor = anchor_of(terms)
    if days.months_on(first, 0, anchor) != first:
        raise RuleBroken("due-day-differs", f"first due is {first}, its due day {anchor}")
    start, found = days.civil(days.read(terms["disbursed"])), []
    start_place = days.bankers(start)
    for at in range(terms["instalments"]):
        due = days.months_on(first, at, anchor)
        begin, end = days.number(*start), days.number(*due)
        part = days.actual_part(begin, end, terms["day_count"])
        if terms["day_count"] == "30/360":
            part = days.bankers(due, anchor) - start_place, 360
        found.append(PlanPeriod(at + 1, begin, end, part))
        start, start_place = due, days.bankers(due, anchor)
    return found


def anchor_of(terms: dict[str, Any]) -> int:
    """Return the day of the month on which instalments are due, where the month has it."""
    due_day: int = terms.get("due_day") or days.civil(days.read(terms["first_due"]))[2]
    return due_day


def _stated_periods(terms: dict[str, Any]) -> list[PlanPeriod]:
    found, start, anchor = [], days.read(terms["disbursed"]), anchor_of(terms)
    start_place = days.bankers(days.civil(start))
    for at, row in enumerate(terms["stated"]):
        due = days.read(row["due"])
        part = days.actual_part(start, due, terms["day_count"])
        place = days.bankers_due(days.civil(due), anchor)
        if terms["day_count"] == "30/360":
            part = place - start_place, 360
        found.append(PlanPeriod(at + 1, start, due, part))
        start, start_place = due, place
    return found


def annuity(balance: int, over: list[PlanPeriod], rate: int, first: Exact | None = None) -> Exact:
    """Return the exact instalment that pays ``balance`` off over the periods.

    Both are carried forward to the last due date: what is owed without payments, and what payments
    of one would have come to.

    Args:
        balance: What is owed at the first period's start.
        over: The periods.
        rate: Interest, ppm a year.
        first: The first period's interest where it is another than that of the balance.
    """
    scale = MILLION * over[0].part[1]
    interest = first or over[0].interest(balance, rate)
    owed, ones, power = balance * interest[1] + interest[0], 1, 1
    for period in over[1:]:
        growth = scale + rate * period.part[0]
        power *= scale
        owed *= growth
        ones = ones * growth + power
    return owed, ones * interest[1]


def level(
    rule: PlanRule, balance: int, over: list[PlanPeriod], first: Exact | None = None
) -> int | None:
    """Return the level of a rule for ``balance``, rounded to its unit; None if there is none."""
    paying = [period for period in over if period.number > rule.grace]
    if rule.method in AT_THE_END or not paying:
        return None
    if rule.method in LEVEL_PRINCIPAL:
        return to_unit(balance, len(paying), rule.unit)
    same = first if paying[0] is over[0] else None
    return to_unit(*annuity(balance, paying, rule.rate, same), rule.unit)


def principal_of(rule: PlanRule, balance: int, interest: int) -> int:
    """Return what an instalment, not the last, asks of principal: maybe too much, or negative."""
    if rule.level is None:
        return 0
    return rule.level if rule.method in LEVEL_PRINCIPAL else rule.level - interest


def original(terms: dict[str, Any], over: list[PlanPeriod]) -> list[PlanRow]:
    """Return principal and interest of every instalment by the terms.

    Raises:
        RuleBroken: a component is negative or the principal does not sum up.
    """
    if terms["method"] == "stated":
        lines = [PlanRow(row["principal"], row["interest"]) for row in terms["stated"]]
    else:
        lines = _laid(terms, over)
    if sum(line.principal for line in lines) != terms["principal"]:
        raise RuleBroken("schedule-does-not-close", "the rows do not sum to the principal")
    if any(line.principal < 0 or line.interest < 0 for line in lines):
        raise RuleBroken("schedule-does-not-close", "a component is negative")
    return lines


def rule_of(terms: dict[str, Any], over: list[PlanPeriod]) -> PlanRule:
    """Return the rule of the terms with its level for the whole principal."""
    grace = terms.get("principal_grace", 0)
    rule = PlanRule(terms["method"], terms["annual_rate_ppm"], terms["unit"], grace, None)
    found = level(rule, terms["principal"], over)
    return PlanRule(rule.method, rule.rate, rule.unit, grace, found)


def _laid(terms: dict[str, Any], over: list[PlanPeriod]) -> list[PlanRow]:
    rule, balance, lines = rule_of(terms, over), terms["principal"], []
    flat = spread(_whole_term(terms, over, rule.rate), len(over))
    for at, period in enumerate(over):
        interest = half_up(*period.interest(balance, rule.rate))
        if rule.method == "flat":
            interest = flat[at]
        principal = principal_of(rule, balance, interest) if period.number > rule.grace else 0
        if at == len(over) - 1:
            principal = balance
        lines.append(PlanRow(principal, interest))
        balance -= principal
    return lines


def _whole_term(terms: dict[str, Any], over: list[PlanPeriod], ppm: int) -> int:
    year = sum(period.part[0] for period in over)
    return half_up(terms["principal"] * ppm * year, MILLION * over[0].part[1])


def fees(terms: dict[str, Any], over: list[PlanPeriod]) -> dict[str, list[int]]:
    """Return each named fee's amount at every instalment.

    Raises:
        RuleBroken: a fee's last part is negative, or a stated fee has another total than its terms.
    """
    found = {}
    for fee in terms["fees"]:
        total = fee.get("total")
        if total is None:
            total = _whole_term(terms, over, fee["yearly_ppm"])
        parts = spread(total, len(over))
        if terms["method"] == "stated":
            parts = [row["fees"].get(fee["name"], 0) for row in terms["stated"]]
            if fee.get("total") is not None and sum(parts) != total:
                raise RuleBroken("schedule-does-not-close", f"{fee['name']} sums to {sum(parts)}")
        if min(parts) < 0:
            raise RuleBroken("schedule-does-not-close", f"a part of {fee['name']} is negative")
        found[fee["name"]] = parts
    return found


def cut(rule: PlanRule, balance: int, over: list[PlanPeriod], first: Exact | None) -> list[PlanRow]:
    """Return the rest of a plan after money came ahead: it ends early, and nothing is negative.

    The current instalment is kept, whatever is left, once its period has begun.

    Args:
        rule: With the level that holds from now on.
        balance: What is left of the principal that is not due.
        over: The periods that are not over, the current one first.
        first: The current period's interest if it has begun; None on its first day.
    """
    lines: list[PlanRow] = []
    for at, period in enumerate(over):
        begun = first if at == 0 else None
        interest = half_up(*(begun or period.interest(balance, rule.rate)))
        kept = balance > 0 or begun is not None
        principal = principal_of(rule, balance, interest) if period.number > rule.grace else 0
        principal = min(max(principal, 0), balance) if at < len(over) - 1 else balance
        lines.append(PlanRow(principal, interest, kept))
        balance -= principal
    return lines
