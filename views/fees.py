"""Fees by period: accruals, invoices, settlements and shares, and the charges behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec

from ledger.contracts.disputes import DISPUTED
from ledger.contracts.fee_invoices import FeeInvoice, PeriodState
from ledger.contracts.fees import ChargeState, FeeCharge, FeePeriod, charge_state
from ledger.contracts.halves import Capture
from ledger.contracts.profits import PortionState, ProfitPortion, ProfitShare
from ledger.state import Key
from views.labels import (
    Amount,
    ConfirmedCurrency,
    Currency,
    Entry,
    Label,
    PaidAt,
    Party,
    Payment,
    ReceivedAt,
    state_label,
)
from views.listing import Asked, Filter, Listing, walked_rows
from views.reader import Reader
from views.standing import standing_disputes
from views.view import ViewStruct, converted, views_of

Month = Annotated[str, Label("month", "月份")]
Invoice = Annotated[str, Label("invoice", "账单", link="invoice")]
Share = Annotated[int, Label("share", "比例", "ppm")]


class ChargeView(ViewStruct, frozen=True, kw_only=True):
    """The fee of a payment.

    A stale charge is one whose payment was reversed, or captured anew, since. ``period`` is the
    calendar month that it accrues into. ``entry`` charged it last, or reversed it.
    """

    payment: Payment
    agreement: Annotated[str, Label("agreement", "协议", link="fee-agreement")]
    amount: Amount
    currency: Currency
    period: Month
    state: Annotated[
        ChargeState,
        state_label(charged="已计费", invoiced="已出账", reversed="已冲回", stale="已过时"),
    ]
    entry: Entry
    invoice: Invoice = ""


class PortionView(ViewStruct, frozen=True, kw_only=True):
    """What one recipient gets of a share.

    ``confirmed_amount`` in ``confirmed_currency`` is what the recipient said reached it.
    """

    party: Party
    ppm: Share
    amount: Amount
    state: Annotated[
        PortionState,
        state_label(
            kept="自留",
            nothing_due="无应付",
            awaited="待确认",
            confirmed="已确认",
            conflicting="不一致",
        ),
    ]
    confirmed_amount: Annotated[int, Label("recipient says", "收款确认", "minor")] = 0
    confirmed_currency: ConfirmedCurrency = ""
    received_at: ReceivedAt = -1


class PeriodView(ViewStruct, frozen=True, kw_only=True):
    """The fees of a month in a currency: ``amount`` is the sum of ``count`` charges that stand.

    It is disputed while a dispute about the invoice or the share stands. ``settled_amount`` in
    ``settled_currency`` is what the platform says it paid, ``settled_at`` when both halves agreed,
    in ms.
    """

    period: Month
    currency: Currency
    state: Annotated[
        Literal[PeriodState, "disputed"],
        state_label(
            True,
            accrued="计提中",
            invoiced="已出账",
            settled="已结清",
            conflicting="不一致",
            shared="已分润",
        ),
    ]
    amount: Amount
    count: Annotated[int, Label("charges", "笔数", "count")]
    invoice: Invoice = ""
    settled_amount: Annotated[int, Label("platform paid", "平台付款", "minor")] = 0
    settled_currency: Annotated[str, Label("settled currency", "结清币种")] = ""
    paid_at: PaidAt = -1
    settled_at: Annotated[int, Label("settled at", "结清时间", "ms")] = -1
    share: Annotated[str, Label("share", "分润单", link="share")] = ""
    tail: Annotated[int, Label("tail", "尾差", "minor")] = -1
    portions: Annotated[list[PortionView], Label("portions", "分润明细")] = msgspec.field(
        default_factory=list
    )


_CURRENCY = Filter(name="currency", kind="currency", help="Only in this currency (ISO 4217).")


def _periods(asked: Asked, rows: Sequence[FeePeriod]) -> list[PeriodView]:
    return period_views(asked.reader, rows)


FEES = Listing(
    name="periods",
    title=Label("Fees by month", "月度费用"),
    path="/v1/fees",
    row=FeePeriod,
    view=PeriodView,
    help="List months of fees: what accrued, and whether it is invoiced, settled and shared.",
    filters=(
        Filter(name="period", kind="month", help="Only this month."),
        _CURRENCY,
    ),
    columns=("period", "state", "count", "amount", "invoice", "share"),
    none=Label("no fees", "没有费用"),
    items=_periods,
)


def _charges(asked: Asked) -> Iterator[ChargeView]:
    reader = asked.reader
    for row in walked_rows(CHARGES, asked):
        yield charge_view(reader, row, reader.row(Capture, (row.payment,)))


CHARGES = Listing(
    name="charges",
    title=Label("Fee charges", "计费明细"),
    path="/v1/fees/charges",
    row=FeeCharge,
    view=ChargeView,
    help="List the charges that accrue into a month, also those that do not stand any more.",
    filters=(
        Filter(name="period", kind="month", required=True, shown=True, help="The month."),
        _CURRENCY,
        Filter(name="state", kind="choice", words=get_args(ChargeState)),
    ),
    none=Label("no charges", "没有计费"),
    columns=("payment", "agreement", "state", "amount"),
    order=("currency", "payment"),
    rows=_charges,
)


def charge_view(reader: Reader, charge: FeeCharge, capture: Capture | None) -> ChargeView:
    """Return a charge as it is shown, beside the capture of its payment as it stands now."""
    period = reader.row(FeePeriod, (charge.period, charge.currency))
    state = charge_state(charge, capture, period)
    invoice = period.invoice if period is not None and charge.stands else ""
    return converted(ChargeView, charge, state=state, invoice=invoice)


class _Shared(NamedTuple):
    """The shares of invoices by their id, what each party gets of them, and what is disputed."""

    shares: dict[Key, ProfitShare]
    portions: dict[Key, ProfitPortion]
    disputed: Mapping[str, object]


def period_views(reader: Reader, periods: Sequence[FeePeriod]) -> list[PeriodView]:
    """Return months of fees as they are shown."""
    invoices = reader.rows_under(FeeInvoice, [(row.invoice,) for row in periods if row.invoice])
    names = [row.share for row in invoices.values() if row.share]
    shares = reader.rows_under(ProfitShare, [(name,) for name in names])
    parts = [(share.share, party) for share in shares.values() for party in share.parties]
    portions = reader.rows_under(ProfitPortion, parts)
    subjects = [f"invoice:{row.invoice}" for row in invoices.values()]
    disputed = standing_disputes(reader, subjects + [f"share:{name}" for name in names])
    shared = _Shared(shares, portions, disputed)
    return [_period_view(row, invoices.get((row.invoice,)), shared) for row in periods]


def _period_view(period: FeePeriod, invoice: FeeInvoice | None, shared: _Shared) -> PeriodView:
    if invoice is None:
        return PeriodView(
            period=period.period,
            currency=period.currency,
            state="accrued",
            amount=period.amount,
            count=period.count,
        )
    share = shared.shares.get((invoice.share,))
    return PeriodView(
        period=period.period,
        currency=period.currency,
        state=_state(invoice, shared.disputed),
        amount=period.amount,
        count=period.count,
        invoice=invoice.invoice,
        settled_amount=invoice.settled_amount,
        settled_currency=invoice.settled_currency,
        paid_at=invoice.paid_at,
        settled_at=invoice.settled_at,
        share=invoice.share,
        tail=-1 if share is None else share.tail,
        portions=[] if share is None else _portions(shared, share),
    )


def _state(invoice: FeeInvoice, disputed: Mapping[str, object]) -> Any:
    if f"invoice:{invoice.invoice}" in disputed or f"share:{invoice.share}" in disputed:
        return DISPUTED
    return "shared" if invoice.share else invoice.state


def _portions(shared: _Shared, share: ProfitShare) -> list[PortionView]:
    """Return the portions of a share, in the order in which the agreement names the parties."""
    return views_of(PortionView, (shared.portions[share.share, party] for party in share.parties))
