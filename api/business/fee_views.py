"""How fees are shown: the charge of a payment, and a month from accrual to its shares."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from api.business.parameters import known
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import FeeCharge, FeePeriod, charge_state
from ledger.contracts.halves import Capture
from ledger.contracts.profits import ProfitPortion, ProfitShare
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

    ``state`` is accrued, invoiced, settled, conflicting or shared. ``settled_amount`` in
    ``settled_currency`` is what the platform says it paid, ``settled_at`` when both halves agreed,
    in ms.
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


def period_view(reader: Reader, period: FeePeriod) -> PeriodView:
    """Return a month of fees as it is shown."""
    invoice = reader.row(FeeInvoice, (period.invoice,)) if period.invoice else None
    if invoice is None:
        return PeriodView(
            period=period.period,
            currency=period.currency,
            state="accrued",
            amount=period.amount,
            count=period.count,
        )
    share = reader.row(ProfitShare, (invoice.share,)) if invoice.share else None
    return PeriodView(
        period=period.period,
        currency=period.currency,
        state="shared" if invoice.share else invoice.state,
        amount=period.amount,
        count=period.count,
        invoice=invoice.invoice,
        settled_amount=invoice.settled_amount or UNSET,
        settled_currency=invoice.settled_currency or UNSET,
        paid_at=known(invoice.paid_at),
        settled_at=known(invoice.settled_at),
        share=invoice.share or UNSET,
        tail=UNSET if share is None else share.tail,
        portions=UNSET if share is None else _portions(reader, share),
    )


def _portions(reader: Reader, share: ProfitShare) -> list[PortionView]:
    """Return the portions of a share, in the order in which the agreement names the parties."""
    keys = [(share.share, party) for party in share.parties]
    found = reader.rows_under(ProfitPortion, keys)
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
        for row in (found[key] for key in keys)
    ]
