"""Deliveries of papers: the platform sends some to a party, which says that it has them."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec.structs import replace

from ledger.errors import Refused
from ledger.genesis import Genesis
from ledger.records import Identifier, PartyName, Record, Rule, Text
from ledger.state import Key, Row, Transaction

DeliveryState = Literal["sent", "received"]
SENT: Final = "sent"
RECEIVED: Final = "received"


class DeliverySent(Record, frozen=True, kw_only=True, tag="delivery.sent"):
    """The platform sends papers to a party.

    Refused unless the delivery id is new; the recipient is in genesis.
    """

    CODES = ("delivery-exists", "unknown-party")

    delivery: Identifier
    recipient: PartyName
    contents: Text


class DeliveryReceived(Record, frozen=True, kw_only=True, tag="delivery.received"):
    """The recipient of a delivery has it.

    Stated by the party to which it was sent.

    Refused unless the delivery was sent, to the author; it has not been received.
    """

    CODES = ("delivery-received", "unknown-delivery", "wrong-author")

    delivery: Identifier


class Delivery(Row, frozen=True):
    """One delivery. ``entry`` sent it, ``last_entry`` changed it last."""

    TABLE: ClassVar[str] = "deliveries"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("recipient", "delivery"), ("state",))

    delivery: str
    recipient: str
    contents: str
    state: DeliveryState
    entry: int
    last_entry: int


def _sent(tx: Transaction, record: DeliverySent) -> None:
    existing = tx.rows[Delivery][record.delivery,]
    if existing is not None:
        raise Refused(
            "delivery-exists",
            "A delivery id is used once.",
            expected="a new delivery id",
            got=f"{record.delivery}, sent in entry {existing.entry}",
        )
    if record.recipient not in tx.genesis.roles:
        raise Refused(
            "unknown-party",
            "A delivery is sent to a party of the consortium.",
            expected=", ".join(tx.genesis.names),
            got=record.recipient,
        )
    tx.put(
        Delivery(
            delivery=record.delivery,
            recipient=record.recipient,
            contents=record.contents,
            state=SENT,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )


def _received(tx: Transaction, record: DeliveryReceived) -> None:
    delivery = _refuse_receipt(tx, record)
    tx.put(replace(delivery, state=RECEIVED, last_entry=tx.entry))


def _refuse_receipt(tx: Transaction, record: DeliveryReceived) -> Delivery:
    delivery = tx.rows[Delivery][record.delivery,]
    if delivery is None:
        raise Refused(
            "unknown-delivery",
            "What is received was sent before.",
            expected="a delivery that was sent",
            got=record.delivery,
        )
    if tx.author != delivery.recipient:
        raise Refused(
            "wrong-author",
            "A delivery is received by the party to which it was sent.",
            expected=delivery.recipient,
            got=tx.author,
        )
    if delivery.state == RECEIVED:
        raise Refused(
            "delivery-received",
            "A delivery is received once.",
            expected="a delivery that is under way",
            got=f"received in entry {delivery.last_entry}",
        )
    return delivery


def _keys(record: DeliverySent | DeliveryReceived, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(Delivery, (record.delivery,))]


def _subject(record: DeliverySent | DeliveryReceived) -> str:
    return f"delivery:{record.delivery}"


ROWS: tuple[type[Row], ...] = (Delivery,)
RULES = (
    Rule(DeliverySent, ("platform",), _sent, _keys, _subject),
    Rule(DeliveryReceived, (), _received, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    DeliverySent(
        at=1_760_000_000_050,
        id="plat-0050",
        delivery="DL-2025-0001",
        recipient="funder",
        contents="two signed copies of the framework agreement",
    ),
    DeliveryReceived(at=1_760_000_000_051, id="fund-0051", delivery="DL-2025-0001"),
)
