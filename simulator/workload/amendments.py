"""Amendments: a split that is stated again, also around the legs that are in a payout."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import spoilt
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.splits import (
    OF_RECEIVERS,
    WRONG_SPLITS,
    instruct,
    is_open,
    leg_of,
    parts_of,
    split_of,
    stated,
    to_suspended,
    wrong,
)
from simulator.workload.subjects import (
    Fields,
    KnownLeg,
    KnownPayment,
    KnownPayout,
    KnownReceiver,
    NothingFits,
    half_of,
)

LEGS_MAX = 10
"""The most legs that a split has."""


def _restate(author: Author) -> Draft:
    return author.chance.pick((_amend, _amend, _contest, _around, _around, _around))(author)


def _amend(author: Author) -> Draft:
    """State an instruction again: with what was captured if the halves differ, with other legs."""
    payment = author.find(
        author.known.payments, lambda each: each.split is not None and not each.in_payout
    )
    author.assume(not payment.agrees or author.chance.happens(300_000))
    half = half_of(payment.capture or payment.instructed)
    if author.errs():
        half["order"] += "-c"
    return instruct(author, payment, half)


def _contest(author: Author) -> Draft:
    """State for a payment that is refunded that it is of another amount than was captured."""
    payment = author.find(
        author.known.payments,
        lambda each: each.agrees and each.refunded > 0 and not each.in_payout,
    )
    author.assume(author.chance.happens(600_000))
    amount = 10 + author.chance.below(2 * payment.refunded)
    return instruct(author, payment, {**half_of(payment.instructed), "amount": amount})


# --- around what is in a payout -----------------------------------------------------------------


def _around(author: Author) -> Draft:
    """Split what is in no payout anew, and leave the other legs as they are."""
    if author.chance.happens(600_000):
        return _divide(author)
    return _redirect(author, is_open)


def _moved_on(author: Author) -> KnownPayment:
    """Return a payment that was paid out, at least in part: some of it came back, or is there."""
    if author.chance.happens(500_000):
        return author.find(author.known.payments, lambda each: each.in_payout)
    payout = author.find(author.known.payouts, lambda each: bool(_came_back(each)))
    payment = author.chance.pick(_came_back(payout)).payment
    author.assume(author.party not in payment.busy)
    return payment


def _came_back(payout: KnownPayout) -> list[KnownLeg]:
    """Return the legs that are due again since a payout came back, but those of loans."""
    if payout.state != "returned":
        return []
    legs = [leg for leg in payout.legs if not leg.payout and leg in leg.payment.legs]
    return [leg for leg in legs if not leg.payment.waits]


def _divide(author: Author) -> Draft:
    """Divide what is in no payout into other legs, between those that are and after them."""
    payment = _moved_on(author)
    split, held = payment.instructed, _held(payment)
    rest = split["amount"] - sum(leg.amount for leg in held.values())
    numbers = _numbers(author, held, rest)
    currency = split["currency"]
    target = author.find(author.known.receivers, lambda each: is_open(each, currency))
    author.assume(rest >= len(numbers) and max((*held, *numbers)) <= LEGS_MAX)
    legs = {n: leg_of(n, leg.receiver.name, amount=leg.amount) for n, leg in held.items()}
    for n, part in zip(numbers, parts_of(author.chance, rest, len(numbers)), strict=True):
        legs[n] = leg_of(n, target.name, amount=part)
    stands = {"mode": "fixed", "legs": [legs[n] for n in sorted(legs)]}
    return stated(author, payment, {**half_of(split), **stands})


def _numbers(author: Author, held: dict[int, KnownLeg], rest: int) -> list[int]:
    """Return the numbers of the legs that the rest goes to: those between, and some after."""
    last = max(held, default=0)
    between = [n for n in range(1, last) if n not in held]
    least = 0 if between or not rest else 1
    after = author.chance.between(least, 2) if rest else 0
    return [*between, *range(last + 1, last + 1 + after)]


def _redirect(author: Author, fits: Callable[[KnownReceiver, str], bool]) -> Draft:
    """Let the shares that are in no payout go as they are to a receiver that fits."""
    payment = _partly_held(author)
    currency = payment.instructed["currency"]
    target = author.find(author.known.receivers, lambda each: fits(each, currency))
    return stated(author, payment, _to(payment, target.name))


def _to(payment: KnownPayment, receiver: str) -> Fields:
    split, held = payment.instructed, _held(payment)
    legs = [leg if leg["leg"] in held else {**leg, "receiver": receiver} for leg in split["legs"]]
    return {**split, "legs": legs}


def _held(payment: KnownPayment) -> dict[int, KnownLeg]:
    """Return the legs that are in a payout, by number."""
    return {leg.number: leg for leg in payment.legs if leg.payout}


def _partly_held(author: Author) -> KnownPayment:
    """Return a payment that has moved on, and has shares that are in no payout."""
    payment = _moved_on(author)
    author.assume(len(_held(payment)) < len(payment.instructed["legs"]))
    return payment


# --- what is wrong with an amendment ------------------------------------------------------------


def _amendable(author: Author) -> Draft:
    """Return a split to be spoilt, of a payment of which some is in a payout, or nothing."""
    return (_around if author.chance.happens(400_000) else _of_unpaid)(author)


_of_unpaid = split_of(lambda each: each.split is not None and not each.in_payout)


def _redirected(fits: Callable[[KnownReceiver, str], bool]) -> Drafting:
    """Return a move that lets what is in no payout go where it may not."""
    return spoilt(lambda author: _redirect(author, fits))


def _to_nobody(author: Author) -> Draft:
    payment = _partly_held(author)
    return Draft(_to(payment, "nobody"), (payment,))


def _move_held(author: Author) -> Draft:
    """Change one of the things that an amendment has to leave as they are."""
    made = _divide(author)
    payment = author.known.payments.get(made.fields["payment"])
    if payment is None or not payment.in_payout:
        raise NothingFits
    fields, number = made.fields, author.chance.pick(sorted(_held(payment)))
    legs = {leg["leg"]: leg for leg in fields["legs"]}
    own = legs[number]
    more = {**legs, number: {**own, "amount": own["amount"] + 1}}
    changes: list[Fields] = [
        {"order": f"{fields['order']}-d"},
        {"legs": [*{**legs, number: {**own, "receiver": "nobody"}}.values()]},
        {"legs": [*more.values()], "amount": fields["amount"] + 1},
    ]
    return Draft({**fields, **author.chance.pick(changes)}, made.about)


MOVES: Moves = {
    ("platform", "split.amended"): (
        valid(_restate, 6),
        refused("not-instructed", split_of(lambda each: each.split is None)),
        refused("leg-in-payout", split_of(lambda each: each.in_payout)),
        refused("leg-in-payout", _move_held),
        *(refused(code, wrong(_of_unpaid, code)) for code in OF_RECEIVERS),
        *(refused(code, wrong(_amendable, code)) for code in WRONG_SPLITS),
        refused("unknown-receiver", _to_nobody),
        refused(
            "wrong-currency",
            _redirected(lambda each, currency: not each.suspended and each.currency != currency),
        ),
        refused("receiver-suspended", to_suspended(_of_unpaid)),
        refused("receiver-suspended", _redirected(lambda each, currency: each.suspended)),
    ),
}
