"""Turns a day's rows of fees and profit sharing into the records that their parties state."""

from __future__ import annotations

from typing import Any

from demo.day.rows import FeeRow, InvoiceRow, ProfitRow, TermsRow, moment
from ledger import canonical


def fee_agreed(row: TermsRow) -> bytes:
    """Return the institution's offer of a fee."""
    return _terms(row, "agreed", row.agreed_at)


def fee_accepted(row: TermsRow) -> bytes:
    """Return the platform's acceptance of a fee: the same terms, in its own words."""
    return _terms(row, "accepted", row.accepted_at)


def _terms(row: TermsRow, said: str, at: str) -> bytes:
    optional = {"channel": row.channel, "minimum": row.minimum, "maximum": row.maximum}
    return canonical.encode(
        {
            "type": f"fee.{said}",
            "id": f"{row.agreement}.{said}",
            "at": moment(at),
            "agreement": row.agreement,
            "currency": row.currency,
            "rate_ppm": row.rate_ppm,
            "effective_from": row.effective_from,
            **{name: value for name, value in optional.items() if value},
        }
    )


def fee_charged(row: FeeRow) -> bytes:
    """Return the institution's charge for a payment."""
    return canonical.encode(
        {
            "type": "fee.charged",
            "id": row.record,
            "at": moment(row.charged_at),
            "payment": row.payment,
            "agreement": row.agreement,
            "amount": row.amount,
            "currency": row.currency,
        }
    )


def fee_invoiced(row: InvoiceRow) -> bytes:
    """Return the institution's invoice of a month."""
    return canonical.encode(
        {
            "type": "fee.invoiced",
            "id": f"{row.invoice}.invoiced",
            "at": moment(row.invoiced_at),
            "invoice": row.invoice,
            "period": row.period,
            "amount": row.amount,
            "currency": row.currency,
            "count": row.charges,
        }
    )


def fee_settled(row: InvoiceRow) -> bytes:
    """Return the platform's word that it paid an invoice."""
    return canonical.encode(
        {
            "type": "fee.settled",
            "id": f"{row.invoice}.settled",
            "at": moment(row.paid_at),
            "invoice": row.invoice,
            "amount": row.amount,
            "currency": row.currency,
            "paid_at": moment(row.paid_at),
            "bank_reference": row.bank_reference,
        }
    )


def profit_agreed(rows: list[ProfitRow]) -> bytes:
    """Return the institution's offer of an agreement; ``rows`` are its recipients."""
    recipients = [{"party": row.party, "ppm": row.ppm} for row in rows]
    return canonical.encode(
        {**_agreement(rows[0], "agreed", rows[0].agreed_at), "recipients": recipients}
    )


def profit_accepted(row: ProfitRow) -> bytes:
    """Return a recipient's acceptance of its part."""
    return canonical.encode({**_agreement(row, "accepted", row.accepted_at), "ppm": row.ppm})


def _agreement(row: ProfitRow, said: str, at: str) -> dict[str, Any]:
    return {
        "type": f"profit.{said}",
        "id": f"{row.agreement}.{said}",
        "at": moment(at),
        "agreement": row.agreement,
        "currency": row.currency,
        "effective_from": row.effective_from,
        "delay": row.delay,
    }


def profit_shared(rows: list[ProfitRow]) -> bytes:
    """Return the institution's sharing of an invoice's income; ``rows`` are all the parts."""
    first = rows[0]
    return canonical.encode(
        {
            "type": "profit.shared",
            "id": f"{first.share}.shared",
            "at": moment(first.shared_at),
            "share": first.share,
            "invoice": first.invoice,
            "agreement": first.agreement,
            "amount": sum(row.amount for row in rows),
            "currency": first.currency,
            "portions": [{"party": row.party, "amount": row.amount} for row in rows],
        }
    )


def profit_confirmed(row: ProfitRow) -> bytes:
    """Return a recipient's word on what reached it."""
    return canonical.encode(
        {
            "type": "profit.confirmed",
            "id": f"{row.share}.confirmed",
            "at": moment(row.received_at),
            "share": row.share,
            "amount": row.amount,
            "currency": row.currency,
            "received_at": moment(row.received_at),
        }
    )
