"""Repayments: what is due is paid in order, then what came ahead pays off or follows the terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.portfolio import days
from demo.portfolio.division import Shares, columns, divide, half_up
from demo.portfolio.instalment import EARLY_FEE, INTEREST, PENALTY, PRINCIPAL, InstalmentAccount
from demo.portfolio.loan import AccountEntry, AccountMove, PortfolioAccount
from demo.portfolio.plan import MILLION, PlanRule, cut, level
from demo.portfolio.refusal import RuleBroken


@dataclass(slots=True)
class _Payment:
    """A payment while it is allocated: its own day, the loan's latest day, and what is left."""

    loan: PortfolioAccount
    day: int
    latest: int
    left: int
    record: AccountEntry

    def pay(self, row: InstalmentAccount, component: str, limit: int | None = None) -> None:
        """Pay a component of an instalment as far as the money reaches, by what is open to each."""
        self.left -= settle(self.loan, row, component, self._asked(row, component, limit), self)

    def _asked(self, row: InstalmentAccount, component: str, limit: int | None) -> int:
        open_now = self.loan.seen(row, self.day).sum_open(component)
        return min(self.left, open_now, open_now if limit is None else limit)


def settle(
    loan: PortfolioAccount, row: InstalmentAccount, component: str, amount: int, payment: _Payment
) -> int:
    """Take an amount from what is open to each and write the moves down; return the amount."""
    if amount <= 0:
        return 0
    loan.touch(row, payment.day)
    shares = divide(amount, loan.in_order(row.open[component]))
    for party, share in shares.items():
        if share:
            night = row.change(component, party, -share, payment.day)
            payment.record.moves.append(AccountMove(row.number, component, party, share, night))
    row.judge_grace(loan.terms["grace_days"], payment.day)
    return amount


def repay(loan: PortfolioAccount, event: dict[str, Any]) -> AccountEntry:
    """Allocate a repayment as of its date.

    Raises:
        RuleBroken: the amount, the date or the identifier is wrong, or nothing is open.
    """
    day = days.read(event["date"])
    if event["amount"] <= 0:
        raise RuleBroken("bad-amount", f"{event['amount']} is not above nothing")
    if day < loan.disbursed:
        raise RuleBroken("dates-out-of-order", "a repayment before the disbursement")
    if event["id"] in loan.played:
        raise RuleBroken("known-payment", f"{event['id']} was played before")
    latest = max(day, loan.latest)
    if loan.is_settled(latest):
        raise RuleBroken("loan-settled", "nothing is open")
    record = AccountEntry("repayment", loan.order)
    payment = _Payment(loan, day, latest, event["amount"], record)
    order, by = order_on(loan, latest)
    for row, component in _sequence(loan, order, by, loan.due(latest)):
        payment.pay(row, component)
    ahead = loan.planned(latest)
    if payment.left and ahead:
        _pay_ahead(payment, ahead, order)
    record.overpaid = payment.left
    loan.played[event["id"]] = record
    return record


def order_on(loan: PortfolioAccount, day: int) -> tuple[list[str], str]:
    """Return the order of components that holds on a day, and by what it goes."""
    second = loan.terms["second_order"]
    if second and loan.days_past_due(day) >= second["days"]:
        return second["order"], second["by"]
    return loan.terms["order"], loan.terms["by"]


def _sequence(
    loan: PortfolioAccount, order: list[str], by: str, rows: list[InstalmentAccount]
) -> list[tuple[InstalmentAccount, str]]:
    groups = loan.components(order)
    if by == "component":
        return [(row, each) for group in groups for row in rows for each in group]
    return [(row, each) for row in rows for group in groups for each in group]


def payoff(
    loan: PortfolioAccount, day: int, rows: list[InstalmentAccount]
) -> list[tuple[InstalmentAccount, str, int]]:
    """Return what paying everything off asks of the instalments that are not due, as of a day."""
    if not rows:
        return []
    current, terms = rows[0], loan.terms
    begun = day > current.period.start
    asked = []
    keeps_interest = loan.keeps_flat_interest and not loan.restated
    for row in rows:
        asked.append((row, PRINCIPAL, row.sum_open(PRINCIPAL)))
        interest = row.sum_open(INTEREST) if keeps_interest else 0
        if row is current and begun and not keeps_interest:
            interest = interest_due(loan, row, day, terms["early"])
        asked.append((row, INTEREST, interest))
        for component in row.open:
            if component in (PRINCIPAL, INTEREST):
                continue
            if component in (PENALTY, EARLY_FEE) or (row is current and begun):
                asked.append((row, component, row.sum_open(component)))
    fee = half_up(_principal(rows) * terms["early_fee_ppm"], MILLION)
    asked.append((current, EARLY_FEE, fee))
    return asked


def interest_due(loan: PortfolioAccount, row: InstalmentAccount, day: int, early: str) -> int:
    """Return the current period's interest by the terms for early payment, less what is settled."""
    whole = row.sum_open(INTEREST)
    if early == "to-period-end":
        return whole
    earned = half_up(*row.interest_to(day, loan.terms["annual_rate_ppm"]))
    return min(whole, max(0, earned - row.settled(INTEREST)))


