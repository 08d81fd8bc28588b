"""Payouts as rows: one transfer to a receiver each, how far its legs are, and how it is settled."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec
from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import money
from ledger.contracts import receivers
from ledger.contracts.allocation import Leg
from ledger.errors import Refused
from ledger.expectations import ARRIVAL, PAYOUT_RESULT
from ledger.state import NEVER, Key, Keys, Row, Transaction

PayoutState = Literal["created", "paid", "returned", "confirmed", "conflicting"]
CREATED: Final = "created"
PAID: Final = "paid"
RETURNED: Final = "returned"
CONFIRMED: Final = "confirmed"
CONFLICTING: Final = "conflicting"

LegState = Literal[
    "instructed",
    "allocated",
    "in-payout",
    "paid",
    "arrived",
    "returned",
    "disputed",
    "nothing-due",
    "void",
]
"""How far a leg's money has got; ``void`` where the split that it was part of holds no longer."""


class Payout(Row, frozen=True, kw_only=True):
    """One transfer to a receiver. ``buckets`` are the numbers of the buckets it settles.

    ``confirmed_amount`` in ``confirmed_currency`` is what the owner said, 0 and empty until then.
    ``return_reason`` is why it came back, and empty unless that is the institution's last word: it
    is in state returned once the owner does not say the contrary. ``channel_number`` is the
    channel's own, or empty. Times are −1 until they are known. ``entry`` created the payout,
    ``last_entry`` changed it last.
    """

    TABLE: ClassVar[str] = "payouts"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("receiver", "payout"),
        ("receiver", "state", "payout"),
        ("state", "payout"),
        ("cutoff_date", "state", "currency", "amount"),
    )

    payout: str
    receiver: str
    owner: str
    cutoff_date: str
    amount: int
    legs: int
    currency: str
    buckets: tuple[str, ...]
    state: PayoutState
    bank_reference: str = ""
    paid_at: int = NEVER
    confirmed_amount: int = 0
    confirmed_currency: str = ""
    received_at: int = NEVER
    return_reason: str = ""
    channel_number: str = ""
    entry: int
    last_entry: int

    def leads_to(self) -> Keys:
        """Return the keys of its receiver, its buckets and its balances."""
        name, currency = self.receiver, self.currency
        found: list[tuple[type[Row], Key]] = [
            (receivers.Bucket, (name, int(seq))) for seq in self.buckets
        ]
        found.append((receivers.Receiver, (name,)))
        found.append((books.Balance, (books.in_transit(name), currency)))
        found.append((books.Balance, (books.paid(name), currency)))
        found.append((books.Balance, (books.RESERVE, currency)))
        return found


class DueTotal(msgspec.Struct, frozen=True):
    """What of one business date and cycle is in no payout, in minor units.

    ``again`` is the part of ``amount`` that was in payouts which came back.
    """

    business_date: str
    cycle: str
    currency: str
    receivers: int
    legs: int
    amount: int
    again: int


class DueToReceiver(msgspec.Struct, frozen=True):
    """What is due to a receiver and in no payout, in minor units."""

    receiver: str
    currency: str
    legs: int
    amount: int
    again: int


class PayoutTotal(msgspec.Struct, frozen=True):
    """The payouts of a cut-off date in one state, summed in minor units."""

    cutoff_date: str
    state: PayoutState
    currency: str
    count: int
    amount: int


def leg_state(leg: Leg, bucket: receivers.Bucket | None, payout: Payout | None) -> LegState:
    """Return how far a leg's money has got.

    Args:
        leg: The leg.
        bucket: The bucket that ``leg.bucket`` names, if it names one.
        payout: The payout that takes the bucket, if one does.

    Returns:
        Any but ``void``. ``returned`` is due again, and the share of ``nothing-due`` is zero.
    """
    if not leg.amount:
        return "nothing-due"
    if bucket is None:
        return "instructed"
    if payout is None:
        return "returned" if bucket.returned else "allocated"
    return _LEG_STATES[payout.state]


