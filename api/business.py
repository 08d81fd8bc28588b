"""Routes to payments, payouts, receivers, expectations and balances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.answers import json_answer
from api.auth import require
from api.business_views import (
    ExpectationView,
    PaymentView,
    PayoutView,
    ReceiverView,
    expectation_view,
    payment_view,
    payout_view,
    receiver_view,
)
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.openapi import describe
from api.paging import Cursor, Limit, Name, cursor_of, key_of
from api.problems import Problem
from ledger.books import Balance
from ledger.expectations import OPEN, OVERDUE, Expectation, status
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.reads import Reader

if TYPE_CHECKING:
    from node.node import Node

SCANNED_MAX = 10 * PAGE_MAX
PREFIX_CHARS_MAX = 128

AsOf = Annotated[
    int | None,
    Query(ge=0, le=SAFE_INTEGER_MAX, description="Judge what is overdue at this time, in ms."),
]
ExpectationState = Annotated[
    Literal["", "open", "overdue", "conflicting", "met"],
    Query(description="`open` is what is awaited and not overdue; empty for all."),
]
Filter = Annotated[str, Query(max_length=64)]
Prefix = Annotated[
    str, Query(max_length=PREFIX_CHARS_MAX, description="How the account begins: `pending:`.")
]


class ExpectationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Expectations by kind and subject. A page may be short: go on while there is a ``next``."""

    as_of: int
    expectations: list[ExpectationView]
    next: str | UnsetType = UNSET


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's balance in minor units, debit positive."""

    account: str
    currency: str
    amount: int


class BalancePage(msgspec.Struct, frozen=True, kw_only=True):
    """Balances by account and currency. Go on while there is a ``next``."""

    balances: list[BalanceView]
    next: str | UnsetType = UNSET


def business_routes(node: Node) -> APIRouter:
    """Return the router that shows what the records of ``node``'s log add up to."""
    router = APIRouter(tags=["business"], dependencies=[require(node.tokens, "read")])

    @router.get("/v1/payments/{payment}", **describe(PaymentView, "no-such-payment"))
    def show_payment(payment: Name, as_of: AsOf = None) -> Response:
        """Show both halves of a payment and how far each leg's money has got."""
        with node.store.reader() as reader:
            view = payment_view(reader, payment, _now(as_of))
        if view is None:
            raise Problem("no-such-payment", f"no applied record is about payment {payment!r}")
        return json_answer(view)

    @router.get("/v1/payouts/{payout}", **describe(PayoutView, "no-such-payout"))
    def show_payout(payout: Name, as_of: AsOf = None) -> Response:
        """Show a payout and the legs that it settles."""
        with node.store.reader() as reader:
            view = payout_view(reader, payout, _now(as_of))
        if view is None:
            raise Problem("no-such-payout", f"no applied record is about payout {payout!r}")
        return json_answer(view)

    @router.get("/v1/receivers/{receiver}", **describe(ReceiverView, "no-such-receiver"))
    def show_receiver(receiver: Name) -> Response:
        """Show a receiver and what is due to it."""
        with node.store.reader() as reader:
            view = receiver_view(reader, receiver)
        if view is None:
            raise Problem("no-such-receiver", f"no applied record is about {receiver!r}")
        return json_answer(view)

    @router.get("/v1/expectations", **describe(ExpectationPage))
    def list_expectations(
        *,
        state: ExpectationState = "",
        awaited: Filter = "",
        kind: Filter = "",
        as_of: AsOf = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> Response:
        """List what is awaited, overdue, conflicting or met."""
        now = _now(as_of)
        where = {"state": OPEN if state == OVERDUE else state, "awaited": awaited, "kind": kind}
        wanted = {name: value for name, value in where.items() if value}
        with node.store.reader() as reader:
            found, last = _scan(reader, wanted, (state, now), key_of(cursor), limit)
        views = [expectation_view(each, now) for each in found]
        return json_answer(ExpectationPage(as_of=now, expectations=views, next=cursor_of(last)))

    @router.get("/v1/balances", **describe(BalancePage))
    def list_balances(
        prefix: Prefix = "", cursor: Cursor = "", limit: Limit = PAGE_DEFAULT
    ) -> Response:
        """List the balances of accounts that begin with a prefix."""
        after = key_of(cursor) or (prefix, "")
        with node.store.reader() as reader:
            rows = reader.rows(Balance, after_key=after, limit=limit + 1)
        fitting = [row for row in rows if row.account.startswith(prefix)]
        page = fitting[:limit]
        views = [
            BalanceView(account=row.account, currency=row.currency, amount=row.amount)
            for row in page
        ]
        last = (page[-1].account, page[-1].currency) if len(fitting) > limit else None
        return json_answer(BalancePage(balances=views, next=cursor_of(last)))

    return router


def _scan(
    reader: Reader,
    where: Mapping[str, str],
    asked: tuple[str, int],
    after: tuple[str, str] | None,
    limit: int,
) -> tuple[list[Expectation], tuple[str, str] | None]:
    """Return up to ``limit`` expectations and the key after which to go on, None at the end.

    What is overdue is not stored, so rows are looked through, but never too many for one request.
    """
    state, as_of_ms = asked
    found: list[Expectation] = []
    for _ in range(0, SCANNED_MAX, PAGE_MAX):
        rows = reader.rows(Expectation, where, after, PAGE_MAX)
        for row in rows:
            if len(found) == limit:
                return found, after
            after = (row.kind, row.subject)
            if not state or status(row, as_of_ms) == state:
                found.append(row)
        if len(rows) < PAGE_MAX:
            return found, None
    return found, after


def _now(as_of: int | None) -> int:
    return int(time.time() * 1000) if as_of is None else as_of
