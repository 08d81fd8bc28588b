"""Payments: captured, split, amended, reversed, withdrawn; halves that agree or differ."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.book import CURRENCIES, STEP_MS
from simulator.workload.moves import OVER_LIMIT, YEAR_2100_MS, Desk, Draft, Move, spoilt, valid
from simulator.workload.things import Fields, Payment

CHANNELS = ("wechat", "alipay", "card")
DIFFERS_PPM = 80_000
"""How often the second half is not what the first one said."""

_BY, _PLATFORM = "institution", "platform"


# --- the institution's half ---------------------------------------------------------------------


def _capture_new(desk: Desk) -> Draft:
    payment = Payment(desk.fresh("P"))
    amount = 100 + desk.chance.below(100_000)
    fields = {"order": f"O-{payment.name}", "amount": amount, "currency": _currency(desk)}
    return _capture(desk, payment, fields)


def _capture_half(desk: Desk) -> Draft | None:
    """Capture what was instructed, or capture again what was reversed."""
    payment = desk.find(desk.book.payments, lambda each: each.capture is None)
    if payment is None or payment.split is None or not _covers_refunds(payment):
        return None
    fields = {name: payment.split[name] for name in ("order", "amount", "currency")}
    if desk.chance.happens(DIFFERS_PPM):
        fields["amount"] += 1
    return _capture(desk, payment, fields)


def _covers_refunds(payment: Payment) -> bool:
    """Return whether a payment that is captured as it is to be split may have its refunds."""
    split = payment.split or {"amount": 0, "currency": ""}
    same = split["currency"] == payment.refunded_in
    return not payment.refunded or (same and payment.refunded <= split["amount"])


def _capture_refunded(desk: Desk) -> Draft | None:
    """Capture a payment anew whose refunds go on counting, with less than they are."""
    payment = desk.find(desk.book.payments, lambda each: each.capture is None and each.refunded > 1)
    if payment is None:
        return None
    half = {"amount": payment.refunded - 1, "currency": payment.refunded_in}
    made = _capture(desk, payment, {"order": f"O-{payment.name}", **half})
    return Draft(made.fields, made.about)


def _capture(desk: Desk, payment: Payment, half: Fields) -> Draft:
    book, chance = desk.book, desk.chance
    book.cursor_ms = min(book.cursor_ms + chance.below(2 * STEP_MS), desk.now_ms)
    fields = {
        **half,
        "payment": payment.name,
        "channel": chance.pick(CHANNELS),
        "captured_at": book.cursor_ms,
    }

    def learn() -> None:
        payment.capture = fields
        payment.reversed = payment.reversed and not payment.agrees
        _know(desk, payment)

    return Draft(fields, (payment,), learn)


def _know(desk: Desk, payment: Payment) -> None:
    if desk.book.payments.named(payment.name) is None:
        desk.book.payments.add(payment)
    desk.book.place(payment)


def _capture_again(desk: Desk) -> Draft | None:
    payment = desk.find(desk.book.payments, lambda each: each.capture is not None)
    return (
        None if payment is None or payment.capture is None else Draft(payment.capture, (payment,))
    )


def _reverse(desk: Desk) -> Draft | None:
    payment = desk.find(desk.book.payments, _may_reverse)
    if payment is None:
        return None
    if not payment.clashes and not desk.chance.happens(300_000):
        return None
    return _reversed(desk, payment)


def _reverse_refunded(desk: Desk) -> Draft | None:
    """Reverse what was refunded, because the platform says that its amount is wrong."""
    payment = desk.find(
        desk.book.payments, lambda each: each.clashes and each.refunded > 0 and _may_reverse(each)
    )
    return None if payment is None else _reversed(desk, payment)


def _reversed(desk: Desk, payment: Payment) -> Draft:
    def learn() -> None:
        payment.capture = None
        payment.reversed = True
        desk.book.place(payment)
        charge = payment.charge
        if charge is not None and not charge.period.invoiced:
            charge.period.stale = [*charge.period.stale, payment]

    return Draft(_why(payment), (payment,), learn)


def _may_reverse(payment: Payment) -> bool:
    free = payment.clashes or not payment.refunded
    return payment.capture is not None and free and not payment.in_payout


def _on(fits: Callable[[Payment], bool]) -> Callable[[Desk], Draft | None]:
    """Return a move that names a payment that fits, and gives a reason."""

    def draft(desk: Desk) -> Draft | None:
        payment = desk.find(desk.book.payments, fits)
        return None if payment is None else Draft(_why(payment), (payment,))

    return draft


def _why(payment: Payment) -> Fields:
    return {"payment": payment.name, "reason": "the order was cancelled"}


# --- the platform's half ------------------------------------------------------------------------


def _instruct_new(desk: Desk) -> Draft | None:
    payment = Payment(desk.fresh("P"))
    amount = 100 + desk.chance.below(100_000)
    half = {"order": f"O-{payment.name}", "amount": amount, "currency": _currency(desk)}
    return _instruct(desk, payment, half)


def _instruct_half(desk: Desk) -> Draft | None:
    """Instruct what was captured; or again what was reversed, or withdrawn and captured."""
    payment = desk.find(
        desk.book.payments,
        lambda each: each.split is None and (each.capture is not None or each.reversed),
    )
    if payment is None:
        return None
    fresh: Fields = {"order": f"O-{payment.name}", "amount": 5000, "currency": _currency(desk)}
    half = {name: (payment.capture or fresh)[name] for name in ("order", "amount", "currency")}
    if desk.chance.happens(DIFFERS_PPM):
        half["order"] += "-b"
    return _instruct(desk, payment, half)


def _amend(desk: Desk) -> Draft | None:
    """State an instruction again: with what was captured if the halves differ, with other legs."""
    payment = desk.find(
        desk.book.payments, lambda each: each.split is not None and not each.in_payout
    )
    if payment is None or payment.split is None:
        return None
    if payment.agrees and not desk.chance.happens(300_000):
        return None
    basis = payment.capture or payment.split
    half = {name: basis[name] for name in ("order", "amount", "currency")}
    if desk.chance.happens(DIFFERS_PPM):
        half["order"] += "-c"
    return _instruct(desk, payment, half)


def _contest(desk: Desk) -> Draft | None:
    """State for a payment that is refunded that it is of another amount than was captured."""
    payment = desk.find(
        desk.book.payments,
        lambda each: each.agrees and each.refunded > 0 and not each.in_payout,
    )
    if payment is None or payment.split is None or not desk.chance.happens(600_000):
        return None
    amount = 10 + desk.chance.below(2 * payment.refunded)
    half = {name: payment.split[name] for name in ("order", "currency")}
    return _instruct(desk, payment, {**half, "amount": amount})


def _instruct(desk: Desk, payment: Payment, half: Fields) -> Draft | None:
    legs = _legs(desk, half)
    if not legs:
        return None
    fields = {**half, **legs, "payment": payment.name}

    def learn() -> None:
        payment.split = fields
        payment.reversed = False
        _know(desk, payment)

    return Draft(fields, (payment,), learn)


def _legs(desk: Desk, half: Fields) -> Fields:
    """Return mode and legs of a split; nothing if no receiver is open."""
    chance, currency = desk.chance, half["currency"]
    count = chance.pick((1, 2, 2, 3, 4))
    receivers = desk.book.receivers.some(
        chance, count, lambda each: not each.suspended and each.currency == currency
    )
    if not receivers:
        return {}
    ratio = chance.happens(300_000)
    whole = 1_000_000 if ratio else half["amount"]
    parts = [1 + chance.below(whole // len(receivers) - 1) for _ in receivers[1:]]
    parts.append(whole - sum(parts))
    legs = [
        {"leg": n, "receiver": each.name, "purpose": "goods", "ppm" if ratio else "amount": part}
        for n, (each, part) in enumerate(zip(receivers, parts, strict=True), 1)
    ]
    split: Fields = {"mode": "ratio" if ratio else "fixed", "legs": legs}
    if ratio and chance.happens(300_000):
        split["tail_leg"] = len(legs)
    return split


def _withdraw(desk: Desk) -> Draft | None:
    payment = desk.find(
        desk.book.payments,
        lambda each: each.capture is None and (each.split is not None or each.reversed),
    )
    if payment is None or not desk.chance.happens(400_000):
        return None

    def learn() -> None:
        payment.split = None
        payment.reversed = False

    return Draft(_why(payment), (payment,), learn)


def _currency(desk: Desk) -> str:
    return desk.chance.pick(CURRENCIES)


# --- what is wrong with a split -----------------------------------------------------------------


def _leg(number: int, receiver: str, **fields: int) -> Fields:
    return {"leg": number, "receiver": receiver, "purpose": "goods", **fields}


def _wrong_legs(code: str, split: Fields) -> Fields:
    """Return ``split`` with legs, or other fields, that are refused with ``code``."""
    amount, name = split["amount"], split["legs"][0]["receiver"]
    whole = _leg(1, name, amount=amount)
    fixed: Fields = {"mode": "fixed", "legs": [whole]}
    ratio: Fields = {"mode": "ratio", "legs": [_leg(1, name, ppm=999_999)]}
    wrong: dict[str, Fields] = {
        "amount-over-limit": {"amount": OVER_LIMIT},
        "loan-unknown": {"loan": "L1"},
        "too-many-legs": {**fixed, "legs": [_leg(n, name, amount=1) for n in range(1, 12)]},
        "leg-order": {**fixed, "legs": [{**whole, "leg": 2}]},
        "leg-form": {**fixed, "legs": [_leg(1, name, ppm=1_000_000)]},
        "tail-leg": {**fixed, "tail_leg": 1},
        "amounts-do-not-sum": {**fixed, "legs": [_leg(1, name, amount=amount + 1)]},
        "ratios-do-not-sum": ratio,
        "unknown-receiver": {**fixed, "legs": [{**whole, "receiver": "nobody"}]},
        "wrong-currency": {**fixed, "currency": "EUR"},
    }
    plain = {key: value for key, value in split.items() if key != "tail_leg"}
    return {**plain, **wrong[code]}


WRONG_SPLITS = (
    "amount-over-limit",
    "loan-unknown",
    "too-many-legs",
    "leg-order",
    "leg-form",
    "tail-leg",
    "amounts-do-not-sum",
    "ratios-do-not-sum",
    "unknown-receiver",
    "wrong-currency",
)


def _wrong(make: Callable[[Desk], Draft | None], code: str) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        made = make(desk)
        return None if made is None else Draft(_wrong_legs(code, made.fields), made.about)

    return draft


def _to_suspended(make: Callable[[Desk], Draft | None]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        made = make(desk)
        shut = desk.find(desk.book.receivers, lambda each: each.suspended)
        if made is None or shut is None:
            return None
        legs = [_leg(1, shut.name, amount=made.fields["amount"])]
        plain = {key: value for key, value in made.fields.items() if key != "tail_leg"}
        return Draft({**plain, "mode": "fixed", "legs": legs}, made.about)

    return draft


def _amend_of(fits: Callable[[Payment], bool]) -> Callable[[Desk], Draft | None]:
    """Return a split for a payment that fits, from which the book learns nothing."""

    def draft(desk: Desk) -> Draft | None:
        payment = desk.find(desk.book.payments, fits)
        if payment is None:
            return None
        basis = payment.split or payment.capture
        if basis is None:
            return None
        half = {name: basis[name] for name in ("order", "amount", "currency")}
        made = _instruct(desk, payment, half)
        return None if made is None else Draft(made.fields, made.about)

    return draft


_amendable = _amend_of(lambda each: each.split is not None and not each.in_payout)

MOVES = (
    valid(_BY, "payment.captured", _capture_new, 10),
    valid(_BY, "payment.captured", _capture_half, 20),
    Move(_BY, "payment.captured", "already-captured", _capture_again),
    Move(_BY, "payment.captured", "amount-over-limit", spoilt(_capture_new, amount=OVER_LIMIT)),
    Move(
        _BY,
        "payment.captured",
        "time-in-future",
        spoilt(_capture_new, captured_at=YEAR_2100_MS),
    ),
    Move(_BY, "payment.captured", "refund-exceeds-payment", _capture_refunded, 3),
    Move(_BY, "payment.captured", "wrong-currency", spoilt(_capture_refunded, currency="EUR"), 2),
    valid(_BY, "payment.reversed", _reverse, 2),
    valid(_BY, "payment.reversed", _reverse_refunded, 2),
    Move(_BY, "payment.reversed", "not-captured", _on(lambda each: each.capture is None)),
    Move(
        _BY,
        "payment.reversed",
        "payment-refunded",
        _on(lambda each: each.refunded > 0 and each.capture is not None and not each.clashes),
    ),
    Move(
        _BY,
        "payment.reversed",
        "leg-in-payout",
        _on(lambda each: each.in_payout and not each.refunded),
    ),
    valid(_PLATFORM, "split.instructed", _instruct_new, 8),
    valid(_PLATFORM, "split.instructed", _instruct_half, 20),
    Move(
        _PLATFORM,
        "split.instructed",
        "already-instructed",
        _amend_of(lambda each: each.split is not None),
    ),
    valid(_PLATFORM, "split.amended", _amend, 3),
    valid(_PLATFORM, "split.amended", _contest),
    Move(_PLATFORM, "split.amended", "not-instructed", _amend_of(lambda each: each.split is None)),
    Move(_PLATFORM, "split.amended", "leg-in-payout", _amend_of(lambda each: each.in_payout)),
    *(
        Move(_PLATFORM, type_, code, _wrong(make, code))
        for type_, make in (("split.instructed", _instruct_new), ("split.amended", _amendable))
        for code in WRONG_SPLITS
    ),
    Move(_PLATFORM, "split.instructed", "receiver-suspended", _to_suspended(_instruct_new)),
    Move(_PLATFORM, "split.amended", "receiver-suspended", _to_suspended(_amendable)),
    valid(_PLATFORM, "split.withdrawn", _withdraw, 2),
    Move(
        _PLATFORM,
        "split.withdrawn",
        "already-captured",
        _on(lambda each: each.capture is not None),
    ),
    Move(
        _PLATFORM,
        "split.withdrawn",
        "not-instructed",
        _on(lambda each: each.capture is None and each.split is None and not each.reversed),
    ),
)
