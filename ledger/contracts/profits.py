"""Profit sharing (分润): a settled invoice's income, split by the agreement of its month.

The institution states what each recipient gets, which must be exactly what the agreement gives, to
the last minor unit. A recipient's income and money are in the books once it has confirmed them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance, money
from ledger.contracts import agreements, allocation, calendars, profit_agreements, times
from ledger.contracts.fee_invoices import SETTLED, FeeInvoice, require_invoice
from ledger.contracts.profit_agreements import ProfitAgreement, terms_of
from ledger.errors import Refused
from ledger.expectations import PROFIT_CONFIRMATION, Expectation
from ledger.genesis import Genesis
from ledger.limits import MEMBERS_MAX
from ledger.records import (
    Amount,
    AmountOrNothing,
    Currency,
    EventTime,
    Identifier,
    PartyName,
    Record,
    Rule,
)
from ledger.state import NEVER, Key, Keys, Row, Transaction

PortionState = Literal["kept", "nothing-due", "awaited", "confirmed", "conflicting"]
KEPT: Final = "kept"
NOTHING_DUE: Final = "nothing-due"
AWAITED: Final = "awaited"
CONFIRMED: Final = "confirmed"
CONFLICTING: Final = "conflicting"


class Portion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What one recipient gets."""

    party: PartyName
    amount: AmountOrNothing


class ProfitShared(Record, frozen=True, kw_only=True, tag="profit.shared"):
    """The institution shares the income of a settled invoice, and has paid the recipients.

    Refused unless the id is new; the invoice is settled and not shared; the agreement holds
    for its month; its delay has passed; every portion is what the agreement gives.
    """

    CODES = (
        "agreement-not-accepted",
        "agreement-not-in-force",
        "already-shared",
        "invoice-not-settled",
        "share-differs",
        "share-exists",
        "share-too-early",
        "unknown-agreement",
        "unknown-invoice",
        "wrong-currency",
    )

    share: Identifier
    invoice: Identifier
    agreement: Identifier
    amount: Amount
    currency: Currency
    portions: Annotated[tuple[Portion, ...], Meta(min_length=1, max_length=MEMBERS_MAX)]


class ProfitConfirmed(Record, frozen=True, kw_only=True, tag="profit.confirmed"):
    """A recipient states what of a share reached its account.

    Stated by the party that has a portion.

    Refused unless the share was stated; the portion is not nothing and not confirmed yet;
    `received_at` is at most a day after the block.
    """

    CODES = ("already-confirmed", "nothing-due", "time-in-future", "unknown-share", "wrong-author")

    share: Identifier
    amount: Amount
    currency: Currency
    received_at: EventTime


class ProfitShare(Row, frozen=True):
    """The income of one invoice, shared. ``tail`` counts the units that ratios left over."""

    TABLE: ClassVar[str] = "profit_shares"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("invoice",), ("period", "currency"))

    share: str
    invoice: str
    period: str
    agreement: str
    amount: int
    currency: str
    tail: int
    parties: tuple[str, ...]
    entry: int

    def leads_to(self) -> Keys:
        """Return the keys of its portions, of what they await, and of the recipients' balances."""
        found: list[tuple[type[Row], Key]] = []
        for party in self.parties:
            found += (
                (ProfitPortion, (self.share, party)),
                (Expectation, (PROFIT_CONFIRMATION, confirmation(self.share, party))),
                (Balance, (books.fee_income(party), self.currency)),
                (Balance, (books.fee_received(party), self.currency)),
            )
        return found


class ProfitPortion(Row, frozen=True, kw_only=True):
    """The portion of one recipient in a share.

    The institution's own is kept. ``confirmed_amount`` in ``confirmed_currency`` is what the
    recipient said, 0 and empty until then; ``received_at`` is −1 until then.
    """

    TABLE: ClassVar[str] = "profit_portions"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("party", "state"),)

    share: str
    party: str
    ppm: int
    amount: int
    state: PortionState
    confirmed_amount: int = 0
    confirmed_currency: str = ""
    received_at: int = NEVER
    last_entry: int


def confirmation(share: str, party: str) -> str:
    """Return the subject of the confirmation that ``party`` owes."""
    return f"share:{share}/{party}"


