"""Compensations: what the guarantor takes over, its money, and money that was void."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from ledger.lending.compensation import WHOLE, compensate, give_back
from simulator.workload.drafts import about, raised, spoilt
from simulator.workload.lending import (
    before_latest,
    find_loan,
    next_day,
    on_date,
    refused_alike,
    time_of,
    today,
)
from simulator.workload.loan_subjects import KnownCompensation, KnownLoan, KnownLoanMoney
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import is_open, leg_of, stated
from simulator.workload.subjects import Fields, NothingFits

_NO_INSTALMENT = 99
What = Sequence[int] | str
"""Numbers of instalments, or the whole loan."""


# --- the guarantor's half -----------------------------------------------------------------------


def _state(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: each.is_open and _guards(author, each))
    day = author.chance.pick((next_day(author, loan), max(loan.latest, today(author))))
    opened = [each.number for each in loan.instalments if each.open]
    choices: tuple[What, ...] = (WHOLE, opened[:1], opened[:2])
    able = [what for what in choices if not _code(known, what, day)]
    author.assume(bool(able))
    what = author.chance.pick(able)
    return _stated(author, KnownCompensation(author.fresh("DC"), known), what, day)


def _code(known: KnownLoan, what: What, day: date) -> str:
    """Return the code with which a compensation would be refused, or nothing."""
    return known.code(lambda loan: compensate(loan, what, day))


def _guards(author: Author, loan: KnownLoan) -> bool:
    guarantor = loan.offer.parties.guarantor
    return bool(guarantor) and (guarantor == author.party or _is_outside(author))


def _is_outside(author: Author) -> bool:
    return author.known.genesis.roles[author.party] != "guarantor"


def _restate(author: Author) -> Draft:
    """State anew what was withdrawn, or paid for in between, or whose money was void."""
    found = author.find(
        author.known.compensations,
        lambda each: (
            each.may_restate
            and each.loan.runs
            and each.loan.offer.parties.guarantor == author.party
            and (not each.awaits_money or author.chance.happens(200_000))
        ),
    )
    loan = found.loan.loan
    if loan is None:
        raise NothingFits
    what: What = list(found.stated.get("instalments", ())) or WHOLE
    day = max(loan.latest, today(author))
    author.assume(not _code(found.loan, what, day))
    return _stated(author, found, what, day)


def _stated(author: Author, found: KnownCompensation, what: What, day: date) -> Draft:
    loan = found.loan.loan
    if loan is None:
        raise NothingFits
    amount = compensate(loan, what, day).compensation.amount
    fields = _said(found.loan, found.name, what, day, amount)

    def learn() -> None:
        found.stated, found.withdrawn = fields, False
        if author.known.compensations.get(found.name) is None:
            author.known.compensations.add(found)
        _compare(author, found)

    return Draft(fields, (found, found.loan), learn)


def _said(known: KnownLoan, name: str, what: What, day: date, amount: int = 1) -> Fields:
    chosen = {} if isinstance(what, str) else {"instalments": list(what)}
    return {
        "compensation": name,
        "loan": known.name,
        "amount": amount,
        "date": day.isoformat(),
        **chosen,
    }


def _compare(author: Author, found: KnownCompensation) -> None:
    if found.compare() and found.money is not None:
        author.known.derive_legs(found.money)


def _claim_what(code: str) -> Drafting:
    """Return a statement that is refused with a code, of a loan of the author's."""

    def draft(author: Author) -> Draft:
        known, loan = find_loan(author, lambda each: _guards(author, each))
        day = max(loan.latest, today(author))
        choices: list[What] = [WHOLE, *([each.number] for each in loan.instalments)]
        what = author.chance.pick(choices)
        author.assume(_code(known, what, day) == code)
        return Draft(_said(known, author.fresh("DC"), what, day), (known,))

    return draft


def _any(author: Author) -> Draft:
    """State something of a loan that the author guarantees, whether it may be or not."""
    known, loan = find_loan(author, lambda each: _guards(author, each))
    return Draft(_said(known, author.fresh("DC"), WHOLE, max(loan.latest, today(author))), (known,))


def _not_mine(author: Author) -> Draft:
    known, loan = find_loan(author, lambda each: not _guards(author, each))
    return Draft(_said(known, author.fresh("DC"), WHOLE, loan.latest), (known,))


def _settled(author: Author) -> Draft:
    made = _any(author)
    found = author.find(author.known.compensations, lambda each: each.done is not None)
    named = {"compensation": found.name, "loan": found.loan.name}
    return Draft({**made.fields, **named}, (found,))


def _withdraw(author: Author) -> Draft:
    """Withdraw what the borrower has paid for in between, or now and then what is open."""
    found = author.find(
        author.known.compensations,
        lambda each: (
            each.awaits_money
            and _guards(author, each.loan)
            and (bool(each.loan.code(each.apply)) or author.chance.happens(100_000))
        ),
    )

    def learn() -> None:
        found.withdrawn = True

    return Draft(_taken_back(found), (found,), learn)


def _taken_back(found: KnownCompensation) -> Fields:
    return {"compensation": found.name, "reason": "paid meanwhile"}


def _withdraw_what(fits: Callable[[KnownCompensation], bool]) -> Drafting:
    return about(
        lambda known: known.compensations,
        lambda author, each: fits(each) and _guards(author, each.loan),
        lambda _, each: _taken_back(each),
    )


# --- its money ----------------------------------------------------------------------------------


