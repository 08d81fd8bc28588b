"""Repayments: captured, for the first time or again, and reversed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from ledger.lending.loan import Loan
from ledger.lending.repayment import repay
from ledger.lending.reversal import reverse
from simulator.workload.drafts import changed, spoilt
from simulator.workload.lending import (
    FUTURE_DATE,
    NO_DATE,
    amount_of,
    find_loan,
    find_repayment,
    next_day,
    time_of,
)
from simulator.workload.loan_subjects import KnownLoan, KnownLoanMoney
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownPayment, NothingFits

LATE_PPM = 100_000
"""How often money arrives late: of a day before the latest one of its loan."""


# --- the institution's half ---------------------------------------------------------------------


def _collect(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: each.is_open)
    day = _day(author, loan)
    return _capture(author, _fresh(author, known), day, amount_of(author, loan, day))


def _day(author: Author, loan: Loan) -> date:
    if author.chance.happens(LATE_PPM):
        back = author.chance.below(1 + (loan.latest - loan.terms.disbursed).days)
        return loan.latest - timedelta(days=back)
    return next_day(author, loan)


def _fresh(author: Author, loan: KnownLoan) -> KnownLoanMoney:
    return KnownLoanMoney(author.fresh("R"), loan, None)


def _capture(author: Author, money: KnownLoanMoney, day: date, amount: int, **other: str) -> Draft:
    """Return the capture of a repayment."""
    loan = money.loan
    fields: Fields = {
        "payment": money.name,
        "order": f"O-{money.name}",
        "amount": amount,
        "currency": loan.offer.currency,
        "channel": "bank",
        "captured_at": time_of(author, day),
        "loan": loan.name,
        "attempt": author.fresh("A"),
        **other,
    }

    def learn() -> None:
        loan.attempts.append(fields["attempt"])
        repaid = loan.take(lambda stands: repay(stands, amount, day))
        if repaid is not None:
            loan.become(repaid.outcome.loan)
            money.allocate(repaid)
        money.capture = fields
        money.reversed = money.reversed and not money.agrees
        author.known.keep_payment(money)

    return Draft(fields, (money, loan), learn)


def _collect_instructed(author: Author) -> Draft:
    """Capture what the platform has split beforehand, or again what was reversed."""
    money = find_repayment(author, lambda each: each.capture is None and each.split is not None)
    split, loan = money.instructed, money.loan
    author.assume(loan.runs and loan.is_open and loan.is_calm)
    day = _day(author, _standing(loan))
    amount = split["amount"] + author.errs()
    again = split["attempt"] in loan.attempts
    named = {} if again else {"attempt": split["attempt"]}
    return _capture(author, money, day, amount, order=split["order"], **named)


def _standing(loan: KnownLoan) -> Loan:
    if loan.loan is None:
        raise NothingFits
    return loan.loan


def _attempt_again(author: Author) -> Draft:
    made = _collect(author)
    known, _ = find_loan(author, lambda each: each.is_open and bool(each.attempts))
    named = {"loan": known.name, "attempt": author.chance.pick(known.attempts)}
    return Draft({**made.fields, **named, "currency": known.offer.currency}, made.about)


def _collect_settled(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: not each.is_open)
    return _unlearnt(_capture(author, _fresh(author, known), loan.latest, 100))


def _collect_undisbursed(author: Author) -> Draft:
    known = author.find(author.known.loans, lambda each: each.loan is None)
    day = known.offer.terms.disbursed
    return _unlearnt(_capture(author, _fresh(author, known), day, 100))


def _collect_early(author: Author) -> Draft:
    """Capture money of a day before the loan was paid out."""
    known, loan = find_loan(author, lambda each: each.is_open)
    day = loan.terms.disbursed - timedelta(days=1)
    return _unlearnt(_capture(author, _fresh(author, known), day, 100))


def _collect_refunded(author: Author) -> Draft:
    """Capture as money of a loan what was another payment, of which refunds go on counting."""
    payment = author.find(
        author.known.payments, lambda each: each.capture is None and each.refunded > 0
    )
    made = _collect(author)
    other = {"amount": payment.refunded, "currency": payment.refunded_in}
    return Draft({**made.fields, **other, "payment": payment.name}, (payment,))


def _unlearnt(made: Draft) -> Draft:
    return Draft(made.fields, made.about)


def _without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


# --- reversals ----------------------------------------------------------------------


def _reverse(author: Author) -> Draft:
    money = _reversible(author)
    repayment, loan = money.repayment, money.loan
    author.assume(repayment is not None and (money.clashes or author.chance.happens(150_000)))
    day = next_day(author, _standing(loan))

    def learn() -> None:
        if repayment is not None:
            found = loan.take(lambda stands: reverse(stands, repayment, day))
            if found is not None:
                loan.become(found.loan)
        money.void()
        author.known.derive_legs(money)

    return Draft({**_why(money), "date": day.isoformat()}, (money, loan), learn)


def _reversible(author: Author) -> KnownLoanMoney:
    return find_repayment(
        author,
        lambda each: (
            each.capture is not None
            and each.loan.runs
            and each.loan.is_calm
            and not each.refunded
            and not each.in_payout
        ),
    )


def _why(payment: KnownPayment) -> Fields:
    return {"payment": payment.name, "reason": "the bank took it back"}


def _reverse_on(day: Callable[[Loan], str]) -> Drafting:
    """Return a reversal on a day that is none, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        money = _reversible(author)
        return Draft({**_why(money), "date": day(_standing(money.loan))}, (money,))

    return draft


def _undated(author: Author) -> Draft:
    money = _reversible(author)
    return Draft(_why(money), (money,))


def _before(loan: Loan) -> str:
    return (loan.latest - timedelta(days=1)).isoformat()


MOVES: Moves = {
    ("institution", "payment.captured"): (
        valid(_collect, 20),
        valid(_collect_instructed, 12),
        refused("attempt-exists", _attempt_again),
        refused("attempt-missing", changed(_collect, _without("attempt"))),
        refused("attempt-missing", changed(_collect, _without("loan"))),
        refused("date-goes-back", _collect_early),
        refused("loan-and-compensation", spoilt(_collect, compensation="DC1")),
        refused("loan-not-disbursed", _collect_undisbursed),
        refused("loan-settled", _collect_settled, 2),
        refused("loan-unknown", spoilt(_collect, loan="NONE")),
        refused("payment-refunded", _collect_refunded, 6),
        refused("wrong-currency", spoilt(_collect, currency="EUR")),
    ),
    ("institution", "payment.reversed"): (
        valid(_reverse, 6),
        refused("date-missing", _undated),
        refused("date-goes-back", _reverse_on(_before)),
        refused("no-such-date", _reverse_on(lambda _: NO_DATE)),
        refused("time-in-future", _reverse_on(lambda _: FUTURE_DATE)),
    ),
}
