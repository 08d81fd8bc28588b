"""The receivers of a generated day: owners' accounts and many small merchants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.errors import UsageError
from demo.day.dice import Dice
from demo.day.lines import DayLine, Registry, at
from ledger.contracts.receivers import ReceiverRegistered, ReceiverSuspended
from ledger.domains import account_commitment

if TYPE_CHECKING:
    from ledger.genesis import Role

CURRENCY = "CNY"
BUSINESS_DATE = "2025-12-31"
"""The default day: the eve of the New Year holiday (元旦), and the last of its month."""

PAYMENTS_MIN, PAYMENTS_MAX = 40, 1_000_000
MERCHANTS_MIN = 20
_PAYMENTS_PER_MERCHANT = 15
_PAYMENTS_PER_SUSPENSION = 500
_SALT_BYTES = 16
_OPENING_TIME = "08:00"
_OWNER_ACCOUNTS = ("fee", "service", "share")
OWNER_ROLES = ("platform", "funder", "guarantor", "merchant")
_MERCHANT_CYCLES = ("T+0", "T+0", "T+0", "T+0", "T+0", "T+0", "T+1", "T+1", "D+1", "T+2")


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Plan of a day to generate. ``owners`` are the parties that have accounts of their own.

    Args:
        payments: How many orders the day has, ``PAYMENTS_MIN`` to ``PAYMENTS_MAX``.
        seed: Same plan, same bytes.
        date: The business date, ISO.
        platform: The platform's party name.
        institution: The payment institution's party name.
        owners: Parties that own receivers, the platform among them.
    """

    payments: int
    seed: int
    date: str = BUSINESS_DATE
    platform: str = "platform"
    institution: str = "institution"
    owners: tuple[str, ...] = ("platform", "funder")


@dataclass(frozen=True, slots=True)
class Cast:
    """The receivers of a day: owned ones, active merchants and suspended merchants."""

    owned: tuple[ReceiverRegistered, ...]
    merchants: tuple[ReceiverRegistered, ...]
    suspended: tuple[ReceiverRegistered, ...]

    def registry(self, institution: str) -> Registry:
        """Return what the institution states of them: the registrations, then the suspensions."""
        rows: list[ReceiverRegistered | ReceiverSuspended] = list(self.owned + self.merchants)
        rows += self.suspended
        rows += [
            ReceiverSuspended(
                id=f"sus-{row.receiver}", at=row.at, receiver=row.receiver, reason="under review"
            )
            for row in self.suspended
        ]
        return tuple(DayLine(institution, row) for row in rows)


def cast(plan: DayPlan, dice: Dice) -> Cast:
    """Draw the receivers of a day."""
    owned = tuple(
        _receiver(plan, dice, f"{owner}-{account}", owner)
        for owner in plan.owners
        for account in _OWNER_ACCOUNTS
    )
    count = max(MERCHANTS_MIN, plan.payments // _PAYMENTS_PER_MERCHANT)
    closed = 1 + plan.payments // _PAYMENTS_PER_SUSPENSION
    shops = [_receiver(plan, dice, f"shop-{n + 1:05d}", "") for n in range(count + closed)]
    return Cast(owned, tuple(shops[:count]), tuple(shops[count:]))


def _receiver(plan: DayPlan, dice: Dice, name: str, owner: str) -> ReceiverRegistered:
    inside = not owner and dice.one_in(3)
    account = str(dice.between(10**18, 10**19 - 1))
    return ReceiverRegistered(
        id=f"reg-{name}",
        at=at(plan.date, _OPENING_TIME),
        receiver=name,
        kind="payment_account" if inside else "bank_account",
        owner=owner,
        held_at=plan.institution if inside else "",
        commitment=account_commitment(dice.octets(_SALT_BYTES), account).hex(),
        last4=account[-4:],
        cycle="T+0" if owner else dice.pick(_MERCHANT_CYCLES),
        currency=CURRENCY,
    )


def sole(parties: list[tuple[str, Role]], role: str) -> str:
    """Return the first party in ``role``.

    Raises:
        UsageError: nobody has the role.
    """
    for name, its_role in parties:
        if its_role == role:
            return name
    raise UsageError(
        "bad-roles", f"a consortium has exactly one {role}, this one has none", "see --parties"
    )


def owners(parties: list[tuple[str, Role]]) -> tuple[str, ...]:
    """Return the parties that have accounts of their own, in their order."""
    return tuple(name for name, role in parties if role in OWNER_ROLES)
