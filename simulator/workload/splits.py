"""Splits: to whom the money of a payment goes, as an instruction or an amendment says it."""

from __future__ import annotations

from collections.abc import Callable

from simulator.chance import Chance
from simulator.workload.drafts import OVER_LIMIT, changed, spoilt
from simulator.workload.moves import Author, Draft, Drafting
from simulator.workload.subjects import Fields, KnownPayment, KnownReceiver, NothingFits, half_of


def instruct(author: Author, payment: KnownPayment, half: Fields) -> Draft:
    """Return a split of a payment by anybody's word on order, amount and currency."""
    return stated(author, payment, {**half, **legs_of(author, half)})


def stated(author: Author, payment: KnownPayment, split: Fields) -> Draft:
    """Return a split of a payment that the workload learns of."""
    fields = {**split, "payment": payment.name}

    def learn() -> None:
        payment.split = fields
        payment.reversed = False
        author.known.keep_payment(payment)

    return Draft(fields, (payment,), learn)


def legs_of(author: Author, half: Fields) -> Fields:
    """Return mode and legs of a split, to receivers that are open."""
    chance, currency = author.chance, half["currency"]
    count = chance.pick((1, 2, 2, 3, 4))
    receivers = author.known.receivers.some(chance, count, lambda each: is_open(each, currency))
    author.assume(len(receivers) > 0)
    ratio = chance.happens(300_000)
    whole = 1_000_000 if ratio else half["amount"]
    parts = parts_of(chance, whole, len(receivers))
    legs = [
        {"leg": n, "receiver": each.name, "purpose": "goods", "ppm" if ratio else "amount": part}
        for n, (each, part) in enumerate(zip(receivers, parts, strict=True), 1)
    ]
    split: Fields = {"mode": "ratio" if ratio else "fixed", "legs": legs}
    if ratio and chance.happens(300_000):
        split["tail_leg"] = len(legs)
    return split


def is_open(receiver: KnownReceiver, currency: str) -> bool:
    """Return whether new legs in a currency may go to a receiver."""
    return not receiver.suspended and receiver.currency == currency


def parts_of(chance: Chance, whole: int, count: int) -> list[int]:
    """Return ``count`` positive parts of a whole that has as many units; none of nothing."""
    parts = [1 + chance.below(whole // count - 1) for _ in range(count - 1)]
    return [*parts, whole - sum(parts)] if count else []


def leg_of(number: int, receiver: str, **fields: int) -> Fields:
    """Return a leg."""
    return {"leg": number, "receiver": receiver, "purpose": "goods", **fields}


# --- what is wrong with a split -----------------------------------------------------------------


def _wrong_legs(code: str, split: Fields) -> Fields:
    """Return ``split`` with legs, or other fields, that are refused with ``code``."""
    amount, name = split["amount"], split["legs"][0]["receiver"]
    whole = leg_of(1, name, amount=amount)
    fixed: Fields = {"mode": "fixed", "legs": [whole]}
    ratio: Fields = {"mode": "ratio", "legs": [leg_of(1, name, ppm=999_999)]}
    wrong: dict[str, Fields] = {
        "amount-over-limit": {"amount": OVER_LIMIT},
        "loan-unknown": {"loan": "NONE", "attempt": "A1"},
        "attempt-missing": {"loan": "NONE"},
        "overpaid-alone": {**fixed, "legs": [leg_of(1, name, amount=amount - 1)], "overpaid": 1},
        "too-many-legs": {**fixed, "legs": [leg_of(n, name, amount=1) for n in range(1, 12)]},
        "leg-order": {**fixed, "legs": [{**whole, "leg": 2}]},
        "leg-form": {**fixed, "legs": [leg_of(1, name, ppm=1_000_000)]},
        "tail-leg": {**fixed, "tail_leg": 1},
        "amounts-do-not-sum": {**fixed, "legs": [leg_of(1, name, amount=amount + 1)]},
        "ratios-do-not-sum": ratio,
        "unknown-receiver": {**fixed, "legs": [{**whole, "receiver": "nobody"}]},
        "wrong-currency": {**fixed, "currency": "EUR"},
    }
    plain = {key: value for key, value in split.items() if key != "tail_leg"}
    return {**plain, **wrong[code]}


WRONG_SPLITS = (
    "amount-over-limit",
    "loan-unknown",
    "attempt-missing",
    "overpaid-alone",
    "too-many-legs",
    "leg-order",
    "leg-form",
    "tail-leg",
    "amounts-do-not-sum",
    "ratios-do-not-sum",
)
"""Refusals of a split of any payment, whatever of it is in a payout."""
OF_RECEIVERS = ("unknown-receiver", "wrong-currency")
"""Refusals of legs that are in no payout."""


def wrong(make: Drafting, code: str) -> Drafting:
    """Return a move that is ``make`` with a split that is refused with ``code``."""
    return changed(make, lambda split: _wrong_legs(code, split))


def to_suspended(make: Drafting) -> Drafting:
    """Return a move that is ``make`` with all of the money for a suspended receiver."""

    def draft(author: Author) -> Draft:
        try:
            made = make(author)
        finally:  # the receiver is drawn in any case, for seeds to keep their runs
            shut = author.seek(author.known.receivers, lambda each: each.suspended)
        if shut is None:
            raise NothingFits
        legs = [leg_of(1, shut.name, amount=made.fields["amount"])]
        plain = {key: value for key, value in made.fields.items() if key != "tail_leg"}
        return Draft({**plain, "mode": "fixed", "legs": legs}, made.about)

    return draft


def split_of(fits: Callable[[KnownPayment], bool]) -> Drafting:
    """Return a split for a payment that fits, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        payment = author.find(author.known.payments, fits)
        return instruct(author, payment, half_of(payment.split or payment.captured))

    return spoilt(draft)
