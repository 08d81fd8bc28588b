"""Refunds with their state, and the refund float (预存退款) that they are paid from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.disputes import as_shown
from api.business.parameters import Id, known
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.named import refuse_unknown_payment
from api.openapi import describe_list
from api.paging import ONE_TEXT, Cursor, Limit, cursor_of, page_of, place_of
from api.reading import Reading
from ledger import books
from ledger.books import Balance
from ledger.contracts.refund_float import (
    CONFLICTING,
    DEPOSIT,
    STATED,
    FloatMovement,
    FloatSetAside,
)
from ledger.contracts.refunds import Refund
from node.storage.queries import Walk, sums_under, walked
from node.storage.reads import Reader

RefundState = Annotated[
    Literal["requested", "paid", "failed"] | None,
    Query(description="Only in this state."),
]
MovementState = Annotated[
    Literal["stated", "conflicting", "confirmed", "reversed"] | None,
    Query(description="Only in this state."),
]
MovementKind = Annotated[
    Literal["deposit", "withdrawal"] | None, Query(description="Only of this kind.")
]


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """One refund as it was requested last. ``state`` is requested, paid, failed or disputed.

    ``attempts`` counts the requests, ``failure`` says why the last one failed.
    """

    refund: str
    payment: str
    order: str
    state: str
    amount: int
    currency: str
    reason: str
    attempts: int
    entry: int
    last_entry: int
    failure: str | UnsetType = UNSET
    bank_reference: str | UnsetType = UNSET
    paid_at: int | UnsetType = UNSET
    channel_number: str | UnsetType = UNSET


class RefundPage(msgspec.Struct, frozen=True, kw_only=True):
    """Refunds by id. A page may be short: go on while there is a ``next``."""

    refunds: list[RefundView]
    next: str | UnsetType = UNSET


class FloatView(msgspec.Struct, frozen=True, kw_only=True):
    """The float in one currency: ``total`` is ``free``, ``held`` and ``set_aside``.

    ``held`` is for refunds that are requested, ``set_aside`` for withdrawals that are not agreed.
    ``unconfirmed`` is what was deposited by the institution's word alone, and not in the total.
    """

    platform: str
    currency: str
    total: int
    free: int
    held: int
    set_aside: int
    unconfirmed: int


class FloatPage(msgspec.Struct, frozen=True, kw_only=True):
    """The float by currency."""

    floats: list[FloatView]


class MovementView(msgspec.Struct, frozen=True, kw_only=True):
    """One deposit to the float or one withdrawal.

    ``state`` is stated, conflicting, confirmed or reversed; disputed while a dispute stands.
    ``confirmed_amount`` in ``confirmed_currency`` is what the platform said; ``reversal_reason`` is
    why the institution took it back.
    """

    movement: str
    kind: str
    state: str
    platform: str
    amount: int
    currency: str
    entry: int
    last_entry: int
    confirmed_amount: int | UnsetType = UNSET
    confirmed_currency: str | UnsetType = UNSET
    reversal_reason: str | UnsetType = UNSET


class MovementPage(msgspec.Struct, frozen=True, kw_only=True):
    """Movements of the float by id. A page may be short: go on while there is a ``next``."""

    movements: list[MovementView]
    next: str | UnsetType = UNSET


def refund_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to refunds and to the float."""

    @router.get("/v1/refunds", **describe_list(RefundPage, "no-such-payment"))
    def list_refunds(
        *,
        request: Request,
        payment: Id = "",
        state: RefundState = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List refunds, of a payment or in a state."""
        leading = {"payment": payment} if payment else {"state": state} if state else {}
        walk = Walk(leading, ("refund",))
        with reading.reader() as reader:
            refuse_unknown_payment(reader, payment)
            rows = walked(reader, Refund, walk, place_of(request, cursor, ONE_TEXT), limit + 1)
            found, last = page_of(rows, lambda row: state in {None, row.state}, limit)
            views = _refund_views(reader, found)
        goes_on = cursor_of(request, None if last is None else (last.refund,))
        page = RefundPage(refunds=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, RefundView, views, goes_on))

    @router.get("/v1/refund-float", **describe_list(FloatPage))
    def show_float(request: Request, form: Format = None) -> Response:
        """Show what the platform has deposited for refunds, and how much of it is free."""
        with reading.reader() as reader:
            views = float_views(reader, reading.genesis.sole("platform"))
        return list_answer(Asked(request, form), Page(FloatPage(floats=views), FloatView, views))

    @router.get("/v1/refund-float/movements", **describe_list(MovementPage))
    def list_movements(
        *,
        request: Request,
        state: MovementState = None,
        kind: MovementKind = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List deposits to the float and withdrawals from it."""
        walk = Walk({"state": state} if state else {}, ("movement",))
        with reading.reader() as reader:
            rows = walked(
                reader, FloatMovement, walk, place_of(request, cursor, ONE_TEXT), limit + 1
            )
            found, last = page_of(rows, lambda row: kind in {None, row.kind}, limit)
            views = [_movement_view(row) for row in as_shown(reader, "float", found)]
        goes_on = cursor_of(request, None if last is None else (last.movement,))
        page = MovementPage(movements=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, MovementView, views, goes_on))


