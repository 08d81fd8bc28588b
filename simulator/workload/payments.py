"""Payments: captured, split, reversed, withdrawn; halves that agree or differ."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import OVER_LIMIT, YEAR_2100_MS, about, spoilt
from simulator.workload.knowledge import CURRENCIES, STEP_MS
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import (
    OF_RECEIVERS,
    WRONG_SPLITS,
    instruct,
    split_of,
    to_suspended,
    wrong,
)
from simulator.workload.subjects import Fields, KnownPayment, half_of

CHANNELS = ("wechat", "alipay", "card")
TOLD_PPM = 300_000
"""Rate of captures that tell a channel's number, and of those that tell who paid which part."""
_PART = {"source": "buyer", "amount": 1}


# --- the institution's half ---------------------------------------------------------------------


def _capture_new(author: Author) -> Draft:
    payment = KnownPayment(author.fresh(author.chance.pick(("P", "_P*"))))
    amount = 100 + author.chance.below(100_000)
    fields = {"order": order_of(payment), "amount": amount, "currency": _currency(author)}
    return _capture(author, payment, fields)


def _capture_half(author: Author) -> Draft:
    """Capture what was instructed, or capture again what was reversed."""
    payment = author.find(author.known.payments, lambda each: each.capture is None)
    fields = half_of(payment.instructed)
    author.assume(_covers_refunds(payment))
    if author.errs():
        fields["amount"] += 1
    return _capture(author, payment, fields)


def _covers_refunds(payment: KnownPayment) -> bool:
    """Return whether a payment that is captured as it is to be split may have its refunds."""
    split = payment.instructed
    same = split["currency"] == payment.refunded_in
    return not payment.refunded or (same and payment.refunded <= split["amount"])


def _capture_refunded(author: Author) -> Draft:
    """Capture a payment anew whose refunds go on counting, with less than they are."""
    payment = author.find(
        author.known.payments, lambda each: each.capture is None and each.refunded > 1
    )
    half = {"amount": payment.refunded - 1, "currency": payment.refunded_in}
    return _capture(author, payment, {"order": order_of(payment), **half})


def _capture(author: Author, payment: KnownPayment, half: Fields) -> Draft:
    known, chance = author.known, author.chance
    known.cursor_ms = min(known.cursor_ms + chance.below(2 * STEP_MS), author.now_ms)
    fields = {
        **half,
        "payment": payment.name,
        "channel": chance.pick(CHANNELS),
        "captured_at": known.cursor_ms,
        **_told(author, half["amount"]),
    }

    def learn() -> None:
        payment.capture = fields
        payment.reversed = payment.reversed and not payment.agrees
        author.known.keep_payment(payment)

    return Draft(fields, (payment,), learn)


def order_of(payment: KnownPayment) -> str:
    """Return the id of a payment's order, with the signs that channels allow."""
    return f"_O|{payment.name}@1*"


def _told(author: Author, amount: int) -> Fields:
    """Return what a channel may tell of a payment: its own number, who paid which part."""
    told: Fields = {}
    if author.chance.happens(TOLD_PPM):
        told["channel_number"] = author.fresh("42000")
    if author.chance.happens(TOLD_PPM) and amount > 1:
        part = 1 + author.chance.below(amount - 1)
        parts = (
            ("buyer", amount - part),
            (author.chance.pick(("coupon", "platform-subsidy")), part),
        )
        told["sources"] = [{"source": source, "amount": each} for source, each in parts if each]
    return told


_capture_again = about(
    lambda known: known.payments,
    lambda _, each: each.capture is not None,
    lambda _, each: each.captured,
)


def _reverse(author: Author) -> Draft:
    payment = author.find(author.known.payments, _may_reverse)
    author.assume(payment.clashes or author.chance.happens(300_000))
    return _reversed(author, payment)


def _reverse_refunded(author: Author) -> Draft:
    """Reverse what was refunded, because the platform says that its amount is wrong."""
    payment = author.find(
        author.known.payments,
        lambda each: each.clashes and each.refunded > 0 and _may_reverse(each),
    )
    return _reversed(author, payment)


