"""The refund float (预存退款): what of it is free, and its deposits and withdrawals."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from ledger import books
from ledger.books import Balance
from ledger.contracts.refund_float import (
    CONFLICTING,
    DEPOSIT,
    STATED,
    FloatMovement,
    FloatSetAside,
    MovementKind,
    MovementState,
)
from ledger.state import Walk
from views.labels import (
    Amount,
    ConfirmedCurrency,
    Currency,
    Entry,
    Label,
    LastEntry,
    Party,
    state_label,
)
from views.listing import Asked, Filter, Listing
from views.reader import Reader, walked
from views.view import ViewStruct


class FloatView(ViewStruct, frozen=True, kw_only=True):
    """The float in one currency: ``total`` is ``free``, ``held`` and ``set_aside``.

    ``held`` is for refunds that are requested, ``set_aside`` for withdrawals that are not agreed.
    ``unconfirmed`` is what was deposited by the institution's word alone, and not in the total.
    """

    platform: Party
    currency: Currency
    total: Annotated[int, Label("total", "合计", "minor")]
    free: Annotated[int, Label("free", "可用", "minor")]
    held: Annotated[int, Label("held", "占用", "minor")]
    set_aside: Annotated[int, Label("set aside", "预留", "minor")]
    unconfirmed: Annotated[int, Label("unconfirmed", "未确认", "minor")]


class MovementView(ViewStruct, frozen=True, kw_only=True):
    """One deposit to the float or one withdrawal.

    ``confirmed_amount`` in ``confirmed_currency`` is what the platform said; ``reversal_reason`` is
    why the institution took it back.
    """

    movement: Annotated[str, Label("movement", "变动", link="float")]
    kind: Annotated[
        MovementKind, Label("kind", "种类", words={"deposit": "存入", "withdrawal": "取出"})
    ]
    state: Annotated[
        Literal[MovementState, "disputed"],
        state_label(
            True, stated="已声明", conflicting="不一致", confirmed="已确认", reversed="已冲正"
        ),
    ]
    platform: Party
    amount: Amount
    currency: Currency
    entry: Entry
    last_entry: LastEntry
    confirmed_amount: Annotated[int, Label("platform says", "平台确认", "minor")] = 0
    confirmed_currency: ConfirmedCurrency = ""
    reversal_reason: Annotated[str, Label("reversal", "冲正原因", "text")] = ""


def _floats(asked: Asked) -> list[FloatView]:
    return float_views(asked.reader, asked.genesis.sole("platform"))


FLOATS = Listing(
    name="floats",
    title=Label("Refund float", "退款预存金"),
    path="/v1/refund-float",
    operation="show_float",
    whole=True,
    row=FloatView,
    view=FloatView,
    order=("currency",),
    help="Show what the platform has deposited for refunds, and how much of it is free.",
    none=Label("nothing was deposited", "没有预存"),
    columns=("currency", "total", "free", "held", "set_aside", "unconfirmed"),
    rows=_floats,
)


MOVEMENTS = Listing(
    name="movements",
    title=Label("Movements of the refund float", "预存金变动"),
    path="/v1/refund-float/movements",
    row=FloatMovement,
    view=MovementView,
    help="List deposits to the float and withdrawals from it.",
    filters=(
        Filter(name="state", kind="choice", words=get_args(MovementState)),
        Filter(name="kind", kind="choice", words=get_args(MovementKind), help="Only of this kind."),
    ),
    none=Label("nothing was deposited", "没有预存"),
    columns=("movement", "kind", "state", "amount", "confirmed_amount"),
    subject="float",
)


def float_views(reader: Reader, platform: str) -> list[FloatView]:
    """Return the float of a platform by currency."""
    account = Walk({"account": books.refund_float(platform)}, ("currency",))
    usable = {row.currency: -row.amount for row in walked(reader, Balance, account)}
    aside = Walk({"platform": platform}, ("currency",))
    set_aside = {row.currency: row.amount for row in walked(reader, FloatSetAside, aside)}
    held = {name: -amount for name, amount in reader.sums_under("refund_due").items()}
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
