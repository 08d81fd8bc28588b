"""Balances of the books, by the beginning of their accounts' names."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.openapi import describe_list
from api.paging import Cursor, Limit, cursor_of, key_of
from api.reading import Reading
from ledger.books import Balance

PREFIX_CHARS_MAX = 128

Prefix = Annotated[
    str, Query(max_length=PREFIX_CHARS_MAX, description="How the account begins: `pending:`.")
]


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's balance in minor units, debit positive."""

    account: str
    currency: str
    amount: int


class BalancePage(msgspec.Struct, frozen=True, kw_only=True):
    """Balances by account and currency. Go on while there is a ``next``."""

    balances: list[BalanceView]
    next: str | UnsetType = UNSET


def balance_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route to balances."""

    @router.get("/v1/balances", **describe_list(BalancePage))
    def list_balances(
        *,
        request: Request,
        prefix: Prefix = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List the balances of accounts that begin with a prefix."""
        after = key_of(request, cursor) or (prefix, "")
        with reading.reader() as reader:
            rows = reader.rows(Balance, after_key=after, limit=limit + 1)
        fitting = [row for row in rows if row.account.startswith(prefix)]
        views = [
            BalanceView(account=row.account, currency=row.currency, amount=row.amount)
            for row in fitting[:limit]
        ]
        more = len(fitting) > limit
        goes_on = cursor_of(request, (views[-1].account, views[-1].currency) if more else None)
        page = BalancePage(balances=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, BalanceView, views, goes_on))