def _reversed(author: Author, payment: KnownPayment) -> Draft:
    def learn() -> None:
        payment.void()
        author.known.derive_legs(payment)
        charge = payment.charge
        if charge is not None and not charge.period.invoiced:
            charge.period.stale = [*charge.period.stale, payment]

    return Draft(_why(payment), (payment,), learn)


def _may_reverse(payment: KnownPayment) -> bool:
    free = payment.clashes or not payment.refunded
    return payment.capture is not None and free and not payment.in_payout


def _on(fits: Callable[[Author, KnownPayment], bool]) -> Drafting:
    """Return a record that names a payment that fits, and gives a reason."""
    return about(lambda known: known.payments, fits, lambda _, each: _why(each))


def _why(payment: KnownPayment) -> Fields:
    return {"payment": payment.name, "reason": "the order was cancelled"}


# --- the platform's half ------------------------------------------------------------------------


def _instruct_new(author: Author) -> Draft:
    payment = KnownPayment(author.fresh(author.chance.pick(("P", "_P*"))))
    amount = 100 + author.chance.below(100_000)
    half = {"order": order_of(payment), "amount": amount, "currency": _currency(author)}
    return instruct(author, payment, half)


def _instruct_half(author: Author) -> Draft:
    """Instruct what was captured; or again what was reversed, or withdrawn and captured."""
    payment = author.find(
        author.known.payments,
        lambda each: each.split is None and (each.capture is not None or each.reversed),
    )
    fresh: Fields = {"order": order_of(payment), "amount": 5000, "currency": _currency(author)}
    half = half_of(payment.capture or fresh)
    if author.errs():
        half["order"] += "-b"
    return instruct(author, payment, half)


def _withdraw(author: Author) -> Draft:
    payment = author.find(
        author.known.payments,
        lambda each: each.capture is None and (each.split is not None or each.reversed),
    )
    author.assume(author.chance.happens(400_000))

    def learn() -> None:
        payment.split = None
        payment.reversed = False

    return Draft(_why(payment), (payment,), learn)


def _currency(author: Author) -> str:
    return author.chance.pick(CURRENCIES)


MOVES: Moves = {
    ("institution", "payment.captured"): (
        valid(_capture_new, 10),
        valid(_capture_half, 20),
        refused("already-captured", _capture_again),
        refused("buyback-unknown", spoilt(_capture_new, buyback="B1")),
        refused("source-twice", spoilt(_capture_new, sources=[_PART, _PART])),
        refused("sources-do-not-sum", spoilt(_capture_new, sources=[_PART])),
        refused("amount-over-limit", spoilt(_capture_new, amount=OVER_LIMIT)),
        refused("time-in-future", spoilt(_capture_new, captured_at=YEAR_2100_MS)),
        refused("refund-exceeds-payment", spoilt(_capture_refunded), 3),
        refused("wrong-currency", spoilt(_capture_refunded, currency="EUR"), 2),
    ),
    ("institution", "payment.reversed"): (
        valid(_reverse, 2),
        valid(_reverse_refunded, 2),
        refused("not-captured", _on(lambda _, each: each.capture is None)),
        refused(
            "payment-refunded",
            _on(
                lambda _, each: each.refunded > 0 and each.capture is not None and not each.clashes
            ),
        ),
        refused("leg-in-payout", _on(lambda _, each: each.in_payout and not each.refunded)),
    ),
    ("platform", "split.instructed"): (
        valid(_instruct_new, 8),
        valid(_instruct_half, 20),
        refused("already-instructed", split_of(lambda each: each.split is not None)),
        *(refused(code, wrong(_instruct_new, code)) for code in (*WRONG_SPLITS, *OF_RECEIVERS)),
        refused("receiver-suspended", to_suspended(_instruct_new)),
    ),
    ("platform", "split.withdrawn"): (
        valid(_withdraw, 2),
        refused("already-captured", _on(lambda _, each: each.capture is not None)),
        refused(
            "not-instructed",
            _on(lambda _, each: each.capture is None and each.split is None and not each.reversed),
        ),
    ),
}
