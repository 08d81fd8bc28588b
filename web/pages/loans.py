"""Loan pages: the list with its figures, one loan, and how a repayment would be allocated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from inspect import signature
from typing import Annotated, Any

from fastapi import Query

from api.listings import now_ms
from api.loans import AsOfDay, KnownHeight, shown_allocation, shown_loan
from api.named import refuse_unknown_loan
from api.paging import Name
from api.parameters import day_of
from ledger import forms
from views import cells
from views.calendars import today
from views.compensations import CompensationView
from views.disputes import DisputeView
from views.expectations import ExpectationView
from views.loan_allocation import AllocatedPart, AllocationView
from views.loan_details import METHOD, LoanPartyView, LoanView
from views.loan_schedule import InstalmentView
from views.loan_splits import LoanRepayment
from views.loans import LOANS
from views.portfolio import portfolio_view
from views.texts import gettext, language
from web import timeline
from web.charts import ColumnPart, Plot, Stack, axis_money, plot
from web.page import Pages, Visit
from web.pages.lists import page_of_list
from web.pages.morning import bucket_days, first_funder, last_day
from web.values import in_currency

QUIET_DAYS = 31
"""After so many days without a repayment it is said that nobody has stated any."""

Shown = Annotated[str | None, Query(max_length=32, description="What is repaid, as displayed.")]
Day = Annotated[str | None, Query(alias="date", pattern=f"{forms.DAY}|^$")]
_ROWS: Mapping[str, tuple[type, tuple[Any, ...]]] = {
    "schedule": (
        InstalmentView,
        (
            "number", "due", "state", "amount", ("principal", "interest"), ("fees", "penalty"),
            "open", "holders", ("days_past_due", "whole_on"),
        ),
    ),
    "parties": (
        LoanPartyView,
        ("party", "role", ("lent", "ppm"), "accepted", ("funded", "funded_on"), "receiver", "open"),
    ),
    "compensations": (
        CompensationView,
        (
            "compensation", "guarantor", "state", "date", "instalments", "amount", "payment",
            ("entry", "last_entry"),
        ),
    ),
    "disputes": (
        DisputeView,
        ("dispute", "subject", "state", ("raiser", "against"), ("reason", "answer"), "entry"),
    ),
    "expectations": (
        ExpectationView,
        (
            ("kind", "subject"), ("awaited", "opener"), "state", "amount", ("opened_at", "due_at"),
            timeline.LATE_BY, "settled_entry",
        ),
    ),
}  # fmt: skip


def add_to(pages: Pages) -> None:
    """Add the pages of loans."""
    pages.add("/loans", "loans.html", _entrance())
    pages.add("/loans/{loan}", "loan.html", loan_page)
    pages.add("/loans/{loan}/allocation", "allocation.html", allocation_page)


def is_long_ago(day: str, present: date) -> bool:
    """Return whether a business date is so long past that lateness of today says little."""
    return (present - date.fromisoformat(day)).days > QUIET_DAYS


def _entrance() -> Any:
    """Return the function of the list of loans, which shows figures above it."""
    listed = page_of_list(LOANS)

    def loans_page(visit: Visit, **asked: Any) -> Mapping[str, Any]:
        day = day_of(today(visit.reader, visit.genesis, now_ms()), "as_of")
        newest = last_day(visit.reader, visit.genesis)
        return {
            **listed(visit, **asked),
            "portfolio": portfolio_view(visit.reader, day),
            "funder": first_funder(visit.genesis, visit.reading.party),
            "morning": newest,
            "quiet": is_long_ago(newest, day),
            "bucket_days": bucket_days,
        }

    loans_page.__signature__ = signature(listed)  # type: ignore[attr-defined]
    return loans_page


def loan_page(
    visit: Visit, loan: Name, as_of: AsOfDay = None, height: KnownHeight = None
) -> Mapping[str, Any]:
    """Show one loan, as of a business date and by what was known after a block.

    Raises:
        Problem: ``no-such-loan`` or ``no-such-block``.
    """
    view = shown_loan(visit.reader, visit.reading, loan, (as_of, height))
    asked = visit.request.url.query
    return {
        "loan": view,
        "rows": {name: (*shown, _rows(view, name)) for name, shown in _ROWS.items()},
        "timeline": timeline.drawn(visit, view.timeline, view.expectations),
        "method": METHOD.word(view.terms.method, language()).replace("-", " "),
        "schedule_plot": schedule_plot(view),
        "repayments": [(each, agreement_of(each)) for each in reversed(view.repayments)],
        "then": as_of or height is not None,
        "twin": f"/v1/loans/{loan}" + (f"?{asked}" if asked else ""),
        "live": f"/live?subject=loan:{loan}",
    }


def allocation_page(
    visit: Visit, loan: Name, amount_shown: Shown = None, on: Day = None
) -> Mapping[str, Any]:
    """Show how a repayment would be allocated.

    Raises:
        Problem: ``no-such-loan``, or why there is no allocation.
    """
    refuse_unknown_loan(visit.reader, loan)
    given = (None, amount_shown, on or None)
    found: AllocationView | None = None
    if amount_shown:
        found = shown_allocation(visit.reader, visit.reading, loan, given)
    asked = visit.request.url.query
    return {
        "loan": loan,
        "found": found,
        "part_type": AllocatedPart,
        "parts": [] if found is None else in_currency(found.parts, found.currency),
        "amount_shown": amount_shown or "",
        "day": on or today(visit.reader, visit.genesis, now_ms()),
        "twin": f"/v1/loans/{loan}/allocation?{asked}" if found else "",
    }


def _rows(view: LoanView, name: str) -> list[dict[str, Any]]:
    rows = in_currency(getattr(view, name), view.currency)
    if name == "parties":  # who proposes has nothing to accept
        return [{**each, "accepted": None} if each["role"] == "platform" else each for each in rows]
    return rows


def schedule_plot(view: LoanView) -> Plot:
    """Return the instalments of a loan as columns: paid, passed to the guarantor, overdue, open."""
    stacks = []
    for each in view.schedule:
        passed = passed_of(each, view.guarantor)
        tone = "bad" if each.state == "overdue" else "expected"
        parts = [
            ColumnPart("paid", each.amount - each.open),
            ColumnPart("warn", passed),
            ColumnPart(tone, each.open - passed),
        ]
        state = cells.word(InstalmentView, "state", each.state)
        title = gettext("instalment {number}, due {due}: {amount}, {state}, {open} open").format(
            number=each.number,
            due=each.due,
            amount=cells.money(each.amount, view.currency),
            state=state,
            open=cells.money(each.open, view.currency),
        )
        stacks.append(Stack(str(each.number), title, parts, f"#i-{each.number}"))
    return plot(stacks, lambda value: axis_money(value, view.currency))


def passed_of(each: InstalmentView, guarantor: str) -> int:
    """Return what is open of an instalment to the guarantor, to whom its principal has passed."""
    own = [claim for claim in each.claims if guarantor and claim.party == guarantor]
    if not any(claim.component == "principal" for claim in own):
        return 0
    return sum(claim.open for claim in own)


def agreement_of(each: LoanRepayment) -> tuple[str, str]:
    """Return the tone and the sentence of how the split of a repayment agrees with the ledger's."""
    if each.state == "failed":
        return "calm", gettext("Nothing came in, so nothing is allocated.")
    if not each.shares:
        return "calm", gettext("Nothing is allocated.")
    if all(share.stated is None for share in each.shares):
        return "warn", gettext("No split stands: the platform has not stated one that holds.")
    wrong = [share for share in each.shares if share.difference]
    if not wrong and each.split == "conflicting":
        return "bad", gettext("The shares agree, but the split contradicts the capture otherwise.")
    if not wrong:
        return "good", gettext("The split is the ledger's allocation, to the last unit.")
    off = sum(abs(share.difference) for share in wrong)
    return "bad", gettext("The split differs from the ledger's allocation by {money}.").format(
        money=cells.money(off, each.currency)
    )
