"""A record for every refusal code, and the ledgers that refuse it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.genesis import AMOUNT_DEFAULT
from ledger.limits import SAFE_INTEGER_MAX
from tests.ledger import calendar_kit, fee_kit, loan_refusals, refund_kit
from tests.ledger.ledger_kit import (
    DAY,
    MORNING,
    RECEIVER,
    UNLIMITED,
    Ledger,
    captured,
    due_ledger,
    leg,
    opened,
    paid_of,
    payout_of,
    split,
    split_ledger,
)

Said = tuple[str, str, dict[str, Any]]


def paid_out() -> Ledger:
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3000)
    return ledger


def confirmed() -> Ledger:
    ledger = paid_out()
    ledger.paid()
    ledger.apply("platform", "settlement.confirmed", **CONFIRMATION)
    return ledger


def returned() -> Ledger:
    ledger = paid_out()
    ledger.apply("institution", "settlement.returned", payout="O1", reason="closed")
    return ledger


def suspended() -> Ledger:
    ledger = opened()
    ledger.apply("institution", "receiver.suspended", receiver="shop", reason="fraud")
    return ledger


def captured_once() -> Ledger:
    ledger = opened()
    ledger.capture()
    return ledger


def full() -> Ledger:
    """Return a ledger whose genesis lets one capture fill the reserve."""
    ledger = opened(UNLIMITED)
    ledger.capture(amount=SAFE_INTEGER_MAX)
    return ledger


def at_the_end_of_time() -> Ledger:
    ledger = opened()
    ledger.now = SAFE_INTEGER_MAX
    return ledger


def refunded_and_reversed() -> Ledger:
    """Return a ledger of which a capture that is refunded was contradicted, and reversed."""
    ledger = opened()
    refund_kit.deposit(ledger)
    ledger.capture(amount=20_000)
    refund_kit.request(ledger)
    ledger.instruct()
    ledger.apply("institution", "payment.reversed", **ONE_PAYMENT)
    return ledger


CONFIRMATION = {"payout": "O1", "amount": 3000, "currency": "CNY", "received_at": MORNING}
NEW_RECEIVER = {"receiver": "new", **RECEIVER}
ONE_LEG = [leg(1, "shop", amount=10_000)]
ONE_PAYMENT = {"payment": "P1", "reason": "any"}


BUYER = {"source": "buyer", "amount": 5000}


def instruct(**fields: Any) -> Said:
    return "platform", "split.instructed", split(**fields)


def capture(**fields: Any) -> Said:
    return "institution", "payment.captured", captured(**fields)


def payout(**fields: Any) -> Said:
    return "institution", "settlement.created", payout_of(**fields)


REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "already-captured": (captured_once, capture()),
    "already-confirmed": (confirmed, ("platform", "settlement.confirmed", CONFIRMATION)),
    "already-instructed": (split_ledger, instruct()),
    "already-paid": (confirmed, ("institution", "settlement.paid", paid_of())),
    "already-suspended": (
        suspended,
        ("institution", "receiver.suspended", {"receiver": "shop", "reason": "again"}),
    ),
    "amount-over-limit": (opened, capture(amount=AMOUNT_DEFAULT + 1)),
    "amounts-do-not-sum": (opened, instruct(legs=[leg(1, "shop", amount=9999)])),
    "books-overflow": (full, capture(payment="P2", amount=1)),
    "cross-institution": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "kind": "payment_account"}),
    ),
    "date-out-of-range": (at_the_end_of_time, capture(captured_at=SAFE_INTEGER_MAX)),
    "id-reused": (opened, ("institution", "payment.captured", {**captured(), "id": "r1"})),
    "leg-form": (opened, instruct(legs=[leg(1, "shop", ppm=1_000_000)])),
    "leg-in-payout": (paid_out, ("platform", "split.amended", split(amount=20_000))),
    "leg-order": (opened, instruct(legs=[leg(2, "shop", amount=10_000)])),
    "source-twice": (opened, capture(sources=[BUYER, BUYER])),
    "sources-do-not-sum": (opened, capture(sources=[BUYER])),
    "no-such-date": (split_ledger, payout(cutoff_date="2026-13-01")),
    "not-captured": (opened, ("institution", "payment.reversed", ONE_PAYMENT)),
    "not-instructed": (opened, ("platform", "split.amended", split())),
    "not-suspended": (
        opened,
        ("institution", "receiver.resumed", {"receiver": "shop", "reason": "any"}),
    ),
    "not-due-yet": (split_ledger, payout()),
    "nothing-due": (opened, payout(cutoff_date="2026-01-05")),
    "payout-differs": (due_ledger, payout(amount=1)),
    "payout-exists": (paid_out, payout()),
    "payout-not-paid": (paid_out, ("platform", "settlement.confirmed", CONFIRMATION)),
    "payout-returned": (returned, ("institution", "settlement.paid", paid_of())),
    "ratios-do-not-sum": (opened, instruct(mode="ratio", legs=[leg(1, "shop", ppm=999_999)])),
    "receiver-exists": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "receiver": "shop"}),
    ),
    "receiver-suspended": (suspended, instruct()),
    "tail-leg": (opened, instruct(legs=ONE_LEG, tail_leg=1)),
    "time-in-future": (opened, capture(captured_at=MORNING + DAY + 1)),
    "too-many-legs": (opened, instruct(legs=[leg(n, "shop", amount=1000) for n in range(1, 12)])),
    "unknown-party": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "owner": "stranger"}),
    ),
    "unknown-payout": (opened, ("institution", "settlement.paid", paid_of("O9"))),
    "unknown-receiver": (opened, instruct(legs=[leg(1, "nobody", amount=10_000)])),
    "wrong-author": (opened, ("funder", "payment.captured", captured())),
    "wrong-currency": (opened, instruct(currency="USD")),
    **refund_kit.REFUSALS,
    **fee_kit.REFUSALS,
    **calendar_kit.REFUSALS,
    **loan_refusals.REFUSALS,
}

MORE_REFUSALS: list[tuple[str, Callable[[], Ledger], Said]] = [
    ("leg-form", opened, instruct(legs=[leg(1, "shop")])),
    ("leg-form", opened, instruct(legs=[leg(1, "shop", amount=10_000, ppm=1)])),
    ("leg-form", opened, instruct(mode="ratio", legs=ONE_LEG)),
    ("tail-leg", opened, instruct(mode="ratio", legs=[leg(1, "shop", ppm=1_000_000)], tail_leg=2)),
    ("leg-order", opened, instruct(legs=[leg(1, "shop", amount=1), leg(1, "shop", amount=1)])),
    ("already-captured", captured_once, ("platform", "split.withdrawn", ONE_PAYMENT)),
    ("not-instructed", opened, ("platform", "split.withdrawn", ONE_PAYMENT)),
    ("leg-in-payout", paid_out, ("institution", "payment.reversed", ONE_PAYMENT)),
    ("wrong-author", paid_out, ("funder", "settlement.confirmed", CONFIRMATION)),
    ("wrong-currency", split_ledger, payout(currency="USD")),
    ("unknown-receiver", opened, payout(receiver="nobody")),
    ("refund-exceeds-payment", refunded_and_reversed, capture(amount=3_999)),
    *calendar_kit.MORE_REFUSALS,
]