def _pay(author: Author) -> Draft:
    """Capture the guarantor's money: what it states, or by mistake another amount."""
    found = author.find(author.known.compensations, lambda each: each.awaits_money)
    author.assume(found.loan.runs)
    amount = found.stated["amount"] + author.errs()
    money = found.money or KnownLoanMoney(author.fresh("R"), found.loan, found)
    author.assume(money.split is None)
    fields = _paid(author, found, money.name, amount)

    def learn() -> None:
        money.capture = fields
        found.money = money
        author.known.keep_payment(money)
        _compare(author, found)

    return Draft(fields, (found, found.loan, money), learn)


def _paid(author: Author, found: KnownCompensation, payment: str, amount: int) -> Fields:
    return {
        "payment": payment,
        "order": f"O-{payment}",
        "amount": amount,
        "currency": found.loan.offer.currency,
        "channel": "bank",
        "captured_at": time_of(author, today(author)),
        "compensation": found.name,
    }


def _pay_what(fits: Callable[[KnownCompensation], bool]) -> Drafting:
    return about(
        lambda known: known.compensations,
        lambda _, each: fits(each),
        lambda author, each: _paid(author, each, author.fresh("R"), 100),
    )


_pay_any = _pay_what(lambda each: each.awaits_money)


def _pay_instructed(author: Author) -> Draft:
    """Capture a guarantor's money as a payment that the platform has instructed."""
    payment = author.find(
        author.known.payments,
        lambda each: each.split is not None and each.capture is None and not each.refunded,
    )
    made = _pay_any(author)
    return Draft({**made.fields, "payment": payment.name}, (payment,))


def _reverse(code: str) -> Drafting:
    """Return the reversal of a guarantor's money that is refused with a code, or with none."""

    def draft(author: Author) -> Draft:
        found = author.find(
            author.known.compensations,
            lambda each: each.has_money and each.loan.runs and each.loan.is_calm,
        )
        money, loan, done = found.money, found.loan.loan, found.done
        if money is None or loan is None or money.in_payout:
            raise NothingFits
        day = next_day(author, loan)
        was = "" if done is None else found.loan.code(lambda stands: give_back(stands, done, day))
        author.assume(was == code and (code != "" or author.chance.happens(500_000)))
        fields = {"payment": money.name, "reason": "void", "date": day.isoformat()}
        return Draft(fields, (found, found.loan, money), lambda: _undo(author, found, day))

    return draft


def _undo(author: Author, found: KnownCompensation, day: date) -> None:
    done, money = found.done, found.money
    if done is not None:
        after = found.loan.take(lambda stands: give_back(stands, done, day))
        if after is not None:
            found.loan.become(after.loan)
    found.done = None
    if money is not None:
        money.void()
        money.split = None
        author.known.derive_legs(money)


def _split_what(settled: bool) -> Drafting:
    """Return a split of a guarantor's money, which the ledger itself splits."""

    def draft(author: Author) -> Draft:
        found = author.find(
            author.known.compensations,
            lambda each: each.has_money and (each.done is not None) == settled,
        )
        money = found.money
        if money is None:
            raise NothingFits
        half = {name: money.captured[name] for name in ("order", "amount", "currency")}
        target = author.find(author.known.receivers, lambda each: is_open(each, half["currency"]))
        legs = [leg_of(1, target.name, amount=half["amount"])]
        fields = {**half, "payment": money.name, "mode": "fixed", "legs": legs}
        return Draft(fields, (found, money))

    return draft


def _release(author: Author) -> Draft:
    """State the ledger's own legs again, now that a receiver is open for which one waits."""
    anyhow = author.chance.happens(100_000)
    money = author.find(
        author.known.loan_money,
        lambda each: each.compensation is not None and each.agrees and (each.lacks_legs or anyhow),
    )
    return stated(author, money, money.instructed)


MOVES: Moves = {
    ("guarantor", "compensation.stated"): (
        valid(_state, 20),
        valid(_restate, 12),
        *refused_alike(_any),
        refused("compensation-differs", raised(_state, "amount"), 2),
        refused("compensation-settled", _settled, 2),
        refused("compensation-too-early", _claim_what("compensation-too-early")),
        refused("date-goes-back", on_date(_any, before_latest)),
        refused("not-covered", _claim_what("not-covered"), 2),
        refused("nothing-to-compensate", _claim_what("nothing-to-compensate"), 3),
        refused("unknown-instalment", spoilt(_any, instalments=[_NO_INSTALMENT])),
        refused("wrong-author", _not_mine),
    ),
    ("guarantor", "compensation.withdrawn"): (
        valid(_withdraw, 4),
        refused("compensation-settled", _withdraw_what(lambda each: each.has_money), 2),
        refused("compensation-unknown", _withdraw_what(lambda each: each.withdrawn), 2),
    ),
    ("institution", "payment.captured"): (
        valid(_pay, 12),
        refused("already-instructed", _pay_instructed, 2),
        refused("compensation-unknown", spoilt(_pay_any, compensation="NONE")),
        refused("compensation-unknown", _pay_what(lambda each: each.withdrawn)),
        refused("compensation-settled", _pay_what(lambda each: each.has_money), 2),
        refused("wrong-currency", spoilt(_pay_any, currency="EUR")),
    ),
    ("institution", "payment.reversed"): (
        valid(_reverse(""), 8),
        refused("claims-paid-since", _reverse("claims-paid-since"), 3),
    ),
    ("platform", "split.instructed"): (
        refused("compensation-split", _split_what(settled=False), 3),
    ),
    ("platform", "split.amended"): (
        valid(_release, 2),
        refused("compensation-split", _split_what(settled=True), 2),
    ),
}
