"""Receivers: who may be paid, under which identifier (结算标识), and what is due to them.

Real account numbers never enter the log: a salted commitment and the last four digits do. Money
due to a receiver is collected in buckets, one a business date of captures, so that a payout is one
transfer however many legs it settles. When a bucket falls due follows from its date, the receiver's
cycle and the calendar that holds when somebody asks, or when a payout is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Literal, Protocol

from msgspec import Meta
from msgspec.structs import replace

from ledger import books, forms
from ledger.errors import Refused
from ledger.genesis import Genesis
from ledger.records import Commitment, Currency, Identifier, PartyName, Record, Rule, Text
from ledger.state import Key, Keys, Row, Transaction

ReceiverKind = Literal["bank_account", "payment_account"]
ReceiverState = Literal["active", "suspended"]
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
DATE_CHARS = 10
CYCLES = tuple(f"{kind}+{count}" for count in range(31) for kind in "TD")
"""Every cycle that there is, the usual ones first."""

Cycle = Annotated[
    str,
    Meta(
        pattern=forms.shut(forms.CYCLE),
        description="T+n business days or D+n calendar days after the capture, n up to 30",
    ),
]
LastFour = Annotated[str, Meta(pattern=forms.shut(forms.LAST_FOUR))]


class ReceiverRegistered(Record, frozen=True, kw_only=True, tag="receiver.registered"):
    """The institution vouches for an account that legs may be paid to.

    ``held_at`` names the institution at which a payment account is held. ``owner`` is the party
    that confirms arrivals; a receiver without one (a small merchant) has no arrival half.

    Refused unless the identifier is new; a payment account is held at the author; the owner
    is a party.
    """

    CODES = ("cross-institution", "receiver-exists", "unknown-party")

    receiver: Identifier
    kind: ReceiverKind
    commitment: Commitment
    last4: LastFour
    cycle: Cycle
    currency: Currency
    held_at: PartyName = ""
    owner: PartyName = ""


class ReceiverSuspended(Record, frozen=True, kw_only=True, tag="receiver.suspended"):
    """No new legs to this receiver until it is resumed.

    Refused unless the receiver is registered and active.
    """

    CODES = ("already-suspended", "unknown-receiver")

    receiver: Identifier
    reason: Text


class ReceiverResumed(Record, frozen=True, kw_only=True, tag="receiver.resumed"):
    """Legs to this receiver are accepted again.

    Refused unless the receiver is registered and suspended.
    """

    CODES = ("not-suspended", "unknown-receiver")

    receiver: Identifier
    reason: Text


class Receiver(Row, frozen=True, kw_only=True):
    """A registered receiver. ``open_buckets`` are ``date:seq``, as they were opened."""

    TABLE: ClassVar[str] = "receivers"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("owner",),)

    receiver: str
    kind: ReceiverKind
    held_at: str
    owner: str
    commitment: str
    last4: str
    cycle: str
    currency: str
    state: ReceiverState
    reason: str = ""
    entry: int
    open_buckets: tuple[str, ...] = ()
    bucket_count: int = 0

    def leads_to(self) -> Keys:
        """Return the keys of its open buckets and of its pending balance."""
        name = self.receiver
        found: list[tuple[type[Row], Key]] = [
            (Bucket, (name, int(text[DATE_CHARS + 1 :]))) for text in self.open_buckets
        ]
        found.append((books.Balance, (books.pending(name), self.currency)))
        return found


class Bucket(Row, frozen=True):
    """One receiver's legs of one business date of captures: sum in minor units, and count.

    ``cycle`` is the receiver's. ``payout`` is the payout that takes them, or empty; ``returned``
    the last that came back.
    """

    TABLE: ClassVar[str] = "buckets"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("payout", "receiver", "business_date", "seq", "cycle"),
    )

    receiver: str
    seq: int
    business_date: str
    cycle: str
    amount: int
    legs: int
    payout: str = ""
    returned: str = ""


def require(tx: Transaction, name: str) -> Receiver:
    """Return the registered receiver ``name``.

    Raises:
        Refused: ``unknown-receiver``.
    """
    receiver = tx.rows[Receiver][name,]
    if receiver is None:
        raise Refused(
            "unknown-receiver",
            "A receiver is registered before anything is paid to it.",
            expected="a registered receiver",
            got=name,
        )
    return receiver


class Paid(Protocol):
    """A payment to a receiver, such as a leg."""

    @property
    def receiver(self) -> str:
        """The receiver's identifier."""


