"""Fees: charged by payment, taken back, invoiced by month, settled."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.moves import YEAR_2100_MS, Desk, Draft, Move, raised, spoilt, valid
from simulator.workload.things import Agreement, Charge, Fields, Invoice, Payment, Period

DIFFERS_PPM = 80_000
MILLION = 1_000_000

_BY, _PLATFORM = "institution", "platform"


# --- charges ------------------------------------------------------------------------------------


def _charge(desk: Desk) -> Draft | None:
    payment = desk.find(desk.book.payments, _is_chargeable)
    if payment is None or payment.capture is None:
        return None
    capture, held = payment.capture, _held(desk, payment)
    fee = 0 if held is None else fee_of(held.terms, capture["amount"])
    if held is None or not fee:
        return None
    period = _period_of(desk, payment)
    if period.invoiced:
        period = desk.book.period(desk.month, period.currency)

    def learn() -> None:
        payment.charge = Charge(period, capture, fee)
        period.amount += fee
        period.count += 1

    return Draft(_claim(payment, held, fee), (payment, period), learn)


def fee_of(terms: Fields, amount: int) -> int:
    """Return the fee of a payment by the terms of an agreement."""
    fee = max((amount * terms["rate_ppm"] + MILLION // 2) // MILLION, terms.get("minimum", 0))
    return int(min(fee, terms.get("maximum", fee)))


def _claim(payment: Payment, agreement: Agreement, fee: int) -> Fields:
    return {
        "payment": payment.name,
        "agreement": agreement.name,
        "amount": fee,
        "currency": payment.capture["currency"] if payment.capture else "CNY",
    }


def _is_chargeable(payment: Payment) -> bool:
    """Return whether a payment is captured, and has no charge but an earlier capture's invoiced."""
    charge = payment.charge
    if payment.capture is None or charge is None:
        return payment.capture is not None
    return charge.period.invoiced and charge.capture is not payment.capture


def _period_of(desk: Desk, payment: Payment) -> Period:
    capture = payment.capture or {}
    return desk.book.period(desk.book.date(capture["captured_at"])[:7], capture["currency"])


def _held(desk: Desk, payment: Payment) -> Agreement | None:
    capture = payment.capture or {}
    day = desk.book.date(capture["captured_at"])
    chains = [desk.book.tariff(capture["currency"], each) for each in (capture["channel"], "")]
    return next((found for found in (chain.held(day) for chain in chains) if found), None)


def _charge_by(in_force: bool) -> Callable[[Desk], Draft | None]:
    """Return a charge by an agreement that does not hold."""

    def draft(desk: Desk) -> Draft | None:
        payment = desk.find(desk.book.payments, _is_chargeable)
        if payment is None:
            return None
        held = _held(desk, payment)
        other = desk.find(
            desk.book.fee_agreements, lambda each: each is not held and each.in_force == in_force
        )
        return None if other is None else Draft(_claim(payment, other, 1), (payment,))

    return draft


