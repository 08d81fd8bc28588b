"""Fees and profit sharing to test with: an agreed rate, a charged month, a settled invoice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.contracts.fees import CURRENT, FeeCharge, FeePeriod, charge_state
from ledger.contracts.halves import Capture
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import DAY, HEX, MORNING, Ledger, opened

Said = tuple[str, str, dict[str, Any]]

FEBRUARY = MORNING + 28 * DAY  # Monday 2026-02-02, 10:00 at UTC+8
SHARING = FEBRUARY + 2 * DAY  # T+2 of a settlement on that Monday
JANUARY = ("2026-01", "CNY")
ACCRUED = {"fee_due:platform": 60, "fee_income:institution": -60}
"""What the fee accounts hold once P1 is charged."""

ANYBODY = {"offer.closed", "profit.accepted", "profit.confirmed"}
"""Record types whose authors are those that an agreement or a share names, whatever their role."""


def terms(agreement: str = "A1", **fields: Any) -> dict[str, Any]:
    """Return the terms of 0.6 % from January on."""
    return {
        "agreement": agreement,
        "currency": "CNY",
        "rate_ppm": 6000,
        "effective_from": "2026-01-01",
        **fields,
    }


def closing(agreement: str = "A1", kind: str = "fee", **fields: Any) -> dict[str, Any]:
    """Return the fields that close an offer."""
    return {"kind": kind, "agreement": agreement, "reason": "not needed", **fields}


def charge_of(payment: str = "P1", amount: int = 60, **fields: Any) -> dict[str, Any]:
    """Return the fields of the charge for 100.00 by A1."""
    return {"payment": payment, "agreement": "A1", "amount": amount, "currency": "CNY", **fields}


def reversal_of(payment: str = "P1") -> dict[str, Any]:
    return {"payment": payment, "reason": "void"}


def invoice_of(invoice: str = "I1", amount: int = 60, **fields: Any) -> dict[str, Any]:
    """Return the fields of an invoice of January with one charge."""
    return {
        "invoice": invoice,
        "period": "2026-01",
        "currency": "CNY",
        "amount": amount,
        "count": 1,
        **fields,
    }


def settlement_of(invoice: str = "I1", amount: int = 60, **fields: Any) -> dict[str, Any]:
    return {
        "invoice": invoice,
        "amount": amount,
        "currency": "CNY",
        "paid_at": FEBRUARY,
        "bank_reference": HEX,
        **fields,
    }


def plan(agreement: str = "S1", **fields: Any) -> dict[str, Any]:
    """Return an offer of 50 % to the institution, 30 % to the platform, 20 % to the funder."""
    return {
        "agreement": agreement,
        "currency": "CNY",
        "effective_from": "2026-01",
        "delay": "T+2",
        "recipients": parts(institution=500_000, platform=300_000, funder=200_000),
        **fields,
    }


def parts(**ppms: int) -> list[dict[str, Any]]:
    return [{"party": party, "ppm": ppm} for party, ppm in ppms.items()]


def consent(agreement: str = "S1", ppm: int = 300_000, **fields: Any) -> dict[str, Any]:
    """Return the platform's acceptance of :func:`plan`."""
    return {
        "agreement": agreement,
        "currency": "CNY",
        "effective_from": "2026-01",
        "delay": "T+2",
        "ppm": ppm,
        **fields,
    }


def share_of(share: str = "D1", **fields: Any) -> dict[str, Any]:
    """Return the share of the 0.60 of invoice I1 by S1."""
    return {
        "share": share,
        "invoice": "I1",
        "agreement": "S1",
        "amount": 60,
        "currency": "CNY",
        "portions": portions(institution=30, platform=18, funder=12),
        **fields,
    }


def portions(**amounts: int) -> list[dict[str, Any]]:
    return [{"party": party, "amount": amount} for party, amount in amounts.items()]


def confirmation_of(amount: int = 18, **fields: Any) -> dict[str, Any]:
    """Return the platform's confirmation of its portion."""
    return {"share": "D1", "amount": amount, "currency": "CNY", "received_at": SHARING, **fields}


def agree(ledger: Ledger, agreement: str = "A1", **fields: Any) -> int:
    """Have both halves of a fee agreement stated; return the entry that puts it in force."""
    ledger.apply("institution", "fee.agreed", **terms(agreement, **fields))
    return ledger.apply("platform", "fee.accepted", **terms(agreement, **fields))


