"""Repayments of a sheet: one row an attempt of the date, and one for what was due and came not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from ledger.contracts.loan_rows import LoanEvent, RepaymentAttempt
from ledger.contracts.loan_state import legs_of
from ledger.lending.instalments import LoanLeg
from ledger.state import NEVER, Walk
from views.reader import Reader, walked
from views.sheets.loans import CHUNK, Due, Loans
from views.sheets.money import Money, Position, Tracing
from views.sheets.part import Part, Point
from views.sheets.views import RepaymentLine, RepaymentState

_NOTHING = Due((), 0, 0, 0)
_PLACES: dict[str, tuple[str, ...]] = {
    "suspended": ("suspended",),
    "to_pay": ("allocated", "returned"),
    "in_transit": ("in-payout", "paid", "disputed"),
    "arrived": ("arrived",),
}
"""The columns of a row by the states of its legs."""

_STATES: tuple[tuple[str, RepaymentState], ...] = (
    ("suspended", "in-suspense"),
    ("to_pay", "due"),
    ("in_transit", "on-its-way"),
)
"""The state of a row: that of the money that is the least far."""

_PAID = ("paid", "arrived", "disputed")


class Traced(NamedTuple):
    """An attempt of the date, where its money is, and its row."""

    attempt: RepaymentAttempt
    money: Money | None
    line: RepaymentLine


def attempts_of(reader: Reader, point: Point) -> list[RepaymentAttempt]:
    """Return the attempts of the date as they are known, by loan and attempt."""
    walk = Walk({"date": point.day}, ("loan", "attempt"))
    rows = walked(reader, RepaymentAttempt, walk, chunk=CHUNK)
    return [known_attempt(each, point) for each in rows if each.entry < point.known.size]


def traced(
    reader: Reader, loans: Loans, tracing: Tracing, matter: tuple[Part, Point]
) -> tuple[list[Traced], list[RepaymentLine]]:
    """Return the attempts of the date with their rows, and the rows of what was due beside them.

    Args:
        reader: The snapshot.
        loans: The loans as of the point.
        tracing: Where money is.
        matter: Whose part, and as of when.
    """
    part, point = matter
    attempts = attempts_of(reader, point)
    loans.read(each.loan for each in attempts)
    attempts = [each for each in attempts if part.takes_part(loans.agreements[each.loan])]
    money = tracing.money_of(attempts)
    undone = reversed_by(reader, attempts, point)
    due = loans.due(part)
    found, shown = [], set()
    for each in attempts:
        own_due = _NOTHING if each.loan in shown else due.get(each.loan, _NOTHING)
        shown.add(each.loan)
        where = money.get(each.payment)
        line = _line(each, where, part, own_due)
        if (each.loan, each.attempt) in undone:
            line = replace(line, succeeded=0)
        found.append(Traced(each, where, line))
    rest = [name for name in due if name not in shown]
    return found, [_nothing_came(loans, name, due[name]) for name in rest]


def known_attempt(attempt: RepaymentAttempt, point: Point) -> RepaymentAttempt:
    """Return an attempt as it is known: its reversal may not be."""
    if attempt.state == "reversed" and attempt.last_entry >= point.known.size:
        return replace(attempt, state="succeeded", last_entry=attempt.entry)
    return attempt


def reversed_by(
    reader: Reader, attempts: Iterable[RepaymentAttempt], point: Point
) -> set[tuple[str, str]]:
    """Return the attempts that were reversed as of the date or before."""
    loans = {each.loan for each in attempts if each.state == "reversed"}
    return {
        (event.loan, event.about)
        for name in sorted(loans)
        for event in walked(reader, LoanEvent, Walk({"loan": name}, ("record",)))
        if event.kind == "reversed" and event.date <= point.day and event.entry < point.known.size
    }


def own_of(attempt: RepaymentAttempt, part: Part) -> int:
    """Return a party's part of a repayment, as the ledger allocates it."""
    return sum(leg.amount for leg in _legs(attempt) if part.claims(leg.party))


