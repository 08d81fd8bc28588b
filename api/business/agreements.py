"""Agreements on fees and on profit sharing: offered, in force, replaced, closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.responses import Response

from api.business.agreement_views import (
    FeeAgreementView,
    ProfitAgreementView,
    Standing,
    Standings,
    fee_view,
    profit_view,
)
from api.business.disputes import disputed_among
from api.business.due import today
from api.business.parameters import CurrencyFilter, day_of
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.openapi import describe_list
from api.paging import ONE_TEXT, Cursor, Limit, cursor_of, page_of, place_of
from api.reading import Reading
from ledger import forms
from ledger.contracts.agreements import Agreement
from ledger.contracts.disputes import DISPUTED
from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.profit_agreements import ProfitAgreement
from ledger.genesis import Genesis
from node.storage.queries import Walk, walked
from node.storage.reads import Reader

_SUBJECTS: dict[type[Agreement], str] = {
    FeeAgreement: "fee-agreement",
    ProfitAgreement: "profit-agreement",
}
"""What a dispute about an agreement names it as."""

A = TypeVar("A", bound=Agreement)
V = TypeVar("V", FeeAgreementView, ProfitAgreementView)

AgreementState = Annotated[
    Literal["offered", "conflicting", "in-force", "withdrawn", "declined"] | None,
    Query(description="Only in this state."),
]
Holds = Annotated[
    bool | None,
    Query(description="Only those that hold on the date, one a matter; or only the others."),
]
On = Annotated[
    str,
    Query(
        pattern=forms.DAY,
        description="Which hold on this date; today's business date if left out.",
    ),
]


class FeeAgreementPage(msgspec.Struct, frozen=True, kw_only=True):
    """Agreements on fees by id, judged ``on`` a date. Go on while there is a ``next``."""

    on: str
    agreements: list[FeeAgreementView]
    next: str | UnsetType = UNSET


class ProfitAgreementPage(msgspec.Struct, frozen=True, kw_only=True):
    """Agreements on profit sharing by id, judged ``on`` a date. Go on while there is a ``next``."""

    on: str
    agreements: list[ProfitAgreementView]
    next: str | UnsetType = UNSET


class _Wanted(NamedTuple):
    """Which agreements are asked for, after which one, and how many."""

    state: str | None
    currency: str
    holds: bool | None
    after: tuple[str, ...] | None
    limit: int


def agreement_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to agreements."""

    @router.get("/v1/fee-agreements", **describe_list(FeeAgreementPage))
    def list_fee_agreements(
        *,
        request: Request,
        state: AgreementState = None,
        currency: CurrencyFilter = "",
        holds: Holds = None,
        on: On = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List agreements on fees: terms, who accepted them, and which hold on a date."""
        day = _day(reading, on)
        wanted = _Wanted(state, currency, holds, place_of(request, cursor, ONE_TEXT), limit)
        views, last = _listed(reading, FeeAgreement, fee_view, wanted, day)
        goes_on = cursor_of(request, last)
        page = FeeAgreementPage(on=day, agreements=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, FeeAgreementView, views, goes_on))

    @router.get("/v1/profit-agreements", **describe_list(ProfitAgreementPage))
    def list_profit_agreements(
        *,
        request: Request,
        state: AgreementState = None,
        currency: CurrencyFilter = "",
        holds: Holds = None,
        on: On = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List agreements on profit sharing: everybody's part, and whether it is accepted."""
        day = _day(reading, on)
        wanted = _Wanted(state, currency, holds, place_of(request, cursor, ONE_TEXT), limit)
        views, last = _listed(reading, ProfitAgreement, profit_view, wanted, day)
        goes_on = cursor_of(request, last)
        page = ProfitAgreementPage(on=day, agreements=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, ProfitAgreementView, views, goes_on))


def _listed(
    reading: Reading,
    kind: type[A],
    view: Callable[[Reader, A, Standing, Genesis], V],
    wanted: _Wanted,
    day: str,
) -> tuple[list[V], tuple[str, ...] | None]:
    """Return a page of agreements as they are shown, and the place after which to go on."""
    with reading.reader() as reader:
        standings = Standings(reader, day)
        found, last = _found(reader, kind, wanted, standings)
        views = [view(reader, row, standings.of(row), reading.genesis) for row in found]
        disputed = disputed_among(reader, _SUBJECTS[kind], [row.agreement for row in found])
    shown = [
        replace(each, state=DISPUTED) if each.agreement in disputed else each for each in views
    ]
    return shown, last


def _day(reading: Reading, on: str) -> str:
    return day_of(on, "on").isoformat() if on else today(reading)


def _found(
    reader: Reader, kind: type[A], wanted: _Wanted, standings: Standings
) -> tuple[list[A], tuple[str, ...] | None]:
    """Return the agreements of a page, and the place after which to go on."""

    def fits(row: Agreement) -> bool:
        return (
            wanted.state in {None, row.state}
            and wanted.currency in {"", row.currency}
            and (wanted.holds is None or wanted.holds == standings.of(row).holds)
        )

    rows = walked(reader, kind, Walk({}, ("agreement",)), wanted.after, wanted.limit + 1)
    found, last = page_of(rows, fits, wanted.limit)
    return found, None if last is None else (last.agreement,)
