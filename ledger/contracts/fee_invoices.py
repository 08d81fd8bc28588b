"""Fee invoices: a month's fees as a whole, invoiced by the institution, settled by the platform.

The invoice is the institution's half and must equal what accrued; the settlement is the platform's
half. Only when both are equal does the books' money move. Fee money is the institution's own
(自有资金): it never touches the reserve, which is the customers'.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta
from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance, money
from ledger.contracts import calendars, times
from ledger.contracts.agreements import MONTH_CHARS, Period
from ledger.contracts.fees import FeePeriod, refuse_invoiced
from ledger.contracts.stale_charges import StaleCharges, refuse_stale
from ledger.errors import Refused
from ledger.expectations import FEE_SETTLEMENT, Expectation
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import Amount, Commitment, Currency, EventTime, Identifier, Record, Rule
from ledger.state import NEVER, Key, Keys, Row, Transaction

InvoiceState = Literal["invoiced", "settled", "conflicting"]
PeriodState = Literal["accrued", "invoiced", "settled", "conflicting", "shared"]
"""How far a month's fees have got: its invoice, once there is one, and then the profit share."""
INVOICED: Final = "invoiced"
SETTLED: Final = "settled"
CONFLICTING: Final = "conflicting"

_YEAR_MS = 31_556_952_000


class FeeInvoiced(Record, frozen=True, kw_only=True, tag="fee.invoiced"):
    """The institution invoices all that accrued in a month and a currency.

    Refused unless the id is new; the month is over and not invoiced, and holds no charge of a
    payment that was reversed since; amount and count are what accrued.
    """

    CODES = (
        "invoice-differs",
        "invoice-exists",
        "nothing-accrued",
        "period-invoiced",
        "period-not-over",
        "stale-charge",
    )

    invoice: Identifier
    period: Period
    currency: Currency
    amount: Amount
    count: Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX, description="number of charges")]


class FeeSettled(Record, frozen=True, kw_only=True, tag="fee.settled"):
    """The platform states what it paid on an invoice.

    Refused unless the invoice was stated and is not settled; `paid_at` is at most a day after
    the block.
    """

    CODES = ("already-settled", "time-in-future", "unknown-invoice")

    invoice: Identifier
    amount: Amount
    currency: Currency
    paid_at: EventTime
    bank_reference: Commitment


class FeeInvoice(Row, frozen=True, kw_only=True):
    """An invoice, and what the platform paid on it.

    ``settled_amount`` in ``settled_currency`` is what the platform said it paid, 0 and empty until
    then. ``settled_at`` is the block time at which both halves agreed; it and ``paid_at`` are −1
    until they are known. ``share`` is the profit share that splits the income, or empty.
    """

    TABLE: ClassVar[str] = "fee_invoices"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("period", "currency"), ("state",))

    invoice: str
    period: str
    currency: str
    amount: int
    count: int
    state: InvoiceState
    bank_reference: str = ""
    paid_at: int = NEVER
    settled_amount: int = 0
    settled_currency: str = ""
    settled_at: int = NEVER
    share: str = ""
    entry: int
    last_entry: int

    def leads_to(self) -> Keys:
        """Return the keys of the calendar by which its income is shared some days later."""
        if self.settled_at == NEVER:
            return ()
        year = 1970 + self.settled_at // _YEAR_MS
        return calendars.year_keys(year, year + 1)