def _legs(attempt: RepaymentAttempt) -> tuple[LoanLeg, ...]:
    return (*legs_of(attempt.legs), *legs_of(attempt.ahead))


def _line(attempt: RepaymentAttempt, money: Money | None, part: Part, due: Due) -> RepaymentLine:
    own = own_of(attempt, part)
    numbers = {leg.instalment for leg in _legs(attempt)} or {*due.numbers}
    facts: dict[str, Any] = {
        "loan": attempt.loan,
        "instalments": sorted(numbers),
        "attempt": attempt.attempt,
        "currency": attempt.currency,
        "attempted": attempt.amount,
        "payment": attempt.payment,
        **_of_due(due),
    }
    if attempt.state == "failed":
        facts["reason"] = f"{attempt.reason_code}: {attempt.reason}".rstrip(": ")
        return RepaymentLine(
            **facts, state="failed", failed=attempt.amount, entries=[attempt.entry]
        )
    facts |= {"succeeded": attempt.amount, "entries": _entries(attempt, money)}
    if attempt.state == "reversed" or money is None:
        return RepaymentLine(**facts, state="reversed", reversed=own)
    facts |= {"captured": own, "overpaid": attempt.overpaid}
    if money.state != "split":
        facts["missing"] = own if money.trouble else 0
        if money.state == "conflicting":
            return RepaymentLine(**facts, state="differs", differing=own)
        return RepaymentLine(**facts, state="not-split", unstated=own)
    return RepaymentLine(**facts, **_of_legs(money.positions, part))


def _of_due(due: Due) -> dict[str, Any]:
    return {
        "due": due.whole,
        "due_principal": due.principal,
        "due_interest": due.interest,
        "due_fees": due.fees,
    }


def _of_legs(positions: Sequence[Position], part: Part) -> dict[str, Any]:
    """Return how far the money of a party's legs has got; that of all, if none is its own."""
    own = [each for each in positions if is_own(each, part)]
    columns = _by_place(own)
    shown = columns if own else _by_place(positions)
    state = next((state for name, state in _STATES if shown[name]), "arrived")
    return {
        **columns,
        "state": state,
        "split": sum(each.leg.amount for each in own),
        "paid": sum(each.leg.amount for each in own if each.state in _PAID),
        "missing": sum(each.leg.amount for each in own if each.trouble),
        "payouts": sorted({each.payout.payout for each in own if each.payout is not None}),
    }


def _by_place(positions: Iterable[Position]) -> dict[str, int]:
    """Return what legs amount to by where their money is."""
    sums = dict.fromkeys(_PLACES, 0)
    for each in positions:
        place = next((name for name, states in _PLACES.items() if each.state in states), "")
        if place:
            sums[place] += each.leg.amount
    return sums


def is_own(position: Position, part: Part) -> bool:
    """Return whether a leg is to a receiver of the party's part."""
    return part.whole or position.leg.receiver in part.receivers


def _entries(attempt: RepaymentAttempt, money: Money | None) -> list[int]:
    """Return the entries of a repayment: capture, split, and what became of its payouts."""
    found = {attempt.entry, attempt.last_entry}
    if money is not None:
        halves = (money.capture, money.instruction)
        found |= {half.entry for half in halves if half is not None}
        payouts = [each.payout for each in money.positions if each.payout is not None]
        found |= {entry for each in payouts for entry in (each.entry, each.last_entry)}
    return sorted(found - {NEVER})


def _nothing_came(loans: Loans, name: str, due: Due) -> RepaymentLine:
    agreement = loans.agreements[name]
    return RepaymentLine(
        loan=name,
        instalments=list(due.numbers),
        state="nothing-came",
        currency=agreement.currency,
        entries=[agreement.entry],
        **_of_due(due),
    )


def by_payment(found: Iterable[Traced]) -> Mapping[str, Traced]:
    """Return attempts with money by payment."""
    return {each.attempt.payment: each for each in found if each.money is not None}


def every_position(found: Iterable[Traced]) -> Iterator[Position]:
    """Yield the legs of all attempts."""
    for each in found:
        if each.money is not None:
            yield from each.money.positions
