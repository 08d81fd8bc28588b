"""Receivers: registered, suspended for a while, resumed."""

from __future__ import annotations

from simulator.workload.book import CURRENCIES
from simulator.workload.moves import Desk, Draft, Move, valid
from simulator.workload.things import Receiver

RECEIVERS = 12
"""From so many on a new one is rare."""
CYCLES = ("T+1", "T+0", "D+1", "T+2", "D+0")

_BY = "institution"


def _register(desk: Desk) -> Draft | None:
    book, chance = desk.book, desk.chance
    if len(book.receivers) >= RECEIVERS and not chance.happens(30_000):
        return None
    fields = {
        "receiver": desk.fresh("shop-"),
        "kind": "bank_account",
        "commitment": desk.commitment(),
        "last4": f"{chance.below(10_000):04d}",
        "currency": CURRENCIES[len(book.receivers) % len(CURRENCIES)],
        "cycle": chance.pick(CYCLES),
    }
    owners = [party for party in book.dealers if party != book.institution]
    if chance.happens(600_000):
        fields["owner"] = chance.pick(owners)
    if chance.happens(200_000):
        fields.update(kind="payment_account", held_at=desk.party)
    return Draft(fields, (), lambda: book.receivers.add(Receiver(fields)))


def _new(desk: Desk, **changes: str) -> Draft:
    fields = {
        "receiver": desk.fresh("shop-"),
        "kind": "bank_account",
        "commitment": desk.commitment(),
        "last4": "0000",
        "currency": "CNY",
        "cycle": "T+1",
        **changes,
    }
    return Draft(fields)


def _exists(desk: Desk) -> Draft | None:
    receiver = desk.find(desk.book.receivers, lambda each: True)
    return None if receiver is None else _new(desk, receiver=receiver.name)


def _cross(desk: Desk) -> Draft:
    return _new(desk, kind="payment_account", held_at=desk.book.platform)


def _stranger(desk: Desk) -> Draft:
    return _new(desk, owner="stranger")


def _suspend(desk: Desk) -> Draft | None:
    receiver = desk.find(desk.book.receivers, lambda each: not each.suspended)
    if receiver is None or len(desk.book.receivers) < 6:
        return None
    return _said(receiver, True)


def _resume(desk: Desk) -> Draft | None:
    receiver = desk.find(desk.book.receivers, lambda each: each.suspended)
    return None if receiver is None else _said(receiver, False)


def _said(receiver: Receiver, suspended: bool) -> Draft:
    def learn() -> None:
        receiver.suspended = suspended

    return Draft({"receiver": receiver.name, "reason": "review"}, (receiver,), learn)


def _unknown(desk: Desk) -> Draft:
    return Draft({"receiver": desk.fresh("nobody-"), "reason": "review"})


MOVES = (
    valid(_BY, "receiver.registered", _register, 6),
    Move(_BY, "receiver.registered", "receiver-exists", _exists),
    Move(_BY, "receiver.registered", "cross-institution", _cross),
    Move(_BY, "receiver.registered", "unknown-party", _stranger),
    valid(_BY, "receiver.suspended", _suspend),
    Move(_BY, "receiver.suspended", "already-suspended", _resume),
    Move(_BY, "receiver.suspended", "unknown-receiver", _unknown),
    valid(_BY, "receiver.resumed", _resume, 3),
    Move(_BY, "receiver.resumed", "not-suspended", _suspend),
    Move(_BY, "receiver.resumed", "unknown-receiver", _unknown),
)
