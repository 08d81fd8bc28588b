"""Amendments: a split that is stated again, also around the legs that are in a payout."""

from __future__ import annotations

from collections.abc import Callable

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
    half_of,
)

LEGS_MAX = 10
"""The most legs that a split has."""


def _restate(author: Author) -> Draft | None:
    return author.chance.pick((_amend, _amend, _contest, _around, _around, _around))(author)


def _amend(author: Author) -> Draft | None:
    """State an instruction again: with what was captured if the halves differ, with other legs."""
    payment = author.find(
        author.known.payments, lambda each: each.split is not None and not each.in_payout
    )
    if payment is None or payment.split is None:
        return None
    if payment.agrees and not author.chance.happens(300_000):
        return None
    basis = payment.capture or payment.split
    half = half_of(basis)
    if author.errs():
        half["order"] += "-c"
    return instruct(author, payment, half)


def _contest(author: Author) -> Draft | None:
    """State for a payment that is refunded that it is of another amount than was captured."""
    payment = author.find(
        author.known.payments,
        lambda each: each.agrees and each.refunded > 0 and not each.in_payout,
    )
    if payment is None or payment.split is None or not author.chance.happens(600_000):
        return None
    amount = 10 + author.chance.below(2 * payment.refunded)
    half = {name: payment.split[name] for name in ("order", "currency")}
    return instruct(author, payment, {**half, "amount": amount})


# --- around what is in a payout -----------------------------------------------------------------


def _around(author: Author) -> Draft | None:
    """Split what is in no payout anew, and leave the other legs as they are."""
    if author.chance.happens(600_000):
        return _divide(author)
    return _redirect(author, is_open)


def _moved_on(author: Author) -> KnownPayment | None:
    """Return a payment that was paid out, at least in part: some of it came back, or is there."""
    if author.chance.happens(500_000):
        return author.find(author.known.payments, lambda each: each.in_payout)
    payout = author.find(author.known.payouts, lambda each: bool(_came_back(each)))
    leg = None if payout is None else author.chance.pick(_came_back(payout))
    return None if leg is None or author.party in leg.payment.busy else leg.payment


def _came_back(payout: KnownPayout) -> list[KnownLeg]:
    """Return the legs that are due again since a payout came back."""
    if payout.state != "returned":
        return []
    return [leg for leg in payout.legs if not leg.payout and leg in leg.payment.legs]


def _divide(author: Author) -> Draft | None:
    """Divide what is in no payout into other legs, between those that are and after them."""
    payment = _moved_on(author)
    if payment is None or payment.split is None:
        return None
    held = _held(payment)
    rest = payment.split["amount"] - sum(leg.amount for leg in held.values())
    numbers = _numbers(author, held, rest)
    currency = payment.split["currency"]
    target = author.find(author.known.receivers, lambda each: is_open(each, currency))
    if target is None or rest < len(numbers) or max((*held, *numbers)) > LEGS_MAX:
        return None
    legs = {n: leg_of(n, leg.receiver.name, amount=leg.amount) for n, leg in held.items()}
    for n, part in zip(numbers, parts_of(author.chance, rest, len(numbers)), strict=True):
        legs[n] = leg_of(n, target.name, amount=part)
    half = half_of(payment.split)
    return stated(
        author, payment, {**half, "mode": "fixed", "legs": [legs[n] for n in sorted(legs)]}
    )


def _numbers(author: Author, held: dict[int, KnownLeg], rest: int) -> list[int]:
    """Return the numbers of the legs that the rest goes to: those between, and some after."""
    last = max(held, default=0)
    between = [n for n in range(1, last) if n not in held]
    least = 0 if between or not rest else 1
    after = author.chance.between(least, 2) if rest else 0
    return [*between, *range(last + 1, last + 1 + after)]


def _redirect(author: Author, fits: Callable[[KnownReceiver, str], bool]) -> Draft | None:
    """Let the shares that are in no payout go as they are to a receiver that fits."""
    payment = _moved_on(author)
    if payment is None or payment.split is None or _is_all_held(payment):
        return None
    held, currency = _held(payment), payment.split["currency"]
    target = author.find(author.known.receivers, lambda each: fits(each, currency))
    if target is None:
        return None
    return stated(author, payment, _to(payment.split, target.name, held))


def _to(split: Fields, receiver: str, held: dict[int, KnownLeg]) -> Fields:
    legs = [leg if leg["leg"] in held else {**leg, "receiver": receiver} for leg in split["legs"]]
    return {**split, "legs": legs}


def _held(payment: KnownPayment) -> dict[int, KnownLeg]:
    """Return the legs that are in a payout, by number."""
    return {leg.number: leg for leg in payment.legs if leg.payout}


def _is_all_held(payment: KnownPayment) -> bool:
    return payment.split is not None and len(_held(payment)) == len(payment.split["legs"])


# --- what is wrong with an amendment ------------------------------------------------------------


def _amendable(author: Author) -> Draft | None:
    """Return a split to be spoilt, of a payment of which some is in a payout, or nothing."""
    return (_around if author.chance.happens(400_000) else _of_unpaid)(author)


_of_unpaid = split_of(lambda each: each.split is not None and not each.in_payout)


def _redirected(fits: Callable[[KnownReceiver, str], bool]) -> Drafting:
    """Return a move that lets what is in no payout go where it may not."""

    def draft(author: Author) -> Draft | None:
        made = _redirect(author, fits)
        return None if made is None else Draft(made.fields, made.about)

    return draft


def _to_nobody(author: Author) -> Draft | None:
    payment = _moved_on(author)
    if payment is None or payment.split is None or _is_all_held(payment):
        return None
    return Draft(_to(payment.split, "nobody", _held(payment)), (payment,))


def _move_held(author: Author) -> Draft | None:
    """Change one of the things that an amendment has to leave as they are."""
    made = _divide(author)
    payment = author.known.payments.get("" if made is None else made.fields["payment"])
    if made is None or payment is None or not payment.in_payout:
        return None
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