def charge(ledger: Ledger, payment: str = "P1", amount: int = 60, **fields: Any) -> int:
    return ledger.apply("institution", "fee.charged", **charge_of(payment, amount, **fields))


def take_back(ledger: Ledger, payment: str = "P1") -> int:
    return ledger.apply("institution", "fee.reversed", **reversal_of(payment))


def offered() -> Ledger:
    ledger = opened()
    ledger.apply("institution", "fee.agreed", **terms())
    return ledger


def closed() -> Ledger:
    ledger = offered()
    ledger.apply("platform", "offer.closed", **closing())
    return ledger


def agreed() -> Ledger:
    """Return a ledger with the rate in force and the payment P1 of 100.00 captured."""
    ledger = opened()
    agree(ledger)
    ledger.capture()
    return ledger


def charged() -> Ledger:
    ledger = agreed()
    charge(ledger)
    return ledger


def month_over() -> Ledger:
    """Return a ledger on the Monday after January, with 0.60 accrued in it."""
    ledger = charged()
    ledger.now = FEBRUARY
    return ledger


def stale() -> Ledger:
    """Return a ledger on that Monday whose charged payment is reversed."""
    ledger = month_over()
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    return ledger


def invoiced() -> Ledger:
    ledger = month_over()
    ledger.apply("institution", "fee.invoiced", **invoice_of())
    return ledger


def settled() -> Ledger:
    ledger = invoiced()
    ledger.apply("platform", "fee.settled", **settlement_of())
    return ledger


def planned(ledger: Ledger | None = None) -> Ledger:
    """Return a ledger whose profit agreement S1 is offered and not accepted."""
    ledger = ledger or opened()
    ledger.apply("institution", "profit.agreed", **plan())
    return ledger


def consented(ledger: Ledger | None = None) -> Ledger:
    """Return a ledger whose profit agreement S1 is in force."""
    ledger = planned(ledger)
    ledger.apply("platform", "profit.accepted", **consent())
    ledger.apply("funder", "profit.accepted", **consent(ppm=200_000))
    return ledger


def shareable() -> Ledger:
    """Return a ledger on the day on which the income of I1 may be shared."""
    ledger = consented(settled())
    ledger.now = SHARING
    return ledger


def shared() -> Ledger:
    ledger = shareable()
    ledger.apply("institution", "profit.shared", **share_of())
    return ledger


def confirmed() -> Ledger:
    ledger = shared()
    ledger.apply("platform", "profit.confirmed", **confirmation_of())
    return ledger


REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "agreement-in-force": (agreed, ("institution", "fee.agreed", terms(rate_ppm=5000))),
    "agreement-not-accepted": (
        lambda: captured(offered()),
        ("institution", "fee.charged", charge_of()),
    ),
    "agreement-not-in-force": (
        lambda: captured(agreed(), "P2", captured_at=MORNING - 10 * DAY),
        ("institution", "fee.charged", charge_of("P2")),
    ),
    "already-accepted": (agreed, ("platform", "fee.accepted", terms())),
    "already-charged": (charged, ("institution", "fee.charged", charge_of())),
    "already-settled": (settled, ("platform", "fee.settled", settlement_of())),
    "already-shared": (shared, ("institution", "profit.shared", share_of("D2"))),
    "effective-too-early": (
        agreed,
        ("institution", "fee.agreed", terms("A2", effective_from="2025-12-31")),
    ),
    "effective-too-late": (
        opened,
        ("institution", "fee.agreed", terms(effective_from="2036-01-06")),
    ),
    "fee-bounds": (opened, ("institution", "fee.agreed", terms(minimum=11, maximum=10))),
    "fee-differs": (agreed, ("institution", "fee.charged", charge_of(amount=61))),
    "fee-terms-out-of-range": (
        opened,
        ("institution", "fee.agreed", terms(rate_ppm=100_001)),
    ),
    "invoice-differs": (month_over, ("institution", "fee.invoiced", invoice_of(amount=61))),
    "invoice-exists": (invoiced, ("institution", "fee.invoiced", invoice_of())),
    "invoice-not-settled": (
        lambda: consented(invoiced()),
        ("institution", "profit.shared", share_of()),
    ),
    "no-recipient": (
        opened,
        ("institution", "profit.agreed", plan(recipients=parts(institution=1_000_000))),
    ),
    "not-charged": (agreed, ("institution", "fee.reversed", reversal_of())),
    "nothing-accrued": (
        month_over,
        ("institution", "fee.invoiced", invoice_of(period="2025-12")),
    ),
    "offer-closed": (closed, ("platform", "fee.accepted", terms())),
    "period-invoiced": (invoiced, ("institution", "fee.reversed", reversal_of())),
    "period-not-over": (charged, ("institution", "fee.invoiced", invoice_of())),
    "recipient-missing": (
        consented,
        ("institution", "profit.agreed", plan("S2", recipients=parts(platform=1_000_000))),
    ),
    "recipient-twice": (
        opened,
        ("institution", "profit.agreed", plan(recipients=2 * parts(platform=500_000))),
    ),
    "share-differs": (shareable, ("institution", "profit.shared", share_of(amount=61))),
    "share-exists": (shared, ("institution", "profit.shared", share_of())),
    "share-too-early": (
        lambda: consented(settled()),
        ("institution", "profit.shared", share_of()),
    ),
    "stale-charge": (stale, ("institution", "fee.invoiced", invoice_of())),
    "unknown-agreement": (opened, ("platform", "fee.accepted", terms())),
    "unknown-invoice": (opened, ("platform", "fee.settled", settlement_of())),
    "unknown-share": (opened, ("platform", "profit.confirmed", confirmation_of())),
}
"""One way to each refusal code of the two contracts that no other contract has."""

