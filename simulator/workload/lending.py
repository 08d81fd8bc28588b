"""Shorthands of the businesses of loans: whom they are about, on which day, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from ledger.genesis import DAY_MS
from ledger.lending.loan import Loan
from simulator.workload.drafts import about, spoilt
from simulator.workload.loan_subjects import KnownLoan, KnownLoanMoney
from simulator.workload.moves import Attempt, Author, Draft, Drafting, refused
from simulator.workload.subjects import Fields, KnownReceiver, NothingFits

NO_DATE = "2026-13-01"
FUTURE_DATE = "2100-01-01"
RACES_PPM = 200_000
"""How often somebody changes a loan about which others wait for an answer, or have to answer."""
_ALL_PPM = 250_000
"""How often all that is owed may be paid, or more."""
_STEPS = (0, 0, 1, 5, 20, 35)
_HOUR_MS = DAY_MS // 24


def today(author: Author) -> date:
    """Return today's business date."""
    return date.fromisoformat(author.known.date(author.now_ms))


def next_day(author: Author, loan: Loan) -> date:
    """Return a day for what befalls a loan next: the same, or some days later, until today."""
    later = loan.latest + timedelta(days=author.chance.pick(_STEPS))
    return max(loan.latest, min(later, today(author)))


def time_of(author: Author, day: date) -> int:
    """Return a time of a business date that is no later than now."""
    return min(author.known.genesis.calendar.starts_at_ms(day) + _HOUR_MS, author.now_ms)


def find_loan(author: Author, fits: Callable[[KnownLoan], bool]) -> tuple[KnownLoan, Loan]:
    """Return a loan that fits, and how it stands; mostly one that nobody else is about to change.

    Raises:
        NothingFits: there is none.
    """
    may_race = author.chance.happens(RACES_PPM)
    found = author.find(
        author.known.loans,
        lambda each: each.runs and (may_race or each.is_calm) and fits(each),
    )
    if found.loan is None:
        raise NothingFits
    return found, found.loan


def own_receiver(author: Author, party: str, currency: str, *, is_shut: bool = False) -> str:
    """Return a receiver that a party owns.

    Raises:
        NothingFits: there is none.
    """

    def fits(each: KnownReceiver) -> bool:
        return (each.owner, each.currency, each.suspended) == (party, currency, is_shut)

    found = author.known.receivers.find(author.chance, fits)
    if found is None:
        raise NothingFits
    return found.name


def is_outside(author: Author, *roles: str) -> bool:
    """Return whether the author has none of the roles that may say this: it is refused anyhow."""
    return author.known.genesis.roles[author.party] not in roles


def on_loan(
    fits: Callable[[Author, KnownLoan], bool], fields: Callable[[Author, KnownLoan], Fields]
) -> Drafting:
    """Return a record about a loan that fits, from which the workload learns nothing."""
    return about(lambda known: known.loans, fits, fields)


def refused_alike(
    make: Drafting, *, dated: bool = True, undisbursed: bool = True
) -> tuple[Attempt, ...]:
    """Return what is refused of every record about a loan.

    Args:
        make: A sound record; it is spoilt.
        dated: Whether it has a date.
        undisbursed: Whether the loan has to be disbursed.
    """
    attempts = [refused("loan-unknown", spoilt(make, loan="NONE"))]
    if undisbursed:
        attempts.append(refused("loan-not-disbursed", changed_to(make, _undisbursed)))
    if dated:
        attempts += [
            refused("no-such-date", on_date(make, lambda author, made: NO_DATE)),
            refused("time-in-future", on_date(make, lambda author, made: FUTURE_DATE)),
        ]
    return tuple(attempts)


def changed_to(make: Drafting, name: Callable[[Author], str]) -> Drafting:
    """Return ``make`` about another loan, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        made = make(author)
        return Draft({**made.fields, "loan": name(author)}, made.about)

    return draft


def on_date(make: Drafting, day: Callable[[Author, Fields], str]) -> Drafting:
    """Return ``make`` with another date, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        made = make(author)
        return Draft({**made.fields, "date": day(author, made.fields)}, made.about)

    return draft


def before_latest(author: Author, made: Fields) -> str:
    """Return a day before the latest one of a loan's records."""
    known = author.known.loans.get(made["loan"])
    if known is None or known.loan is None:
        raise NothingFits
    return (known.loan.latest - timedelta(days=1)).isoformat()


def _undisbursed(author: Author) -> str:
    return author.find(author.known.loans, lambda each: each.loan is None).name


def find_repayment(author: Author, fits: Callable[[KnownLoanMoney], bool]) -> KnownLoanMoney:
    """Return a repayment that fits."""
    return author.find(
        author.known.loan_money, lambda each: each.compensation is None and fits(each)
    )


def amount_of(author: Author, loan: Loan, day: date) -> int:
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
