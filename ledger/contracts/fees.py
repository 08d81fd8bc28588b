"""Fees: charged per payment by the agreed rate, accrued per month. Never taken out of the payment.

A charge belongs to one capture. It accrues into the calendar month of the capture's business date,
or, if that is invoiced, into the month of the block. What is charged can be taken back until its
month is invoiced; see :mod:`ledger.contracts.fee_invoices`. A charge whose payment was reversed is
stale: it has to be taken back, and the month waits for that. One that is invoiced stands.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance, money
from ledger.contracts import agreements, fee_agreements, stale_charges, times
from ledger.contracts.agreements import MONTH_CHARS
from ledger.contracts.fee_agreements import FeeAgreement, fee_of
from ledger.contracts.halves import Capture
from ledger.contracts.stale_charges import StaleCharges
from ledger.errors import Refused
from ledger.expectations import FEE_REVERSAL, Expectation
from ledger.genesis import Genesis
from ledger.records import Amount, Currency, Identifier, Record, Rule, Text
from ledger.state import Key, Keys, Row, Transaction

ChargeState = Literal["charged", "invoiced", "reversed", "stale"]
"""How far a charge has got.

One that is ``stale`` is not invoiced, and its payment was reversed, or captured anew, since: it
waits for ``fee.reversed``.
"""

CURRENT = 0
"""The number of a payment's last charge."""


class FeeCharged(Record, frozen=True, kw_only=True, tag="fee.charged"):
    """The institution charges its fee for a captured payment.

    Refused unless a capture stands, in this currency, and the payment has no standing charge but
    invoiced ones of earlier captures; the agreement holds on its date and for its channel; the
    amount is the agreed fee.
    """

    CODES = (
        "agreement-not-accepted",
        "agreement-not-in-force",
        "already-charged",
        "fee-differs",
        "not-captured",
        "unknown-agreement",
        "wrong-currency",
    )

    payment: Identifier
    agreement: Identifier
    amount: Amount
    currency: Currency


class FeeReversed(Record, frozen=True, kw_only=True, tag="fee.reversed"):
    """The institution takes a charge back (冲正) that is not invoiced yet.

    Refused unless a charge stands; its month is not invoiced.
    """

    CODES = ("not-charged", "period-invoiced")

    payment: Identifier
    reason: Text


class FeeCharge(Row, frozen=True):
    """The fee of a payment. ``entry`` is the last that charged or reversed it.

    ``number`` is ``CURRENT`` for the payment's last charge; those of earlier captures, which were
    invoiced, are kept as 1, 2, …, and ``earlier`` counts them. ``capture_entry`` is the entry of
    the capture that was charged: a later one in the capture's row tells that the payment was
    reversed, or captured anew, since.
    """

    TABLE: ClassVar[str] = "fee_charges"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("period", "currency", "payment"),)

    payment: str
    number: int
    agreement: str
    amount: int
    currency: str
    period: str
    capture_entry: int
    entry: int
    stands: bool
    earlier: int

    def leads_to(self) -> Keys:
        """Return the keys of the month that it accrues into, and of what is stale there."""
        month = (self.period, self.currency)
        return [(FeePeriod, month), (StaleCharges, month)]


class FeePeriod(Row, frozen=True):
    """The fees of a month: the sum in minor units and the count of the charges that stand.

    ``invoice`` is the invoice that closed it, or empty. There is no row where nothing accrued.
    """

    TABLE: ClassVar[str] = "fee_periods"
    KEY: ClassVar[int] = 2

    period: str
    currency: str
    amount: int
    count: int
    invoice: str = ""


def charge_state(
    charge: FeeCharge, capture: Capture | None, period: FeePeriod | None
) -> ChargeState:
    """Return how far a charge has got.

    Args:
        charge: The charge.
        capture: The capture of its payment, as it stands now.
        period: The month that it accrues into.
    """
    if not charge.stands:
        return "reversed"
    if period is not None and period.invoice:
        return "invoiced"
    if capture is None or not capture.stands or capture.entry != charge.capture_entry:
        return "stale"
    return "charged"