def refuse_closed(
    tx: Transaction, legs: Iterable[Paid], currency: str, *, may_wait: bool = False
) -> None:
    """Return if new legs in ``currency`` may go to the receiver that each of them names.

    A leg that ``may_wait`` may be due to a suspended one.

    Raises:
        Refused: ``unknown-receiver``, ``receiver-suspended`` or ``wrong-currency``.
    """
    registered = tx.rows[Receiver]
    for leg in legs:
        name = leg.receiver
        receiver = registered[name,] or require(tx, name)
        if receiver.state != ACTIVE and not may_wait:
            raise Refused(
                "receiver-suspended",
                f"No new legs to a suspended receiver ({receiver.reason}).",
                expected="an active receiver",
                got=f"{name}, suspended",
            )
        if receiver.currency != currency:
            raise wrong_currency(receiver, currency)


def wrong_currency(receiver: Receiver, currency: str) -> Refused:
    """Return the refusal of an amount in a currency that is not the receiver's."""
    return Refused(
        "wrong-currency",
        f"The receiver {receiver.receiver} is settled in one currency.",
        expected=receiver.currency,
        got=currency,
    )


def place(tx: Transaction, receiver: Receiver, day: str, amount: int) -> int:
    """Add a leg to the bucket of a business date, opening one if need be.

    Args:
        tx: The record's transaction.
        receiver: A registered receiver, as it stands now.
        day: The capture's business date.
        amount: Minor units, above zero.

    Returns:
        The bucket's number.
    """
    name, cycle = receiver.receiver, receiver.cycle
    for text in receiver.open_buckets:
        if text.startswith(day):
            seq = int(text[DATE_CHARS + 1 :])
            bucket = tx.rows[Bucket][name, seq] or _bucket(tx, name, seq)
            if not bucket.returned:
                total, legs = bucket.amount + amount, bucket.legs + 1
                tx.set(Bucket, (name, seq), Bucket(name, seq, day, cycle, total, legs))
                return seq
    seq = receiver.bucket_count + 1
    opened = (*receiver.open_buckets, f"{day}:{seq}")
    tx.put(replace(receiver, open_buckets=opened, bucket_count=seq))
    tx.put(Bucket(name, seq, day, cycle, amount, 1))
    return seq


def take_back(tx: Transaction, name: str, seq: int, amount: int) -> Bucket:
    """Take a leg out of a bucket that is in no payout; the last one closes the bucket.

    Returns:
        The bucket as it was before.
    """
    bucket = _bucket(tx, name, seq)
    if bucket.legs > 1:
        tx.put(replace(bucket, amount=bucket.amount - amount, legs=bucket.legs - 1))
        return bucket
    receiver = require(tx, name)
    text = f"{bucket.business_date}:{seq}"
    remaining = tuple(other for other in receiver.open_buckets if other != text)
    tx.put(replace(receiver, open_buckets=remaining))
    tx.delete(Bucket, (name, seq))
    return bucket


def due(tx: Transaction, receiver: Receiver, latest: str) -> list[Bucket]:
    """Return the open buckets of ``receiver`` up to a business date, oldest first."""
    found = []
    for text in sorted(receiver.open_buckets):
        if text[:DATE_CHARS] <= latest:
            found.append(_bucket(tx, receiver.receiver, int(text[DATE_CHARS + 1 :])))
    return found


def total(buckets: list[Bucket]) -> tuple[int, int]:
    """Return the sum of buckets in minor units, and how many legs they hold."""
    return sum(bucket.amount for bucket in buckets), sum(bucket.legs for bucket in buckets)


def pay_out(tx: Transaction, receiver: Receiver, buckets: list[Bucket], payout: str) -> None:
    """Take open buckets into a payout."""
    taken = [f"{bucket.business_date}:{bucket.seq}" for bucket in buckets]
    remaining = tuple(text for text in receiver.open_buckets if text not in taken)
    tx.put(replace(receiver, open_buckets=remaining))
    for bucket in buckets:
        tx.put(replace(bucket, payout=payout))


