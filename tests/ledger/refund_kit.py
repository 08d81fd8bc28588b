"""Ledgers with a refund float, refunds and disputes, and one case of each of their refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ledger.ledger_kit import DAY, HEX, MORNING, Ledger, captured, opened, split, split_ledger

Said = tuple[str, str, dict[str, Any]]


def movement_of(movement: str = "M1", amount: int = 20_000, **fields: Any) -> dict[str, Any]:
    """Return the fields of a deposit, of a withdrawal or of its confirmation."""
    return {"movement": movement, "amount": amount, "currency": "CNY", **fields}


def refund_of(refund: str = "R1", amount: int = 4000, **fields: Any) -> dict[str, Any]:
    """Return the fields of a request to refund a part of P1."""
    whole = {"refund": refund, "payment": "P1", "amount": amount, "currency": "CNY"}
    return {**whole, "reason": "goods returned", **fields}


def refunded_of(refund: str = "R1") -> dict[str, Any]:
    return {"refund": refund, "bank_reference": HEX, "paid_at": MORNING + DAY}


def failed_of(refund: str = "R1") -> dict[str, Any]:
    return {"refund": refund, "reason": "card closed"}


def dispute_of(dispute: str = "D1", subject: str = "payment:P1", **fields: Any) -> dict[str, Any]:
    """Return the fields of a dispute against the institution."""
    return {
        "dispute": dispute,
        "subject": subject,
        "against": "institution",
        "reason": "charged twice",
        **fields,
    }


def answer_of(outcome: str = "upheld", dispute: str = "D1") -> dict[str, Any]:
    return {"dispute": dispute, "outcome": outcome, "reason": "checked"}


def deposit(ledger: Ledger, movement: str = "M1", amount: int = 20_000, **fields: Any) -> int:
    """Deposit to the float, with both halves."""
    stated = movement_of(movement, amount, **fields)
    ledger.apply("institution", "refund_float.deposited", **stated)
    return ledger.apply("platform", "refund_float.confirmed", **stated)


def withdraw(ledger: Ledger, movement: str = "M2", amount: int = 20_000) -> int:
    """State a withdrawal from the float, with the first half only."""
    stated = movement_of(movement, amount)
    return ledger.apply("institution", "refund_float.withdrawn", **stated)


def request(ledger: Ledger, refund: str = "R1", amount: int = 4000, **fields: Any) -> int:
    return ledger.apply("platform", "refund.requested", **refund_of(refund, amount, **fields))


def pay(ledger: Ledger, refund: str = "R1") -> int:
    return ledger.apply("institution", "refund.paid", **refunded_of(refund))


def fail(ledger: Ledger, refund: str = "R1") -> int:
    return ledger.apply("institution", "refund.failed", **failed_of(refund))


def dispute(ledger: Ledger, *said: str, **fields: Any) -> int:
    return ledger.apply("platform", "dispute.raised", **dispute_of(*said, **fields))


def stated() -> Ledger:
    """Return a ledger with P1 split, and a deposit of 200.00 that is not confirmed."""
    ledger = split_ledger()
    ledger.apply("institution", "refund_float.deposited", **movement_of())
    return ledger


def funded() -> Ledger:
    """Return a ledger with P1 of 100.00 split, and a float of 200.00."""
    ledger = split_ledger()
    deposit(ledger)
    return ledger


def requested() -> Ledger:
    """Return a ledger that awaits the result of a refund of 40.00."""
    ledger = funded()
    request(ledger)
    return ledger


def failed() -> Ledger:
    ledger = requested()
    fail(ledger)
    return ledger


def refunded() -> Ledger:
    ledger = requested()
    pay(ledger)
    return ledger


def conflicting() -> Ledger:
    """Return a ledger with a float, and P1 captured as 100.00 and split as 90.00."""
    ledger = funded()
    ledger.apply("platform", "split.amended", **split(amount=9000))
    return ledger


def withdrawing() -> Ledger:
    """Return a ledger with a withdrawal of the whole float that is not confirmed."""
    ledger = funded()
    withdraw(ledger)
    return ledger


def disputed() -> Ledger:
    """Return a ledger in which the platform disputes P1 with the institution."""
    ledger = split_ledger()
    dispute(ledger)
    return ledger


def resolved() -> Ledger:
    ledger = disputed()
    ledger.apply("institution", "dispute.resolved", **answer_of())
    return ledger


SAMPLES: dict[str, dict[str, Any]] = {
    "refund_float.deposited": movement_of(),
    "refund_float.withdrawn": movement_of(),
    "refund_float.confirmed": movement_of(),
    "refund_float.reversed": {"movement": "M1", "reason": "typing error"},
    "refund.requested": refund_of(),
    "refund.paid": refunded_of(),
    "refund.failed": failed_of(),
    "dispute.raised": dispute_of(),
    "dispute.resolved": answer_of(),
}
"""The fields of one record of every type, without the optional ones."""

ANYBODY = ("dispute.raised", "dispute.resolved")
"""Types that a party of any role may state."""


def from_platform(type_: str, fields: dict[str, Any]) -> Said:
    return "platform", type_, fields


def from_institution(type_: str, fields: dict[str, Any]) -> Said:
    return "institution", type_, fields


REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "dispute-exists": (disputed, from_platform("dispute.raised", dispute_of())),
    "dispute-outcome": (disputed, from_platform("dispute.resolved", answer_of())),
    "dispute-resolved": (resolved, from_institution("dispute.resolved", answer_of())),
    "dispute-with-oneself": (opened, from_institution("dispute.raised", dispute_of())),
    "halves-conflict": (conflicting, from_platform("refund.requested", refund_of())),
    "movement-exists": (funded, from_institution("refund_float.withdrawn", movement_of())),
    "movement-settled": (funded, from_platform("refund_float.confirmed", movement_of())),
    "payment-refunded": (
        refunded,
        from_institution("payment.reversed", {"payment": "P1", "reason": "void"}),
    ),
    "refund-differs": (failed, from_platform("refund.requested", refund_of(amount=4001))),
    "refund-exceeds-float": (stated, from_platform("refund.requested", refund_of())),
    "refund-exceeds-payment": (funded, from_platform("refund.requested", refund_of(amount=10_001))),
    "refund-exists": (requested, from_platform("refund.requested", refund_of())),
    "refund-failed": (failed, from_institution("refund.paid", refunded_of())),
    "unknown-dispute": (opened, from_institution("dispute.resolved", answer_of())),
    "unknown-movement": (opened, from_platform("refund_float.confirmed", movement_of())),
    "unknown-refund": (opened, from_institution("refund.paid", refunded_of())),
    "unknown-subject": (opened, from_platform("dispute.raised", dispute_of())),
    "withdrawal-exceeds-float": (
        funded,
        from_institution("refund_float.withdrawn", movement_of("M2", 20_001)),
    ),
    "wrong-order": (funded, from_platform("refund.requested", refund_of(order="another"))),
}
"""One way to each refusal code that only these contracts use."""

ORDINARY: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "deposited": (opened, from_institution("refund_float.deposited", movement_of())),
    "float confirmed": (stated, from_platform("refund_float.confirmed", movement_of())),
    "withdrawn": (funded, from_institution("refund_float.withdrawn", movement_of("M2"))),
    "withdrawal confirmed": (
        withdrawing,
        from_platform("refund_float.confirmed", movement_of("M2")),
    ),
    "withdrawal reversed": (
        withdrawing,
        from_institution("refund_float.reversed", {"movement": "M2", "reason": "any"}),
    ),
    "refund requested": (funded, from_platform("refund.requested", refund_of())),
    "refund paid": (requested, from_institution("refund.paid", refunded_of())),
    "refund failed": (requested, from_institution("refund.failed", failed_of())),
    "refund retried": (failed, from_platform("refund.requested", refund_of())),
    "dispute raised": (split_ledger, from_platform("dispute.raised", dispute_of())),
    "leg disputed": (
        split_ledger,
        from_platform("dispute.raised", dispute_of(subject="payment:P1/leg:1")),
    ),
    "dispute resolved": (disputed, from_institution("dispute.resolved", answer_of())),
}
"""Records that a store must be able to prefetch for."""


def another_payment(ledger: Ledger, payment: str = "P2", amount: int = 10_000) -> None:
    ledger.apply("institution", "payment.captured", **captured(payment, amount))