def _shared(tx: Transaction, record: ProfitShared) -> None:
    invoice = _refuse_invoice(tx, record)
    agreement = _refuse_agreement(tx, record, invoice)
    _refuse_time(tx, invoice, agreement)
    terms = terms_of(tx, agreement)
    amounts, tail = allocation.share(invoice.amount, [term.ppm for term in terms])
    _refuse_difference(record, invoice, list(zip(agreement.parties, amounts, strict=True)))
    tx.put(replace(invoice, share=record.share, last_entry=tx.entry))
    tx.put(
        ProfitShare(
            share=record.share,
            invoice=record.invoice,
            period=invoice.period,
            agreement=record.agreement,
            amount=invoice.amount,
            currency=invoice.currency,
            tail=tail,
            parties=agreement.parties,
            entry=tx.entry,
        )
    )
    for term, amount in zip(terms, amounts, strict=True):
        state = _first_state(tx, term.party, amount)
        tx.put(
            ProfitPortion(
                share=record.share,
                party=term.party,
                ppm=term.ppm,
                amount=amount,
                state=state,
                last_entry=tx.entry,
            )
        )
        if state == AWAITED:
            matter = (confirmation(record.share, term.party), term.party)
            expectations.open_expectation(tx, PROFIT_CONFIRMATION, matter, amount, invoice.currency)


def _first_state(tx: Transaction, party: str, amount: int) -> PortionState:
    if party == tx.author:
        return KEPT
    return AWAITED if amount else NOTHING_DUE


def _refuse_invoice(tx: Transaction, record: ProfitShared) -> FeeInvoice:
    existing = tx.rows[ProfitShare][record.share,]
    if existing is not None:
        raise Refused(
            "share-exists",
            "A share id is used once.",
            expected="a new share id",
            got=f"{record.share}, stated in entry {existing.entry}",
        )
    invoice = require_invoice(tx, record.invoice)
    if invoice.state != SETTLED:
        raise Refused(
            "invoice-not-settled",
            f"Income is shared when the platform has settled invoice {invoice.invoice}.",
            expected="a settled invoice",
            got=invoice.state,
        )
    if invoice.share:
        raise Refused(
            "already-shared",
            f"The income of invoice {invoice.invoice} is shared once.",
            expected="an invoice whose income is not shared",
            got=f"shared as {invoice.share}",
        )
    if record.currency != invoice.currency:
        raise Refused(
            "wrong-currency",
            "Income is shared in the currency of its invoice.",
            expected=invoice.currency,
            got=record.currency,
        )
    return invoice


def _refuse_agreement(
    tx: Transaction, record: ProfitShared, invoice: FeeInvoice
) -> ProfitAgreement:
    held = profit_agreements.held_in(tx, invoice.currency, invoice.period)
    if held is not None and held.agreement == record.agreement:
        return held
    named = tx.rows[ProfitAgreement][record.agreement,]
    matter = f"for income of {invoice.period} in {invoice.currency}"
    raise agreements.misnamed(named, record.agreement, held, matter)


def _refuse_time(tx: Transaction, invoice: FeeInvoice, agreement: ProfitAgreement) -> None:
    settled = date.fromisoformat(times.business_date(tx, invoice.settled_at))
    due = calendars.business_days(tx).due(settled, agreement.delay)
    today = times.business_date(tx, tx.time_ms)
    if today < due.isoformat():
        raise Refused(
            "share-too-early",
            f"The agreement {agreement.agreement} shares income {agreement.delay} after its "
            f"settlement, which was on {settled}.",
            expected=f"{due} or later",
            got=today,
        )


def _refuse_difference(
    record: ProfitShared, invoice: FeeInvoice, expected: list[tuple[str, int]]
) -> None:
    stated = [(each.party, each.amount) for each in record.portions]
    if (record.amount, stated) == (invoice.amount, expected):
        return
    raise Refused(
        "share-differs",
        f"The share must be what the agreement gives of invoice {invoice.invoice}, party by party "
        f"and in its order; in all it differs by "
        f"{money(record.amount - invoice.amount, invoice.currency)}.",
        expected=_split(invoice.amount, invoice.currency, expected),
        got=_split(record.amount, record.currency, stated),
    )


def _split(amount: int, currency: str, portions: Iterable[tuple[str, int]]) -> str:
    parts = ", ".join(f"{party} {money(part, currency)}" for party, part in portions)
    return f"{money(amount, currency)}: {parts}"


