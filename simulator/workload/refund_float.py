"""The refund float: deposits and withdrawals, stated, confirmed, contradicted, taken back."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import OVER_LIMIT, about, anything, spoilt
from simulator.workload.knowledge import CURRENCIES
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownMovement

ENOUGH = 60_000
"""Above so much free float no more is deposited: some refunds are to exceed it."""
DIFFERS_PPM = 100_000


def _deposit(author: Author) -> Draft:
    currency = author.chance.pick(CURRENCIES)
    author.assume(author.known.free.get(currency, 0) <= ENOUGH)
    return _move(author, currency, 20_000 + author.chance.below(60_000), 1)


def _withdraw(author: Author) -> Draft:
    currency = author.chance.pick(CURRENCIES)
    free = author.known.free.get(currency, 0)
    author.assume(free >= 1000)
    return _move(author, currency, 1 + author.chance.below(free // 4), -1)


def _move(author: Author, currency: str, amount: int, sign: int) -> Draft:
    known = author.known
    fields = {"movement": author.fresh("M"), "amount": amount, "currency": currency}

    def learn() -> None:
        known.movements.add(KnownMovement(fields, sign))
        if sign < 0:
            author.known.more_free(currency, -amount)

    return Draft(fields, (), learn)


def _too_much(author: Author) -> Draft:
    currency = author.chance.pick(CURRENCIES)
    amount = author.known.free.get(currency, 0) + 1_000_000
    return Draft({"movement": author.fresh("M"), "amount": amount, "currency": currency})


def _statement(movement: KnownMovement) -> Fields:
    return {
        "movement": movement.name,
        "amount": movement.amount,
        "currency": movement.currency,
    }


def _confirm(author: Author) -> Draft:
    movement = author.find(author.known.movements, lambda each: not each.settled)
    amount = movement.amount
    if movement.reversed or author.chance.happens(DIFFERS_PPM):
        amount = author.chance.pick((0, movement.amount + 1))

    def learn() -> None:
        movement.confirmed = amount
        _compare(author, movement)

    return Draft({**_statement(movement), "amount": amount}, (movement,), learn)


def _compare(author: Author, movement: KnownMovement) -> None:
    """Settle a movement on which both agree: that it was, or that nothing moved."""
    wanted = 0 if movement.reversed else movement.amount
    movement.settled = movement.confirmed == wanted
    is_free = (movement.sign < 0) == movement.reversed
    if movement.settled and is_free:
        author.known.more_free(movement.currency, movement.amount)


def _take_back(author: Author) -> Draft:
    movement = author.find(
        author.known.movements, lambda each: not each.settled and not each.reversed
    )
    author.assume(author.chance.happens(300_000))

    def learn() -> None:
        movement.reversed = True
        _compare(author, movement)

    return Draft(_why(movement.name), (movement,), learn)


def _on(
    fits: Callable[[Author, KnownMovement], bool], fields: Callable[[KnownMovement], Fields]
) -> Drafting:
    return about(lambda known: known.movements, fits, lambda _, each: fields(each))


def _is_settled(author: Author, movement: KnownMovement) -> bool:
    return movement.settled


def _why(name: str) -> Fields:
    return {"movement": name, "reason": "stated in error"}


MOVES: Moves = {
    ("institution", "refund_float.deposited"): (
        valid(_deposit, 3),
        refused("movement-exists", _on(anything, _statement)),
        refused("amount-over-limit", spoilt(_deposit, amount=OVER_LIMIT)),
    ),
    ("institution", "refund_float.withdrawn"): (
        valid(_withdraw),
        refused("movement-exists", _on(anything, _statement)),
        refused("withdrawal-exceeds-float", _too_much),
    ),
    ("platform", "refund_float.confirmed"): (
        valid(_confirm, 6),
        refused(
            "unknown-movement",
            lambda author: Draft(
                {"movement": author.fresh("NONE"), "amount": 1, "currency": "CNY"}
            ),
        ),
        refused("movement-settled", _on(_is_settled, _statement)),
    ),
    ("institution", "refund_float.reversed"): (
        valid(_take_back, 2),
        refused("unknown-movement", lambda author: Draft(_why(author.fresh("NONE")))),
        refused("movement-settled", _on(_is_settled, lambda each: _why(each.name))),
    ),
}
