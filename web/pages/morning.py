"""Morning of a funder: the sheet of a party for a business date, exceptions first, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

from api.listings import now_ms
from api.named import refuse_unknown_party
from api.parameters import AsOf, Height, day_of
from api.reports import Asking, day_sheet, day_success
from ledger import forms
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.genesis import Genesis
from ledger.lending.standing import BUCKETS
from ledger.state import Walk
from node.storage.queries import LedgerReader
from views import cells
from views.calendars import today
from views.labels import ROLE
from views.sheets.success import SuccessView
from views.sheets.views import LISTS, ExceptionKind, ExceptionLine, FigureView, SheetView
from views.texts import gettext, language
from web.charts import ColumnPart, Plot, Stack, plot
from web.page import Pages, Visit
from web.pages.reports_kept import ReportsKept

ROWS_MAX = 30
"""Rows of a list that the page shows: a larger one is led to."""
_FLOW = (
    "due", "captured", "split", "arrived", "in-transit", "to-pay", "suspended", "differing",
    "unstated", "missing", "failed", "overpaid", "reversed", "compensation-due",
    "compensation-unpaid",
)  # fmt: skip
_ALWAYS = ("due", "captured", "split", "arrived", "missing")
_TONES: Mapping[str, str] = {
    "due": "expected",
    "arrived": "good",
    "split": "good",
    "captured": "paid",
    **dict.fromkeys(("in-transit", "to-pay", "overpaid"), "warn"),
}
_COLUMNS: Mapping[str, tuple[Any, ...]] = {
    "repayments": (
        ("loan", "attempt"), ("state", "reason"), "due", "captured", "split", "arrived", "missing",
        ("payment", "payouts"), "entries",
    ),
    "overdue": ("loan", "bucket", "days", "due_since", "instalments", "amount", "entries"),
    "compensations": (
        ("loan", "compensation"), "guarantor", "state", "since", "instalments", "amount",
        ("due", "unpaid"), "entries",
    ),
}  # fmt: skip
_STEP_PPM = 10_000

Party = Annotated[str, Query(description="Whose sheet.")]
Day = Annotated[str, Query(alias="date", pattern=f"{forms.DAY}|^$", description="Business date.")]


def add_to(pages: Pages) -> None:
    """Add the page of a day's report."""
    kept: ReportsKept[tuple[SheetView, SuccessView]] = ReportsKept()

    def morning_page(
        visit: Visit, *, party: Party = "", on: Day = "", height: Height = None, as_of: AsOf = None
    ) -> Mapping[str, Any]:
        """Show the sheet of a party for a business date.

        Raises:
            Problem: ``no-such-party``, ``no-such-block`` or ``bad-parameter``.
        """
        reader, genesis = visit.reader, visit.genesis
        refuse_unknown_party(party, genesis.names)
        whose = party or first_funder(genesis, visit.reading.party)
        newest = last_day(reader, genesis)
        asking = Asking(day_of(on or newest, "date"), height, as_of)

        def make() -> tuple[SheetView, SuccessView]:
            matter = (reader, genesis, whose, asking)
            return day_sheet(*matter), day_success(*matter)

        return {
            **_shown(*kept.get((whose, asking), make), asking),
            "parties": genesis.roles,
            "newest": newest,
        }

    pages.add("/reports/day", "morning.html", morning_page)


def _shown(sheet: SheetView, success: SuccessView, asking: Asking) -> dict[str, Any]:
    words = sentences()
    then = {"height": asking.height, "as_of": asking.as_of}
    query = {name: value for name, value in then.items() if value is not None}
    return {
        "sheet": sheet,
        "said": [(each, said_of(each, words)) for each in sheet.exceptions[:ROWS_MAX]],
        "currencies": [
            (currency, _figures_in(sheet, currency))
            for currency in sorted({each.currency for each in sheet.figures})
        ],
        "flow": _FLOW,
        "always": _ALWAYS,
        "tones": _TONES,
        "success": success,
        "success_plot": success_plot(success),
        "lists": {name: (LISTS[name], columns) for name, columns in _COLUMNS.items()},
        "rows_max": ROWS_MAX,
        "days": [_beside(asking.day, each) for each in (-1, 1)],
        "kept": query,
        "figure_text": figure_text,
        "explained": explained,
        "percent_text": percent_text,
        "bucket_days": bucket_days,
        "role_name": role_name,
        "path": "/loans/day",
        "twin": f"/v1/reports/day?{urlencode({'party': sheet.party, 'date': sheet.date, **query})}",
    }


def first_funder(genesis: Genesis, own: str) -> str:
    """Return whose morning it is if nobody was named: the own party's, or the first funder's."""
    funders = [name for name in genesis.names if genesis.roles[name] == "funder"]
    return own if own in funders or not funders else funders[0]