def reopen(tx: Transaction, name: str, seqs: list[int], payout: str) -> None:
    """Make the buckets of a returned payout due again."""
    receiver = require(tx, name)
    buckets = [_bucket(tx, name, seq) for seq in seqs]
    opened = tuple(f"{bucket.business_date}:{bucket.seq}" for bucket in buckets)
    tx.put(replace(receiver, open_buckets=receiver.open_buckets + opened))
    for bucket in buckets:
        tx.put(replace(bucket, payout="", returned=payout))


def _bucket(tx: Transaction, name: str, seq: int) -> Bucket:
    bucket = tx.rows[Bucket][name, seq]
    if bucket is None:
        raise LookupError(f"the state has no bucket {seq} of receiver {name}")
    return bucket


def _registered(tx: Transaction, record: ReceiverRegistered) -> None:
    _refuse_registration(tx, record)
    tx.put(
        Receiver(
            receiver=record.receiver,
            kind=record.kind,
            held_at=record.held_at,
            owner=record.owner,
            commitment=record.commitment,
            last4=record.last4,
            cycle=record.cycle,
            currency=record.currency,
            state=ACTIVE,
            entry=tx.entry,
        )
    )


def _refuse_registration(tx: Transaction, record: ReceiverRegistered) -> None:
    existing = tx.rows[Receiver][record.receiver,]
    if existing is not None:
        raise Refused(
            "receiver-exists",
            "A settlement identifier is registered once; choose another one.",
            expected="a new identifier",
            got=f"{record.receiver}, registered in entry {existing.entry}",
        )
    if record.kind == "payment_account" and record.held_at != tx.author:
        raise Refused(
            "cross-institution",
            "A payment account must be held at the institution that settles it.",
            expected=f"held_at {tx.author}",
            got=record.held_at or "no held_at",
        )
    if record.owner and record.owner not in tx.genesis.voters:
        raise Refused(
            "unknown-party",
            "The owner of a receiver is a party of the consortium that may state money, "
            "or is left out.",
            expected=", ".join(tx.genesis.voters),
            got=record.owner,
        )


def _suspended(tx: Transaction, record: ReceiverSuspended) -> None:
    receiver = require(tx, record.receiver)
    if receiver.state == SUSPENDED:
        raise Refused(
            "already-suspended",
            f"The receiver {record.receiver} is suspended already.",
            expected="an active receiver",
            got=f"suspended ({receiver.reason})",
        )
    tx.put(replace(receiver, state=SUSPENDED, reason=record.reason))


def _resumed(tx: Transaction, record: ReceiverResumed) -> None:
    receiver = require(tx, record.receiver)
    if receiver.state == ACTIVE:
        raise Refused(
            "not-suspended",
            f"The receiver {record.receiver} is not suspended.",
            expected="a suspended receiver",
            got="an active one",
        )
    tx.put(replace(receiver, state=ACTIVE, reason=""))


def _keys(
    record: ReceiverRegistered | ReceiverSuspended | ReceiverResumed, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    return [(Receiver, (record.receiver,))]


def _subject(record: ReceiverRegistered | ReceiverSuspended | ReceiverResumed) -> str:
    return f"receiver:{record.receiver}"


_AUTHORS = ("institution",)

ROWS: tuple[type[Row], ...] = (Receiver, Bucket)
RULES = (
    Rule(ReceiverRegistered, _AUTHORS, _registered, _keys, _subject),
    Rule(ReceiverSuspended, _AUTHORS, _suspended, _keys, _subject),
    Rule(ReceiverResumed, _AUTHORS, _resumed, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    ReceiverRegistered(
        at=1_760_000_000_000,
        id="inst-0001",
        receiver="funder-main",
        kind="bank_account",
        commitment="5f" * 32,
        last4="6789",
        cycle="T+1",
        currency="CNY",
        owner="funder",
    ),
    ReceiverSuspended(
        at=1_760_000_000_001, id="inst-0002", receiver="shop-7", reason="account under review"
    ),
    ReceiverResumed(
        at=1_760_000_000_002, id="inst-0003", receiver="shop-7", reason="review closed"
    ),
)
