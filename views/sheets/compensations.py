"""Compensations of a sheet: due by the terms and not stated, or stated and not paid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from ledger.contracts.halves import Capture
from ledger.contracts.loan_rows import (
    CompensationState,
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
)
from ledger.contracts.loan_state import legs_of, terms_of
from ledger.lending.compensation import WHOLE, compensate
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import LoanLeg
from ledger.lending.loan import Loan
from ledger.state import Walk
from views.loan_history import Vantage, loan_known
from views.reader import Reader, walked
from views.sheets.loans import Late, Loans
from views.sheets.part import Part, Point
from views.sheets.views import CompensationLine, CompensationLineState

_UNPAID: tuple[CompensationState, ...] = ("stated", "conflicting", "reversed")
_LINE_STATES: dict[CompensationState, CompensationLineState] = {
    "stated": "stated",
    "conflicting": "conflicting",
    "reversed": "reversed",
}
_CHUNK = 500


def compensation_lines(
    reader: Reader, loans: Loans, late: Sequence[Late], matter: tuple[Part, Point]
) -> Iterator[CompensationLine]:
    """Yield what is to compensate, or stated and not paid, with the party's part.

    Args:
        reader: The snapshot.
        loans: The loans as of the point.
        late: Those that are past due.
        matter: Whose part, and as of when.
    """
    part, point = matter
    triggered = [each for each in late if _triggered(each, point.known.day)]
    stated = _standing(reader, [each.agreement.loan for each in triggered], point)
    missing = [each for each in triggered if each.agreement.loan not in stated]
    whole = loans.whole([each.agreement.loan for each in missing])
    for each in missing:
        yield from _due(whole[each.agreement.loan], each, part, point)
    for row in _unpaid(reader, point):
        yield from _stated(reader, row, part)


def _triggered(late: Late, day: date) -> list[int] | str:
    """Return what the terms have the guarantor compensate: instalments, all, or nothing."""
    terms, agreement = terms_of(late.agreement.terms), late.agreement
    funders = {text.partition(":")[0] for text in agreement.funders}
    held = [i for i in late.instalments if any(c.open and c.party in funders for c in i.claims)]
    if not agreement.guarantor or not held:
        return []
    oldest = max((day - each.due).days for each in late.instalments)
    if terms.whole_days is not None and oldest > terms.whole_days:
        return WHOLE
    if terms.per_instalment_days is None:
        return []
    return [i.number for i in held if (day - i.due).days > terms.per_instalment_days]


def _due(loan: Loan, late: Late, part: Part, point: Point) -> Iterator[CompensationLine]:
    agreement, what = late.agreement, _triggered(late, point.known.day)
    try:
        found = compensate(loan, what, point.known.day).compensation
    except LoanRefused:  # nothing of what is covered is open
        return
    own = _own(found.legs, agreement, part)
    if own:
        yield CompensationLine(
            loan=agreement.loan,
            guarantor=agreement.guarantor,
            state="due",
            instalments=sorted({leg.instalment for leg in found.legs}),
            amount=found.amount,
            currency=agreement.currency,
            since=_since(late, what),
            due=own,
            entries=sorted({agreement.entry, late.account.entry}),
        )


def _since(late: Late, what: list[int] | str) -> str:
    """Return the first date on which the terms had a compensation due."""
    terms = terms_of(late.agreement.terms)
    days = terms.whole_days if isinstance(what, str) else terms.per_instalment_days
    named = [i for i in late.instalments if isinstance(what, str) or i.number in what]
    return (min(i.due for i in named) + timedelta(days=(days or 0) + 1)).isoformat()


def _own(legs: Iterable[LoanLeg], agreement: LoanAgreement, part: Part) -> int:
    """Return the part of a compensation: of its guarantor all that it pays."""
    pays = part.party == agreement.guarantor
    return sum(leg.amount for leg in legs if pays or part.claims(leg.party))


def _standing(reader: Reader, loans: Sequence[str], point: Point) -> set[str]:
    """Return which of some loans have a statement that is not settled, as is known."""
    found: set[str] = set()
    for start in range(0, len(loans), _CHUNK):
        chunk = list(loans[start : start + _CHUNK])
        rows = reader.rows_among(LoanCompensation, {"loan": chunk})
        found |= {row.loan for row in rows if _state(reader, row, point) in _UNPAID}
    return found


def _unpaid(reader: Reader, point: Point) -> Iterator[LoanCompensation]:
    """Yield compensations of the date or before that are stated, and not settled as is known."""
    states = (*_UNPAID, "settled") if point.is_past else _UNPAID
    for state in states:
        walk = Walk({"state": state}, ("compensation",))
        for row in walked(reader, LoanCompensation, walk):
            known = _state(reader, row, point)
            if row.date <= point.day and known in _UNPAID:
                is_now = row.last_entry < point.known.size
                yield row if is_now else replace(row, state=known, legs=(), last_entry=row.entry)


def _state(reader: Reader, row: LoanCompensation, point: Point) -> CompensationState | None:
    """Return the state of a compensation as it is known; None before it was stated."""
    size = point.known.size
    if row.entry >= size:
        return None
    if row.last_entry < size:
        return row.state
    event = reader.row(LoanEvent, (row.loan, row.record)) if row.record else None
    if event is not None and event.entry < size:
        return "settled"
    capture = reader.row(Capture, (row.payment,)) if row.payment else None
    return "stated" if capture is None or capture.entry >= size else "conflicting"


def _stated(reader: Reader, row: LoanCompensation, part: Part) -> Iterator[CompensationLine]:
    agreement = reader.row(LoanAgreement, (row.loan,))
    if agreement is None:
        return
    own = row.amount if part.party == row.guarantor or part.whole else 0
    if not own and part.takes_part(agreement):
        own = _own(_stated_legs(reader, row, agreement), agreement, part)
    if own:
        yield CompensationLine(
            loan=row.loan,
            guarantor=row.guarantor,
            state=_LINE_STATES[row.state],
            instalments=[int(text) for text in row.instalments],
            amount=row.amount,
            currency=row.currency,
            since=row.date,
            compensation=row.compensation,
            unpaid=own,
            entries=[row.entry] if row.last_entry == row.entry else [row.entry, row.last_entry],
        )


def _stated_legs(
    reader: Reader, row: LoanCompensation, agreement: LoanAgreement
) -> tuple[LoanLeg, ...]:
    """Return what a compensation pays to whom, by the loan as it was when it was stated.

    Where the borrower has paid before the money came, it is what was still open then.
    """
    if row.legs:
        return legs_of(row.legs)
    account, day = reader.row(LoanAccount, (row.loan,)), date.fromisoformat(row.date)
    what = [int(text) for text in row.instalments] or WHOLE
    legs: tuple[LoanLeg, ...] = ()
    for entry in (row.entry, row.last_entry):
        loan = loan_known(reader, agreement, account, Vantage(day, entry + 1))
        try:
            found = None if loan is None else compensate(loan, what, day).compensation
        except LoanRefused:  # nothing is open any more
            continue
        if found is not None:
            legs = found.legs
            if found.amount == row.amount:
                break
    return legs
