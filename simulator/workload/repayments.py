"""Repayments: captured, split as the ledger allocates or otherwise, reversed, refunded."""

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
    changed_to,
    find_loan,
    next_day,
    time_of,
)
from simulator.workload.loan_subjects import KnownLoan, KnownLoanMoney
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import stated
from simulator.workload.subjects import Fields, KnownPayment, NothingFits

LATE_PPM = 100_000
"""How often money arrives late: of a day before the latest one of its loan."""
_ALL_PPM = 250_000
"""How often all that is owed may be paid, or more."""
FIRST_PPM = 300_000
"""How often the platform states the split of a repayment before it is captured."""


# --- the institution's half ---------------------------------------------------------------------


def _collect(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: each.is_open)
    day = _day(author, loan)
    return _capture(author, _fresh(author, known), day, _amount(author, loan, day))


def _day(author: Author, loan: Loan) -> date:
    if author.chance.happens(LATE_PPM):
        back = author.chance.below(1 + (loan.latest - loan.terms.disbursed).days)
        return loan.latest - timedelta(days=back)
    return next_day(author, loan)


def _amount(author: Author, loan: Loan, day: date) -> int:
    """Return an amount: mostly what is due or less, now and then ahead, rarely all or more."""
    chance = author.chance
    opened = [each for each in loan.as_of(max(day, loan.latest)) if each.open]
    author.assume(bool(opened))
    whole = sum(each.open for each in opened)
    due = sum(each.open for each in opened if each.due <= day) or opened[0].open
    part = 1 + chance.below(due)
    more = 1 + chance.below(1 + whole // 2)
    choices = (due, opened[0].open, part, part, 1 + part // 4, 1 + part // 8, due + more)
    return (
        chance.pick((*choices, whole, whole + more))
        if chance.happens(_ALL_PPM)
        else (chance.pick(choices))
    )


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
    money = _find(author, lambda each: each.capture is None and each.split is not None)
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


def _find(author: Author, fits: Callable[[KnownLoanMoney], bool]) -> KnownLoanMoney:
    """Return a repayment that fits."""
    return author.find(
        author.known.loan_money, lambda each: each.compensation is None and fits(each)
    )


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


def _unlearnt(made: Draft) -> Draft:
    return Draft(made.fields, made.about)


def _without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


# --- the platform's half ------------------------------------------------------------------------


def _split(author: Author) -> Draft:
    """Split what was captured as the ledger allocates it; now and then of another order."""
    money = _find(
        author,
        lambda each: each.split is None and each.capture is not None and bool(each.shares),
    )
    fields = _allocated(money.captured, money.shares, money.overpaid)
    if author.errs():
        fields["order"] += "-b"
    return stated(author, money, fields)


def _split_first(author: Author) -> Draft:
    """Split what is still to be collected, as the ledger would allocate it today, or otherwise."""
    author.assume(author.chance.happens(FIRST_PPM))
    known, loan = find_loan(author, lambda each: each.is_open)
    money = _fresh(author, known)
    day = next_day(author, loan)
    amount = _amount(author, loan, day)
    repaid = repay(loan, amount, day)
    half = {
        "order": f"O-{money.name}",
        "amount": amount,
        "currency": known.offer.currency,
        "loan": known.name,
        "attempt": author.fresh("A"),
    }
    fields = _allocated(half, known.shares(repaid.outcome.legs), repaid.repayment.overpaid)
    if author.chance.happens(FIRST_PPM):
        fields = _a_fen_off(fields)
    return stated(author, money, fields)


def _allocated(half: Fields, shares: dict[str, int], overpaid: int) -> Fields:
    """Return the split of a repayment by what each receiver gets."""
    names = ("order", "amount", "currency", "loan", "attempt")
    legs = [
        {"leg": number, "receiver": receiver, "purpose": "repayment", "amount": part}
        for number, (receiver, part) in enumerate(shares.items(), 1)
    ]
    if not legs:
        raise NothingFits
    more = {"overpaid": overpaid} if overpaid else {}
    return {**{name: half[name] for name in names}, "mode": "fixed", "legs": legs, **more}


def _a_fen_off(fields: Fields) -> Fields:
    """Return a split of which one leg is a fen more, and another one, or what is overpaid, less."""
    first, *rest = fields["legs"]
    last = rest[-1] if rest else None
    if last is None or last["amount"] < 2:
        if fields.get("overpaid", 0) < 2:
            raise NothingFits
        less = {"overpaid": fields["overpaid"] - 1}
    else:
        less = {"legs": [first, *rest[:-1], {**last, "amount": last["amount"] - 1}]}
    made = {**fields, **less}
    legs = [{**first, "amount": first["amount"] + 1}, *made["legs"][1:]]
    return {**made, "legs": legs}


def _amend(author: Author) -> Draft:
    """State a split again: what the ledger allocates, or the same for a receiver open again."""
    anyhow = author.chance.happens(100_000)
    money = _find(
        author,
        lambda each: (
            each.split is not None
            and each.capture is not None
            and bool(each.shares)
            and (each.clashes or each.lacks_legs or anyhow)
        ),
    )
    if not money.clashes:
        return stated(author, money, money.instructed)
    return stated(author, money, _allocated(money.captured, money.shares, money.overpaid))


def _wrongly(instructed: bool) -> Drafting:
    """Return a split of a captured repayment that is a fen off, for the first time or again."""

    def draft(author: Author) -> Draft:
        money = _find(
            author,
            lambda each: (
                (each.split is not None) == instructed
                and each.capture is not None
                and bool(each.shares)
            ),
        )
        fields = _a_fen_off(_allocated(money.captured, money.shares, money.overpaid))
        return Draft({**fields, "payment": money.name}, (money,))

    return draft


def _undisbursed(make: Drafting) -> Drafting:
    return changed_to(
        make, lambda author: author.find(author.known.loans, lambda each: each.loan is None).name
    )


# --- reversals and refunds ----------------------------------------------------------------------


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
    return _find(
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


def _withdraw(author: Author) -> Draft:
    money = _find(author, lambda each: each.capture is None and each.split is not None)
    author.assume(author.chance.happens(150_000))

    def learn() -> None:
        money.split = None
        money.reversed = False

    return Draft(_why(money), (money,), learn)


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
        refused("wrong-currency", spoilt(_collect, currency="EUR")),
    ),
    ("platform", "split.instructed"): (
        valid(_split, 14),
        valid(_split_first, 4),
        refused("allocation-differs", _wrongly(instructed=False), 2),
        refused("loan-not-disbursed", _undisbursed(_split_first), 2),
    ),
    ("platform", "split.amended"): (
        valid(_amend, 8),
        refused("allocation-differs", _wrongly(instructed=True), 2),
        refused("loan-not-disbursed", _undisbursed(_amend), 2),
    ),
    ("platform", "split.withdrawn"): (valid(_withdraw),),
    ("institution", "payment.reversed"): (
        valid(_reverse, 6),
        refused("date-missing", _undated),
        refused("date-goes-back", _reverse_on(_before)),
        refused("no-such-date", _reverse_on(lambda _: NO_DATE)),
        refused("time-in-future", _reverse_on(lambda _: FUTURE_DATE)),
    ),
}
