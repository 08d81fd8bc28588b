"""Reversal of a repayment: it takes back exactly what that payment had allocated.

What it had closed is open again with its old due dates, and penalty counts as if it had not been
paid. A prepayment whose plan no later record has touched is undone with its plan. Else its
principal comes back with the next instalment that is due after the reversal, or with the last one,
and penalty counts from then on. Later allocations stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from ledger.lending.accrual import counted, was_in_time, with_penalty
from ledger.lending.dates import actual_parts
from ledger.lending.instalments import EARLY_FEE, PRINCIPAL, Instalment, LoanLeg, moved
from ledger.lending.loan import Loan, Outcome, outcome, refuse_earlier
from ledger.lending.repayment import Repayment


def reverse(loan: Loan, payment: Repayment, day: date) -> Outcome:
    """Take a repayment back.

    Args:
        loan: As it stands.
        payment: What the repayment had moved; it was not reversed before.
        day: The date of the reversal.

    Raises:
        LoanRefused: ``date-goes-back``.
    """
    refuse_earlier(loan, day)
    held = {each.number: each for each in loan.instalments}
    restored = payment.before if _is_untouched(held, payment) else ()
    held |= {each.number: each for each in restored}
    at_home = list(payment.legs)
    moving: list[LoanLeg] = []
    for leg in () if restored else payment.ahead:
        if leg.component != EARLY_FEE:
            (moving if leg.component == PRINCIPAL else at_home).append(leg)
    moving += [leg for leg in at_home if leg.instalment not in held]
    changed = set()
    for leg in at_home:
        if leg.instalment in held:
            held[leg.instalment] = _reopened(loan, held[leg.instalment], leg, payment, day)
            changed.add(leg.instalment)
    target = _next_number(loan.instalments, day)
    for leg in moving:
        held[target] = _added(loan, held[target], leg, day)
        changed.add(target)
    fixed = [
        with_penalty(loan.terms, loan.parties, held[number], day) for number in sorted(changed)
    ]
    legs = [leg._replace(amount=-leg.amount) for leg in payment.legs + payment.ahead]
    found = outcome(loan, day, legs, fixed)
    return found._replace(
        changed=(*restored, *found.changed),
        overpaid=-payment.overpaid,
    )


def _is_untouched(held: dict[int, Instalment], payment: Repayment) -> bool:
    """Return whether no record after a payment has changed an instalment of its plan."""
    return all(
        each.number in held and held[each.number].touched == payment.record
        for each in payment.before
    )


def _next_number(instalments: Sequence[Instalment], day: date) -> int:
    """Return the number of the next instalment that is due after a date, or of the last one.

    Those that a shorter plan has dropped are none.
    """
    planned = [each for each in instalments if not each.dropped] or instalments
    later = [each for each in planned if each.due > day]
    if later:
        return min(later, key=lambda each: each.due).number
    return max(planned, key=lambda each: each.due).number


def _reopened(
    loan: Loan, instalment: Instalment, leg: LoanLeg, payment: Repayment, day: date
) -> Instalment:
    """Return an instalment of which a leg is open again, overdue for the days between, too."""
    instalment = counted(loan.terms, instalment, day)
    share = [(leg.party, leg.amount)]
    overdue = instalment.overdue
    since = payment.counted_to.get(leg.instalment, instalment.due)
    if leg.component == PRINCIPAL and since < day:
        overdue += leg.amount * actual_parts(loan.terms.day_count, since, day)
    claims = moved(instalment.claims, leg.component, (), share)
    return replace(instalment, claims=claims, overdue=overdue, whole_on=None)


def _added(loan: Loan, instalment: Instalment, leg: LoanLeg, day: date) -> Instalment:
    """Return an instalment with which a leg comes back; nothing of it is overdue before the day."""
    if was_in_time(loan.terms, instalment) and not instalment.fixed:
        instalment = replace(counted(loan.terms, instalment, day), overdue=0)
    instalment = replace(instalment, whole_on=None, dropped=False)
    instalment = with_penalty(loan.terms, loan.parties, instalment, day)
    share = [(leg.party, leg.amount)]
    claims = moved(instalment.claims, leg.component, share, share)
    return replace(instalment, claims=claims)