def last_day(reader: LedgerReader, genesis: Genesis) -> str:
    """Return the last business date, up to the present one, on which a repayment was attempted.

    It is the present one where there is none.
    """
    now = today(reader, genesis, now_ms())
    after = (day_of(now, "date") + timedelta(days=1)).isoformat()
    walk = Walk({}, ("date", "loan", "attempt"), None, after, backwards=True)
    found = reader.along(RepaymentAttempt, walk, None, 1)
    return found[0].date if found else now


def _beside(day: date, days: int) -> str:
    """Return the date so many days from another one; the same where the calendar ends."""
    try:
        return (day + timedelta(days=days)).isoformat()
    except OverflowError:
        return day.isoformat()


def _figures_in(sheet: SheetView, currency: str) -> dict[str, FigureView]:
    return {each.name: each for each in sheet.figures if each.currency == currency}


def success_plot(success: SuccessView) -> Plot:
    """Return the success rates as columns, one a day."""
    stacks = []
    for each in success.days:
        day = each.date[5:]
        if not each.attempts:
            stacks.append(Stack(day, gettext("{day}: no attempt").format(day=each.date), ()))
            continue
        shown = gettext("{day}: {good} of {all} attempts brought money").format(
            day=each.date, good=each.succeeded, all=each.attempts
        )
        good = each.rate // _STEP_PPM
        parts = [ColumnPart("paid", good), ColumnPart("lost", 100 - good)]
        address = f"/reports/day?{urlencode({'party': success.party, 'date': each.date})}"
        stacks.append(Stack(day, shown, parts, address))
    return plot(stacks, lambda value: f"{value} %", 100, labels=5)


def figure_text(figure: FigureView) -> str:
    """Return the amount of a figure, or its rates."""
    if figure.name != "success-rate":
        return cells.money(figure.amount, figure.currency)
    return "—" if figure.rate_count < 0 else percent_text(figure.rate_count)


def percent_text(ppm: int) -> str:
    """Return a rate for people, with one decimal."""
    return f"{ppm / _STEP_PPM:.1f} %"


def bucket_days(name: str) -> str:
    """Return how many days past due a bucket is, ``1–30 days``."""
    bounds = [most for most, _ in BUCKETS]
    names = [bucket for _, bucket in BUCKETS]
    if name not in names:
        return gettext("over {days} days").format(days=bounds[-1])
    at = names.index(name)
    if not at:
        return gettext("a trifle")
    return gettext("{first}–{last} days").format(first=bounds[at - 1] + 1, last=bounds[at])


def role_name(role: str) -> str:
    """Return a role in the reader's language."""
    return ROLE.word(role, language())


def explained(figure: FigureView) -> str:
    """Return how a figure is made, in the reader's language."""
    return figure.explained_zh if language() == "zh" else figure.explained_en


def sentences() -> Mapping[ExceptionKind, str]:
    """Return what is said of each kind of exception: ``who`` has to act on ``money``."""
    return {
        "split-not-stated": gettext("{who} has not said how {money} that came in is split."),
        "split-differs": gettext(
            "The split of {who} is not the ledger's allocation: {money} wait."
        ),
        "capture-not-stated": gettext(
            "{money} are split, but {who} has not confirmed that they came in."
        ),
        "reversal-unanswered": gettext(
            "A repayment was reversed; {who} has not answered for {money}."
        ),
        "waits-in-suspense": gettext(
            "{money} wait in suspense: their receiver is suspended; {who} acts."
        ),
        "not-paid-out": gettext("{money} are due to {receiver}, and {who} has not paid them out."),
        "payout-returned": gettext(
            "{money} came back from the bank of {receiver}; {who} pays them again."
        ),
        "payout-without-result": gettext(
            "{who} has not said what became of the payout of {money}."
        ),
        "arrival-not-confirmed": gettext("{who} has not confirmed that {money} arrived."),
        "arrival-differs": gettext(
            "What arrived is not what was paid: {money} in question; {who} acts."
        ),
        "disputed": gettext("{money} are disputed; {who} has to answer."),
        "compensation-due": gettext(
            "By the terms {who} has to compensate {money}, and has not stated it."
        ),
        "compensation-unpaid": gettext(
            "A compensation of {money} is stated; its money is awaited of {who}."
        ),
        "compensation-differs": gettext(
            "The compensation of {who} differs from what came in: {money}."
        ),
    }


def said_of(line: ExceptionLine, words: Mapping[ExceptionKind, str]) -> str:
    """Return what is wrong as a sentence."""
    money = cells.money(line.amount, line.currency)
    return words[line.kind].format(who=line.party, money=money, receiver=line.receiver)