def _confirmed(tx: Transaction, record: ProfitConfirmed) -> None:
    share = _require_share(tx, record.share)
    portion = _refuse_confirmation(tx, share)
    times.refuse_future(tx, "received_at", record.received_at)
    stated = (record.amount, record.currency)
    agrees = stated == (portion.amount, share.currency)
    tx.put(
        replace(
            portion,
            state=CONFIRMED if agrees else CONFLICTING,
            confirmed_amount=record.amount,
            confirmed_currency=record.currency,
            received_at=record.received_at,
            last_entry=tx.entry,
        )
    )
    subject = confirmation(share.share, tx.author)
    expectation = expectations.awaited(tx, PROFIT_CONFIRMATION, subject)
    if not agrees:
        shared = (portion.amount, share.currency)
        both = books.contradiction("shared", shared, "received", stated)
        expectations.conflict(tx, expectation, f"amount: {both}")
        return
    expectations.meet(tx, expectation)
    _hand_over(tx, share.currency, portion.amount)


def _require_share(tx: Transaction, name: str) -> ProfitShare:
    share = tx.rows[ProfitShare][name,]
    if share is None:
        raise Refused(
            "unknown-share",
            "A share is stated with profit.shared before it is confirmed.",
            expected="a stated share",
            got=name,
        )
    return share


def _refuse_confirmation(tx: Transaction, share: ProfitShare) -> ProfitPortion:
    portion = tx.rows[ProfitPortion][share.share, tx.author]
    if portion is None or portion.state == KEPT:
        others = [party for party in share.parties if party != tx.sole("institution")]
        raise Refused(
            "wrong-author",
            f"Only the recipients of share {share.share} can say what reached them.",
            expected=" or ".join(others),
            got=tx.author,
        )
    if portion.state == NOTHING_DUE:
        raise Refused(
            "nothing-due",
            f"Nothing of share {share.share} is due to {tx.author}.",
            expected="no confirmation",
            got=f"a portion of {money(0, share.currency)}",
        )
    if portion.state == CONFIRMED:
        raise Refused(
            "already-confirmed",
            f"The portion of {tx.author} in share {share.share} is agreed.",
            expected="a portion that is not yet agreed",
            got=f"confirmed in entry {portion.last_entry}",
        )
    return portion


def _hand_over(tx: Transaction, currency: str, amount: int) -> None:
    """Post what the author confirmed: its part of the income, and the money that came with it."""
    institution, recipient = tx.sole("institution"), tx.author
    income = (books.fee_income(institution), books.fee_income(recipient))
    received = (books.fee_received(recipient), books.fee_received(institution))
    books.transfer(tx, currency, income, amount)
    books.transfer(tx, currency, received, amount)


def _shared_keys(record: ProfitShared, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [
        (ProfitShare, (record.share,)),
        (FeeInvoice, (record.invoice,)),
        (ProfitAgreement, (record.agreement,)),
        (profit_agreements.ProfitPlan, (record.currency,)),
    ]


def _confirmed_keys(record: ProfitConfirmed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    institution = genesis.sole("institution")
    return [
        (ProfitShare, (record.share,)),
        (Balance, (books.fee_income(institution), record.currency)),
        (Balance, (books.fee_received(institution), record.currency)),
    ]


def _subject(record: ProfitShared | ProfitConfirmed) -> str:
    return f"share:{record.share}"


ROWS: tuple[type[Row], ...] = (ProfitShare, ProfitPortion)
RULES = (
    Rule(ProfitShared, ("institution",), _shared, _shared_keys, _subject),
    Rule(ProfitConfirmed, (), _confirmed, _confirmed_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    ProfitShared(
        at=1_760_000_000_028,
        id="inst-0025",
        share="SHARE-2025-10",
        invoice="INV-2025-10",
        agreement="profit-2025",
        amount=38,
        currency="CNY",
        portions=(Portion(party="institution", amount=27), Portion(party="platform", amount=11)),
    ),
    ProfitConfirmed(
        at=1_760_000_000_029,
        id="plat-0023",
        share="SHARE-2025-10",
        amount=11,
        currency="CNY",
        received_at=1_760_000_000_029,
    ),
)
