"""Loans paid out to their borrowers, and funded by those who lend."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import about, raised, spoilt
from simulator.workload.lending import (
    find_loan,
    is_outside,
    on_loan,
    refused_alike,
    today,
)
from simulator.workload.loan_subjects import KnownLoan
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields


def _disburse(author: Author) -> Draft:
    loan = author.find(author.known.loans, lambda each: each.in_force and each.loan is None)
    return Draft(_paid_out(author, loan), (loan,), loan.disburse)


def _paid_out(author: Author, loan: KnownLoan) -> Fields:
    terms = loan.offer.terms
    return {
        "loan": loan.name,
        "amount": terms.principal,
        "date": terms.disbursed.isoformat(),
        "bank_reference": author.commitment(),
    }


def _disburse_what(fits: Callable[[KnownLoan], bool]) -> Drafting:
    return about(lambda known: known.loans, lambda _, each: fits(each), _paid_out)


def _fund(author: Author) -> Draft:
    """State what a funder has paid: its share, or another amount, which it corrects later."""
    loan, _ = find_loan(author, lambda each: _owes(author, each) or is_outside(author, "funder"))
    amount = loan.lent(author.party) or 1
    if author.errs():
        return Draft(_funded(author, loan, amount + 1), (loan,))
    return Draft(_funded(author, loan, amount), (loan,), lambda: loan.funded.append(author.party))


def _owes(author: Author, loan: KnownLoan) -> bool:
    return loan.lent(author.party) > 0 and author.party not in loan.funded


def _funded(author: Author, loan: KnownLoan, amount: int) -> Fields:
    return {"loan": loan.name, "amount": amount, "date": today(author).isoformat()}


def _fund_what(fits: Callable[[Author, KnownLoan], bool]) -> Drafting:
    return on_loan(fits, lambda author, each: _funded(author, each, 1))


_pay_out_any = _disburse_what(lambda each: each.in_force and each.loan is None)

MOVES: Moves = {
    ("institution", "loan.disbursed"): (
        valid(_disburse, 8),
        refused("already-disbursed", _disburse_what(lambda each: each.loan is not None)),
        refused("disbursement-differs", raised(_pay_out_any, "amount"), 2),
        refused("loan-not-in-force", _disburse_what(lambda each: not each.in_force)),
        refused("loan-unknown", spoilt(_disburse_what(lambda each: True), loan="NONE")),
        *refused_alike(_pay_out_any, undisbursed=False),
    ),
    ("funder", "loan.funded"): (
        valid(_fund, 4),
        refused("already-funded", _fund_what(lambda author, each: author.party in each.funded)),
        refused(
            "wrong-author",
            _fund_what(lambda author, each: each.runs and not each.lent(author.party)),
            2,
        ),
        *refused_alike(_fund_what(lambda author, each: each.runs and _owes(author, each))),
    ),
}
