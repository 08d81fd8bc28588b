"""Refunds: requested, paid, failed, tried again."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.moves import YEAR_2100_MS, Author, Draft, Move, spoilt, valid
from simulator.workload.subjects import Fields, KnownPayment, KnownRefund

_BY, _PLATFORM = "institution", "platform"


def _left(payment: KnownPayment) -> int:
    """Return what of a payment can still be refunded: nothing while it is contested."""
    if payment.capture is None or payment.clashes:
        return 0
    return int(payment.capture["amount"] - payment.refunded)


def _request(author: Author) -> Draft | None:
    payment = author.find(author.known.payments, lambda each: _left(each) > 0)
    if payment is None or payment.capture is None or not author.chance.happens(500_000):
        return None
    free = author.known.free.get(payment.capture["currency"], 0)
    amount = min(_left(payment), free)
    if amount < 1:
        return None
    fields = _asked(author, payment, 1 + author.chance.below(amount))
    return _requested(author, fields, payment)


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
        author.known.more_free(refund.currency, -refund.amount)

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


def _retry(author: Author) -> Draft | None:
    refund = author.find(author.known.refunds, lambda each: each.state == "failed")
    if refund is None or refund.amount > _left(refund.payment):
        return None
    if refund.amount > author.known.free.get(refund.currency, 0):
        return None
    fields = {**_asked(author, refund.payment, refund.amount), "refund": refund.name}
    return _requested(author, fields, refund.payment)


def _for(
    fits: Callable[[KnownPayment], bool], amount: Callable[[KnownPayment], int], **changes: str
) -> Callable[[Author], Draft | None]:
    """Return a request for a payment that fits, from which the book learns nothing."""

    def draft(author: Author) -> Draft | None:
        payment = author.find(author.known.payments, fits)
        if payment is None:
            return None
        return Draft({**_asked(author, payment, amount(payment)), **changes}, (payment,))

    return draft


def _beyond_float(author: Author) -> Draft | None:
    free = author.known.free
    payment = author.find(
        author.known.payments,
        lambda each: (
            each.capture is not None and _left(each) > free.get(each.capture["currency"], 0)
        ),
    )
    return None if payment is None else Draft(_asked(author, payment, _left(payment)), (payment,))


def _again(*states: str, more: int) -> Callable[[Author], Draft | None]:
    def draft(author: Author) -> Draft | None:
        refund = author.find(author.known.refunds, lambda each: each.state in states)
        if refund is None:
            return None
        fields = _asked(author, refund.payment, refund.amount + more)
        return Draft({**fields, "refund": refund.name}, (refund,))

    return draft


def _result(
    states: tuple[str, ...], state: str, fields: Callable[[Author], Fields], ppm: int = 1_000_000
) -> Callable[[Author], Draft | None]:
    """Return a move about a refund in one of ``states``, after which it is in ``state``."""

    def draft(author: Author) -> Draft | None:
        refund = author.find(author.known.refunds, lambda each: each.state in states)
        if refund is None or not author.chance.happens(ppm):
            return None

        def learn() -> None:
            refund.state = state
            if state == "failed":
                refund.payment.refunded -= refund.amount
                author.known.more_free(refund.currency, refund.amount)

        return Draft({"refund": refund.name, **fields(author)}, (refund,), learn)

    return draft


def _by_bank(author: Author) -> Fields:
    number = {"channel_number": author.fresh("50300")} if author.chance.happens(300_000) else {}
    return {"bank_reference": author.commitment(), "paid_at": author.now_ms, **number}


def _because(author: Author) -> Fields:
    return {"reason": "the card is closed"}


def _unknown(fields: Callable[[Author], Fields]) -> Callable[[Author], Draft]:
    return lambda author: Draft({"refund": author.fresh("NONE"), **fields(author)})


def _captured(payment: KnownPayment) -> bool:
    return payment.capture is not None


def _refundable(payment: KnownPayment) -> bool:
    return payment.capture is not None and not payment.clashes


MOVES = (
    valid(_PLATFORM, "refund.requested", _request, 4),
    valid(_PLATFORM, "refund.requested", _retry, 2),
    Move(_PLATFORM, "refund.requested", "refund-exists", _again("requested", "paid", more=0)),
    Move(_PLATFORM, "refund.requested", "refund-differs", _again("failed", more=1)),
    Move(
        _PLATFORM,
        "refund.requested",
        "not-captured",
        _for(lambda each: each.capture is None, lambda each: 1),
    ),
    Move(
        _PLATFORM, "refund.requested", "wrong-order", _for(_captured, lambda each: 1, order="other")
    ),
    Move(
        _PLATFORM,
        "refund.requested",
        "wrong-currency",
        _for(_captured, lambda each: 1, currency="EUR"),
    ),
    Move(
        _PLATFORM,
        "refund.requested",
        "refund-exceeds-payment",
        _for(_refundable, lambda each: _left(each) + 1),
    ),
    Move(
        _PLATFORM,
        "refund.requested",
        "halves-conflict",
        _for(lambda each: each.clashes, lambda each: 1),
    ),
    Move(_PLATFORM, "refund.requested", "refund-exceeds-float", _beyond_float),
    valid(_BY, "refund.paid", _result(("requested",), "paid", _by_bank), 4),
    Move(_BY, "refund.paid", "unknown-refund", _unknown(_by_bank)),
    Move(_BY, "refund.paid", "already-paid", _result(("paid",), "paid", _by_bank)),
    Move(_BY, "refund.paid", "refund-failed", _result(("failed",), "paid", _by_bank)),
    Move(
        _BY,
        "refund.paid",
        "time-in-future",
        spoilt(_result(("requested",), "paid", _by_bank), paid_at=YEAR_2100_MS),
    ),
    valid(_BY, "refund.failed", _result(("requested", "paid"), "failed", _because, 300_000), 2),
    Move(_BY, "refund.failed", "unknown-refund", _unknown(_because)),
    Move(_BY, "refund.failed", "refund-failed", _result(("failed",), "failed", _because)),
)
