"""Compensations (代偿): those that the guarantor stated, and those that are due and not stated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, get_args

from ledger.contracts.loan_rows import (
    CompensationState,
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
)
from ledger.contracts.loan_state import terms_of
from ledger.lending.compensation import WHOLE, compensate, is_covered
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import Instalment
from ledger.lending.loan import Loan as LoanValue
from ledger.lending.standing import late
from ledger.state import NEVER, Walk
from views.labels import (
    Amount,
    Compensation,
    Currency,
    DaysPastDue,
    Entry,
    Guarantor,
    Label,
    LastEntry,
    Loan,
    Payment,
    state_label,
)
from views.listing import Asked, Column, Filter, Listing
from views.loan_history import AS_OF, HEIGHT, LoanThen, Vantage, known_of
from views.overdue import late_loan, late_rows, scans
from views.reader import walked
from views.texts import gettext
from views.view import ViewStruct, converted

AWAITING: tuple[CompensationState, ...] = ("stated", "conflicting", "reversed")
"""States of a compensation that was stated and has not passed: its money is awaited, or again."""


class CompensationView(ViewStruct, frozen=True, kw_only=True):
    """One compensation as the guarantor stated it last; without instalments it is of all the loan.

    It is settled when its money has come and the claims have passed; withdrawn, it is not awaited.
    """

    compensation: Compensation
    loan: Loan
    guarantor: Guarantor
    state: Annotated[
        Literal[CompensationState, "disputed"],
        state_label(
            True,
            stated="已提出",
            conflicting="不一致",
            settled="已代偿",
            reversed="已冲正",
            withdrawn="已撤回",
        ),
    ]
    instalments: Annotated[list[int], Label("instalments", "期次")]
    amount: Amount
    currency: Currency
    date: Annotated[str, Label("date", "日期", "date")]
    entry: Entry
    last_entry: LastEntry
    payment: Payment = ""


class DueCompensation(ViewStruct, frozen=True, kw_only=True):
    """What the guarantor has to compensate by the terms, and has not stated.

    Without ``instalments`` it is the whole loan. ``due_since`` is the first date on which it is to
    be compensated, ``age_days`` counts from there; the amount is that of the date asked for.
    """

    loan: Loan
    guarantor: Guarantor
    instalments: Annotated[list[int], Label("instalments", "期次")]
    amount: Amount
    currency: Currency
    due_since: Annotated[str, Label("due since", "应代偿起始日", "date")]
    age_days: Annotated[int, Label("age in days", "已过天数", "count")]
    days_past_due: DaysPastDue


def covered(item: Mapping[str, Any]) -> str:
    """Return which instalments a compensation is of, in words."""
    return ", ".join(map(str, item["instalments"])) or gettext("the whole loan")


_COVERED = Column(Label("instalments", "期次"), text=covered)


def compensation_views(rows: Iterable[LoanCompensation]) -> list[CompensationView]:
    """Return compensations as they are shown, as if none was disputed."""
    return [
        converted(CompensationView, row, instalments=[int(text) for text in row.instalments])
        for row in rows
    ]


def _items(asked: Asked, rows: Sequence[LoanCompensation]) -> list[CompensationView]:
    return compensation_views(rows)


COMPENSATIONS = Listing(
    name="compensations",
    title=Label("Compensations", "代偿"),
    row=LoanCompensation,
    view=CompensationView,
    help="List compensations (代偿) that guarantors have stated, or those due and not stated.",
    filters=(
        Filter(name="loan", kind="loan", help="Only those of this loan."),
        Filter(name="state", kind="choice", words=get_args(CompensationState)),
        Filter(name="guarantor", kind="party", help="Only those of this guarantor."),
    ),
    none=Label("no compensations", "没有代偿"),
    columns=(
        ("compensation", "loan"),
        ("guarantor", "state"),
        _COVERED,
        "amount",
        ("date", "payment"),
    ),
    items=_items,
    subject="compensation",
)


class Trigger(NamedTuple):
    """What is to be compensated: instalments or, without any, the whole loan.

    It is due when the oldest of them is more than so many days past due.
    """

    numbers: list[int]
    oldest: date
    days: int

    @property
    def since(self) -> date:
        """The first date on which it is to be compensated."""
        return self.oldest + timedelta(days=self.days + 1)


def due_compensation(
    then: LoanThen, stated: Sequence[LoanCompensation], known: Vantage
) -> DueCompensation | None:
    """Return what the guarantor of a loan has to compensate and has not stated, if anything.

    Args:
        then: The loan as of the date.
        stated: The compensations of the loan.
        known: As of when.
    """
    agreement, loan, day = then.agreement, then.loan, known.day
    if loan is None or not agreement.guarantor:
        return None
    found = late(loan, day)
    trigger = trigger_of(loan, found, [each for each in stated if _awaits(each, known)], day)
    if trigger is None:
        return None
    try:
        amount = compensate(loan, trigger.numbers or WHOLE, day).compensation.amount
    except LoanRefused:  # the funders have nothing open: it has passed already
        return None
    since = trigger.since
    return DueCompensation(
        loan=agreement.loan,
        guarantor=agreement.guarantor,
        instalments=trigger.numbers,
        amount=amount,
        currency=agreement.currency,
        due_since=since.isoformat(),
        age_days=(day - since).days,
        days_past_due=(day - found[0].due).days,
    )


def is_withdrawn(row: LoanCompensation, size: int) -> bool:
    """Return whether a compensation was withdrawn, and not stated again, in so many entries."""
    is_stated_again = row.withdrawn_entry < row.again_entry < size
    return NEVER < row.withdrawn_entry < size and not is_stated_again


def stated_entry(row: LoanCompensation, size: int) -> int:
    """Return the entry that stated a compensation, of so many: first, or again."""
    return row.again_entry if row.entry < row.again_entry < size else row.entry


def _awaits(stated: LoanCompensation, known: Vantage) -> bool:
    """Return whether a compensation was stated, and had not passed nor been withdrawn by then."""
    is_known = stated.entry < known.size and date.fromisoformat(stated.date) <= known.day
    if not is_known or is_withdrawn(stated, known.size):
        return False
    return stated.state in AWAITING or stated.last_entry >= known.size


def trigger_of(
    loan: LoanValue, found: Sequence[Instalment], waits: Sequence[LoanCompensation], day: date
) -> Trigger | None:
    """Return what the terms want compensated of what is past due, and nobody has stated.

    Args:
        loan: As of the date.
        found: Its instalments that are past due, oldest first.
        waits: The compensations that were stated and have not passed.
        day: The date.
    """
    terms = loan.terms
    if not found or any(not each.instalments for each in waits):
        return None
    whole = terms.whole_days
    if whole is not None and not waits and (day - found[0].due).days > whole:
        return Trigger([], found[0].due, whole)
    if terms.per_instalment_days is None:
        return None
    days, taken = terms.per_instalment_days, {text for each in waits for text in each.instalments}
    chosen = [
        each
        for each in found
        if (day - each.due).days > days
        and str(each.number) not in taken
        and any(claim.open and is_covered(loan, claim) for claim in each.claims)
    ]
    return Trigger([each.number for each in chosen], chosen[0].due, days) if chosen else None


def _due_rows(asked: Asked) -> Iterator[LoanAccount]:
    return late_rows(asked, partial(_may_be_due, asked.given.get("guarantor")))


def _may_be_due(guarantor: str | None, agreement: LoanAgreement, days: int) -> bool:
    """Return whether anything of a loan may have to be compensated after days past due."""
    if not agreement.guarantor or guarantor not in {None, agreement.guarantor}:
        return False
    terms = terms_of(agreement.terms)
    triggers = [each for each in (terms.per_instalment_days, terms.whole_days) if each is not None]
    return days > min(triggers, default=days)


def _due_fits(asked: Asked, row: LoanAccount) -> bool:
    then = late_loan(asked, row)
    guarantor = asked.given.get("guarantor")
    if then is None or guarantor not in {None, then.agreement.guarantor}:
        return False
    walk = Walk({"loan": row.loan}, ("compensation",))
    stated = list(walked(asked.reader, LoanCompensation, walk))
    view = due_compensation(then, stated, known_of(asked))
    if view is not None:
        _kept(asked)[row.loan] = view
    return view is not None


def _due_items(asked: Asked, rows: Sequence[LoanAccount]) -> list[DueCompensation]:
    return [_kept(asked)[row.loan] for row in rows]


def _kept(asked: Asked) -> dict[str, DueCompensation]:
    found: dict[str, DueCompensation] = asked.kept.setdefault("due", {})
    return found


COMPENSATIONS_DUE = Listing(
    name="compensations-due",
    title=Label("Compensations due", "应代偿"),
    path="/v1/compensations/due",
    member="due",
    row=LoanAccount,
    view=DueCompensation,
    help="""List what guarantors have to compensate by the terms and have not stated.

    Amounts are those of the date asked for; loans come by the date of their oldest open instalment,
    as of a past date by their ids.
    """,
    filters=(
        Filter(
            name="guarantor", kind="party", judged=True, help="Only what this guarantor has to."
        ),
        Filter(name="funder", kind="party", judged=True, help="Only loans that this party lends."),
        AS_OF,
        HEIGHT,
    ),
    none=Label("nothing is due that is not stated", "没有应代偿而未提出的"),
    columns=(
        ("loan", "guarantor"),
        _COVERED,
        "amount",
        ("due_since", "age_days"),
        "days_past_due",
    ),
    order=("due_from", "loan"),
    rows=_due_rows,
    fits=_due_fits,
    items=_due_items,
    scans=scans,
)