def refunds_of(reader: Reader, payment: str) -> list[RefundView]:
    """Return the refunds of a payment in the order of their first request."""
    rows = walked(reader, Refund, Walk({"payment": payment}, ("refund",)))
    return _refund_views(reader, sorted(rows, key=lambda each: each.entry))


def _refund_views(reader: Reader, rows: Sequence[Refund]) -> list[RefundView]:
    return [_refund_view(row) for row in as_shown(reader, "refund", rows)]


def _refund_view(row: Refund) -> RefundView:
    return RefundView(
        refund=row.refund,
        payment=row.payment,
        order=row.order,
        state=row.state,
        amount=row.amount,
        currency=row.currency,
        reason=row.reason,
        attempts=row.attempts,
        entry=row.entry,
        last_entry=row.last_entry,
        failure=row.failure or UNSET,
        bank_reference=row.bank_reference or UNSET,
        paid_at=known(row.paid_at),
        channel_number=row.channel_number or UNSET,
    )


def float_views(reader: Reader, platform: str) -> list[FloatView]:
    """Return the float of a platform by currency."""
    account = Walk({"account": books.refund_float(platform)}, ("currency",))
    usable = {row.currency: -row.amount for row in walked(reader, Balance, account)}
    aside = Walk({"platform": platform}, ("currency",))
    set_aside = {row.currency: row.amount for row in walked(reader, FloatSetAside, aside)}
    held = {name: -amount for name, amount in sums_under(reader, "refund_due").items()}
    unconfirmed = _unconfirmed(reader)
    return [
        FloatView(
            platform=platform,
            currency=currency,
            total=usable.get(currency, 0) + held.get(currency, 0),
            free=usable.get(currency, 0) - set_aside.get(currency, 0),
            held=held.get(currency, 0),
            set_aside=set_aside.get(currency, 0),
            unconfirmed=unconfirmed.get(currency, 0),
        )
        for currency in sorted({*usable, *set_aside, *held, *unconfirmed})
    ]


def _unconfirmed(reader: Reader) -> dict[str, int]:
    """Return by currency what was deposited and is not agreed."""
    sums: dict[str, int] = {}
    for state in (STATED, CONFLICTING):
        for row in walked(reader, FloatMovement, Walk({"state": state}, ("movement",))):
            if row.kind == DEPOSIT:
                sums[row.currency] = sums.get(row.currency, 0) + row.amount
    return sums


def _movement_view(row: FloatMovement) -> MovementView:
    return MovementView(
        movement=row.movement,
        kind=row.kind,
        state=row.state,
        platform=row.platform,
        amount=row.amount,
        currency=row.currency,
        entry=row.entry,
        last_entry=row.last_entry,
        confirmed_amount=row.confirmed_amount if row.confirmed_currency else UNSET,
        confirmed_currency=row.confirmed_currency or UNSET,
        reversal_reason=row.reversal_reason or UNSET,
    )