def payoff_amount(loan: PortfolioAccount, day: int) -> int:
    """Return what would pay everything off as of a day, what is due included."""
    due = sum(loan.seen(row, day).total_open() for row in loan.due(day))
    return due + sum(amount for _row, _component, amount in payoff(loan, day, loan.planned(day)))


def _principal(rows: list[InstalmentAccount]) -> int:
    return sum(row.sum_open(PRINCIPAL) for row in rows)


def _pay_ahead(payment: _Payment, rows: list[InstalmentAccount], order: list[str]) -> None:
    loan, record = payment.loan, payment.record
    asked = payoff(loan, payment.latest, rows)
    if payment.left >= sum(amount for _row, _component, amount in asked):
        record.kept = [row.copy() for row in rows]
        _pay_off(payment, rows, asked)
    elif loan.terms["partial"] != "next" and not loan.restated and _principal(rows):
        record.kept = [row.copy() for row in rows]
        _prepay(payment, rows)
    for row, component in _sequence(loan, order, "instalment", rows):
        if payment.left and not row.gone:
            payment.pay(row, component)


def _pay_off(
    payment: _Payment,
    rows: list[InstalmentAccount],
    asked: list[tuple[InstalmentAccount, str, int]],
) -> None:
    loan = payment.loan
    holders = loan.sum_by_party(PRINCIPAL, rows)
    for row, component, amount in asked:
        if component == EARLY_FEE and amount > row.sum_open(EARLY_FEE):
            fee = amount - row.sum_open(EARLY_FEE)
            row.ask(EARLY_FEE, loan.split(loan.terms["early_fee_to"], fee, holders))
        payment.pay(row, component, amount)
    for row in rows:
        for component in row.open:
            row.replace(component, {})
        if row.balances and payment.latest <= row.period.start:
            row.balances = [(row.period.start, 0)]
        elif row.balances and loan.terms["early"] == "to-day":
            row.balances.append((payment.latest, 0))
        row.changed_by = loan.order


def _prepay(payment: _Payment, rows: list[InstalmentAccount]) -> None:
    """Let money that is more than due reduce the principal ahead, and lay the rest anew."""
    loan, current = payment.loan, rows[0]
    closing = loan.sum_by_party(PRINCIPAL, rows)
    taken = min(payment.left, sum(closing.values()))
    for party, share in divide(taken, closing).items():
        closing[party] -= share
        if share:
            move = AccountMove(current.number, PRINCIPAL, party, share, payment.latest, ahead=True)
            payment.record.moves.append(move)
    payment.left -= taken
    _lay_anew(payment, rows, closing)


def _lay_anew(payment: _Payment, rows: list[InstalmentAccount], closing: dict[str, int]) -> None:
    loan, current, day = payment.loan, rows[0], payment.latest
    weights = loan.interest_weights(rows, closing)
    balance = sum(closing.values())
    begun = day > current.period.start
    unchanged = loan.terms["method"] == "flat" or (begun and loan.terms["early"] == "to-period-end")
    first = None
    if begun and not unchanged:
        current.balances.append((day, balance))
    if begun:
        first = current.interest_to(current.due, loan.terms["annual_rate_ppm"])
    over = [row.period for row in rows]
    rule = loan.rule
    if loan.terms["partial"] == "reduce":
        rule = PlanRule(rule.method, rule.rate, rule.unit, rule.grace, None)
        found = level(rule, balance, over, first)
        rule = PlanRule(rule.method, rule.rate, rule.unit, rule.grace, found)
    lines = cut(rule, balance, over, first)
    parts = columns([line.principal for line in lines], closing)
    for at, (row, line, part) in enumerate(zip(rows, lines, parts, strict=True)):
        if not line.kept:
            row.balances = [(row.period.start, 0)] if row.balances else []
            _end_early(loan, row)
            continue
        row.changed_by = loan.order
        row.replace(PRINCIPAL, part)
        if loan.terms["method"] != "flat" and not (at == 0 and begun and unchanged):
            _ask_interest(loan, row, line.interest, weights)
            if not (at == 0 and begun):
                row.balances = [(row.period.start, balance)]
        row.spared = row.spared and not row.total_open()
        balance -= line.principal


def _end_early(loan: PortfolioAccount, row: InstalmentAccount) -> None:
    """Drop an instalment; where the terms keep flat interest, only its principal and fees."""
    if not (loan.keeps_flat_interest and row.asked[INTEREST]):
        loan.drop(row)
        return
    for component in row.open:
        if component != INTEREST:
            row.replace(component, {})
    row.changed_by = loan.order


def _ask_interest(
    loan: PortfolioAccount, row: InstalmentAccount, interest: int, weights: Shares
) -> None:
    """Ask for another interest than before: what was settled of it stays settled."""
    settled = row.settled(INTEREST)
    if settled and row.sum_open(INTEREST):
        weights = loan.in_order(row.open[INTEREST])
    if interest != row.asked[INTEREST]:
        row.replace(INTEREST, divide(max(0, interest - settled), weights))