def _charged(tx: Transaction, record: FeeCharged) -> None:
    payment, currency = record.payment, record.currency
    capture = _require_capture(tx, record)
    earlier = tx.rows[FeeCharge][payment, CURRENT]
    if earlier is not None:
        _refuse_charged(tx, earlier, capture)
    day = times.business_date(tx, capture.captured_at)
    agreement = _refuse_agreement(tx, record, capture, day)
    fee = fee_of(agreement, capture.amount)
    if record.amount != fee:
        raise Refused(
            "fee-differs",
            f"The fee must be what {agreement.agreement} gives of "
            f"{money(capture.amount, capture.currency)}: {agreement.rate_ppm} ppm, rounded half up "
            f"to the minor unit{_bounds(agreement)}; the difference is "
            f"{money(record.amount - fee, record.currency)}.",
            expected=money(fee, record.currency) if fee else "no charge, since the fee is nothing",
            got=money(record.amount, record.currency),
        )
    period = _open_period(tx, day, currency)
    month = period.period
    charge = FeeCharge(
        payment=payment,
        number=CURRENT,
        agreement=record.agreement,
        amount=fee,
        currency=currency,
        period=month,
        capture_entry=capture.entry,
        entry=tx.entry,
        stands=True,
        earlier=0 if earlier is None else _keep_invoiced(tx, earlier),
    )
    tx.set(FeeCharge, (payment, CURRENT), charge)
    accrued = FeePeriod(
        period=month, currency=currency, amount=period.amount + fee, count=period.count + 1
    )
    tx.set(FeePeriod, (month, currency), accrued)
    books.transfer(tx, currency, _accounts(tx), fee)


def _open_period(tx: Transaction, day: str, currency: str) -> FeePeriod:
    """Return the month of ``day``, or the block's if that is invoiced: the latter is not over."""
    period = _period(tx, day, currency)
    return _period(tx, times.business_date(tx, tx.time_ms), currency) if period.invoice else period


def _period(tx: Transaction, day: str, currency: str) -> FeePeriod:
    key = (day[:MONTH_CHARS], currency)
    return tx.rows[FeePeriod][key] or FeePeriod(*key, amount=0, count=0)


def _keep_invoiced(tx: Transaction, charge: FeeCharge) -> int:
    """Make room for a new charge of a payment; return how many invoiced ones it has had."""
    if not charge.stands:
        return charge.earlier
    kept = replace(charge, number=charge.earlier + 1)
    tx.put(kept)
    return kept.number


def _require_capture(tx: Transaction, record: FeeCharged) -> Capture:
    capture = tx.rows[Capture][record.payment,]
    if capture is None or not capture.stands:
        raise Refused(
            "not-captured",
            f"A fee is charged for a captured payment, and {record.payment} is none.",
            expected="a captured payment",
            got="no capture" if capture is None else f"reversed in entry {capture.entry}",
        )
    return capture


def _refuse_charged(tx: Transaction, charge: FeeCharge, capture: Capture) -> None:
    """Return if a capture may be charged: no charge stands, or an earlier capture's, invoiced."""
    if not charge.stands:
        return
    invoiced = _period(tx, charge.period, charge.currency).invoice
    if charge.capture_entry == capture.entry or not invoiced:
        raise Refused(
            "already-charged",
            f"The fee of payment {charge.payment} is charged; a charge that is not invoiced yet "
            "can be taken back with fee.reversed.",
            expected="a payment without a standing charge",
            got=f"{money(charge.amount, charge.currency)}, charged in entry {charge.entry}",
        )


def _refuse_agreement(
    tx: Transaction, record: FeeCharged, capture: Capture, day: str
) -> FeeAgreement:
    if record.currency != capture.currency:
        raise Refused(
            "wrong-currency",
            "A fee is charged in the currency of its payment.",
            expected=capture.currency,
            got=record.currency,
        )
    held = fee_agreements.held_on(tx, capture.currency, capture.channel, day)
    if held is not None and held.agreement == record.agreement:
        return held
    named = tx.rows[FeeAgreement][record.agreement,]
    matter = f"for {capture.currency} by channel {capture.channel} on {day}"
    raise agreements.misnamed(named, record.agreement, held, matter)


def _bounds(agreement: FeeAgreement) -> str:
    found = ""
    if agreement.minimum:
        found += f", at least {money(agreement.minimum, agreement.currency)}"
    if agreement.maximum:
        found += f", at most {money(agreement.maximum, agreement.currency)}"
    return found


