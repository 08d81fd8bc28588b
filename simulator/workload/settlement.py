"""Settlement: payouts of what is due, their results, and what the owners say arrived."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.moves import (
    ANYBODY,
    YEAR_2100_MS,
    Author,
    Draft,
    Move,
    raised,
    spoilt,
    valid,
)
from simulator.workload.subjects import Fields, KnownLeg, KnownPayout, KnownReceiver

DIFFERS_PPM = 80_000
"""How often an owner says another amount than was paid."""

_BY = "institution"
_DAY = "2026-01-05"
_YEAR_2100 = "2100-01-01"
"""A date that no run reaches: nothing of it is due yet."""
_UNDECLARED = "2005-06-01"


def _create(author: Author) -> Draft | None:
    known = author.known
    receiver = author.find(
        known.receivers, lambda each: any(_is_due(author, leg) for leg in each.due)
    )
    if receiver is None:
        return None
    due = [leg for leg in receiver.due if _is_due(author, leg)]
    cutoff = known.due(author.chance.pick(due).day, receiver.cycle)
    legs = [leg for leg in due if known.due(leg.day, receiver.cycle) <= cutoff]
    amount = sum(leg.amount for leg in legs)
    fields = _payout(author, receiver, cutoff, (amount, len(legs)))

    def learn() -> None:
        known.payouts.add(KnownPayout(fields, receiver, legs))
        for leg in legs:
            leg.payout = fields["payout"]
            if leg in receiver.due:
                receiver.due.remove(leg)

    return Draft(fields, (receiver,), learn)


def _is_due(author: Author, leg: KnownLeg) -> bool:
    return author.known.due(leg.day, leg.receiver.cycle) <= author.known.date(author.now_ms)


def _payout(author: Author, receiver: KnownReceiver, cutoff: str, due: tuple[int, int]) -> Fields:
    amount, legs = due
    return {
        "payout": author.fresh("OUT"),
        "receiver": receiver.name,
        "cutoff_date": cutoff,
        "amount": amount,
        "currency": receiver.currency,
        "legs": legs,
    }


def _exists(author: Author) -> Draft | None:
    payout = author.find(author.known.payouts, lambda each: True)
    if payout is None:
        return None
    fields = _payout(author, payout.receiver, _DAY, (payout.amount, 1))
    return Draft({**fields, "payout": payout.name}, (payout,))


def _nothing_due(author: Author) -> Draft | None:
    receiver = author.find(author.known.receivers, lambda each: not each.due)
    if receiver is None:
        return None
    return Draft(_payout(author, receiver, "2001-06-01", (1, 1)), (receiver,))


def _undeclared(author: Author) -> Draft | None:
    """Pay out by a date of a year that nobody has decided, though an earlier one is."""
    receiver = author.find(author.known.receivers, lambda each: each.cycle[0] == "T")
    if receiver is None:
        return None
    return Draft(_payout(author, receiver, _UNDECLARED, (1, 1)), (receiver,))


def _any_receiver(author: Author) -> Draft | None:
    receiver = author.find(author.known.receivers, lambda each: True)
    if receiver is None:
        return None
    return Draft(_payout(author, receiver, _DAY, (1, 1)), (receiver,))


def _in(*states: str) -> Callable[[KnownPayout], bool]:
    return lambda each: each.state in states


def _result(
    fits: Callable[[KnownPayout], bool], fields: Callable[[Author], Fields]
) -> Callable[[Author], Draft | None]:
    """Return a move about a payout that fits."""

    def draft(author: Author) -> Draft | None:
        payout = author.find(author.known.payouts, fits)
        return (
            None if payout is None else Draft({"payout": payout.name, **fields(author)}, (payout,))
        )

    return draft


def _pay(author: Author) -> Draft | None:
    """State a payout as paid: also one that was stated as returned, where the owner says no."""
    payout = author.find(
        author.known.payouts, lambda each: each.state == "created" or each.contested
    )
    if payout is None:
        return None

    def learn() -> None:
        payout.is_back = False
        if payout.state == "created":
            payout.state = "paid"
        else:
            payout.compare()

    return Draft({"payout": payout.name, **_by_bank(author)}, (payout,), learn)


def _return(*states: str) -> Callable[[Author], Draft | None]:
    def draft(author: Author) -> Draft | None:
        fits = _in(*states)
        payout = author.find(author.known.payouts, lambda each: fits(each) and not each.is_back)
        if payout is None:
            return None

        def learn() -> None:
            payout.is_back = True
            if payout.compare():
                _due_again(payout)

        return Draft({"payout": payout.name, **_because(author)}, (payout,), learn)

    return draft


def _due_again(payout: KnownPayout) -> None:
    for leg in payout.legs:
        leg.payout = ""
        payout.receiver.due.append(leg)


def _by_bank(author: Author) -> Fields:
    number = {"channel_number": author.fresh("13170")} if author.chance.happens(300_000) else {}
    return {"bank_reference": author.commitment(), "paid_at": author.now_ms, **number}


def _because(author: Author) -> Fields:
    return {"reason": "account closed"}


def _rarely(make: Callable[[Author], Draft | None], ppm: int) -> Callable[[Author], Draft | None]:
    return lambda author: make(author) if author.chance.happens(ppm) else None


def _confirm(author: Author) -> Draft | None:
    """Say what arrived: what was paid, another amount, or nothing."""
    payout = author.find(author.known.payouts, lambda each: _may_confirm(author, each))
    if payout is None:
        return None
    amount = payout.amount
    if payout.contested or author.chance.happens(DIFFERS_PPM):
        amount = author.chance.pick((0, payout.amount, payout.amount + 1))

    def learn() -> None:
        payout.received = amount
        if payout.compare():
            _due_again(payout)

    return Draft(_arrival(author, payout, amount), (payout,), learn)


def _may_confirm(author: Author, payout: KnownPayout) -> bool:
    """Return whether an owner has something to say; who insists that all arrived has said it."""
    insists = payout.is_back and payout.received == payout.amount
    is_awaited = payout.state in ("paid", "conflicting")
    return payout.receiver.owner == author.party and is_awaited and not insists


def _arrival(author: Author, payout: KnownPayout, amount: int) -> Fields:
    return {
        "payout": payout.name,
        "amount": amount,
        "currency": payout.currency,
        "received_at": author.now_ms,
    }


def _confirm_wrongly(fits: Callable[[KnownPayout, str], bool]) -> Callable[[Author], Draft | None]:
    def draft(author: Author) -> Draft | None:
        payout = author.find(author.known.payouts, lambda each: fits(each, author.party))
        return None if payout is None else Draft(_arrival(author, payout, payout.amount), (payout,))

    return draft


def _own(state: str) -> Callable[[Author], Draft | None]:
    return _confirm_wrongly(
        lambda each, party: each.receiver.owner == party and each.state == state
    )


def _unknown(fields: Callable[[Author], Fields]) -> Callable[[Author], Draft]:
    return lambda author: Draft({"payout": author.fresh("NONE"), **fields(author)})


def _no_arrival(author: Author) -> Fields:
    return {"amount": 1, "currency": "CNY", "received_at": author.now_ms}


MOVES = (
    valid(_BY, "settlement.created", _create, 8),
    Move(_BY, "settlement.created", "payout-exists", _exists),
    Move(_BY, "settlement.created", "unknown-receiver", spoilt(_any_receiver, receiver="nobody")),
    Move(_BY, "settlement.created", "wrong-currency", spoilt(_any_receiver, currency="EUR")),
    Move(
        _BY, "settlement.created", "no-such-date", spoilt(_any_receiver, cutoff_date="2026-13-01")
    ),
    Move(_BY, "settlement.created", "not-due-yet", spoilt(_create, cutoff_date=_YEAR_2100)),
    Move(_BY, "settlement.created", "nothing-due", _nothing_due),
    Move(_BY, "settlement.created", "calendar-undeclared", _undeclared),
    Move(_BY, "settlement.created", "payout-differs", raised(_create, "amount")),
    valid(_BY, "settlement.paid", _pay, 8),
    Move(_BY, "settlement.paid", "unknown-payout", _unknown(_by_bank)),
    Move(_BY, "settlement.paid", "payout-returned", _result(_in("returned"), _by_bank)),
    Move(
        _BY,
        "settlement.paid",
        "already-paid",
        _result(
            lambda each: each.state in ("paid", "confirmed", "conflicting") and not each.is_back,
            _by_bank,
        ),
    ),
    Move(_BY, "settlement.paid", "time-in-future", spoilt(_pay, paid_at=YEAR_2100_MS)),
    valid(_BY, "settlement.returned", _rarely(_return("created", "paid"), 250_000), 3),
    valid(_BY, "settlement.returned", _rarely(_return("conflicting"), 500_000), 2),
    Move(_BY, "settlement.returned", "unknown-payout", _unknown(_because)),
    Move(
        _BY,
        "settlement.returned",
        "payout-returned",
        _result(lambda each: each.is_back, _because),
    ),
    Move(
        _BY,
        "settlement.returned",
        "already-confirmed",
        _result(_in("confirmed"), _because),
    ),
    valid(ANYBODY, "settlement.confirmed", _confirm, 10),
    Move(ANYBODY, "settlement.confirmed", "unknown-payout", _unknown(_no_arrival)),
    Move(
        ANYBODY,
        "settlement.confirmed",
        "wrong-author",
        _confirm_wrongly(lambda each, party: each.receiver.owner != party),
    ),
    Move(ANYBODY, "settlement.confirmed", "payout-not-paid", _own("created")),
    Move(ANYBODY, "settlement.confirmed", "payout-returned", _own("returned")),
    Move(ANYBODY, "settlement.confirmed", "already-confirmed", _own("confirmed")),
    Move(
        ANYBODY,
        "settlement.confirmed",
        "time-in-future",
        spoilt(_confirm, received_at=YEAR_2100_MS),
    ),
)
