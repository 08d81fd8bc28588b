"""Compensations of a sheet: due by the terms and not stated, or stated and not paid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from msgspec.structs import replace

from ledger.contracts.halves import Capture
from ledger.contracts.loan_rows import (
    CompensationState,
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
)
from ledger.contracts.loan_state import legs_of
from ledger.lending.compensation import WHOLE, compensate
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import LoanLeg
from ledger.lending.loan import Loan
from ledger.state import Walk
from views.compensations import AWAITING, Trigger, is_withdrawn, stated_entry, trigger_of
from views.loan_history import Vantage, events_known, loan_known
from views.reader import Reader, walked
from views.sheets.loans import Late, Loans
from views.sheets.part import Part, Point
from views.sheets.views import CompensationLine, CompensationLineState

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
    names = [each.agreement.loan for each in late if each.agreement.guarantor]
    waits = _standing(reader, names, point)
    owed: list[tuple[Late, Trigger]] = []
    for each in late:
        stated = waits.get(each.agreement.loan, ())
        trigger = trigger_of(each.loan, each.instalments, stated, point.known.day)
        if trigger is not None and each.agreement.guarantor:
            owed.append((each, trigger))
    whole = loans.whole([each.agreement.loan for each, _ in owed])
    for each, trigger in owed:
        yield from _due(whole[each.agreement.loan], each, trigger, matter)
    for row in _unpaid(reader, point):
        yield from _stated(reader, row, part)


def _due(
    loan: Loan, late: Late, trigger: Trigger, matter: tuple[Part, Point]
) -> Iterator[CompensationLine]:
    part, point = matter
    try:
        found = compensate(loan, trigger.numbers or WHOLE, point.known.day).compensation
    except LoanRefused:  # nothing of what is covered is open
        return
    own = _own(found.legs, late.agreement, part)
    if own:
        yield CompensationLine(
            loan=late.agreement.loan,
            guarantor=late.agreement.guarantor,
            state="due",
            instalments=trigger.numbers,
            amount=found.amount,
            currency=late.agreement.currency,
            since=trigger.since.isoformat(),
            due=own,
            entries=sorted({late.agreement.entry, late.account.entry}),
        )


def _own(legs: Iterable[LoanLeg], agreement: LoanAgreement, part: Part) -> int:
    """Return the part of a compensation: of its guarantor all that it pays."""
    pays = part.party == agreement.guarantor
    return sum(leg.amount for leg in legs if pays or part.claims(leg.party))


def _standing(
    reader: Reader, loans: Sequence[str], point: Point
) -> dict[str, list[LoanCompensation]]:
    """Return by loan the statements of the date or before that are not settled, as is known."""
    found: dict[str, list[LoanCompensation]] = {}
    for start in range(0, len(loans), _CHUNK):
        chunk = list(loans[start : start + _CHUNK])
        for row in reader.rows_among(LoanCompensation, {"loan": chunk}):
            if row.date <= point.day and _state(reader, row, point) in AWAITING:
                found.setdefault(row.loan, []).append(row)
    return found


def _unpaid(reader: Reader, point: Point) -> Iterator[LoanCompensation]:
    """Yield compensations of the date or before that are stated, and not settled as is known."""
    states = (*AWAITING, "settled", "withdrawn") if point.is_past else AWAITING
    for state in states:
        walk = Walk({"state": state}, ("compensation",))
        for row in walked(reader, LoanCompensation, walk):
            known = _state(reader, row, point)
            if known is not None and known in AWAITING and row.date <= point.day:
                yield _as_stated(row, known, point.known.size)


def _as_stated(row: LoanCompensation, known: CompensationState, size: int) -> LoanCompensation:
    """Return a compensation as it was stated, if it has changed since."""
    if row.last_entry < size:
        return row
    return replace(row, state=known, legs=(), last_entry=stated_entry(row, size))


def _state(reader: Reader, row: LoanCompensation, point: Point) -> CompensationState | None:
    """Return the state of a compensation as it is known; None before it was stated."""
    size = point.known.size
    if row.entry >= size:
        return None
    if row.last_entry < size:
        return row.state
    if is_withdrawn(row, size):
        return "withdrawn"
    event = reader.row(LoanEvent, (row.loan, row.record)) if row.record else None
    if event is not None and event.entry < size:
        return "reversed" if _is_returned(reader, row, size) else "settled"
    capture = reader.row(Capture, (row.payment,)) if row.payment else None
    return "stated" if capture is None or capture.entry >= size else "conflicting"


def _is_returned(reader: Reader, row: LoanCompensation, size: int) -> bool:
    """Return whether the claims of a compensation that is withdrawn by now were given back then."""
    if row.state != "withdrawn":
        return False
    events = events_known(reader, row.loan, Vantage(date.max, size))
    return any(
        each.kind == "returned" and each.about == row.compensation and each.record > row.record
        for each in events
    )


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
