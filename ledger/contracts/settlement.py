"""Settlement: payouts to receivers, and how far each one has got.

All due legs of one receiver go out as one payout: n legs, one transfer. The institution states
that it created, paid or got back a payout; the party that owns the receiver states the arrival.
Where the two differ, the payout is conflicting, and its money stays where it is, until one agrees.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import money
from ledger.contracts import calendars, channels, receivers, times
from ledger.contracts.channels import ChannelNumber
from ledger.contracts.payouts import (
    CONFIRMED,
    CONFLICTING,
    CREATED,
    PAID,
    RETURNED,
    Payout,
    come_back,
    compare,
    confirmed_before,
    require,
    returned_before,
)
from ledger.errors import Refused
from ledger.expectations import ARRIVAL, PAYOUT_RESULT, Expectation
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import (
    Amount,
    AmountOrNothing,
    Commitment,
    Currency,
    Day,
    EventTime,
    Identifier,
    Record,
    Rule,
    Text,
)
from ledger.state import Key, Row, Transaction


class SettlementCreated(Record, frozen=True, kw_only=True, tag="settlement.created"):
    """The institution pays out all that is due to a receiver on a date, in one transfer.

    Refused unless the payout id is new; the receiver is registered and of the currency; the
    cut-off date is no later than the business date of the block, and rests on declared years;
    amount and count are the ledger's own for what is due.
    """

    CODES = (
        "calendar-undeclared",
        "no-such-date",
        "not-due-yet",
        "nothing-due",
        "payout-differs",
        "payout-exists",
        "unknown-receiver",
        "wrong-currency",
    )

    payout: Identifier
    receiver: Identifier
    cutoff_date: Day
    amount: Amount
    currency: Currency
    legs: Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX, description="number of legs")]


class SettlementPaid(Record, frozen=True, kw_only=True, tag="settlement.paid"):
    """The bank has executed a payout; ``bank_reference`` commits to the bank's own reference.

    Refused unless the payout is in state created, or conflicts because it was stated as returned;
    `paid_at` is at most a day after the block.
    """

    CODES = ("already-paid", "payout-returned", "time-in-future", "unknown-payout")

    payout: Identifier
    bank_reference: Commitment
    paid_at: EventTime
    channel_number: ChannelNumber = ""


class SettlementReturned(Record, frozen=True, kw_only=True, tag="settlement.returned"):
    """A payout came back (退汇). While its owner says that money arrived, the two conflict.

    Refused unless the payout is neither confirmed nor stated as returned.
    """

    CODES = ("already-confirmed", "payout-returned", "unknown-payout")

    payout: Identifier
    reason: Text


class SettlementConfirmed(Record, frozen=True, kw_only=True, tag="settlement.confirmed"):
    """The receiver's party states what reached its account, and is still there.

    Stated by the party that owns the receiver.

    Refused unless the payout is paid, or was contradicted before; `received_at` is at most a
    day after the block.
    """

    CODES = (
        "already-confirmed",
        "payout-not-paid",
        "payout-returned",
        "time-in-future",
        "unknown-payout",
        "wrong-author",
    )

    payout: Identifier
    amount: AmountOrNothing
    currency: Currency
    received_at: EventTime


def _created(tx: Transaction, record: SettlementCreated) -> None:
    receiver = _refuse_payout(tx, record)
    cutoff, days = _refuse_date(tx, record, receiver), calendars.business_days(tx)
    latest = days.latest(cutoff, receiver.cycle)
    calendars.refuse_unknown(tx, days, (latest, cutoff, receiver.cycle))
    buckets = receivers.due(tx, receiver, latest.isoformat())
    amount, legs = receivers.total(buckets)
    _refuse_difference(record, amount, legs)
    name = receiver.receiver
    receivers.pay_out(tx, receiver, buckets, record.payout)
    tx.put(
        Payout(
            payout=record.payout,
            receiver=name,
            owner=receiver.owner,
            cutoff_date=record.cutoff_date,
            amount=amount,
            legs=legs,
            currency=receiver.currency,
            buckets=tuple(str(bucket.seq) for bucket in buckets),
            state=CREATED,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )
    matter = (f"payout:{record.payout}", tx.author)
    expectations.open_expectation(tx, PAYOUT_RESULT, matter, amount, receiver.currency)
    books.transfer(tx, receiver.currency, (books.pending(name), books.in_transit(name)), amount)


def _refuse_payout(tx: Transaction, record: SettlementCreated) -> receivers.Receiver:
    existing = tx.rows[Payout][record.payout,]
    if existing is not None:
        raise Refused(
            "payout-exists",
            "A payout id is used once; what was returned goes out under a new one.",
            expected="a new payout id",
            got=f"{record.payout}, created in entry {existing.entry}",
        )
    receiver = receivers.require(tx, record.receiver)
    if record.currency != receiver.currency:
        raise receivers.wrong_currency(receiver, record.currency)
    return receiver


def _refuse_date(tx: Transaction, record: SettlementCreated, receiver: receivers.Receiver) -> date:
    """Return the cut-off date as a date, if it is one and has begun."""
    try:
        cutoff = date.fromisoformat(record.cutoff_date)
    except ValueError:
        raise Refused(
            "no-such-date",
            "The cut-off date must be a day of the calendar.",
            expected="an ISO 8601 date",
            got=record.cutoff_date,
        ) from None
    today = times.business_date(tx, tx.time_ms)
    if record.cutoff_date <= today:
        return cutoff
    latest = calendars.business_days(tx).latest(date.fromisoformat(today), receiver.cycle)
    amount, legs = receivers.total(receivers.due(tx, receiver, latest.isoformat()))
    raise Refused(
        "not-due-yet",
        "What falls due on a date goes out once that business date has begun; by the time of the "
        f"block it is {today}. Pay out what is due by then, or wait.",
        expected=f"a cut-off date of {today} or before; {money(amount, receiver.currency)} for "
        f"{legs} legs are due to {receiver.receiver} by {today}",
        got=record.cutoff_date,
    )


def _refuse_difference(record: SettlementCreated, amount: int, legs: int) -> None:
    currency = record.currency
    if not legs:
        raise Refused(
            "nothing-due",
            f"Nothing is due to {record.receiver} on {record.cutoff_date}.",
            expected="no payout",
            got=f"{money(record.amount, currency)} for {record.legs} legs",
        )
    if (record.amount, record.legs) != (amount, legs):
        raise Refused(
            "payout-differs",
            f"The payout must equal what the ledger has due to {record.receiver} on "
            f"{record.cutoff_date}; the difference is "
            f"{money(record.amount - amount, currency)} and {record.legs - legs} legs.",
            expected=f"{money(amount, currency)} for {legs} legs",
            got=f"{money(record.amount, currency)} for {record.legs} legs",
        )


def _paid(tx: Transaction, record: SettlementPaid) -> None:
    payout = require(tx, record.payout)
    if payout.state == RETURNED:
        raise returned_before(payout)
    if payout.state != CREATED and not payout.return_reason:
        raise Refused(
            "already-paid",
            f"The payout {payout.payout} was stated as paid before.",
            expected="a payout in state created",
            got=f"{payout.state}, last changed in entry {payout.last_entry}",
        )
    times.refuse_future(tx, "paid_at", record.paid_at)
    stated = replace(
        payout,
        state=PAID,
        bank_reference=record.bank_reference,
        paid_at=record.paid_at,
        return_reason="",
        channel_number=record.channel_number,
        last_entry=tx.entry,
    )
    channels.keep_number(tx, record.channel_number, f"payout:{payout.payout}")
    if payout.state == CONFLICTING:
        compare(tx, stated)
        return
    tx.put(stated)
    subject = f"payout:{payout.payout}"
    expectations.meet_if_open(tx, PAYOUT_RESULT, subject)
    if payout.owner:
        matter = (subject, payout.owner)
        expectations.open_expectation(tx, ARRIVAL, matter, payout.amount, payout.currency)
    target = books.paid(payout.receiver) if payout.owner else books.RESERVE
    books.transfer(tx, payout.currency, (books.in_transit(payout.receiver), target), payout.amount)


def _returned(tx: Transaction, record: SettlementReturned) -> None:
    payout = require(tx, record.payout)
    if payout.return_reason:
        raise returned_before(payout)
    if payout.state == CONFIRMED:
        raise confirmed_before(payout)
    stated = replace(payout, return_reason=record.reason, last_entry=tx.entry)
    if payout.state == CONFLICTING:
        compare(tx, stated)
    else:
        come_back(tx, stated)


def _confirmed(tx: Transaction, record: SettlementConfirmed) -> None:
    payout = require(tx, record.payout)
    _refuse_confirmation(tx, payout)
    times.refuse_future(tx, "received_at", record.received_at)
    stated = replace(
        payout,
        confirmed_amount=record.amount,
        confirmed_currency=record.currency,
        received_at=record.received_at,
        last_entry=tx.entry,
    )
    compare(tx, stated)


def _refuse_confirmation(tx: Transaction, payout: Payout) -> None:
    if tx.author != payout.owner:
        raise Refused(
            "wrong-author",
            f"Only the party that owns the receiver {payout.receiver} can say what arrived.",
            expected=payout.owner or "nobody, since no party owns the receiver",
            got=tx.author,
        )
    if payout.state == RETURNED:
        raise returned_before(payout)
    if payout.state == CONFIRMED:
        raise confirmed_before(payout)
    if payout.state == CREATED:
        raise Refused(
            "payout-not-paid",
            f"The institution has not stated the payout {payout.payout} as paid; "
            "confirm it after that.",
            expected="a payout in state paid or conflicting",
            got=payout.state,
        )


def _created_keys(record: SettlementCreated, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    year = int(record.cutoff_date[:4])
    return [
        (Payout, (record.payout,)),
        (receivers.Receiver, (record.receiver,)),
        (books.Balance, (books.in_transit(record.receiver), record.currency)),
        *calendars.year_keys(year - 1, year),
    ]


def _keys(
    record: SettlementPaid | SettlementReturned | SettlementConfirmed, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    subject = f"payout:{record.payout}"
    return [
        (Payout, (record.payout,)),
        (Expectation, (PAYOUT_RESULT, subject)),
        (Expectation, (ARRIVAL, subject)),
    ]


def _subject(
    record: SettlementCreated | SettlementPaid | SettlementReturned | SettlementConfirmed,
) -> str:
    return f"payout:{record.payout}"


def _refused_subject(record: SettlementCreated) -> str:
    """A payout that was refused is none: who looks for it asks about the receiver."""
    return f"receiver:{record.receiver}"


_INSTITUTION = ("institution",)

ROWS: tuple[type[Row], ...] = (Payout,)
RULES = (
    Rule(SettlementCreated, _INSTITUTION, _created, _created_keys, _subject, _refused_subject),
    Rule(SettlementPaid, _INSTITUTION, _paid, _keys, _subject),
    Rule(SettlementReturned, _INSTITUTION, _returned, _keys, _subject),
    Rule(SettlementConfirmed, (), _confirmed, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    SettlementCreated(
        at=1_760_000_000_008,
        id="inst-0006",
        payout="PO-2025-0001",
        receiver="shop-7",
        cutoff_date="2025-10-10",
        amount=9_000,
        currency="CNY",
        legs=1,
    ),
    SettlementPaid(
        at=1_760_000_000_009,
        id="inst-0007",
        payout="PO-2025-0001",
        bank_reference="a7" * 32,
        paid_at=1_760_000_000_009,
    ),
    SettlementReturned(
        at=1_760_000_000_010, id="inst-0008", payout="PO-2025-0002", reason="account closed"
    ),
    SettlementConfirmed(
        at=1_760_000_000_011,
        id="fund-0001",
        payout="PO-2025-0003",
        amount=50_000,
        currency="CNY",
        received_at=1_760_000_000_011,
    ),
)