def _charge_what(fits: Callable[[Payment], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        payment = desk.find(desk.book.payments, fits)
        agreement = desk.find(desk.book.fee_agreements, lambda each: True)
        if payment is None or agreement is None:
            return None
        return Draft(_claim(payment, agreement, 1), (payment,))

    return draft


def _reverse(desk: Desk) -> Draft | None:
    payment = desk.find(
        desk.book.payments, lambda each: each.charge is not None and not each.charge.period.invoiced
    )
    if payment is None or payment.charge is None:
        return None
    if payment.capture is not None and not desk.chance.happens(150_000):
        return None
    return _take_back(payment, payment.charge)


def _reverse_stale(desk: Desk) -> Draft | None:
    """Take back a charge of a payment that was reversed: its month waits for that."""
    period = desk.find(desk.book.periods, lambda each: bool(each.stale) and not each.invoiced)
    if period is None:
        return None
    payment = desk.chance.pick(tuple(period.stale))
    if payment.charge is None or desk.party in payment.busy:
        return None
    return _take_back(payment, payment.charge)


def _take_back(payment: Payment, charge: Charge) -> Draft:
    def learn() -> None:
        payment.charge = None
        charge.period.stale = [each for each in charge.period.stale if each is not payment]
        charge.period.amount -= charge.amount
        charge.period.count -= 1

    return Draft(_why(payment), (payment, charge.period), learn)


def _reverse_what(fits: Callable[[Payment], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        payment = desk.find(desk.book.payments, fits)
        return None if payment is None else Draft(_why(payment), (payment,))

    return draft


def _why(payment: Payment) -> Fields:
    return {"payment": payment.name, "reason": "charged in error"}


# --- invoices -----------------------------------------------------------------------------------


def _invoice_now(desk: Desk) -> Draft | None:
    return _invoice(desk) if desk.chance.happens(400_000) else None


def _invoice(desk: Desk) -> Draft | None:
    """Invoice a month that is over and of which no more is reported."""
    book = desk.book
    reported = book.date(book.cursor_ms)[:7]
    period = desk.find(
        book.periods,
        lambda each: (
            each.count > 0 and not each.invoiced and not each.stale and each.month < reported
        ),
    )
    if period is None:
        return None
    fields = _bill(desk, period)

    def learn() -> None:
        period.invoiced = True
        book.invoices.add(Invoice(fields["invoice"], period))

    return Draft(fields, (period,), learn)


def _bill(desk: Desk, period: Period) -> Fields:
    return {
        "invoice": desk.fresh("INV"),
        "period": period.month,
        "currency": period.currency,
        "amount": max(1, period.amount),
        "count": max(1, period.count),
    }


def _bill_of(month: str) -> Callable[[Desk], Draft]:
    """Return an invoice of a month, or of this one."""
    return lambda desk: Draft(_bill(desk, Period(month or desk.month, "CNY")))


def _bill_again(desk: Desk) -> Draft | None:
    period = desk.find(desk.book.periods, lambda each: each.invoiced)
    return None if period is None else Draft(_bill(desk, period), (period,))


def _bill_stale(desk: Desk) -> Draft | None:
    """Invoice a month that is over and holds a charge of a reversed payment."""
    period = desk.find(
        desk.book.periods,
        lambda each: bool(each.stale) and not each.invoiced and each.month < desk.month,
    )
    return None if period is None else Draft(_bill(desk, period), (period,))


def _bill_known(desk: Desk) -> Draft | None:
    invoice = desk.find(desk.book.invoices, lambda each: True)
    if invoice is None:
        return None
    return Draft({**_bill(desk, invoice.period), "invoice": invoice.name}, (invoice,))


def _settle(desk: Desk) -> Draft | None:
    invoice = desk.find(desk.book.invoices, lambda each: not each.settled_ms)
    if invoice is None or not desk.chance.happens(400_000):
        return None
    if desk.chance.happens(DIFFERS_PPM):
        return Draft(_payment_of(desk, invoice, 1), (invoice,))

    def learn() -> None:
        invoice.settled_ms = desk.now_ms

    return Draft(_payment_of(desk, invoice, 0), (invoice,), learn)


def _payment_of(desk: Desk, invoice: Invoice, more: int) -> Fields:
    return {
        "invoice": invoice.name,
        "amount": invoice.amount + more,
        "currency": invoice.period.currency,
        "paid_at": desk.now_ms,
        "bank_reference": desk.commitment(),
    }


def _settle_again(desk: Desk) -> Draft | None:
    invoice = desk.find(desk.book.invoices, lambda each: each.settled_ms > 0)
    return None if invoice is None else Draft(_payment_of(desk, invoice, 0), (invoice,))


def _settle_ahead(desk: Desk) -> Draft | None:
    invoice = desk.find(desk.book.invoices, lambda each: not each.settled_ms)
    if invoice is None:
        return None
    return Draft({**_payment_of(desk, invoice, 0), "paid_at": YEAR_2100_MS}, (invoice,))


def _settle_unknown(desk: Desk) -> Draft:
    return Draft(_payment_of(desk, Invoice(desk.fresh("NONE"), Period("2001-01", "CNY")), 1))


MOVES = (
    valid(_BY, "fee.charged", _charge, 12),
    Move(_BY, "fee.charged", "not-captured", _charge_what(lambda each: each.capture is None)),
    Move(
        _BY,
        "fee.charged",
        "already-charged",
        _charge_what(lambda each: each.capture is not None and not _is_chargeable(each)),
    ),
    Move(_BY, "fee.charged", "wrong-currency", spoilt(_charge, currency="EUR")),
    Move(_BY, "fee.charged", "unknown-agreement", spoilt(_charge, agreement="nowhere")),
    Move(_BY, "fee.charged", "agreement-not-accepted", _charge_by(in_force=False)),
    Move(_BY, "fee.charged", "agreement-not-in-force", _charge_by(in_force=True)),
    Move(_BY, "fee.charged", "fee-differs", raised(_charge, "amount")),
    valid(_BY, "fee.reversed", _reverse, 2),
    valid(_BY, "fee.reversed", _reverse_stale, 4),
    Move(_BY, "fee.reversed", "not-charged", _reverse_what(lambda each: each.charge is None)),
    Move(
        _BY,
        "fee.reversed",
        "period-invoiced",
        _reverse_what(lambda each: each.charge is not None and each.charge.period.invoiced),
    ),
    valid(_BY, "fee.invoiced", _invoice_now, 4),
    Move(_BY, "fee.invoiced", "invoice-exists", _bill_known),
    Move(_BY, "fee.invoiced", "period-not-over", _bill_of("")),
    Move(_BY, "fee.invoiced", "nothing-accrued", _bill_of("2001-01")),
    Move(_BY, "fee.invoiced", "period-invoiced", _bill_again),
    Move(_BY, "fee.invoiced", "stale-charge", _bill_stale, 4),
    Move(_BY, "fee.invoiced", "invoice-differs", raised(_invoice, "amount")),
    valid(_PLATFORM, "fee.settled", _settle, 6),
    Move(_PLATFORM, "fee.settled", "unknown-invoice", _settle_unknown),
    Move(_PLATFORM, "fee.settled", "already-settled", _settle_again),
    Move(_PLATFORM, "fee.settled", "time-in-future", _settle_ahead, 4),
)