def _invoiced(tx: Transaction, record: FeeInvoiced) -> None:
    period = _refuse_invoice(tx, record)
    tx.put(replace(period, invoice=record.invoice))
    tx.put(
        FeeInvoice(
            invoice=record.invoice,
            period=record.period,
            currency=record.currency,
            amount=period.amount,
            count=period.count,
            state=INVOICED,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )
    matter = (_subject(record), tx.sole("platform"))
    expectations.open_expectation(tx, FEE_SETTLEMENT, matter, period.amount, record.currency)


def _refuse_invoice(tx: Transaction, record: FeeInvoiced) -> FeePeriod:
    existing = tx.rows[FeeInvoice][record.invoice,]
    if existing is not None:
        raise Refused(
            "invoice-exists",
            "An invoice id is used once.",
            expected="a new invoice id",
            got=f"{record.invoice}, stated in entry {existing.entry}",
        )
    today = times.business_date(tx, tx.time_ms)
    if today[:MONTH_CHARS] <= record.period:
        raise Refused(
            "period-not-over",
            "A month is invoiced as a whole, after its last business date.",
            expected=f"a month before {today[:MONTH_CHARS]}",
            got=record.period,
        )
    period = tx.rows[FeePeriod][record.period, record.currency]
    if period is None:
        raise Refused(
            "nothing-accrued",
            f"No fees in {record.currency} accrued in {record.period}.",
            expected="no invoice",
            got=_sum(record.amount, record.count, record.currency),
        )
    refuse_invoiced(period, "invoiced")
    refuse_stale(tx, period.period, period.currency)
    _refuse_difference(record, period)
    return period


def _refuse_difference(record: FeeInvoiced, period: FeePeriod) -> None:
    currency = record.currency
    if (record.amount, record.count) != (period.amount, period.count):
        difference = money(record.amount - period.amount, currency)
        raise Refused(
            "invoice-differs",
            f"The invoice must equal what accrued in {record.period}; the difference is "
            f"{difference} and {record.count - period.count} charges.",
            expected=_sum(period.amount, period.count, currency),
            got=_sum(record.amount, record.count, currency),
        )


def _sum(amount: int, count: int, currency: str) -> str:
    return f"{money(amount, currency)} for {count} charges"


def _settled(tx: Transaction, record: FeeSettled) -> None:
    invoice = require_invoice(tx, record.invoice)
    if invoice.state == SETTLED:
        raise Refused(
            "already-settled",
            f"The settlement of invoice {invoice.invoice} is agreed.",
            expected="an invoice that is not settled",
            got=f"settled in entry {invoice.last_entry}",
        )
    times.refuse_future(tx, "paid_at", record.paid_at)
    stated = (record.amount, record.currency)
    agrees = stated == (invoice.amount, invoice.currency)
    tx.put(
        replace(
            invoice,
            state=SETTLED if agrees else CONFLICTING,
            bank_reference=record.bank_reference,
            paid_at=record.paid_at,
            settled_amount=record.amount,
            settled_currency=record.currency,
            settled_at=tx.time_ms if agrees else NEVER,
            last_entry=tx.entry,
        )
    )
    expectation = expectations.awaited(tx, FEE_SETTLEMENT, _subject(record))
    if not agrees:
        asked = (invoice.amount, invoice.currency)
        both = books.contradiction("invoiced", asked, "paid", stated)
        expectations.conflict(tx, expectation, f"amount: {both}")
        return
    expectations.meet(tx, expectation)
    accounts = (books.fee_received(tx.sole("institution")), books.fee_due(tx.author))
    books.transfer(tx, invoice.currency, accounts, invoice.amount)


def require_invoice(tx: Transaction, name: str) -> FeeInvoice:
    """Return the invoice ``name``.

    Raises:
        Refused: ``unknown-invoice``.
    """
    invoice = tx.rows[FeeInvoice][name,]
    if invoice is None:
        raise Refused(
            "unknown-invoice",
            "An invoice is stated with fee.invoiced before anything is said about it.",
            expected="a stated invoice",
            got=name,
        )
    return invoice


def _invoiced_keys(record: FeeInvoiced, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    month = (record.period, record.currency)
    return [(FeeInvoice, (record.invoice,)), (FeePeriod, month), (StaleCharges, month)]


def _settled_keys(record: FeeSettled, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [
        (FeeInvoice, (record.invoice,)),
        (Expectation, (FEE_SETTLEMENT, _subject(record))),
        (Balance, (books.fee_received(genesis.sole("institution")), record.currency)),
        (Balance, (books.fee_due(genesis.sole("platform")), record.currency)),
    ]


def _subject(record: FeeInvoiced | FeeSettled) -> str:
    return f"invoice:{record.invoice}"


ROWS: tuple[type[Row], ...] = (FeeInvoice,)
RULES = (
    Rule(FeeInvoiced, ("institution",), _invoiced, _invoiced_keys, _subject),
    Rule(FeeSettled, ("platform",), _settled, _settled_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    FeeInvoiced(
        at=1_760_000_000_024,
        id="inst-0023",
        invoice="INV-2025-10",
        period="2025-10",
        currency="CNY",
        amount=38,
        count=1,
    ),
    FeeSettled(
        at=1_760_000_000_025,
        id="plat-0021",
        invoice="INV-2025-10",
        amount=38,
        currency="CNY",
        paid_at=1_760_000_000_025,
        bank_reference="c3" * 32,
    ),
)