SAMPLES: dict[str, dict[str, Any]] = {
    "fee.agreed": terms(),
    "fee.accepted": terms(),
    "fee.charged": charge_of(),
    "fee.reversed": reversal_of(),
    "fee.invoiced": invoice_of(),
    "fee.settled": settlement_of(),
    "profit.agreed": plan(),
    "profit.shared": share_of(),
}
"""Fields of the record types that name their authors."""

ORDINARY: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "fee offered": (opened, ("institution", "fee.agreed", terms())),
    "fee accepted": (offered, ("platform", "fee.accepted", terms())),
    "fee offered again": (offered, ("institution", "fee.agreed", terms(rate_ppm=5000))),
    "fee declined": (offered, ("platform", "offer.closed", closing())),
    "fee charged": (agreed, ("institution", "fee.charged", charge_of())),
    "payment of a charge reversed": (
        charged,
        ("institution", "payment.reversed", {"payment": "P1", "reason": "void"}),
    ),
    "fee invoiced": (month_over, ("institution", "fee.invoiced", invoice_of())),
    "fee settled": (invoiced, ("platform", "fee.settled", settlement_of())),
    "profit offered": (opened, ("institution", "profit.agreed", plan())),
    "profit offered again": (planned, ("institution", "profit.agreed", plan(delay="T+1"))),
    "profit accepted": (planned, ("platform", "profit.accepted", consent())),
    "profit declined": (planned, ("funder", "offer.closed", closing("S1", "profit"))),
    "profit replaced": (consented, ("institution", "profit.agreed", plan("S2"))),
    "profit shared": (shareable, ("institution", "profit.shared", share_of())),
    "profit confirmed": (shared, ("platform", "profit.confirmed", confirmation_of())),
}
"""Records of an ordinary month, which read only what was prefetched."""


def fees_in_books(ledger: Ledger) -> dict[str, int]:
    return {name: amount for name, amount in ledger.balances().items() if name.startswith("fee")}


def others_in_books(ledger: Ledger) -> dict[str, int]:
    return {k: amount for k, amount in ledger.balances().items() if not k.startswith("fee")}


def captured(ledger: Ledger, payment: str = "P1", **fields: Any) -> Ledger:
    ledger.capture(payment, **fields)
    return ledger


def state_of_charge(ledger: Ledger) -> str:
    row = ledger.row(FeeCharge, "P1", CURRENT)
    period = ledger.get(FeePeriod, row.period, row.currency)
    return charge_state(row, ledger.get(Capture, "P1"), period)


def fee_acceptance(ledger: Ledger, agreement: str = "A1") -> Expectation:
    return ledger.row(Expectation, "fee-acceptance", f"fee-agreement:{agreement}")


def profit_acceptance(ledger: Ledger, party: str, agreement: str = "S1") -> Expectation:
    return ledger.row(Expectation, "profit-acceptance", f"profit-agreement:{agreement}/{party}")


def awaited_reversal(ledger: Ledger, payment: str = "P1") -> Expectation:
    return ledger.row(Expectation, "fee-reversal", f"payment:{payment}")
