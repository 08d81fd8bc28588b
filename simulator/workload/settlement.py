"""Settlement: payouts of what is due, their results, and what the owners say arrived."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.drafts import YEAR_2100_MS, about, anything, raised, rarely, spoilt
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownLeg, KnownPayout, KnownReceiver

_DAY = "2026-01-05"
_YEAR_2100 = "2100-01-01"
"""A date that no run reaches: nothing of it is due yet."""
_UNDECLARED = "2005-06-01"
"""A date of a year that nobody has decided, though an earlier one is."""


def _create(author: Author) -> Draft:
    known = author.known
    receiver = author.find(
        known.receivers, lambda each: any(_is_due(author, leg) for leg in each.due)
    )
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


_pay_out_twice = about(
    lambda known: known.payouts,
    anything,
    lambda author, each: {
        **_payout(author, each.receiver, _DAY, (each.amount, 1)),
        "payout": each.name,
    },
)


def _pay_out_to(fits: Callable[[Author, KnownReceiver], bool], cutoff: str) -> Drafting:
    return about(
        lambda known: known.receivers,
        fits,
        lambda author, each: _payout(author, each, cutoff, (1, 1)),
    )


_any_receiver = _pay_out_to(anything, _DAY)


def _in(*states: str) -> Callable[[Author, KnownPayout], bool]:
    return lambda _, each: each.state in states


def _result(
    fits: Callable[[Author, KnownPayout], bool], fields: Callable[[Author], Fields]
) -> Drafting:
    """Return a result of a payout that fits."""
    return about(
        lambda known: known.payouts,
        fits,
        lambda author, each: {"payout": each.name, **fields(author)},
    )


def _pay(author: Author) -> Draft:
    """State a payout as paid: also one that was stated as returned, where the owner says no."""
    payout = author.find(
        author.known.payouts, lambda each: each.state == "created" or each.contested
    )

    def learn() -> None:
        payout.is_back = False
        if payout.state == "created":
            payout.state = "paid"
        else:
            payout.compare()

    return Draft({"payout": payout.name, **_by_bank(author)}, (payout,), learn)


def _return(*states: str) -> Drafting:
    def draft(author: Author) -> Draft:
        fits = _in(*states)
        payout = author.find(
            author.known.payouts, lambda each: fits(author, each) and not each.is_back
        )

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
    return author.paid_by_bank("13170")


def _because(author: Author) -> Fields:
    return {"reason": "account closed"}


def _confirm(author: Author) -> Draft:
    """Say what arrived: what was paid, another amount, or nothing."""
    payout = author.find(author.known.payouts, lambda each: _may_confirm(author, each))
    amount = payout.amount
    if payout.contested or author.errs():
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


def _confirm_wrongly(fits: Callable[[Author, KnownPayout], bool]) -> Drafting:
    return about(
        lambda known: known.payouts, fits, lambda author, each: _arrival(author, each, each.amount)
    )


def _own(state: str) -> Drafting:
    return _confirm_wrongly(lambda author, each: _is_own(author, each) and each.state == state)


def _is_own(author: Author, payout: KnownPayout) -> bool:
    return payout.receiver.owner == author.party


def _unknown(fields: Callable[[Author], Fields]) -> Drafting:
    return lambda author: Draft({"payout": author.fresh("NONE"), **fields(author)})


def _no_arrival(author: Author) -> Fields:
    return {"amount": 1, "currency": "CNY", "received_at": author.now_ms}


MOVES: Moves = {
    ("institution", "settlement.created"): (
        valid(_create, 8),
        refused("payout-exists", _pay_out_twice),
        refused("unknown-receiver", spoilt(_any_receiver, receiver="nobody")),
        refused("wrong-currency", spoilt(_any_receiver, currency="EUR")),
        refused("no-such-date", spoilt(_any_receiver, cutoff_date="2026-13-01")),
        refused("not-due-yet", spoilt(_create, cutoff_date=_YEAR_2100)),
        refused("nothing-due", _pay_out_to(lambda _, each: not each.due, "2001-06-01")),
        refused(
            "calendar-undeclared", _pay_out_to(lambda _, each: each.cycle[0] == "T", _UNDECLARED)
        ),
        refused("payout-differs", raised(_create, "amount")),
    ),
    ("institution", "settlement.paid"): (
        valid(_pay, 8),
        refused("unknown-payout", _unknown(_by_bank)),
        refused("payout-returned", _result(_in("returned"), _by_bank)),
        refused(
            "already-paid",
            _result(
                lambda _, each: (
                    each.state in ("paid", "confirmed", "conflicting") and not each.is_back
                ),
                _by_bank,
            ),
        ),
        refused("time-in-future", spoilt(_pay, paid_at=YEAR_2100_MS)),
    ),
    ("institution", "settlement.returned"): (
        valid(rarely(250_000, _return("created", "paid")), 3),
        valid(rarely(500_000, _return("conflicting")), 2),
        refused("unknown-payout", _unknown(_because)),
        refused("payout-returned", _result(lambda _, each: each.is_back, _because)),
        refused("already-confirmed", _result(_in("confirmed"), _because)),
    ),
    (ANYBODY, "settlement.confirmed"): (
        valid(_confirm, 10),
        refused("unknown-payout", _unknown(_no_arrival)),
        refused("wrong-author", _confirm_wrongly(lambda author, each: not _is_own(author, each))),
        refused("payout-not-paid", _own("created")),
        refused("payout-returned", _own("returned")),
        refused("already-confirmed", _own("confirmed")),
        refused("time-in-future", spoilt(_confirm, received_at=YEAR_2100_MS)),
    ),
}
