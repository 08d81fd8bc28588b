"""Fees: charged by payment, taken back, invoiced by month, settled."""

from __future__ import annotations

from collections.abc import Callable

from simulator.chance import MILLION
from simulator.workload.drafts import YEAR_2100_MS, about, anything, raised, rarely, spoilt
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import (
    Fields,
    KnownAgreement,
    KnownCharge,
    KnownInvoice,
    KnownPayment,
    KnownPeriod,
    NothingFits,
)

# --- charges ------------------------------------------------------------------------------------


def _charge(author: Author) -> Draft:
    payment = author.find(author.known.payments, _is_chargeable)
    capture, held = payment.captured, _held(author, payment)
    fee = 0 if held is None else fee_of(held.terms, capture["amount"])
    if held is None or not fee:
        raise NothingFits
    period = _period_of(author, payment)
    if period.invoiced:
        period = author.known.period(author.month, period.currency)

    def learn() -> None:
        payment.charge = KnownCharge(period, capture, fee)
        period.amount += fee
        period.count += 1

    return Draft(_claim(payment, held, fee), (payment, period), learn)


def fee_of(terms: Fields, amount: int) -> int:
    """Return the fee of a payment by the terms of an agreement."""
    fee = max((amount * terms["rate_ppm"] + MILLION // 2) // MILLION, terms.get("minimum", 0))
    return int(min(fee, terms.get("maximum", fee)))


def _claim(payment: KnownPayment, agreement: KnownAgreement, fee: int) -> Fields:
    return {
        "payment": payment.name,
        "agreement": agreement.name,
        "amount": fee,
        "currency": payment.capture["currency"] if payment.capture else "CNY",
    }


def _is_chargeable(payment: KnownPayment) -> bool:
    """Return whether a payment is captured, and has no charge but an earlier capture's invoiced."""
    charge = payment.charge
    if payment.capture is None or charge is None:
        return payment.capture is not None
    return charge.period.invoiced and charge.capture is not payment.capture


def _period_of(author: Author, payment: KnownPayment) -> KnownPeriod:
    capture, known = payment.captured, author.known
    return known.period(known.date(capture["captured_at"])[:7], capture["currency"])


def _held(author: Author, payment: KnownPayment) -> KnownAgreement | None:
    capture, known = payment.captured, author.known
    day = known.date(capture["captured_at"])
    chains = [known.fee_chain(capture["currency"], each) for each in (capture["channel"], "")]
    return next((found for found in (chain.held(day) for chain in chains) if found), None)


def _charge_by(in_force: bool) -> Drafting:
    """Return a charge by an agreement that does not hold."""

    def draft(author: Author) -> Draft:
        payment = author.find(author.known.payments, _is_chargeable)
        held = _held(author, payment)
        other = author.find(
            author.known.fee_agreements, lambda each: each is not held and each.in_force == in_force
        )
        return Draft(_claim(payment, other, 1), (payment,))

    return draft


def _charge_what(fits: Callable[[KnownPayment], bool]) -> Drafting:
    def draft(author: Author) -> Draft:
        payment = author.seek(author.known.payments, fits)
        agreement = author.seek(author.known.fee_agreements, lambda each: True)
        if payment is None or agreement is None:
            raise NothingFits
        return Draft(_claim(payment, agreement, 1), (payment,))

    return draft


def _reverse(author: Author) -> Draft:
    payment = author.find(
        author.known.payments,
        lambda each: each.charge is not None and not each.charge.period.invoiced,
    )
    author.assume(payment.capture is None or author.chance.happens(150_000))
    return _take_back(payment)


def _reverse_stale(author: Author) -> Draft:
    """Take back a charge of a payment that was reversed: its month waits for that."""
    period = author.find(author.known.periods, lambda each: bool(each.stale) and not each.invoiced)
    payment = author.chance.pick(tuple(period.stale))
    author.assume(author.party not in payment.busy)
    return _take_back(payment)


def _take_back(payment: KnownPayment) -> Draft:
    charge = payment.charge
    if charge is None:
        raise NothingFits

    def learn() -> None:
        payment.charge = None
        charge.period.stale = [each for each in charge.period.stale if each is not payment]
        charge.period.amount -= charge.amount
        charge.period.count -= 1

    return Draft(_why(payment), (payment, charge.period), learn)


def _reverse_what(fits: Callable[[Author, KnownPayment], bool]) -> Drafting:
    return about(lambda known: known.payments, fits, lambda _, each: _why(each))


def _why(payment: KnownPayment) -> Fields:
    return {"payment": payment.name, "reason": "charged in error"}


# --- invoices -----------------------------------------------------------------------------------


def _invoice(author: Author) -> Draft:
    """Invoice a month that is over and of which no more is reported."""
    known = author.known
    reported = known.date(known.cursor_ms)[:7]
    period = author.find(
        known.periods,
        lambda each: (
            each.count > 0 and not each.invoiced and not each.stale and each.month < reported
        ),
    )
    fields = _bill(author, period)

    def learn() -> None:
        period.invoiced = True
        known.invoices.add(KnownInvoice(fields["invoice"], period))

    return Draft(fields, (period,), learn)


def _bill(author: Author, period: KnownPeriod) -> Fields:
    return {
        "invoice": author.fresh("INV"),
        "period": period.month,
        "currency": period.currency,
        "amount": max(1, period.amount),
        "count": max(1, period.count),
    }


def _bill_of(month: str) -> Drafting:
    """Return an invoice of a month, or of this one."""
    return lambda author: Draft(_bill(author, KnownPeriod(month or author.month, "CNY")))


def _bill_known(fits: Callable[[Author, KnownPeriod], bool]) -> Drafting:
    return about(lambda known: known.periods, fits, _bill)


def _is_stale(author: Author, period: KnownPeriod) -> bool:
    """Return whether a month that is over holds a charge of a reversed payment."""
    return bool(period.stale) and not period.invoiced and period.month < author.month


def _settle(author: Author) -> Draft:
    invoice = author.find(author.known.invoices, lambda each: not each.settled_ms)
    author.assume(author.chance.happens(400_000))
    if author.errs():
        return Draft(_payment_of(author, invoice, 1), (invoice,))

    def learn() -> None:
        invoice.settled_ms = author.now_ms

    return Draft(_payment_of(author, invoice, 0), (invoice,), learn)


def _payment_of(author: Author, invoice: KnownInvoice, more: int) -> Fields:
    return {
        "invoice": invoice.name,
        "amount": invoice.amount + more,
        "currency": invoice.period.currency,
        "paid_at": author.now_ms,
        "bank_reference": author.commitment(),
    }


def _settle_known(settled: bool) -> Drafting:
    return about(
        lambda known: known.invoices,
        lambda _, each: (each.settled_ms > 0) == settled,
        lambda author, each: _payment_of(author, each, 0),
    )


def _settle_unknown(author: Author) -> Draft:
    return Draft(
        _payment_of(author, KnownInvoice(author.fresh("NONE"), KnownPeriod("2001-01", "CNY")), 1)
    )


_bill_twice = about(
    lambda known: known.invoices,
    anything,
    lambda author, each: {**_bill(author, each.period), "invoice": each.name},
)

MOVES: Moves = {
    ("institution", "fee.charged"): (
        valid(_charge, 12),
        refused("not-captured", _charge_what(lambda each: each.capture is None)),
        refused(
            "already-charged",
            _charge_what(lambda each: each.capture is not None and not _is_chargeable(each)),
        ),
        refused("wrong-currency", spoilt(_charge, currency="EUR")),
        refused("unknown-agreement", spoilt(_charge, agreement="nowhere")),
        refused("agreement-not-accepted", _charge_by(in_force=False)),
        refused("agreement-not-in-force", _charge_by(in_force=True)),
        refused("fee-differs", raised(_charge, "amount")),
    ),
    ("institution", "fee.reversed"): (
        valid(_reverse, 2),
        valid(_reverse_stale, 4),
        refused("not-charged", _reverse_what(lambda _, each: each.charge is None)),
        refused(
            "period-invoiced",
            _reverse_what(lambda _, each: each.charge is not None and each.charge.period.invoiced),
        ),
    ),
    ("institution", "fee.invoiced"): (
        valid(rarely(400_000, _invoice), 4),
        refused("invoice-exists", _bill_twice),
        refused("period-not-over", _bill_of("")),
        refused("nothing-accrued", _bill_of("2001-01")),
        refused("period-invoiced", _bill_known(lambda _, each: each.invoiced)),
        refused("stale-charge", _bill_known(_is_stale), 4),
        refused("invoice-differs", raised(_invoice, "amount")),
    ),
    ("platform", "fee.settled"): (
        valid(_settle, 6),
        refused("unknown-invoice", _settle_unknown),
        refused("already-settled", _settle_known(settled=True)),
        refused("time-in-future", spoilt(_settle_known(settled=False), paid_at=YEAR_2100_MS), 4),
    ),
}