_LEG_STATES: dict[PayoutState, LegState] = {
    CREATED: "in-payout",
    PAID: "paid",
    RETURNED: "returned",
    CONFIRMED: "arrived",
    CONFLICTING: "disputed",
}


def require(tx: Transaction, payout_id: str) -> Payout:
    """Return the payout ``payout_id``.

    Raises:
        Refused: ``unknown-payout``.
    """
    payout = tx.rows[Payout][payout_id,]
    if payout is None:
        raise Refused(
            "unknown-payout",
            "A payout is created with settlement.created before anything is said about it.",
            expected="a created payout",
            got=payout_id,
        )
    return payout


def returned_before(payout: Payout) -> Refused:
    """Return the refusal of what is said about a payout that was stated as returned."""
    if payout.state != RETURNED:
        return Refused(
            "payout-returned",
            f"The payout {payout.payout} is stated as returned before. {payout.owner} says that "
            "money arrived: it agrees by confirming that 0 did, or the payout is stated as paid.",
            expected="a payout that was not returned",
            got=f"{payout.state}, last changed in entry {payout.last_entry}",
        )
    return Refused(
        "payout-returned",
        f"The payout {payout.payout} was returned; its legs go out under a new payout id. An owner "
        f"that has its money nevertheless raises a dispute about payout:{payout.payout}.",
        expected="a payout that was not returned",
        got=f"returned in entry {payout.last_entry}",
    )


def confirmed_before(payout: Payout) -> Refused:
    """Return the refusal of what is said about a payout whose arrival is agreed."""
    return Refused(
        "already-confirmed",
        f"The arrival of payout {payout.payout} is agreed; nothing more can be said about it.",
        expected="a payout whose arrival is not yet agreed",
        got=f"confirmed in entry {payout.last_entry}",
    )


def compare(tx: Transaction, payout: Payout) -> None:
    """Settle a payout of which both have spoken, or mark it conflicting until one agrees."""
    stated = (payout.confirmed_amount, payout.confirmed_currency)
    paid = (payout.amount, payout.currency)
    arrival = expectations.awaited(tx, ARRIVAL, f"payout:{payout.payout}")
    if payout.return_reason and not payout.confirmed_amount:
        come_back(tx, payout)
    elif payout.return_reason:
        tx.put(replace(payout, state=CONFLICTING))
        detail = f"stated as returned ({payout.return_reason}), received {money(*stated)}"
        expectations.conflict(tx, arrival, detail)
    elif stated != paid:
        tx.put(replace(payout, state=CONFLICTING))
        both = books.contradiction("paid", paid, "received", stated)
        expectations.conflict(tx, arrival, f"amount: {both}")
    else:
        tx.put(replace(payout, state=CONFIRMED))
        expectations.meet(tx, arrival)
        accounts = (books.paid(payout.receiver), books.RESERVE)
        books.transfer(tx, payout.currency, accounts, payout.amount)


def come_back(tx: Transaction, payout: Payout) -> None:
    """Make the legs of a payout due again: nobody says that its money is with the receiver."""
    tx.put(replace(payout, state=RETURNED))
    subject = f"payout:{payout.payout}"
    detail = f"payout returned: {payout.return_reason}"
    expectations.meet_if_open(tx, PAYOUT_RESULT, subject, detail)
    expectations.meet_if_open(tx, ARRIVAL, subject, detail)
    name = payout.receiver
    receivers.reopen(tx, name, [int(seq) for seq in payout.buckets], payout.payout)
    source = _whereabouts(payout)
    books.transfer(tx, payout.currency, (source, books.pending(name)), payout.amount)


def _whereabouts(payout: Payout) -> str:
    """Return the account in which a payout's money stands."""
    if payout.state == CREATED:
        return books.in_transit(payout.receiver)
    return books.paid(payout.receiver) if payout.owner else books.RESERVE