def refuse_invoiced(period: FeePeriod, what: str) -> None:
    """Return if a month is not invoiced; ``what`` is what the record wants to do in it.

    Raises:
        Refused: ``period-invoiced``.
    """
    if period.invoice:
        raise Refused(
            "period-invoiced",
            f"The fees of {period.period} in {period.currency} are invoiced: nothing in it is "
            f"{what} any more.",
            expected="a month that is not invoiced",
            got=f"{period.period}, in invoice {period.invoice}",
        )


def await_reversal(tx: Transaction, payment: str) -> None:
    """Await the reversal of a payment's charge, if one stands: its capture is reversed.

    A charge that is invoiced stands for good. What is awaited already keeps its age.
    """
    charge = tx.rows[FeeCharge][payment, CURRENT]
    if charge is None or not charge.stands or _is_awaited(tx, payment):
        return
    key = (charge.period, charge.currency)
    period = tx.rows[FeePeriod][key]
    if period is None or period.invoice:
        return
    stale_charges.add(tx, key, payment)
    matter = (f"payment:{payment}", tx.sole("institution"))
    expectations.open_expectation(tx, FEE_REVERSAL, matter, charge.amount, charge.currency)


def _is_awaited(tx: Transaction, payment: str) -> bool:
    expectation = tx.rows[Expectation][FEE_REVERSAL, f"payment:{payment}"]
    return expectation is not None and expectation.state == expectations.OPEN


def _meet_reversal(tx: Transaction, charge: FeeCharge) -> None:
    if _is_awaited(tx, charge.payment):
        expectations.meet_if_open(tx, FEE_REVERSAL, tx.subject)
        stale_charges.remove(tx, (charge.period, charge.currency), charge.payment)


def _reversed(tx: Transaction, record: FeeReversed) -> None:
    charge = tx.rows[FeeCharge][record.payment, CURRENT]
    if charge is None or not charge.stands:
        raise Refused(
            "not-charged",
            f"Only a standing charge can be reversed, and the payment {record.payment} has none.",
            expected="a charged payment",
            got="no charge" if charge is None else f"reversed in entry {charge.entry}",
        )
    key = (charge.period, charge.currency)
    period = tx.rows[FeePeriod][key]
    if period is None:
        raise LookupError(f"the state has no accrual of {key}")
    refuse_invoiced(period, "reversed")
    tx.put(replace(charge, stands=False, entry=tx.entry))
    if period.count > 1:
        tx.put(replace(period, amount=period.amount - charge.amount, count=period.count - 1))
    else:
        tx.delete(FeePeriod, key)
    books.transfer(tx, charge.currency, _accounts(tx), -charge.amount)
    _meet_reversal(tx, charge)


def _accounts(tx: Transaction) -> tuple[str, str]:
    """Return the accounts that a fee accrues on: it is due, and it is income."""
    return books.fee_due(tx.sole("platform")), books.fee_income(tx.sole("institution"))


def _charged_keys(record: FeeCharged, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    # The month follows from the capture, which is not read yet; it is likely that of the claim.
    likely = _likely_month(genesis, record.at)
    return [
        (Capture, (record.payment,)),
        (FeeCharge, (record.payment, CURRENT)),
        (FeeAgreement, (record.agreement,)),
        (FeePeriod, (likely, record.currency)),
        (Balance, (books.fee_due(genesis.sole("platform")), record.currency)),
        (Balance, (books.fee_income(genesis.sole("institution")), record.currency)),
    ]


def _reversed_keys(record: FeeReversed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [
        (FeeCharge, (record.payment, CURRENT)),
        (Expectation, (FEE_REVERSAL, _subject(record))),
    ]


def _likely_month(genesis: Genesis, time_ms: int) -> str:
    try:
        return genesis.calendar.business_date(time_ms)[:MONTH_CHARS]
    except Refused:
        return ""


def _subject(record: FeeCharged | FeeReversed) -> str:
    return f"payment:{record.payment}"


ROWS: tuple[type[Row], ...] = (FeeCharge, FeePeriod, StaleCharges)
RULES = (
    Rule(FeeCharged, ("institution",), _charged, _charged_keys, _subject),
    Rule(FeeReversed, ("institution",), _reversed, _reversed_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    FeeCharged(
        at=1_760_000_000_022,
        id="inst-0021",
        payment="P-2025-1001",
        agreement="fee-2025",
        amount=38,
        currency="CNY",
    ),
    FeeReversed(
        at=1_760_000_000_023,
        id="inst-0022",
        payment="P-2025-1003",
        reason="the channel voided the capture",
    ),
)
