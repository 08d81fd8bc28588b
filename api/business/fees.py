"""Fees by period: accruals, invoices, settlements and shares, and the charges behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.fee_views import ChargeView, PeriodView, charge_view, period_views
from api.business.parameters import CurrencyFilter
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.openapi import describe_list
from api.paging import TWO_TEXTS, Cursor, Limit, cursor_of, page_of, place_of
from api.reading import Reading
from ledger import forms
from ledger.contracts.fees import FeeCharge, FeePeriod
from ledger.contracts.halves import Capture
from node.storage.queries import Walk, walked
from node.storage.reads import Reader

PeriodFilter = Annotated[str, Query(pattern=forms.MONTH, description="Only this month, `YYYY-MM`.")]
OnePeriod = Annotated[str, Query(pattern=forms.MONTH, description="The month, `YYYY-MM`.")]
ChargeState = Annotated[
    Literal["charged", "invoiced", "reversed", "stale"] | None,
    Query(description="Only in this state."),
]


class PeriodPage(msgspec.Struct, frozen=True, kw_only=True):
    """Months of fees by month and currency. Go on while there is a ``next``."""

    periods: list[PeriodView]
    next: str | UnsetType = UNSET


class ChargePage(msgspec.Struct, frozen=True, kw_only=True):
    """Charges of a month by currency and payment, also those that do not stand any more.

    A page may be short: go on while there is a ``next``.
    """

    period: str
    charges: list[ChargeView]
    next: str | UnsetType = UNSET


def fee_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to fees."""

    @router.get("/v1/fees", **describe_list(PeriodPage))
    def list_periods(
        *,
        request: Request,
        period: PeriodFilter = "",
        currency: CurrencyFilter = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List months of fees: what accrued, and whether it is invoiced, settled and shared."""
        order = ("currency",) if period else ("period", "currency")
        walk = Walk({"period": period} if period else {}, order)
        after = place_of(request, cursor, TWO_TEXTS)
        last_place = None if after is None else after[-len(order) :]
        with reading.reader() as reader:
            rows = walked(reader, FeePeriod, walk, last_place, limit + 1)
            found, last = page_of(rows, lambda row: currency in {"", row.currency}, limit)
            views = period_views(reader, found)
        goes_on = cursor_of(request, None if last is None else (last.period, last.currency))
        page = PeriodPage(periods=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, PeriodView, views, goes_on))

    @router.get("/v1/fees/charges", **describe_list(ChargePage))
    def list_charges(
        *,
        request: Request,
        period: OnePeriod,
        currency: CurrencyFilter = "",
        state: ChargeState = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List the charges that accrue into a month."""
        after = place_of(request, cursor, TWO_TEXTS)
        with reading.reader() as reader:
            charges = _charges(reader, (period, currency), after, limit + 1)
            found, last = page_of(charges, lambda each: state in {None, each.state}, limit)
        goes_on = cursor_of(request, None if last is None else (last.currency, last.payment))
        page = ChargePage(period=period, charges=found, next=goes_on)
        return list_answer(Asked(request, form), Page(page, ChargeView, found, goes_on))


def _charges(
    reader: Reader, month: tuple[str, str], after: tuple[str, str] | None, chunk: int
) -> Iterator[ChargeView]:
    period, currency = month
    if currency:
        walk = Walk({"period": period, "currency": currency}, ("payment",))
        place: tuple[str, ...] | None = None if after is None else after[1:]
    else:
        walk, place = Walk({"period": period}, ("currency", "payment")), after
    for row in walked(reader, FeeCharge, walk, place, chunk):
        yield charge_view(reader, row, reader.row(Capture, (row.payment,)))
