"""A repayment: to what is due, then ahead by the terms; what is more than owed is overpaid.

Within what is due instalments are drawn one by one, so a sequence that reads them when asked costs
no more than those that are paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from ledger.lending import allocation, plans
from ledger.lending.accrual import with_penalty
from ledger.lending.instalments import Instalment, LoanLeg
from ledger.lending.loan import (
    Loan,
    Outcome,
    outcome,
    refuse_amount,
    refuse_earlier,
    refuse_settled,
)
from ledger.lending.plans import Ahead
from ledger.lending.terms import Order


class Repayment(NamedTuple):
    """What a repayment moved, as far as its reversal needs it.

    ``legs`` stand at their instalments. ``ahead`` were moved by a new plan, or by a payoff:
    ``before`` are the instalments that it changed. ``counted_to`` says
    up to which date the overdue principal of an instalment was counted when it was paid.
    """

    record: int
    day: date
    legs: tuple[LoanLeg, ...]
    counted_to: dict[int, date]
    overpaid: int
    ahead: tuple[LoanLeg, ...] = ()
    before: tuple[Instalment, ...] = ()


class Repaid(NamedTuple):
    """The loan after a repayment, and what its reversal needs."""

    outcome: Outcome
    repayment: Repayment


def repay(loan: Loan, amount: int, day: date) -> Repaid:
    """Allocate a repayment: to what is due, then ahead by the terms; what is left is overpaid.

    A date before the latest one is that of money that arrives late: due is what is due by the
    latest date, and only penalty stops at the payment's own.

    Raises:
        LoanRefused: ``amount-not-positive``, ``date-goes-back`` (before the disbursement) or
            ``loan-settled``.
    """
    refuse_amount(amount)
    refuse_earlier(loan, day, loan.terms.disbursed)
    refuse_settled(loan.unpaid(), amount)
    now = max(loan.latest, day)
    how = _How(order_on(loan, now), _ready(loan, day), day)
    paid = allocation.allocate(loan.due(now), amount, *how)
    counted = {each.number: each.counted_to for each in paid.changed}
    record = Repayment(loan.records + 1, day, paid.legs, counted, paid.rest)
    if not paid.rest:
        return _repaid(loan, paid.changed, record)
    ahead = loan.ahead(now)
    full = plans.payoff(ahead)
    in_turn = loan.method == "stated" or loan.terms.partial == "next" or not ahead.principal
    if paid.rest < full.amount and in_turn:
        more = allocation.allocate(ahead.instalments, paid.rest, *how.in_turn)
        counted |= {each.number: each.counted_to for each in more.changed}
        record = record._replace(legs=paid.legs + more.legs, overpaid=more.rest)
        return _repaid(loan, paid.changed + more.changed, record)
    made = full if paid.rest >= full.amount else _prepaid(ahead, paid.rest, how)
    record = record._replace(
        overpaid=paid.rest - made.amount,
        ahead=made.legs,
        before=tuple(ahead.instalments),
    )
    return _repaid(loan, paid.changed + made.instalments, record)


class _How(NamedTuple):
    """How money is allocated: the order, what fixes penalty, the date of the money."""

    order: Order
    ready: allocation.Ready
    day: date

    @property
    def in_turn(self) -> _How:
        """The same, one instalment after the other, as money goes ahead."""
        return self._replace(order=replace(self.order, by="instalment"))


def _ready(loan: Loan, day: date) -> allocation.Ready:
    return lambda each: with_penalty(loan.terms, loan.parties, each, day)


def _prepaid(ahead: Ahead, amount: int, how: _How) -> plans.Planned:
    """Prepay principal; what is more than all of it pays the interest that is left."""
    made = plans.prepay(ahead, amount)
    more = allocation.allocate(made.instalments, amount - made.amount, *how.in_turn)
    new = {each.number: each for each in more.changed}
    merged = tuple(new.get(each.number, each) for each in made.instalments)
    return made._replace(legs=made.legs + more.legs, instalments=merged)


def _repaid(loan: Loan, changed: Sequence[Instalment], record: Repayment) -> Repaid:
    found = outcome(loan, record.day, record.legs + record.ahead, changed)
    return Repaid(found._replace(overpaid=record.overpaid), record)


def order_on(loan: Loan, day: date) -> Order:
    """Return the order that holds: the second one from its days past due on."""
    second = loan.terms.second_order
    if second is None:
        return loan.terms.order
    oldest = next(loan.due(day), None)
    days = (day - oldest.due).days if oldest else 0
    return second if days >= loan.terms.second_order_days else loan.terms.order
