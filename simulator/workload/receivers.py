"""Receivers: registered, suspended for a while, resumed."""

from __future__ import annotations

from simulator.workload.knowledge import CURRENCIES
from simulator.workload.moves import Author, Draft, Moves, refused, valid
from simulator.workload.subjects import KnownReceiver

RECEIVERS = 12
"""From so many on a new one is rare."""
CYCLES = ("T+1", "T+0", "D+1", "T+2", "D+0")


def _register(author: Author) -> Draft:
    known, chance = author.known, author.chance
    author.assume(len(known.receivers) < RECEIVERS or chance.happens(30_000))
    fields = {
        "receiver": author.fresh("shop-"),
        "kind": "bank_account",
        "commitment": author.commitment(),
        "last4": f"{chance.below(10_000):04d}",
        "currency": CURRENCIES[len(known.receivers) % len(CURRENCIES)],
        "cycle": chance.pick(CYCLES),
    }
    owners = [party for party in known.dealers if party != known.institution]
    if chance.happens(600_000):
        fields["owner"] = chance.pick(_lacking(author, fields["currency"]) or owners)
    if chance.happens(200_000):
        fields.update(kind="payment_account", held_at=author.party)
    return Draft(fields, (), lambda: known.receivers.add(KnownReceiver(fields)))


def _lacking(author: Author, currency: str) -> list[str]:
    """Return the parties that loans are due to, and that own no receiver of a currency."""
    known = author.known
    owners = {each.owner for each in known.receivers if each.currency == currency}
    roles = ("platform", "funder", "guarantor")
    able = [party for party in known.dealers if known.genesis.roles[party] in roles]
    return [party for party in able if party not in owners]


def _new(author: Author, **changes: str) -> Draft:
    fields = {
        "receiver": author.fresh("shop-"),
        "kind": "bank_account",
        "commitment": author.commitment(),
        "last4": "0000",
        "currency": "CNY",
        "cycle": "T+1",
        **changes,
    }
    return Draft(fields)


def _exists(author: Author) -> Draft:
    receiver = author.find(author.known.receivers, lambda each: True)
    return _new(author, receiver=receiver.name)


def _cross(author: Author) -> Draft:
    return _new(author, kind="payment_account", held_at=author.known.platform)


def _stranger(author: Author) -> Draft:
    return _new(author, owner="stranger")


def _suspend(author: Author) -> Draft:
    receiver = author.find(author.known.receivers, lambda each: not each.suspended)
    author.assume(len(author.known.receivers) >= 6)
    return _said(receiver, True)


def _resume(author: Author) -> Draft:
    receiver = author.find(author.known.receivers, lambda each: each.suspended)
    return _said(receiver, False)


def _said(receiver: KnownReceiver, suspended: bool) -> Draft:
    def learn() -> None:
        receiver.suspended = suspended

    return Draft({"receiver": receiver.name, "reason": "review"}, (receiver,), learn)


def _unknown(author: Author) -> Draft:
    return Draft({"receiver": author.fresh("nobody-"), "reason": "review"})


MOVES: Moves = {
    ("institution", "receiver.registered"): (
        valid(_register, 6),
        refused("receiver-exists", _exists),
        refused("cross-institution", _cross),
        refused("unknown-party", _stranger),
    ),
    ("institution", "receiver.suspended"): (
        valid(_suspend),
        refused("already-suspended", _resume),
        refused("unknown-receiver", _unknown),
    ),
    ("institution", "receiver.resumed"): (
        valid(_resume, 3),
        refused("not-suspended", _suspend),
        refused("unknown-receiver", _unknown),
    ),
}
