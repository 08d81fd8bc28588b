"""Offers that come to nothing: withdrawn by the institution, or declined by one that it asks.

An agreement that is not in force is an offer. It stays open until all have accepted it, however
long that takes and whatever else is agreed meanwhile. One word of either side closes it; stated
again by the institution, it is a new offer. Whoever had accepted other terms goes on contradicting
until it closes the offer as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ledger import expectations
from ledger.contracts import agreements, profit_agreements
from ledger.contracts.agreements import DECLINED, WITHDRAWN, Agreement, AgreementKind
from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.profit_agreements import ProfitAgreement
from ledger.errors import Refused
from ledger.expectations import (
    FEE_ACCEPTANCE,
    PROFIT_ACCEPTANCE,
    Expectation,
    ExpectationKind,
)
from ledger.genesis import Genesis
from ledger.records import Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction

_ROWS: dict[AgreementKind, type[Agreement]] = {"fee": FeeAgreement, "profit": ProfitAgreement}


class OfferClosed(Record, frozen=True, kw_only=True, tag="offer.closed"):
    """The institution withdraws its offer of an agreement, or a party that it asks declines it.

    Stated by the institution, or a party whose acceptance the offer asks for.

    Refused unless the agreement was stated; the author is the institution or one that it asks;
    the agreement is not in force; its offer is open, or the author still contradicts it.
    """

    CODES = ("agreement-in-force", "offer-closed", "unknown-agreement", "wrong-author")

    kind: AgreementKind
    agreement: Identifier
    reason: Text


def _closed(tx: Transaction, record: OfferClosed) -> None:
    offer = agreements.require(tx, _ROWS[record.kind], record.agreement)
    awaited = _awaited(tx, offer)
    _refuse_author(tx, offer, awaited)
    agreements.refuse_in_force(offer)
    own = awaited.get(tx.author)
    if own is None or agreements.contradiction(tx, *own) is None:
        agreements.refuse_closed(offer)
    outcome = WITHDRAWN if tx.author == tx.sole("institution") else DECLINED
    tx.put(replace(offer, state=outcome))
    for party, what in awaited.items():
        detail = f"offer {outcome}: {record.reason}"
        contradiction = agreements.contradiction(tx, *what)
        if contradiction is None or party == tx.author:
            expectations.meet_if_open(tx, *what, detail)
        else:
            expectations.conflict(tx, contradiction, f"{detail}; {contradiction.detail}")


def _awaited(tx: Transaction, offer: Agreement) -> dict[str, tuple[ExpectationKind, str]]:
    """Return what an offer asks for, as kind and subject of an expectation, by party."""
    name = offer.agreement
    if not isinstance(offer, ProfitAgreement):
        return {tx.sole("platform"): (FEE_ACCEPTANCE, f"fee-agreement:{name}")}
    asked = (party for party in offer.parties if party != tx.sole("institution"))
    return {
        party: (PROFIT_ACCEPTANCE, profit_agreements.acceptance(name, party)) for party in asked
    }


def _refuse_author(tx: Transaction, offer: Agreement, awaited: Iterable[str]) -> None:
    sides = (tx.sole("institution"), *awaited)
    if tx.author not in sides:
        raise Refused(
            "wrong-author",
            f"The offer {offer.agreement} is withdrawn by its author, or declined by one it asks.",
            expected=" or ".join(sides),
            got=tx.author,
        )


def _keys(record: OfferClosed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    keys: list[tuple[type[Row], Key]] = [(_ROWS[record.kind], (record.agreement,))]
    if record.kind == "fee":
        keys.append((Expectation, (FEE_ACCEPTANCE, _subject(record))))
    return keys


def _subject(record: OfferClosed) -> str:
    return f"{record.kind}-agreement:{record.agreement}"


ROWS: tuple[type[Row], ...] = ()
RULES = (Rule(OfferClosed, (), _closed, _keys, _subject),)
EXAMPLES: tuple[Record, ...] = (
    OfferClosed(
        at=1_760_000_000_039,
        id="plat-0033",
        kind="fee",
        agreement="fee-2024",
        reason="overtaken by fee-2025",
    ),
)
