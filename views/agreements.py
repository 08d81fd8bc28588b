"""Agreements on fees and on profit sharing: offered, in force, replaced, closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from ledger.contracts.agreements import Agreement, AgreementState
from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.profit_agreements import ProfitAgreement
from views.agreement_views import (
    AgreementView,
    FeeAgreementView,
    ProfitAgreementView,
    Standings,
    fee_view,
    profit_view,
)
from views.labels import Label
from views.listing import Asked, Filter, Listing

_FILTERS = (
    Filter(name="state", kind="choice", words=get_args(AgreementState)),
    Filter(name="currency", kind="currency", help="Only in this currency (ISO 4217)."),
    Filter(
        name="holds",
        kind="flag",
        judged=True,
        help="Only those that hold on the date, one a matter.",
    ),
    Filter(
        name="on",
        kind="business-date",
        judged=True,
        shown=True,
        default="today",
        help="Which hold on this date.",
    ),
)


def _fits(asked: Asked, row: Agreement) -> bool:
    holds = asked.given.get("holds")
    return holds is None or holds == _standings(asked).of(row).holds


def _standings(asked: Asked) -> Standings:
    found: Standings = asked.kept.setdefault(
        "standings", Standings(asked.reader, asked.given["on"])
    )
    return found


def _fee_agreements(asked: Asked, rows: Sequence[FeeAgreement]) -> list[AgreementView]:
    standings = _standings(asked)
    return [fee_view(asked.reader, row, standings.of(row), asked.genesis) for row in rows]


def _profit_agreements(asked: Asked, rows: Sequence[ProfitAgreement]) -> list[AgreementView]:
    standings = _standings(asked)
    return [profit_view(asked.reader, row, standings.of(row), asked.genesis) for row in rows]


FEE_AGREEMENTS = Listing(
    name="fee-agreements",
    title=Label("Fee agreements", "费率协议"),
    member="agreements",
    row=FeeAgreement,
    view=FeeAgreementView,
    help="List agreements on fees: terms, who accepted them, and which hold on a date.",
    filters=_FILTERS,
    none=Label("no agreements", "没有协议"),
    columns=("agreement", "state", "holds", "rate_ppm", "effective_from", "awaiting"),
    fits=_fits,
    items=_fee_agreements,
    subject="fee-agreement",
)
PROFIT_AGREEMENTS = Listing(
    name="profit-agreements",
    title=Label("Profit agreements", "分润协议"),
    member="agreements",
    row=ProfitAgreement,
    view=ProfitAgreementView,
    help="List agreements on profit sharing: everybody's part, and whether it is accepted.",
    filters=_FILTERS,
    none=Label("no agreements", "没有协议"),
    columns=("agreement", "state", "holds", "delay", "effective_from", "awaiting"),
    fits=_fits,
    items=_profit_agreements,
    subject="profit-agreement",
)
