"""Refunds: requested, paid, failed, tried again."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import YEAR_2100_MS, about, spoilt
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownPayment, KnownRefund


def _request(author: Author) -> Draft:
    payment = author.find(author.known.payments, lambda each: each.refundable > 0)
    author.assume(author.chance.happens(500_000))
    free = author.known.free.get(payment.captured["currency"], 0)
    amount = min(payment.refundable, free)
    author.assume(amount >= 1)
    fields = _asked(author, payment, 1 + author.chance.below(amount))
    return _requested(author, fields, payment)


def _request_overpaid(author: Author) -> Draft:
    """Ask for what a repayment was more than owed."""
    money = author.find(author.known.loan_money, lambda each: each.refundable > 0)
    amount = author.chance.pick((money.refundable, 1 + author.chance.below(money.refundable)))
    return _requested(author, _asked(author, money, amount), money)


def _more_than_overpaid(author: Author) -> Draft:
    money = author.find(
        author.known.loan_money, lambda each: each.capture is not None and not each.clashes
    )
    return Draft(_asked(author, money, money.refundable + 1), (money,))


def _requested(author: Author, fields: Fields, payment: KnownPayment) -> Draft:
    known = author.known

    def learn() -> None:
        refund = known.refunds.get(fields["refund"])
        if refund is None:
            refund = KnownRefund(fields, payment)
            known.refunds.add(refund)
        refund.amount, refund.state = fields["amount"], "requested"
        payment.refunded += refund.amount
        payment.refunded_in = refund.currency
        if not payment.waits:
            known.more_free(refund.currency, -refund.amount)

    earlier = known.refunds.get(fields["refund"])
    return Draft(fields, (payment,) if earlier is None else (payment, earlier), learn)


def _asked(author: Author, payment: KnownPayment, amount: int) -> Fields:
    capture = payment.capture or {"currency": "CNY", "order": "none"}
    fields = {
        "refund": author.fresh("RF"),
        "payment": payment.name,
        "amount": amount,
        "currency": capture["currency"],
        "reason": "goods came back",
    }
    if author.chance.happens(500_000):
        fields["order"] = capture["order"]
    return fields


def _retry(author: Author) -> Draft:
    refund = author.find(author.known.refunds, lambda each: each.state == "failed")
    author.assume(refund.amount <= refund.payment.refundable)
    free = author.known.free.get(refund.currency, 0)
    author.assume(refund.payment.waits or refund.amount <= free)
    fields = {**_asked(author, refund.payment, refund.amount), "refund": refund.name}
    return _requested(author, fields, refund.payment)


def _for(
    fits: Callable[[Author, KnownPayment], bool],
    amount: Callable[[KnownPayment], int] = lambda payment: 1,
    **changes: str,
) -> Drafting:
    """Return a request for a payment that fits, from which the workload learns nothing."""
    return about(
        lambda known: known.payments,
        fits,
        lambda author, each: {**_asked(author, each, amount(each)), **changes},
    )


def _is_beyond_float(author: Author, payment: KnownPayment) -> bool:
    if payment.capture is None:
        return False
    return payment.refundable > author.known.free.get(payment.capture["currency"], 0)


def _again(*states: str, more: int) -> Drafting:
    return _of(
        states,
        lambda author, each: {
            **_asked(author, each.payment, each.amount + more),
            "refund": each.name,
        },
    )


def _of(states: tuple[str, ...], fields: Callable[[Author, KnownRefund], Fields]) -> Drafting:
    """Return a record about a refund in one of ``states``."""
    return about(lambda known: known.refunds, lambda _, each: each.state in states, fields)


def _result(
    states: tuple[str, ...], state: str, fields: Callable[[Author], Fields], ppm: int = 1_000_000
) -> Drafting:
    """Return a move about a refund in one of ``states``, after which it is in ``state``."""

    def draft(author: Author) -> Draft:
        refund = author.find(author.known.refunds, lambda each: each.state in states)
        author.assume(author.chance.happens(ppm))

        def learn() -> None:
            refund.state = state
            if state == "failed":
                refund.payment.refunded -= refund.amount
                if not refund.payment.waits:
                    author.known.more_free(refund.currency, refund.amount)

        return Draft({"refund": refund.name, **fields(author)}, (refund,), learn)

    return draft


def _by_bank(author: Author) -> Fields:
    return author.paid_by_bank("50300")


def _because(author: Author) -> Fields:
    return {"reason": "the card is closed"}


def _unknown(fields: Callable[[Author], Fields]) -> Drafting:
    return lambda author: Draft({"refund": author.fresh("NONE"), **fields(author)})


def _is_captured(author: Author, payment: KnownPayment) -> bool:
    return payment.capture is not None


def _is_refundable(author: Author, payment: KnownPayment) -> bool:
    return payment.capture is not None and not payment.clashes


MOVES: Moves = {
    ("platform", "refund.requested"): (
        valid(_request, 4),
        valid(_request_overpaid, 3),
        valid(_retry, 2),
        refused("refund-exists", _again("requested", "paid", more=0)),
        refused("refund-differs", _again("failed", more=1)),
        refused("not-captured", _for(lambda _, each: each.capture is None)),
        refused("wrong-order", _for(_is_captured, order="other")),
        refused("wrong-currency", _for(_is_captured, currency="EUR")),
        refused("refund-exceeds-payment", _for(_is_refundable, lambda each: each.refundable + 1)),
        refused("refund-exceeds-payment", _more_than_overpaid),
        refused("halves-conflict", _for(lambda _, each: each.clashes)),
        refused("refund-exceeds-float", _for(_is_beyond_float, lambda each: each.refundable)),
    ),
    ("institution", "refund.paid"): (
        valid(_result(("requested",), "paid", _by_bank), 4),
        refused("unknown-refund", _unknown(_by_bank)),
        refused("already-paid", _result(("paid",), "paid", _by_bank)),
        refused("refund-failed", _result(("failed",), "paid", _by_bank)),
        refused(
            "time-in-future",
            spoilt(_result(("requested",), "paid", _by_bank), paid_at=YEAR_2100_MS),
        ),
    ),
    ("institution", "refund.failed"): (
        valid(_result(("requested", "paid"), "failed", _because, 300_000), 2),
        refused("unknown-refund", _unknown(_because)),
        refused("refund-failed", _result(("failed",), "failed", _because)),
    ),
}
