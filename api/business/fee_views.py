"""How fees are shown: the charge of a payment, and a month from accrual to its shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from api.business.parameters import known
from ledger.contracts.disputes import DISPUTED
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import FeeCharge, FeePeriod, charge_state
from ledger.contracts.halves import Capture
from ledger.contracts.profits import ProfitPortion, ProfitShare
from ledger.state import Key
from node.storage.queries import standing_disputes
from node.storage.reads import Reader


class ChargeView(msgspec.Struct, frozen=True, kw_only=True):
    """The fee of a payment. ``state`` is charged, invoiced, reversed or stale.

    A stale charge is one whose payment was reversed, or captured anew, since. ``period`` is the
    calendar month that it accrues into. ``entry`` charged it last, or reversed it.
    """

    payment: str
    agreement: str
    amount: int
    currency: str
    period: str
    state: str
    entry: int
    invoice: str | UnsetType = UNSET


class PortionView(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient gets of a share.

    ``state`` is kept, nothing-due, awaited, confirmed or conflicting. ``confirmed_amount`` in
    ``confirmed_currency`` is what the recipient said reached it.
    """

    party: str
    ppm: int
    amount: int
    state: str
    confirmed_amount: int | UnsetType = UNSET
    confirmed_currency: str | UnsetType = UNSET
    received_at: int | UnsetType = UNSET


class PeriodView(msgspec.Struct, frozen=True, kw_only=True):
    """The fees of a month in a currency: ``amount`` is the sum of ``count`` charges that stand.

    ``state`` is accrued, invoiced, settled, conflicting or shared; disputed while a dispute about
    the invoice or the share is open. ``settled_amount`` in ``settled_currency`` is what the
    platform says it paid, ``settled_at`` when both halves agreed, in ms.
    """

    period: str
    currency: str
    state: str
    amount: int
    count: int
    invoice: str | UnsetType = UNSET
    settled_amount: int | UnsetType = UNSET
    settled_currency: str | UnsetType = UNSET
    paid_at: int | UnsetType = UNSET
    settled_at: int | UnsetType = UNSET
    share: str | UnsetType = UNSET
    tail: int | UnsetType = UNSET
    portions: list[PortionView] | UnsetType = UNSET


def charge_view(reader: Reader, charge: FeeCharge, capture: Capture | None) -> ChargeView:
    """Return a charge as it is shown, beside the capture of its payment as it stands now."""
    period = reader.row(FeePeriod, (charge.period, charge.currency))
    state = charge_state(charge, capture, period)
    return ChargeView(
        payment=charge.payment,
        agreement=charge.agreement,
        amount=charge.amount,
        currency=charge.currency,
        period=charge.period,
        state=state,
        entry=charge.entry,
        invoice=period.invoice or UNSET if period is not None and charge.stands else UNSET,
    )


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
        settled_amount=invoice.settled_amount or UNSET,
        settled_currency=invoice.settled_currency or UNSET,
        paid_at=known(invoice.paid_at),
        settled_at=known(invoice.settled_at),
        share=invoice.share or UNSET,
        tail=UNSET if share is None else share.tail,
        portions=UNSET if share is None else _portions(shared, share),
    )


def _state(invoice: FeeInvoice, disputed: Mapping[str, object]) -> str:
    if f"invoice:{invoice.invoice}" in disputed or f"share:{invoice.share}" in disputed:
        return DISPUTED
    return "shared" if invoice.share else invoice.state


def _portions(shared: _Shared, share: ProfitShare) -> list[PortionView]:
    """Return the portions of a share, in the order in which the agreement names the parties."""
    return [
        PortionView(
            party=row.party,
            ppm=row.ppm,
            amount=row.amount,
            state=row.state,
            confirmed_amount=row.confirmed_amount or UNSET,
            confirmed_currency=row.confirmed_currency or UNSET,
            received_at=known(row.received_at),
        )
        for row in (shared.portions[share.share, party] for party in share.parties)
    ]
