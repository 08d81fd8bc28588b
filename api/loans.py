"""Routes of one loan: all that the log knows of it, and how a repayment would be allocated."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.listings import now_ms
from api.named import no_such_loan, refuse_unknown_height, refuse_unknown_loan
from api.openapi import describe
from api.paging import Name
from api.parameters import day_of, shown_of
from api.problems import Problem
from api.reading import Reading
from ledger import forms
from ledger.contracts.loan_rows import LoanAccount, LoanAgreement
from ledger.errors import Refused
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import LedgerReader
from views import cells
from views.calendars import today
from views.loan_allocation import AllocationView, allocation_view
from views.loan_details import LoanView, loan_view
from views.loan_history import Vantage
from views.loans import LoanSummary
from views.sentences import refusal
from views.texts import gettext, language

KnownHeight = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="By what was known after this block."),
]
AsOfDay = Annotated[
    str | None,
    Query(
        pattern=forms.DAY,
        description="As of this business date: records of later dates are left out; today's if "
        "left out.",
    ),
]
Day = Annotated[
    str | None,
    Query(
        alias="date",
        pattern=forms.DAY,
        description="The business date of the capture; today's if left out.",
    ),
]
MinorAmount = Annotated[
    int | None,
    Query(ge=1, le=SAFE_INTEGER_MAX, description="What is repaid, in minor units."),
]
ShownAmount = Annotated[
    str | None,
    Query(
        max_length=32,
        description="What is repaid as it is displayed, `1,041.00`, instead of `amount`.",
    ),
]


def loan_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes of one loan."""

    @router.get("/v1/loans/{loan}", **describe(LoanView, "no-such-loan", "no-such-block"))
    def show_loan(loan: Name, as_of: AsOfDay = None, height: KnownHeight = None) -> Response:
        """Show a loan: terms, parties, schedule, repayments with both allocations, who said what.

        It is as of a business date, and by what was known after a block.
        """
        with reading.reader() as reader:
            return json_answer(shown_loan(reader, reading, loan, (as_of, height)))

    @router.get(
        "/v1/loans/{loan}/allocation",
        **describe(AllocationView, "no-such-loan", "refused"),
    )
    def show_allocation(
        loan: Name, amount: MinorAmount = None, amount_shown: ShownAmount = None, day: Day = None
    ) -> Response:
        """Show how a repayment would be allocated: the legs that its split has to state.

        Nothing is recorded. What comes in between changes it.
        """
        with reading.reader() as reader:
            return json_answer(shown_allocation(reader, reading, loan, (amount, amount_shown, day)))


def shown_loan(
    reader: LedgerReader, reading: Reading, loan: str, then: tuple[str | None, int | None]
) -> LoanView:
    """Return a loan as of a business date and by what was known after a block.

    Args:
        reader: A snapshot.
        reading: The ledger.
        loan: The loan's id.
        then: The date, today's if None, and the height, the newest if None.

    Raises:
        Problem: ``no-such-loan`` or ``no-such-block``.
    """
    as_of, height = then
    refuse_unknown_height(reader, height)
    size = SAFE_INTEGER_MAX if height is None else reader.size_after(height)
    known = Vantage(_day(reader, reading, as_of, "as_of"), size)
    refuse_unknown_loan(reader, loan)
    view = loan_view(reader, loan, known, now_ms())
    if view is None:
        said = gettext("the loan {loan} was proposed after block {height}; give a later height")
        raise Problem("no-such-loan", said.format(loan=loan, height=height))
    return view


def shown_allocation(
    reader: LedgerReader,
    reading: Reading,
    loan: str,
    given: tuple[int | None, str | None, str | None],
) -> AllocationView:
    """Return how a repayment would be allocated.

    Args:
        reader: A snapshot.
        reading: The ledger.
        loan: The loan's id.
        given: The amount in minor units or as it is displayed, and the business date.

    Raises:
        Problem: ``no-such-loan``, or why there is no allocation.
    """
    amount, amount_shown, day = given
    agreement, account = _disbursed(reader, loan)
    minor = _amount(amount, amount_shown, agreement.currency)
    when = _day(reader, reading, day, "date")
    try:
        return allocation_view(reader, (agreement, account), minor, when)
    except Refused as refused:
        said = refused.message if language() == "en" else refusal(refused.code)
        raise Problem(refused.code, said) from None


def _day(reader: LedgerReader, reading: Reading, text: str | None, name: str) -> date:
    return day_of(text or today(reader, reading.genesis, now_ms()), name)


def _disbursed(reader: LedgerReader, name: str) -> tuple[LoanAgreement, LoanAccount]:
    agreement = reader.row(LoanAgreement, (name,))
    if agreement is None:
        raise no_such_loan(reader, name)
    account = reader.row(LoanAccount, (name,))
    if account is None:
        said = gettext(
            "the loan {loan} is {state}: the institution states its disbursement before "
            "anything is repaid"
        )
        state = cells.word(LoanSummary, "state", agreement.state)
        raise Problem("loan-not-disbursed", said.format(loan=name, state=state))
    return agreement, account


def _amount(amount: int | None, shown: str | None, currency: str) -> int:
    """Return the amount that is asked for, in minor units of a currency."""
    if amount is not None and shown is None:
        return amount
    if amount is not None or shown is None:
        raise Problem("bad-parameter", gettext("give one of query.amount and query.amount_shown"))
    units = shown_of(shown, "amount_shown").minor_units()
    found = next((minor for minor, codes in units.items() if currency in codes), None)
    if found is None:
        said = gettext(
            "query.amount_shown: {shown!r} is no amount of money in {currency}, "
            "the currency of the loan"
        )
        raise Problem("bad-parameter", said.format(shown=shown, currency=currency))
    return found
